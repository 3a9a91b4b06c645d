package detect

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestGitLabJobs(t *testing.T) {
	files := map[string]string{
		"ci/vars.yml":   "variables: {LAYER_REV: kirkstone, REPO: https://github.com/o/r}\n",
		"/ci/init.yml":  "no\n",
		"ci/init.yml":   "include: ci/more.yml\ninit:\n  script:\n    - git clone -b $LAYER_REV https://github.com/o/layer\n",
		"ci/more.yml":   ".clone:\n  variables: {BRANCH: main}\n  before_script:\n    - get() { git clone -b $2 https://github.com/o/$1; }\n  script:\n    - git clone -b $BRANCH $REPO\n",
		"ci/loop.yml":   "include: {local: ci/loop.yml}\na: {extends: b}\nb: {extends: a, script: git clone https://github.com/o/loop}\n",
		"ci/broken.yml": "{ not: [yaml\n",
	}
	runSamples(t, []Detector{pipelineScripts()}, []sample{
		{about: "files that it includes", path: ".gitlab-ci.yml", beside: files, text: `include:
  - {local: /ci/vars.yml}
  - local: ci/init.yml
  - ci/loop.yml
  - ci/broken.yml
  - missing.yml
  - https://example.test/x.yml
  - {project: g/p, file: x.yml}
variables:
  LAYER_REV: {value: scarthgap, description: x}
`, want: []string{
			"3 https://github.com/o/loop - any",
			"4 https://github.com/o/layer scarthgap any",
			"6 https://github.com/o/r main any",
		}},
		{about: "what jobs extend", path: "x.gitlab-ci.yml", beside: files, text: `include: ci/more.yml
variables: {REPO: "https://github.com/o/own", OTHER: $ANOTHER, ANOTHER: $LAST, LAST: x}
.own: {script: [git clone -b $BRANCH https://github.com/o/again]}
a:
  extends: .clone
  variables: {BRANCH: next}
b:
  extends: [.none, .clone]
  script:
    - !reference [.own, script]
    - [get tool dev, get $OTHER "$BRANCH"]
`, want: []string{
			"3 https://github.com/o/again main any",
			"4 https://github.com/o/tool dev any",
			"4 https://github.com/o/x main any",
			"6 https://github.com/o/own next any",
		}},
	})
	found, err := pipelineScripts().Find(File{Path: "sub/.gitlab-ci.yml", Text: []byte("include: ci/more.yml\nvariables: {REPO: 'https://github.com/o/r'}"), Read: besideIn(files)})
	if err != nil || !slices.ContainsFunc(found, func(m Mention) bool { return m.File == "sub/ci/more.yml" && m.Line == 6 }) {
		t.Errorf("got %+v, %v, which is not where it stands", found, err)
	}
}

func TestGitLabJobsAreBounded(t *testing.T) {
	var text strings.Builder
	for level := range 2 * maxBases {
		fmt.Fprintf(&text, "j%d: {extends: [%s]}\n", level, strings.Repeat(fmt.Sprintf("j%d, ", level+1), 1000))
	}
	text.WriteString("last: {script: 'git clone https://github.com/o/r'}\n")
	s := newSheet(File{Path: ".gitlab-ci.yml", Text: []byte(text.String())})
	g := &gitlabJobs{sheet: s, jobs: map[string]gitlabFile{}, read: map[string]bool{}, left: maxMembers}
	for _, doc := range s.quietTrees() {
		for _, job := range doc.members() {
			g.jobs[job.key] = gitlabFile{"", job}
		}
	}
	g.job(g.jobs["j0"].doc, 0)
	if g.left > 0 || g.left < -2*maxMembers {
		t.Errorf("%d members are left, as if jobs did not count", g.left)
	}
	if found, err := pipelineScripts().Find(File{Path: ".gitlab-ci.yml", Text: []byte(text.String())}); err != nil || len(found) > 1 {
		t.Errorf("got %+v, %v", found, err)
	}
}

// Variables that name others are put together for so many jobs and no more.
func TestVariablesAreBounded(t *testing.T) {
	hostile(t)
	var text strings.Builder
	text.WriteString("variables:\n")
	for i := range maxValues {
		fmt.Fprintf(&text, "  V%d: $V%d$V%d$V%d\n", i, i+1, i+2, i+3)
	}
	for i := range 2_000 {
		fmt.Fprintf(&text, "j%d: {script: x}\n", i)
	}
	text.WriteString("last: {script: git clone https://github.com/o/last}\n")
	var found []Mention
	bounded(t, func() {
		found, _ = pipelineScripts().Find(File{Path: ".circleci/config.yml", Text: []byte(text.String())})
	}, "variables")
	if len(found) > 1 {
		t.Errorf("found %+v", found)
	}
}
