package detect

import (
	"fmt"
	"strings"
	"testing"
)

// besideAt is File.Read for files by their paths in the workspace, seen from
// the directory at.
func besideAt(at string, files map[string]string) map[string]string {
	seen := map[string]string{}
	for name, text := range files {
		seen[strings.Repeat("../", strings.Count(at, "/")+1)+name] = text
	}
	return seen
}

func TestCalledScripts(t *testing.T) {
	scripts := map[string]string{
		"ci/install.sh":      "#!/bin/sh\nset -e\n. \"$HERE/more.sh\"\nTAG=v1\ngit clone -b $TAG https://github.com/o/a\ngit clone -b \"$1\" https://github.com/o/no\n",
		"ci/more.sh":         "git clone https://github.com/o/b.git\nci/install.sh # and round again\n",
		"bin/sandbox":        "#!/usr/bin/env bash\nbundle add shop \\\n  --github \"${REPO:-o/shop}\" \\\n  --branch \"${BRANCH:-main}\"\n",
		"bin/program":        "#!/usr/bin/env python3\n# git clone https://github.com/o/no\n",
		"tools/named.sh":     "cargo install --git https://github.com/o/tool --tag v2 tool\ncargo install --git=https://github.com/o/live\n",
		"deep/below/at.sh":   "git clone https://github.com/o/at\n",
		"deep/below/more.sh": "git clone https://github.com/o/more\n",
		"not/called.sh":      "git clone https://github.com/o/no\n",
		"release.sh":         "git clone https://github.com/o/no && cd no && git push\n",
	}
	runSamples(t, []Detector{pipelineScripts()}, []sample{
		{about: "a workflow", path: ".github/workflows/ci.yml", beside: besideAt(".github/workflows", scripts), text: `jobs:
  a:
    steps:
      - run: ./ci/install.sh --all
      - run: |
          DB=x sudo bin/sandbox
          bash ${{ github.workspace }}/tools/named.sh
          cd "${{ github.workspace }}/deep/below"
          bash at.sh --x
          cd $GITHUB_WORKSPACE && cd deep && bash below/more.sh
          bin/program
          shellcheck not/called.sh
          echo not/called.sh
          ./release.sh
          missing/x.sh ../../outside.sh
`, want: []string{
			"1 https://github.com/o/b.git - any",
			"1 https://github.com/o/tool v2 tag",
			"1 https://github.com/o/at - any",
			"1 https://github.com/o/more - any",
			"2 https://github.com/o/live - any",
			"3 https://github.com/o/shop main branch",
			"5 https://github.com/o/a v1 any",
		}},
		{about: "where commands usually run", path: ".github/workflows/ci.yml",
			beside: besideAt(".github/workflows", map[string]string{"sub/e2e/go.sh": "source \"$DIR/config.sh\"\ngit clone \"$REPO\"\n", "sub/e2e/config.sh": "REPO=https://github.com/o/r\n"}),
			text:   "defaults: {run: {working-directory: no}}\njobs:\n  a:\n    defaults: {run: {working-directory: sub/e2e}}\n    steps: [{run: bash ./go.sh}]\n",
			want:   []string{"2 https://github.com/o/r - any"}},
		{about: "in the middle of the tree", path: "sub/.circleci/config.yml", beside: map[string]string{"../ci/x.sh": "git clone https://github.com/o/a\n"},
			text: "jobs: {a: {steps: [{run: {command: ci/x.sh}}]}}\n", want: []string{"1 https://github.com/o/a - any"}},
		{about: "beside", path: ".travis.yml", beside: scripts, text: "script: ci/more.sh\n", want: []string{"1 https://github.com/o/b.git - any", "5 https://github.com/o/a v1 any"}},
	})
	found, err := pipelineScripts().Find(File{Path: ".travis.yml", Text: []byte("script: ci/more.sh"), Read: besideIn(scripts)})
	if err != nil || len(found) != 2 || found[0].File != "ci/more.sh" || found[1].File != "ci/install.sh" {
		t.Errorf("got %+v, %v, which is not where it stands", found, err)
	}
}

func TestCalledScriptsAreBounded(t *testing.T) {
	scripts := map[string]string{}
	var calls strings.Builder
	for i := range 2 * maxScripts {
		scripts[fmt.Sprintf("s/%d.sh", i)] = fmt.Sprintf("git clone https://github.com/o/r%d\n", i)
		fmt.Fprintf(&calls, "  - s/%d.sh\n", i)
	}
	for i := range 2 * maxScriptDepth {
		scripts[fmt.Sprintf("d/%d.sh", i)] = fmt.Sprintf("git clone https://github.com/o/d%d\nd/%d.sh\n", i, i+1)
	}
	tries := 0
	count := func(text string) int {
		found, err := pipelineScripts().Find(File{Path: ".travis.yml", Text: []byte("script:\n" + text), Read: func(name string) ([]byte, error) {
			tries++
			return besideIn(scripts)(name)
		}})
		if err != nil {
			t.Error(err)
		}
		return len(found)
	}
	if n := count(calls.String()); n != maxScripts {
		t.Errorf("%d scripts were read, want %d", n, maxScripts)
	}
	if n := count("  - d/0.sh\n"); n != maxScriptDepth+1 {
		t.Errorf("%d scripts deep, want %d", n, maxScriptDepth+1)
	}
	tries = 0
	if count(strings.ReplaceAll(calls.String(), "s/", "none/") + strings.ReplaceAll(calls.String(), "s/", "x/") +
		strings.ReplaceAll(calls.String(), "s/", "y/") + strings.ReplaceAll(calls.String(), "s/", "z/")); tries > maxScriptTries {
		t.Errorf("%d files were looked for", tries)
	}
}

func TestCopiedScripts(t *testing.T) {
	runSamples(t, []Detector{dockerfiles()}, []sample{
		{about: "scripts of an image", path: "docker/app/Dockerfile", beside: map[string]string{
			"../../ci/setup.sh": "#!/bin/sh\ngit clone -b $BRANCH https://github.com/o/a\n",
			"scripts/other.sh":  "git clone https://github.com/o/b\n",
			"not.sh":            "git clone https://github.com/o/no\n",
		}, text: `FROM x
ENV BRANCH=dev
RUN /tmp/not.sh
COPY --chmod=755 ci/setup.sh /tmp/
ADD ["scripts", "/opt/scripts"]
COPY --from=x /not.sh /not.sh
RUN /tmp/setup.sh && bash /opt/scripts/other.sh && /not.sh
`, want: []string{
			"1 https://github.com/o/b - any",
			"2 https://github.com/o/a dev any",
		}},
		{about: "by a pattern", path: "docker/app/Dockerfile", beside: map[string]string{
			"scripts/build.sh": ". /opt/library.sh\ngit clone -b $BRANCH https://github.com/o/a\n",
			"top.sh":           "git clone https://github.com/o/top\n",
		}, text: "FROM x\nCOPY scripts/* /opt/\nCOPY t*.sh /\nRUN BRANCH=dev bash /opt/build.sh && /top.sh\n", want: []string{
			"1 https://github.com/o/top - any",
			"2 https://github.com/o/a dev any",
		}},
	})
}

func TestDownloadedFiles(t *testing.T) {
	runSamples(t, []Detector{pipelineScripts(), dockerfiles()}, []sample{
		{about: "a pipeline", path: ".lightning/workflows/x.yaml", text: `run: |
  wget https://raw.githubusercontent.com/o/a/main/run.sh
  N=$(curl -fsSL https://raw.github.com/o/b/dev/requirements.txt | wc -l)
  curl https://gitlab.com/o/c/-/raw/master/x.rb -o x.rb
  curl https://raw.githubusercontent.com/o/no/main/scripts/get-helm-3 | bash
  curl https://raw.githubusercontent.com/o/no/master/install.sh | sh
  curl https://raw.githubusercontent.com/o/no/$LATER/x
`, want: []string{
			"2 https://github.com/o/a main any",
			"3 https://github.com/o/b dev any",
			"4 https://gitlab.com/o/c master any",
		}},
		{about: "an image", path: "Dockerfile", text: `FROM x
RUN curl -o x https://raw.githubusercontent.com/o/a/main/x
RUN curl -o x https://raw.githubusercontent.com/o/no/main/x && echo "1 x" | sha256sum -c
`, want: []string{"2 https://github.com/o/a main any"}},
	})
}

func TestPipelinePrograms(t *testing.T) {
	runSamples(t, []Detector{pipelinePrograms()}, []sample{
		{about: "Drone", path: ".drone.star", text: `def step(ctx):
    # "git clone https://github.com/o/no"
    return {"commands": [
        "git clone -b dev https://github.com/o/a && cd a",
        "git clone https://github.com/%s.git ." % repo,
        "git clone https://github.com/o/" + name,
        "echo git clone https://github.com/o/no",
        "git clone https://github.com/{}".format(x),
    ]}
`, want: []string{"4 https://github.com/o/a dev any"}},
		{about: "Jenkins", path: "ci/Jenkinsfile", text: `node {
  // sh 'git clone https://github.com/o/no'
  string(name: 'X', description: 'such as https://raw.githubusercontent.com/o/no/main/x.sh')
  sh 'pip install git+https://github.com/o/a@main'
  sh """
    git clone https://github.com/o/b
    git clone https://github.com/o/${x}
  """
}
`, want: []string{"4 https://github.com/o/a main any", "6 https://github.com/o/b - any"}},
	})
}
