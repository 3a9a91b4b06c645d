package detect

import "testing"

func TestConcourse(t *testing.T) {
	runSamples(t, []Detector{concourse(), anyboxManifests()}, []sample{
		{about: "resources", path: "ci/pipeline.yml", text: `resources:
- name: app
  type: git
  source: {uri: https://github.com/o/app, branch: main}
- name: default
  type: git
  source:
    uri: git@github.com:o/default.git
    private_key: ((key))
- name: hg
  type: hg
  source: {uri: https://hg.example.test/x, branch: stable}
- name: tags
  type: git
  source: {uri: https://github.com/o/tags, branch: main, tag_filter: v*}
- name: held
  type: git
  source: {uri: https://github.com/o/held, branch: main}
  version: {ref: ` + hash + `}
- name: later
  type: git
  source: {uri: https://github.com/o/later, branch: ((branch))}
- name: image
  type: registry-image
  source: {repository: alpine}
jobs: []
`, want: []string{
			"4 https://github.com/o/app main branch",
			"8 git@github.com:o/default.git - branch",
			"12 https://hg.example.test/x stable branch hg",
		}, fails: "line 22: what it follows is computed"},
		{about: "resources of something else", path: "x.yaml", text: "resources:\n- type: git\n  source: {uri: https://github.com/o/no}\n"},
		{about: "Anybox", path: "buildbot/MANIFEST.cfg", text: `[DEFAULT]
build-category = shop
[shop]
buildout = git https://git.example.test/shop main buildout.cfg subdir=ci
watch = hg https://hg.example.test/addons default
        git https://git.example.test/theme 10.0 minor
build-for = python < 3.0
[archive]
buildout = standalone buildouts/x.cfg
`, want: []string{
			"4 https://git.example.test/shop main any",
			"5 https://hg.example.test/addons default any hg",
			"6 https://git.example.test/theme 10.0 any",
		}},
	})
}
