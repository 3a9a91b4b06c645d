package detect

import "testing"

func TestPyproject(t *testing.T) { runSamples(t, languages(), pyprojectSamples()) }

func pyprojectSamples() []sample {
	return []sample{
		{about: "a list of its own", path: "requirements/pyproject-gpu.toml", text: "[tool.poetry.dependencies]\nx = {git = \"https://github.com/acme/x\", rev = \"stable\"}\n",
			want: []string{"2 https://github.com/acme/x stable any"}},
		{
			about: "the standard and uv", path: "pyproject.toml",
			text: `[build-system]
requires = ["hatchling", "b @ git+https://github.com/acme/b@main"]

[project]
name = "shop"
description = """
Install with
one @ git+https://github.com/acme/no
"""
dependencies = [
  "django>=4", # "no @ git+https://github.com/acme/no",
  'one @ git+https://github.com/acme/one@dev#subdirectory=x ; python_version > "3"',
  "two",
]
[project.urls]
Source = "git+https://github.com/acme/shop"
git = "https://github.com/acme/shop"

[project.optional-dependencies]
extra = ["three[x]@git+ssh://git@github.com/acme/three.git"]

[dependency-groups]
dev = [{include-group = "x"}, "four @ git+https://github.com/acme/four"]

[tool.uv]
dev-dependencies = ["five @ git+https://github.com/acme/five@x"]
[tool.uv.sources]
two = { git = "https://github.com/acme/two", branch = "main" }
six = [
  { git = "https://github.com/acme/six", tag = "v1", marker = "sys_platform == 'linux'" },
  { git = "https://github.com/acme/six", rev = "0123abc", subdirectory = "x" },
]
seven = { path = "../seven" }
eight = { url = "https://example.test/x.whl" }
`,
			want: []string{
				"2 https://github.com/acme/b main any",
				"12 https://github.com/acme/one dev any",
				"20 ssh://git@github.com/acme/three.git - any",
				"23 https://github.com/acme/four - any",
				"26 https://github.com/acme/five x any",
				"28 https://github.com/acme/two main branch",
				"30 https://github.com/acme/six v1 tag",
				"31 https://github.com/acme/six 0123abc commit",
			},
		},
		{
			about: "Poetry, Hatch, PDM, Pixi and tox", path: "pyproject.toml",
			text: `[tool.poetry]
repository = "https://github.com/acme/shop"
[tool.poetry.dependencies]
python = "^3.10"
one = { git = "https://github.com/acme/one.git", branch = "main", extras = ["x"] }
two = {git = "git@github.com:acme/two.git", rev = "dev"}
three = [
  {version = "^1", python = "<3.9"},
  {git = "https://github.com/acme/three.git", python = ">=3.9"},
]
[tool.poetry.group.dev.dependencies.four]
git = "ssh://git@github.com/acme/four.git"
tag = "v1"
[tool.poetry.dev-dependencies]
five = {git = "https://github.com/acme/five.git", rev = "` + hash + `"}
[tool.hatch.envs.test]
extra-dependencies = ["six @ git+https://github.com/acme/six"]
[tool.pdm.dev-dependencies]
dev = ["-e git+https://github.com/acme/seven.git@main#egg=seven"]
[tool.pixi.pypi-dependencies]
eight = { git = "https://github.com/acme/eight" }
git = ">=1.2"
[tool.tox]
legacy_tox_ini = """
[testenv]
deps =
    x: git+https://github.com/acme/nine@main
"""
`,
			want: []string{
				"5 https://github.com/acme/one.git main branch",
				"6 git@github.com:acme/two.git dev any",
				"9 https://github.com/acme/three.git - any",
				"12 ssh://git@github.com/acme/four.git v1 tag",
				"15 https://github.com/acme/five.git " + hash + " commit",
				"17 https://github.com/acme/six - any",
				"19 https://github.com/acme/seven.git main any",
				"21 https://github.com/acme/eight - any",
				"27 https://github.com/acme/nine main any",
			},
		},
		{
			about: "metadata inside of a script", path: "tools/report.py",
			text: `#!/usr/bin/env -S uv run
# /// script
# requires-python = ">=3.12"
# dependencies = [
#   "rich",
#   "shop @ git+https://git.example.test/acme/shop.git@main",
# ]
# ///
"""Not metadata: other @ git+https://git.example.test/acme/no.git"""
# /// script
# dependencies = ["third @ git+https://git.example.test/acme/third.git"]
# ///
`,
			want: []string{"6 https://git.example.test/acme/shop.git main any"},
		},
		{
			about: "a mistake in a line", path: "pyproject.toml",
			text: "[project\nname = \"x\"\n[tool.uv.sources]\na = { git = \"https://github.com/acme/a\" } x\nb = { git = \"https://github.com/acme/b\" }\n",
			want: []string{
				"4 https://github.com/acme/a - any",
				"5 https://github.com/acme/b - any",
			},
			fails: "line 1",
		},
	}
}

func TestPythonLocks(t *testing.T) { runSamples(t, languages(), pythonLocksSamples()) }

func pythonLocksSamples() []sample {
	return []sample{
		{
			about: "poetry.lock", path: "poetry.lock",
			text: `[[package]]
name = "one"
version = "1.0"

[package.source]
type = "git"
url = "https://github.com/acme/one.git"
reference = "main"
resolved_reference = "` + hash + `"

[[package]]
name = "two"
[package.source]
type = "git"
url = "git@github.com:acme/two.git"
reference = "HEAD"
resolved_reference = "` + hash + `"

[[package]]
name = "three"
[package.source]
type = "git"
url = "https://github.com/acme/three.git"
reference = "0123456"
resolved_reference = "` + hash + `"

[[package]]
name = "four"
[package.source]
type = "legacy"
url = "https://pypi.example.test/simple"
reference = "internal"
`,
			want: []string{
				"7 https://github.com/acme/one.git main any",
				"15 git@github.com:acme/two.git - any",
				"23 https://github.com/acme/three.git 0123456 commit",
			},
		},
		{
			about: "uv.lock", path: "uv.lock",
			text: `version = 1
[[package]]
name = "one"
source = { git = "https://github.com/acme/one?subdirectory=x&branch=feature%2Fa#` + hash + `" }
dependencies = [
    { name = "two", marker = "x" },
]
[[package]]
name = "two"
source = { git = "ssh://git@github.com/acme/two.git?rev=0123456#` + hash + `" }
[[package]]
name = "three"
source = { git = "https://github.com/acme/three#` + hash + `" }
[[package]]
name = "four"
source = { registry = "https://pypi.org/simple" }
[package.metadata]
requires-dist = [{ name = "one", git = "https://github.com/acme/one?branch=feature%2Fa" }, { name = "five", git = "https://github.com/acme/five?tag=v1" }]
`,
			want: []string{
				"4 https://github.com/acme/one feature/a branch",
				"10 ssh://git@github.com/acme/two.git 0123456 commit",
				"13 https://github.com/acme/three - any",
				"18 https://github.com/acme/five v1 tag",
			},
		},
		{
			about: "pdm.lock", path: "pdm.lock",
			text: `[[package]]
name = "one"
git = "https://github.com/acme/one.git"
ref = "main"
revision = "` + hash + `"
`,
			want: []string{"3 https://github.com/acme/one.git main any"},
		},
		{
			about: "pylock.toml", path: "pylock.dev.toml",
			text: `[[packages]]
name = "one"
vcs = { type = "git", url = "https://github.com/acme/one.git", requested-revision = "main", commit-id = "` + hash + `" }
[[packages]]
name = "two"
vcs = { type = "git", url = "https://github.com/acme/two.git", requested-revision = "` + hash + `", commit-id = "` + hash + `" }
`,
			want: []string{
				"3 https://github.com/acme/one.git main any",
				"6 https://github.com/acme/two.git " + hash + " commit",
			},
		},
	}
}
