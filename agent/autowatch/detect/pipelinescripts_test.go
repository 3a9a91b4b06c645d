package detect

import "testing"

func TestPipelineScripts(t *testing.T) {
	runSamples(t, []Detector{pipelineScripts()}, []sample{
		{about: "variables", path: ".github/workflows/env.yml", text: `env: {BRANCH: main, OWNER: o}
jobs:
  a:
    env: {BRANCH: dev}
    steps:
      - run: git clone -b $BRANCH https://github.com/$OWNER/a
      - run: git clone -b "${BRANCH}" https://github.com/o/b
        env: {BRANCH: next}
      - run: git clone -b $BRANCH https://github.com/o/c
  b:
    steps:
      - run: git clone -b $BRANCH https://github.com/o/d
`, want: []string{
			"6 https://github.com/o/a dev any",
			"7 https://github.com/o/b next any",
			"9 https://github.com/o/c dev any",
			"12 https://github.com/o/d main any",
		}},
		{about: "variables of GitLab", path: ".gitlab-ci.yml", text: `variables:
  BRANCH: {value: main, description: x}
a:
  variables: {URL: https://gitlab.com/o/a.git}
  script: [git clone -b $BRANCH $URL]
b:
  script: [git clone $URL]
`, want: []string{"5 https://gitlab.com/o/a.git main any"}},
		{about: "steps of a workflow", path: ".github/workflows/ci.yml", text: `jobs:
  a:
    steps:
      - run: git clone https://github.com/o/a.git
      - name: more
        run: |
          # git clone https://github.com/o/old
          python -m pip install --no-deps "git+https://github.com/o/b.git@main" \
            'c @ git+https://github.com/o/c.git' d@git+https://github.com/o/d
          uv pip uninstall x && PRE=1 uv pip install -U e@git+https://github.com/o/e.git --no-deps
          if [ ! -d f ]; then git clone -b dev https://github.com/o/f f; fi
          git clone --depth 1 https://github.com/o/g && cd g && git checkout v1.2
          git clone https://github.com/${{ github.repository }} own
          git clone $URL there
          pip install "h @ git+https://github.com/o/h@${{ inputs.ref }}"
          echo "pip install git+https://github.com/o/no"
          sed -i 's|git+https://github.com/o/no|x|' requirements.txt
          cat <<END >README
          git clone https://github.com/o/no
          END
          REPO=https://github.com/o/i
          export BRANCH=live
          git clone --branch "$BRANCH" "$REPO"
      - uses: actions/github-script@v7
        with:
          script: |
            git clone https://github.com/o/no
  b:
    uses: ./.github/workflows/other.yml
    with:
      pre_command: pip install git+https://github.com/o/j
      script: |
        pip install git+https://github.com/o/k
      body: pip install git+https://github.com/o/no
`, want: []string{
			"4 https://github.com/o/a.git - any",
			"8 https://github.com/o/b.git main any",
			"9 https://github.com/o/c.git - any",
			"9 https://github.com/o/d - any",
			"10 https://github.com/o/e.git - any",
			"11 https://github.com/o/f dev any",
			"12 https://github.com/o/g v1.2 any tag-first",
			"23 https://github.com/o/i live any",
			"31 https://github.com/o/j - any",
			"33 https://github.com/o/k - any",
		}},
		{about: "what is cloned to be pushed to", path: ".github/workflows/pages.yml", text: `jobs:
  a:
    steps:
      - run: |
          pip install git+https://github.com/o/generator
          git clone -b gh-pages https://github.com/o/site
          make && git -C site push
`, want: []string{"5 https://github.com/o/generator - any"}},
		{about: "one command for each", path: ".gitlab-ci.yml", text: `a:
  before_script:
    - git clone https://git.example.test/o/a.git
    - cd a
    - git checkout release-2
  script: make
  variables:
    run_it: git clone https://git.example.test/o/no.git
`, want: []string{"3 https://git.example.test/o/a.git release-2 any tag-first"}},
		{about: "hooks before a release", path: ".goreleaser.yml", text: `before:
  hooks:
    - go mod tidy
    - git clone --depth 1 https://github.com/o/dist dist
    - sh -c 'git clone {{.Env.X}}'
`, want: []string{"4 https://github.com/o/dist - any"}},
		{about: "a branch that is made", path: ".circleci/config.yml", text: `jobs:
  a:
    steps:
      - run:
          name: git clone https://github.com/o/no
          command: |
            git clone https://github.com/o/a
            cd a && git checkout -b mine
`, want: []string{"7 https://github.com/o/a - any"}},
		{about: "not YAML", path: ".travis.yml", text: "script: [git clone"},
	})
}

func TestTriedAgain(t *testing.T) {
	runSamples(t, []Detector{pipelineScripts()}, []sample{
		{about: "a clone that is tried again, and then checked out", path: ".github/workflows/a.yml", text: `jobs:
  a:
    steps:
      - run: |
          for i in 1 2 3; do git clone https://git.example.test/o/r . && break || sleep 1; done
          git checkout ${{ github.sha }}
`},
		{about: "commands for an image in a variable", path: ".gitlab-ci.yml", text: `image:
  variables:
    FDO_DISTRIBUTION_EXEC: |-
      dnf builddep -y a && \
      git clone --depth 1 https://git.example.test/o/r && \
      cd r
`, want: []string{"5 https://git.example.test/o/r - any"}},
	})
}

func TestCommandsOfServices(t *testing.T) {
	runSamples(t, []Detector{pipelineScripts()}, []sample{
		{about: "Read the Docs", path: ".readthedocs.yaml", text: "build:\n  os: x\n  jobs:\n    post_install:\n      - |\n        pip install git+https://github.com/o/a.git\n    pre_build: [git clone https://github.com/o/b]\n",
			want: []string{"6 https://github.com/o/a.git - any", "7 https://github.com/o/b - any"}},
		{about: "CodeBuild", path: "deploy/buildspec-test.yml", text: "phases:\n  pre_build:\n    commands:\n      - git clone -b dev https://github.com/o/a\n",
			want: []string{"4 https://github.com/o/a dev any"}},
		{about: "Packit", path: ".packit.yaml", text: "packages:\n  x:\n    actions:\n      post-upstream-clone:\n        - git clone https://src.example.test/rpms/a .x --branch=f40\n      create-archive: bash -c 'git clone https://github.com/o/b'\njobs: [{job: copr_build, branch: main}]\n",
			want: []string{"5 https://src.example.test/rpms/a f40 any", "6 https://github.com/o/b - any"}},
		{about: "Semaphore", path: ".semaphore/semaphore.yml", text: "blocks:\n- task:\n    jobs:\n    - commands: [checkout, git clone https://github.com/o/a]\n",
			want: []string{"4 https://github.com/o/a - any"}},
	})
}
