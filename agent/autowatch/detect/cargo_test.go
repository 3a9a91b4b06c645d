package detect

import "testing"

func TestCargo(t *testing.T) { runSamples(t, languages(), cargoSamples()) }

func cargoSamples() []sample {
	return []sample{
		{
			about: "audits of others, for cargo vet", path: "supply-chain/config.toml",
			text: `[cargo-vet]
version = "0.9"

[imports.one]
url = "https://raw.githubusercontent.com/o/one/main/audits.toml"

[imports.two]
url = ["https://git.example.test/o/two/-/raw/next/a.toml", "https://www.example.test/audits.toml"]

[policy.x]
url = "https://raw.githubusercontent.com/o/no/main/x.toml"
`,
			want: []string{"5 https://github.com/o/one main any", "8 https://git.example.test/o/two next any"},
		},
		{
			about: "Cargo.toml", path: "crates/x/Cargo.toml",
			text: `[package]
name = "shop"
repository = "https://github.com/acme/shop"
[package.metadata.tool.dependencies]
x = { git = "https://github.com/acme/no" }

[dependencies]
serde = "1"
one = { git = "https://github.com/acme/one" }
two = { git = "https://github.com/acme/two.git", branch = "main", features = ["a", "b"] }
# three = { git = "https://github.com/acme/three" }
four = { version = "1", git = "ssh://git@github.com/acme/four.git", tag = "v1" }
local = { path = "../local" }

[dependencies.five]
git = "https://github.com/acme/five"
rev = "0123abc"

[dev-dependencies]
six = { git = "https://github.com/acme/six", rev = "` + hash + `" }
[build-dependencies]
seven.git = "https://github.com/acme/seven"
seven.branch = "x"
[target.'cfg(unix)'.dependencies]
eight = { git = "https://github.com/acme/eight", rev = "refs/pull/1/head" }
[workspace.dependencies]
nine = { git = "https://github.com/acme/nine",
  branch = "dev" }
[patch.crates-io]
ten = { git = 'https://github.com/acme/ten' }
[patch."https://github.com/acme/one"]
one = { git = "https://github.com/fork/one", branch = "fix" }
[replace]
"foo:0.1.0" = { git = "https://github.com/acme/foo" }
`,
			want: []string{
				"9 https://github.com/acme/one - any",
				"10 https://github.com/acme/two.git main branch",
				"12 ssh://git@github.com/acme/four.git v1 tag",
				"16 https://github.com/acme/five 0123abc commit",
				"20 https://github.com/acme/six " + hash + " commit",
				"22 https://github.com/acme/seven x branch",
				"25 https://github.com/acme/eight refs/pull/1/head any tag-first",
				"27 https://github.com/acme/nine dev branch",
				"30 https://github.com/acme/ten - any",
				"32 https://github.com/fork/one fix branch",
				"34 https://github.com/acme/foo - any",
			},
		},
		{
			about: "a lock that is left in a member of a workspace", path: "libs/one/Cargo.lock",
			beside: map[string]string{"Cargo.toml": "[package]\n", "../../Cargo.toml": "[workspace]\nmembers = ['libs/*']\n"},
			text:   "[[package]]\nname = 'a'\nsource = 'git+https://github.com/acme/a#" + hash + "'\n",
		},
		{
			about: "the lock of a workspace of its own", path: "libs/one/Cargo.lock",
			beside: map[string]string{"Cargo.toml": "[workspace]\n", "../../Cargo.toml": "[workspace]\nmembers = ['libs/*']\n"},
			text:   "[[package]]\nname = 'a'\nsource = 'git+https://github.com/acme/a#" + hash + "'\n",
			want:   []string{"3 https://github.com/acme/a - any"},
		},
		{
			about: "the lock of a directory that is no member", path: "libs/one/Cargo.lock",
			beside: map[string]string{"Cargo.toml": "[package]\n", "../../Cargo.toml": "[workspace]\nmembers = ['libs/two']\n"},
			text:   "[[package]]\nname = 'a'\nsource = 'git+https://github.com/acme/a#" + hash + "'\n",
			want:   []string{"3 https://github.com/acme/a - any"},
		},
		{
			about: "Cargo.lock", path: "Cargo.lock",
			text: `version = 4

[[package]]
name = "one"
version = "0.1.0"
source = "git+https://github.com/acme/one#` + hash + `"
dependencies = [
 "serde",
 "two 0.1.0 (git+https://github.com/acme/two.git?branch=main#` + hash + `)",
]

[[package]]
name = "two"
source = "git+https://github.com/acme/two.git?branch=main#` + hash + `"

[[package]]
name = "two-macros"
source = "git+https://github.com/acme/two.git?branch=main#` + hash + `"

[[package]]
name = "three"
source = "git+ssh://git@github.com/acme/three.git?rev=0123456#` + hash + `"

[[package]]
name = "four"
source = "git+https://github.com/acme/four?tag=v1#` + hash + `"

[[package]]
name = "serde"
source = "registry+https://github.com/rust-lang/crates.io-index"
`,
			want: []string{
				"6 https://github.com/acme/one - any",
				"14 https://github.com/acme/two.git main branch",
				"22 ssh://git@github.com/acme/three.git 0123456 commit",
				"26 https://github.com/acme/four v1 tag",
			},
		},
	}
}
