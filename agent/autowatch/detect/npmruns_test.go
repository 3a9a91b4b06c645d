package detect

import (
	"slices"
	"testing"
)

func TestNpmRuns(t *testing.T) {
	files := map[string]string{
		"package.json": `{"scripts": {
  "setup": "node x.js && git clone -b \"${BRANCH:-main}\" https://github.com/o/starter data && npm run more",
  "premore": "pip install git+https://github.com/o/before",
  "more": "git clone https://github.com/o/more; yarn setup",
  "e2e": "bash ci/e2e.sh",
  "idle": "git clone https://github.com/o/no"
}}`,
		"web/package.json": `{"scripts": {"test": "git clone -b next https://github.com/o/fixtures"}}`,
		"bad/package.json": `{"scripts": {"test": "git clone https://github.com/o/broken"`,
		"ci/e2e.sh":        "git clone https://github.com/o/e2e\n",
	}
	runSamples(t, []Detector{pipelineScripts()}, []sample{
		{about: "a workflow", path: ".github/workflows/ci.yml", beside: besideAt(".github/workflows", files), text: `jobs:
  a:
    steps:
      - run: npm ci && npm run setup -- --quiet
      - run: pnpm --filter app --dir=web test
      - run: yarn e2e
      - run: npm --prefix bad test
      - run: npm --prefix missing run test; npm run; yarn
      - run: echo npm run idle
`, want: []string{
			"1 https://github.com/o/fixtures next any",
			"1 https://github.com/o/e2e - any",
			"1 https://github.com/o/broken - any",
			"2 https://github.com/o/starter main any",
			"3 https://github.com/o/before - any",
			"4 https://github.com/o/more - any",
		}},
		{about: "where a job runs", path: ".github/workflows/ci.yml", beside: besideAt(".github/workflows", files),
			text: "jobs: {a: {steps: [{working-directory: web, run: npm t && npm test}]}}\n", want: []string{"1 https://github.com/o/fixtures next any"}},
	})
	found, err := pipelineScripts().Find(File{Path: ".travis.yml", Text: []byte("script: yarn more"), Read: besideIn(files)})
	if err != nil || !slices.ContainsFunc(found, func(m Mention) bool { return m.File == "package.json" && m.Line == 4 }) {
		t.Errorf("got %+v, %v, which is not where it stands", found, err)
	}
}
