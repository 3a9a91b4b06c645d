package detect

import "testing"

// What whole projects showed to be missed or wrong.
func TestRulesOfProjects(t *testing.T) {
	runSamples(t, All(), []sample{
		{
			about: "an address in two steps, and a package of Kurtosis", path: ".github/workflows/a.yml",
			text: `jobs:
  a:
    steps:
      - run: |
          at="https://raw.githubusercontent.com"
          at+="/acme/tools/main/x.tpl"
          wget "$at"
          at+=("x")
          unknown+="/o/r/main/x"
          wget "$unknown"
      - run: kurtosis run --enclave e github.com/acme/net/small@dev --args-file x
      - run: kurtosis run --enclave e github.com/acme/other
`,
			want: []string{
				"7 https://github.com/acme/tools main any",
				"11 https://github.com/acme/net dev any tag-first",
				"12 https://github.com/acme/other - any tag-first",
			},
		},
		{
			about: "packages that Composer is told to add", path: ".github/workflows/a.yml",
			text: `jobs:
  a:
    steps:
      - run: composer require --dev "acme/one:8.1.x-dev" acme/two:^1 acme/three:dev-main#` + hash + `
      - run: php composer.phar global require acme/four dev-fix
`,
			want: []string{
				"4 https://github.com/acme/one 8.1.x branch unsure",
				"5 https://github.com/acme/four fix branch unsure",
			},
		},
		{
			about: "CodeQL", path: ".github/workflows/a.yml",
			text: `jobs:
  a:
    steps:
      - uses: github/codeql-action/init@v3
        with:
          config-file: acme/rules/all.yml@main
          queries: +security-extended,acme/more/x.qls@dev
`,
			want: []string{
				"4 https://github.com/github/codeql-action v3 any tag-first",
				"6 https://github.com/acme/rules main any tag-first",
				"7 https://github.com/acme/more dev any tag-first",
			},
		},
		{
			about: "a configuration of CodeQL", path: ".github/codeql/config.yml",
			text: "queries:\n  - uses: acme/rules/x.qls@main\n  - uses: ./own.ql\n",
			want: []string{"2 https://github.com/acme/rules main any tag-first"},
		},
		{
			about: "variables of tox", path: "tox.ini",
			text: `[testenv]
setenv =
  NAME={env:NAME:main}
  ALL=git+https://github.com/acme/core.git@{env:NAME}
deps =
  one @ {env:ALL}\#egg=one
  two @ {env:TWO:git+https://github.com/acme/two.git}@{env:NAME}
  {env:OTHER}
`,
			want: []string{"4 https://github.com/acme/core.git main any", "7 https://github.com/acme/two.git main any"},
		},
		{
			about: "other sections of tox, and commands", path: "tox.ini",
			text: `[testenv]
deps =
  one: one[test] @ git+{[main]one}
  two @ git+{[main]none}
commands_pre =
  one,two: git clone -n {[main]one} target
  # git clone https://github.com/acme/no
  git clone -b dev https://github.com/acme/two
[main]
one = https://github.com/acme/one.git
`,
			want: []string{"3 https://github.com/acme/one.git - any", "8 https://github.com/acme/two dev any"},
		},
		{
			about: "arguments that are empty", path: ".github/workflows/a.yml",
			text:   "jobs: {a: {steps: [{run: 'bash tools/get.sh ${URL:-} ${NAME:-}'}]}}\n",
			beside: map[string]string{"../../tools/get.sh": "git clone ${1:-https://github.com/acme/x} d\ncd d\ngit checkout ${2:-main}\n"},
			want:   []string{"1 https://github.com/acme/x main any tag-first"},
		},
		{
			about: "what is no repository", path: ".github/workflows/a.yml",
			text: "jobs: {a: {steps: [{run: 'git clone https://github.com/git'}, {run: 'git clone -b %BRANCH% https://github.com/acme/x'}]}}\n",
		},
		{
			about: "a crate that another takes the place of", path: "a/Cargo.toml",
			text:   "[dependencies]\none = { git = \"https://github.com/acme/one\" }\nx = { package = \"two\", git = \"https://github.com/acme/one\" }\n",
			beside: map[string]string{"../Cargo.toml": "[patch.'https://github.com/acme/one']\ntwo = { path = \"two\" }\n"},
			want:   []string{"2 https://github.com/acme/one - any"},
		},
	})
}
