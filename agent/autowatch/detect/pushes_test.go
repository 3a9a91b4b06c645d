package detect

import "testing"

// What a job pushes to is no dependency of it, whichever step does.
func TestPushes(t *testing.T) {
	runSamples(t, deployments(), []sample{
		{about: "steps that push", path: ".github/workflows/docs.yml", text: `jobs:
  docs:
    steps:
      - uses: actions/checkout@v4
        with: {repository: o/pages, path: site}
      - uses: actions/checkout@v4
        with: {repository: o/manifests, path: gitops/live}
      - uses: actions/checkout@v4
        with: {repository: o/read, path: read, ref: main}
      - uses: actions/checkout@v4
        with: {repository: o/other, path: site2}
      - run: |
          git clone https://github.com/o/tap
          git clone -b main https://github.com/o/lib vendored
      - run: make && git add . && git commit -m new && git push origin HEAD
        working-directory: ./site
      - run: |
          cd "$GITHUB_WORKSPACE/gitops/live/apps"
          git commit -am x
          git -c user.name=x push
      - run: git -C tap push
`, want: []string{
			"4 https://github.com/actions/checkout v4 any tag-first",
			"9 https://github.com/o/read main any",
			"11 https://github.com/o/other - any own",
			"14 https://github.com/o/lib main any",
		}},
		{about: "actions that push", path: ".github/workflows/nightly.yml", text: `jobs:
  nightly:
    steps:
      - uses: actions/checkout@v4
        with: {repository: o/demo, path: demo}
      - uses: actions/checkout@v4
        with: {repository: o/site}
      - uses: actions/checkout@v4
        with: {repository: o/read, path: read}
      - uses: x/github-push-action@main
        with: {directory: demo}
      - uses: x/deploy-pages@v1
        with: {repository-name: O/Site, folder: read/out}
  other:
    steps:
      - uses: actions/checkout@v4
        with: {repository: o/demo, path: demo, ref: main}
      - uses: x/pushover@v1
`, want: []string{
			"4 https://github.com/actions/checkout v4 any tag-first",
			"9 https://github.com/o/read - any own",
			"10 https://github.com/x/github-push-action main any tag-first",
			"12 https://github.com/x/deploy-pages v1 any tag-first",
			"17 https://github.com/o/demo main any",
			"18 https://github.com/x/pushover v1 any tag-first",
		}},
		{about: "a job of one script", path: ".gitlab-ci.yml", text: `pages:
  before_script:
    - git clone https://git.example.test/o/site.git out
    - git clone https://git.example.test/o/theme.git
  script:
    - make
    - pushd out
    - git push
    - popd
test:
  script: git clone https://git.example.test/o/site.git out
`, want: []string{
			"4 https://git.example.test/o/theme.git - any",
			"11 https://git.example.test/o/site.git - any",
		}},
	})
}
