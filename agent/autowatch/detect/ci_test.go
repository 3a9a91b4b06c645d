package detect

import (
	"strings"
	"testing"
)

func TestGitLabCI(t *testing.T) {
	runSamples(t, deployments(), []sample{
		{about: "includes", path: ".gitlab-ci.yml", text: `include:
  - local: /ci/build.yml
  - template: Auto-DevOps.gitlab-ci.yml
  - project: 'group/ci-templates'
    ref: main
    file:
      - '/a.yml'
      - '/b.yml'
  - project: group/sub/other
    file: x.yml
  - project: "$CI_PROJECT_NAMESPACE/x"
    ref: main
  - remote: 'https://gitlab.com/o/r/-/raw/main/ci.yml'
  - https://raw.githubusercontent.com/o/h/dev/ci.yml
  - remote: https://example.test/x.yml
  - component: $CI_SERVER_FQDN/group/comps/secret@1.0
  - component: gitlab.example.test/o/comps/lint@main
    inputs: {stage: test}
job:
  script: !reference [.x, script]
  trigger:
    include:
      - project: group/child
        ref: ` + hash + `
        file: c.yml
deploy:
  trigger: {project: group/downstream, branch: main}
`, want: []string{
			"4 ^/group/ci-templates main any tag-first",
			"9 ^/group/sub/other - any tag-first",
			"13 https://gitlab.com/o/r main any",
			"14 https://github.com/o/h dev any",
			"16 ^/group/comps 1.0 version tag-first",
			"17 https://gitlab.example.test/o/comps main any tag-first",
			"23 ^/group/child " + hash + " commit tag-first",
		}, fails: "line 11: the address is computed"},
		{about: "one include", path: "ci/x.gitlab-ci.yml", text: "include: {project: a/b, ref: v1, file: c}\n", want: []string{"1 ^/a/b v1 any tag-first unsure"}},
		{about: "a word", path: ".gitlab-ci.yml", text: "include: local.yml\nx: [include]\n"},
	})
}

// Components are always of the GitLab that includes them. Otherwise an address
// of the project, if only in a comment, makes it likely where that is.
func TestGitLabHost(t *testing.T) {
	const most = "https://gitlab.com"
	for text, want := range map[string]string{
		"include:\n- component: git.example.test/o/c/lint@1\n- project: g/p": "https://git.example.test",
		"include:\n- component: $CI_SERVER_FQDN/o/c/lint@1\n- project: g/p":  most,
		"include:\n- component: o/c\n- project: g/p":                         most,
		"include:\n- component: x@git.example.test/c\n- project: g/p":        most,
		"include:\n- project: g/p":                                           most,
		"# see https://git.example.test/g/p\ninclude: {project: g/p}":        "https://git.example.test",
		"# see (https://git.example.test/g/p.git)\ninclude: {project: g/p}":  "https://git.example.test",
		"# https://git.example.test/x/g/p\ninclude: {project: g/p}":          most,
		"# https://git.example.test/g/pipeline\ninclude: {project: g/p}":     most,
		"# https://ann@git.example.test/g/p\ninclude: {project: g/p}":        most,
	} {
		found, err := gitlabCI().Find(File{Path: ".gitlab-ci.yml", Text: []byte(text + "\n")})
		if last := len(found) - 1; err != nil || last < 0 || found[last].URL != "^/g/p" || found[last].Instead != want ||
			found[last].Unsure == strings.Contains(text, "component: git.") {
			t.Errorf("%q: %+v, %v", text, found, err)
		}
	}
}

func TestActions(t *testing.T) {
	runSamples(t, deployments(), []sample{
		{about: "files that actions download", path: ".github/workflows/labels.yml", text: `jobs:
  labels:
    steps:
      - uses: o/labels@v1
        with:
          config-file: https://raw.githubusercontent.com/o/.github/main/labels.yml
          icon: https://raw.githubusercontent.com/o/no/main/icon.png
          message: see https://raw.githubusercontent.com/o/no/main/labels.yml
          ours: https://raw.githubusercontent.com/o/no/${{ github.ref_name }}/labels.yml
          gitlab: https://git.example.test/o/r/-/raw/dev/x.yml
`, want: []string{
			"4 https://github.com/o/labels v1 any tag-first",
			"6 https://github.com/o/.github main any",
			"10 https://git.example.test/o/r dev any",
		}},
		{about: "workflow", path: ".github/workflows/ci.yml", text: `on: push
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/checkout@v4
        with:
          repository: o/other
          ref: develop
          path: other
      - uses: actions/checkout@v4
        with: {repository: "${{ github.repository }}"}
      # - uses: o/old@main
      - name: pinned
        uses: o/pinned@` + hash + ` # v2
      - uses: "o/mono/sub/dir@main"
      - uses: ./.github/actions/here
      - uses: docker://alpine:3
      - run: |
          uses: o/no@main
  shared:
    uses: o/shared/.github/workflows/x.yml@release/1
  own:
    uses: ./.github/workflows/y.yml
`, want: []string{
			"6 https://github.com/actions/checkout v4 any tag-first",
			"9 https://github.com/o/other develop any",
			"16 https://github.com/o/pinned " + hash + " commit tag-first",
			"17 https://github.com/o/mono main any tag-first",
			"23 https://github.com/o/shared release/1 any tag-first",
		}},
		{about: "expressions", path: ".github/workflows/ci.yml", text: `on:
  workflow_dispatch:
    inputs:
      theme: {default: live}
      lib: {required: true}
      tool: {default: ''}
env:
  OWNER: acme
jobs:
  test:
    env: {REPO: "${{ env.OWNER }}/data"}
    strategy:
      matrix:
        os: [a, b]
        of:
        - {name: x, ref: main}
        - {name: y, ref: v1}
        include:
        - {os: a, extra: '1'}
        - {os: c, of: {name: z, ref: dev}}
    steps:
    - uses: actions/checkout@` + hash + `
      with: {repository: "acme/${{ matrix.of.name }}", ref: "${{ matrix.of.ref }}"}
    - uses: actions/checkout@` + hash + `
      with: {repository: "${{ env.REPO }}", ref: "${{ github.head_ref || 'next' }}"}
    - uses: actions/checkout@` + hash + `
      with: {repository: acme/theme, ref: "${{ inputs.theme }}"}
    - uses: actions/checkout@` + hash + `
      with: {repository: acme/tool, ref: "${{ inputs.tool }}"}
    - uses: actions/checkout@` + hash + `
      with: {repository: acme/lib, ref: "${{ inputs.lib }}"}
    - uses: actions/checkout@` + hash + `
      with: {repository: "acme/${{ inputs.tool }}"}
    - run: git clone -b ${{ matrix.of.ref }} https://github.com/acme/run-${{ matrix.of.name }}
    - uses: actions/checkout@` + hash + `
      with: {repository: "acme/with-${{ matrix.of.name }}-${{ matrix.extra }}"}
  only:
    strategy: {matrix: {include: [{ref: one}, {ref: two}]}}
    steps:
    - uses: actions/checkout@` + hash + `
      with: {repository: acme/only, ref: "${{ matrix.ref }}"}
`, want: []string{
			"22 https://github.com/actions/checkout " + hash + " commit tag-first",
			"23 https://github.com/acme/x main any",
			"23 https://github.com/acme/y v1 any",
			"23 https://github.com/acme/z dev any",
			"25 https://github.com/acme/data next any",
			"27 https://github.com/acme/theme live any",
			"29 https://github.com/acme/tool - any own",
			"36 https://github.com/acme/with-x-1 - any own",
			"36 https://github.com/acme/with-y-1 - any own",
			"41 https://github.com/acme/only one any",
			"41 https://github.com/acme/only two any",
			"34 https://github.com/acme/run-x main any",
			"34 https://github.com/acme/run-y v1 any",
			"34 https://github.com/acme/run-z dev any",
		}, fails: "line 31: the name of the branch is computed"},
		{about: "a workflow called", path: "x/.github/workflows/ci.yml", text: `jobs:
  a:
    uses: ./.github/workflows/test.yml
    with: {app: notifications, ref: stable}
  b: {uses: ./.github/workflows/test.yml}
  c: {uses: ./other/test.yml, with: {app: no}}
`, beside: map[string]string{"test.yml": `on: {workflow_call: {inputs: {app: {default: ''}, ref: {default: main}}}}
jobs:
  test:
    steps:
    - uses: actions/checkout@` + hash + `
      with: {repository: "acme/${{ inputs.app }}", ref: "${{ inputs.ref }}"}
`}, want: []string{
			"5 https://github.com/actions/checkout " + hash + " commit tag-first",
			"6 https://github.com/acme/notifications stable any",
		}},
		{about: "composite", path: "setup/action.yml", text: "runs:\n  using: composite\n  steps:\n    - uses: o/a@main\n",
			want: []string{"4 https://github.com/o/a main any tag-first"}},
		{about: "Forgejo", path: "sub/.forgejo/workflows/x.yaml", text: "jobs:\n  x:\n    steps:\n    - uses: https://git.example.test/o/a@main\n    - uses: actions/setup-go@v5\n",
			want: []string{"4 https://git.example.test/o/a main any tag-first", "5 https://data.forgejo.org/actions/setup-go v5 any tag-first"}},
	})
}

func TestPipelines(t *testing.T) {
	runSamples(t, deployments(), []sample{
		{about: "Azure", path: "azure-pipelines.yml", text: `resources:
  repositories:
  - repository: templates
    type: github
    name: o/templates
    ref: refs/heads/live
    endpoint: x
  - repository: same
    type: git
    name: tools
  - repository: other
    type: git
    name: Project/tools
    ref: refs/tags/v1
  containers:
  - container: x
`, want: []string{
			"5 https://github.com/o/templates live branch",
			"10 ../tools - any",
			"13 ../../../Project/_git/tools v1 tag",
		}},
		{about: "Buildkite", path: ".buildkite/pipeline.yml", text: `steps:
  - command: make
    plugins:
      - docker-compose#v3.0.0:
          run: app
      - o/thing#main
      - ./local
      - ssh://git@git.example.test/o/p.git#live: ~
      - "https://github.com/o/q.git"
  - plugins:
      docker#v5: {image: x}
`, want: []string{
			"5 https://github.com/buildkite-plugins/docker-compose-buildkite-plugin v3.0.0 any tag-first",
			"6 https://github.com/o/thing-buildkite-plugin main any tag-first",
			"8 ssh://git@git.example.test/o/p.git live any tag-first",
			"9 https://github.com/o/q.git - any tag-first",
			"11 https://github.com/buildkite-plugins/docker-buildkite-plugin v5 any tag-first",
		}},
		{about: "pre-commit", path: ".pre-commit-config.yaml", text: `repos:
-   repo: https://github.com/psf/black
    rev: 23.1.0
    hooks: [{id: black}]
- repo: local
  hooks:
  - id: x
    additional_dependencies: ["flake8", "git+https://github.com/o/plugin@main"]
- repo: meta
- repo: git@git.example.test:o/hooks
  rev: live
- repo: https://github.com/o/old
  sha: v1.0.0
`, want: []string{
			"8 https://github.com/o/plugin main any",
			"12 https://github.com/o/old v1.0.0 any",
			"2 https://github.com/psf/black 23.1.0 any tag-first",
			"10 git@git.example.test:o/hooks live any tag-first",
			"12 https://github.com/o/old v1.0.0 any tag-first",
		}},
	})
}
