package detect

import (
	"fmt"
	"strings"
	"testing"
)

func TestMatricesOfScripts(t *testing.T) {
	runSamples(t, []Detector{pipelineScripts()}, []sample{
		{about: "GitLab", path: ".gitlab-ci.yml", beside: map[string]string{"ci/get.sh": "git clone -b $BRANCH https://gitlab.com/$REPO\n"}, text: `variables: {GROUP: g}
a:
  parallel:
    matrix:
      - REPO: [o/a, o/b]
        BRANCH: [main, "2"]
      - {REPO: o/c, BRANCH: dev}
  script: ci/get.sh
b:
  parallel: 3
  script: git clone https://gitlab.com/$GROUP/d
`, want: []string{
			"1 https://gitlab.com/o/a main any",
			"1 https://gitlab.com/o/a 2 any",
			"1 https://gitlab.com/o/b main any",
			"1 https://gitlab.com/o/b 2 any",
			"1 https://gitlab.com/o/c dev any",
			"11 https://gitlab.com/g/d - any",
		}},
		{about: "Travis", path: ".travis.yml", text: `env:
  global: [OWNER=o]
  jobs:
    - A=main B="x y"
    - A=dev
jobs:
  include:
    - env: A=next
    - name: x
install: git clone -b $A https://github.com/$OWNER/a
`, want: []string{"10 https://github.com/o/a main any", "10 https://github.com/o/a dev any", "10 https://github.com/o/a next any"}},
		{about: "Travis, one line for each", path: ".travis.yml", text: "env: [A=1.x, A=2.x]\nscript: git clone -b $A https://github.com/o/a\n",
			want: []string{"2 https://github.com/o/a 1.x any", "2 https://github.com/o/a 2.x any"}},
		{about: "Travis, for all", path: ".travis.yml", text: "env: {global: A=main}\nscript: git clone -b $A https://github.com/o/a\n",
			want: []string{"2 https://github.com/o/a main any"}},
		{about: "what an item of an axis does not say", path: ".github/workflows/x.yml", text: `jobs:
  a:
    strategy:
      matrix:
        of: [{name: a}, {name: b, owner: p}]
    steps:
      - run: git clone https://github.com/o/${{ matrix.of.name }}${{ matrix.of.suffix }}
`, want: []string{"7 https://github.com/o/a - any", "7 https://github.com/o/b - any"}},
		{about: "all variables of an entry", path: ".github/workflows/x.yml", text: `jobs:
  a:
    strategy:
      matrix:
        include:
          - env: {BRANCH: main, OTHER: x}
          - env: {BRANCH: dev}
          - {}
    env: ${{ matrix.env }}
    steps:
      - run: git clone -b $BRANCH https://github.com/o/a
      - run: git clone -b $OTHER https://github.com/o/b
  b:
    env: ${{ fromJSON(inputs.x) }}
    steps: [run: git clone -b $BRANCH https://github.com/o/no]
`, want: []string{"11 https://github.com/o/a main any", "11 https://github.com/o/a dev any", "12 https://github.com/o/b x any"}},
		{about: "CircleCI, Azure and Woodpecker", path: ".circleci/config.yml", text: `jobs:
  a:
    environment: {A: main}
    steps: [run: {command: "git clone -b $A https://github.com/o/a", environment: [B=x]}]
  b:
    variables: [{name: C, value: dev}, {group: x}]
    steps: [bash: git clone -b $(C) https://github.com/o/b]
  c:
    environment: [D=next]
    commands: [git clone -b $D https://github.com/o/c]
`, want: []string{"4 https://github.com/o/a main any", "7 https://github.com/o/b dev any", "10 https://github.com/o/c next any"}},
		{about: "parameters", path: ".circleci/config.yml", beside: map[string]string{"../bin/x": "#!/bin/sh\ngit clone -b ${BRANCH:-main} https://github.com/o/$NAME\n"}, text: `jobs:
  a:
    parameters:
      branch: {type: string, default: dev}
      name: {type: string}
    steps:
      - run:
          command: |
            <<#parameters.x>>echo y<</parameters.x>>
            git clone -b << parameters.branch >> https://github.com/o/a
            git clone -b <<parameters.name>> https://github.com/o/no
            git clone https://github.com/o/b
            bin/x
          environment:
            NAME: c-<<parameters.branch>>
            BRANCH: <<parameters.name>>
`, want: []string{"2 https://github.com/o/c-dev main any", "10 https://github.com/o/a dev any", "12 https://github.com/o/b - any"}},
	})
}

func TestMatricesOfScriptsAreBounded(t *testing.T) {
	var many strings.Builder
	many.WriteString("variables:\n")
	for i := range maxValues {
		fmt.Fprintf(&many, "  V%d: x\n", i)
	}
	many.WriteString("parallel: {matrix: [{")
	for i := range 2 * maxAxes {
		fmt.Fprintf(&many, "M%d: [a, b, c],", i)
	}
	many.WriteString("}]}\n")
	for i := range 200 {
		fmt.Fprintf(&many, "j%d: {script: 'git clone https://github.com/o/r%d'}\n", i, i)
	}
	s := newSheet(File{Path: ".gitlab-ci.yml", Text: []byte(many.String())})
	for _, doc := range s.quietTrees() {
		s.scriptsIn(doc, newScriptCalls(s, "."))
	}
	if len(s.mentions) != 200 {
		t.Errorf("%d of 200 were found", len(s.mentions))
	}
	if s.steps > 2*maxSteps {
		t.Errorf("%d steps were made", s.steps)
	}
}
