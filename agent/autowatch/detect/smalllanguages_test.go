package detect

import "testing"

func TestSmallLanguages(t *testing.T) { runSamples(t, languages(), smallLanguagesSamples()) }

func smallLanguagesSamples() []sample {
	return []sample{
		{about: "Move", path: "contracts/Move.toml", text: `[package]
name = "a"
git = "https://git.example.test/o/not"

[dependencies]
Framework = { git = "https://git.example.test/o/framework.git", subdir = "x", rev = "testnet" }
Local = { local = "../b" }

[dev-dependencies.Pinned]
git = "https://git.example.test/o/pinned.git"
rev = "` + hash + `"

[dep-replacements.testnet]
Framework = { git = "https://git.example.test/o/framework.git", rev = "devnet" }
`, want: []string{
			"6 https://git.example.test/o/framework.git testnet any tag-first",
			"10 https://git.example.test/o/pinned.git " + hash + " commit",
			"14 https://git.example.test/o/framework.git devnet any tag-first",
		}},
		{about: "Sway", path: "Forc.toml", text: "[dependencies]\nstd = { git = \"https://git.example.test/o/std\", branch = \"master\" }\ntwo = { git = \"https://git.example.test/o/two\" }\n",
			want: []string{"2 https://git.example.test/o/std master branch", "3 https://git.example.test/o/two - any"}},
		{about: "Noir", path: "Nargo.toml", text: "[dependencies]\nx = { git = \"https://git.example.test/o/x\", tag = \"main\" }\n",
			want: []string{"2 https://git.example.test/o/x main any tag-first"}},
		{about: "Lean's own TOML", path: "lakefile.toml", text: "[[require]]\nname = \"x\"\ngit = \"https://git.example.test/o/x\"\nrev = \"master\"\n",
			want: []string{"3 https://git.example.test/o/x master any tag-first"}},
		{about: "Lean", path: "lakefile.lean", text: `/- require no from git
  "https://git.example.test/o/no" -/
-- require no from git "https://git.example.test/o/no"
require mathlib from git
  "https://git.example.test/o/mathlib4" @ "master"
require one from git "https://git.example.test/o/one" / "sub"
`, want: []string{
			"5 https://git.example.test/o/mathlib4 master any tag-first",
			"6 https://git.example.test/o/one - any",
		}},
		{about: "Lean's lock", path: "lake-manifest.json", text: `{"packages": [
  {"url": "https://git.example.test/o/mathlib4", "type": "git", "rev": "` + hash + `", "inputRev": "master", "inherited": false},
  {"url": "https://git.example.test/o/of-mathlib", "type": "git", "rev": "` + hash + `", "inputRev": "main", "inherited": true},
  {"type": "path", "dir": "./x", "inherited": false}
]}`, want: []string{"2 https://git.example.test/o/mathlib4 master any tag-first"}},
		{about: "Unity", path: "Game/Packages/manifest.json", text: `{"dependencies": {
  "com.a": "https://git.example.test/o/a.git?path=/Packages/a#main",
  "com.b": "git+https://git.example.test/o/b.git",
  "com.c": "ssh://git@git.example.test/o/c.git#` + hash + `",
  "com.d": "1.2.3",
  "com.e": "file:../e",
  "com.f": "https://packages.example.test/f.tgz"
}}`, want: []string{
			"2 https://git.example.test/o/a.git main any tag-first",
			"3 https://git.example.test/o/b.git - any",
			"4 ssh://git@git.example.test/o/c.git " + hash + " commit",
		}},
		{about: "Nim", path: "a.nimble", text: `requires "nim >= 2.0"
requires "https://git.example.test/o/a#head", "https://git.example.test/o/b#devel"
requires "https://git.example.test/o/c >= 1.0"
requires "https://git.example.test/o/d#` + hash + `"
# requires "https://git.example.test/o/no#head"
`, want: []string{
			"2 https://git.example.test/o/a - any",
			"2 https://git.example.test/o/b devel any tag-first",
			"3 https://git.example.test/o/c - latest",
			"4 https://git.example.test/o/d " + hash + " commit",
		}},
		{about: "Janet", path: "project.janet", text: `(declare-project
  :name "a"
  :url "https://git.example.test/o/a"
  :dependencies ["https://git.example.test/o/one.git"
                 {:url "https://git.example.test/o/two.git" :tag "v1.2"}
                 {:url "https://git.example.test/o/three"}
                 "spork"])
`, want: []string{
			"4 https://git.example.test/o/one.git - any",
			"5 https://git.example.test/o/two.git v1.2 any tag-first",
			"6 https://git.example.test/o/three - any",
		}},
	}
}
