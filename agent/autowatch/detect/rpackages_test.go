package detect

import (
	"strings"
	"testing"
)

func rInstallerSamples() []sample {
	return []sample{
		{about: "install.R", path: "binder/install.R", text: `install.packages("rmarkdown")
# remotes::install_github("o/no")
remotes::install_github("o/a")
devtools::install_github('o/b', ref = 'main')
devtools::install_github(c("o/c", "o/d@v1.2"), upgrade = "never")
pak::pak("github::o/e@dev")
install_gitlab("g/sub", ref="next")
remotes::install_git("https://git.example.test/x.git")
remotes::install_github("o/f/pkg@*release"); BiocManager::install("o/g"); BiocManager::install("limma")
`, want: []string{
			"3 https://github.com/o/a - any", "4 https://github.com/o/b main any tag-first", "5 https://github.com/o/c - any", "5 https://github.com/o/d v1.2 any tag-first",
			"6 https://github.com/o/e dev any tag-first", "7 https://gitlab.com/g/sub next any tag-first", "8 https://git.example.test/x.git - any", "9 https://github.com/o/g - any",
		}},
	}
}

func TestRPackages(t *testing.T) {
	const workflow = ".github/workflows/check.yml"
	runSamples(t, languages(), rInstallerSamples())
	runSamples(t, All(), []sample{
		{about: "commands of a workflow", path: workflow, beside: besideAt(".github/workflows", map[string]string{"tools/deps.R": "library(x)\nremotes::install_github('o/script')\n"}), text: `jobs:
  a:
    steps:
      - run: Rscript -e "remotes::install_github('o/a')" -e "y()"
      - run: R -q -e 'pak::pkg_install("o/b@main")'
      - run: Rscript -e "remotes::install_github(\"o/c\")"
      - run: Rscript tools/deps.R
      - shell: Rscript {0}
        run: |
          install.packages("remotes")
          remotes::install_github("o/d", dependencies = TRUE)
      - shell: Rscript {0}
        run: pak::pkg_install("o/e")
`, want: []string{
			"2 https://github.com/o/script - any", "4 https://github.com/o/a - any", "5 https://github.com/o/b main any tag-first", "6 https://github.com/o/c - any",
			"11 https://github.com/o/d - any", "13 https://github.com/o/e - any",
		}},
		{about: "what the action is told", path: workflow, text: `jobs:
  a:
    steps:
      - uses: ./x
      - uses: r-lib/actions/setup-r-dependencies@v2
        with:
          extra-packages: |
            any::rcmdcheck, github::o/a@main
            o/b, local::.
          needs: website
`, want: []string{"5 https://github.com/r-lib/actions v2 any tag-first", "7 https://github.com/o/a main any tag-first", "7 https://github.com/o/b - any"}},
		{about: "images", path: "Dockerfile", text: "FROM rocker/r-ver\nRUN R -e 'remotes::install_github(\"o/a\")'\nRUN installGithub.r o/b \\\n  o/c@dev\n",
			want: []string{"2 https://github.com/o/a - any", "3 https://github.com/o/b - any", "4 https://github.com/o/c dev any tag-first"}},
	})
}

// TestCommandsOfTools: what tools are told to run, and the addresses in variables
// and in what actions are given.
func TestCommandsOfTools(t *testing.T) {
	runSamples(t, All(), []sample{
		{about: "cibuildwheel and others in pyproject.toml", path: "pyproject.toml", beside: map[string]string{"tools/before.sh": "git clone https://github.com/o/script\n"}, text: `[project]
description = "pip install git+https://github.com/o/no"
[tool.cibuildwheel]
before-build = "pip install --upgrade git+https://github.com/o/a@fix"
before-all = """
git clone https://github.com/o/b
bash {project}/tools/before.sh
"""
[[tool.cibuildwheel.overrides]]
before-all = ["git clone -b dev https://github.com/o/c", "make"]
[tool.poe.tasks]
up = "pip install -U git+https://github.com/o/d.git"
[tool.x.urls]
no = "pip install git+https://github.com/o/no"
`, want: []string{"1 https://github.com/o/script - any", "4 https://github.com/o/a fix any", "6 https://github.com/o/b - any", "10 https://github.com/o/c dev any", "12 https://github.com/o/d.git - any"}},
		{about: "a workflow", path: ".github/workflows/wheels.yml", text: `env:
  CIBW_BEFORE_BUILD: pip install git+https://github.com/o/a@fix
jobs:
  a:
    name: pip install git+https://github.com/o/no
    env:
      CIBW_BEFORE_ALL_LINUX: >
        yum install -y x &&
        git clone https://github.com/o/b
    steps:
      - uses: ./x
        with:
          extra: git+https://github.com/o/c ${{ matrix.x }}
          more: |
            numpy
            x @ git+https://github.com/o/d@dev
`, want: []string{"2 https://github.com/o/a fix any", "8 https://github.com/o/b - any", "13 https://github.com/o/c - any", "16 https://github.com/o/d dev any"}},
	})
}

// TestRInstallsIsQuick: what it costs grows with the text.
func TestRInstallsIsQuick(t *testing.T) {
	items := strings.Repeat("x ", maxItems)
	loops := "script:\n - |\n  for a in " + items + "; do for b in " + items + "; do for c in " + items + "; do\n  Rscript -e '" + strings.Repeat("install_github(", 20_000) + "'; Rscript x.R\n  done; done; done\n"
	hostile(t)
	bounded(t, func() {
		_, _ = pipelineScripts().Find(File{Path: ".travis.yml", Text: []byte(loops), Read: func(string) ([]byte, error) { return []byte(strings.Repeat("install_github('o/a')\n", 40_000)), nil }})
	}, "in loops")
	for _, part := range []string{"install_github(", `install_github("o/a",`, `install_github(c("o/a" "o/b" `, `pak::pak("a" , `, `install_github(\a\ (`} {
		bounded(t, func() { rInstalls(strings.Repeat(part, (1<<20)/len(part))) }, "%q", part)
	}
}
