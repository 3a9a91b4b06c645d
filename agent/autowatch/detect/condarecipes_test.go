package detect

import "testing"

func TestCondaRecipes(t *testing.T) { runSamples(t, languages(), condaRecipesSamples()) }

func condaRecipesSamples() []sample {
	return []sample{
		{about: "a template", path: "recipe/meta.yaml", text: `{% set version = "1.2" %}
package:
  name: a
  version: {{ version }}
source:
  # comment
  git_url: https://github.com/o/a.git  # comment
  git_rev: dev
requirements:
  run:
    - git_url: https://github.com/o/no
`, want: []string{"7 https://github.com/o/a.git dev any tag-first"}},
		{about: "several", path: "meta.yaml", text: `source:
- url: https://github.com/o/a/archive/refs/heads/main.tar.gz
- url: https://github.com/o/summed/archive/refs/heads/main.tar.gz
  sha256: {{ sum }}
- url: https://github.com/o/versions/archive/v{{ version }}.tar.gz
- git_url: "https://github.com/o/b"
- git_url: ../
build:
  number: 0
`, want: []string{"2 https://github.com/o/a main branch", "6 https://github.com/o/b - any"}},
		{about: "rattler-build", path: "recipes/x/recipe.yaml", text: `context:
  version: 1
source:
  - git: https://github.com/o/a
    branch: next
  - git: https://github.com/o/b
    rev: v${{ version }}
build:
  script:
    - git clone https://github.com/o/c
    - python -m pip install . git+https://github.com/o/d@main
requirements:
  run: [make, git]
`, want: []string{
			"4 https://github.com/o/a next branch",
			"10 https://github.com/o/c - any",
			"11 https://github.com/o/d main any",
		}},
		{about: "something else", path: "meta.yaml", text: "build:\n  script: git clone https://github.com/o/no\nsource: https://github.com/o/no\n"},
		{about: "pixi builds a package", path: "pixi.toml", text: "[package.build]\nbackend = { name = \"x\" }\nsource = { git = \"https://github.com/o/a\", branch = \"main\" }\n",
			want: []string{"3 https://github.com/o/a main branch"}},
	}
}
