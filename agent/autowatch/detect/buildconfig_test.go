package detect

import "testing"

func TestBuildConfigs(t *testing.T) {
	runSamples(t, []Detector{buildConfigs()}, []sample{
		{about: "OpenShift", path: "builds/shop.yaml", text: `apiVersion: build.openshift.io/v1
kind: BuildConfig
metadata: {name: shop}
spec:
  source:
    type: Git
    contextDir: hub
    git:
      ref: main
      uri: https://git.example.test/o/shop.git
---
apiVersion: v1
kind: List
items:
  - kind: BuildConfig
    spec: {source: {git: {uri: "git@git.example.test:o/a.git"}}}
  - kind: BuildConfig
    spec: {source: {type: Binary}}
`, want: []string{
			"10 https://git.example.test/o/shop.git main any tag-first",
			"16 git@git.example.test:o/a.git - any tag-first",
		}},
		{about: "a template", path: "template.yml", text: `kind: Template
objects:
  - kind: BuildConfig
    spec:
      source:
        git:
          uri: ${SOURCE_URL}
          ref: ${SOURCE_REF}
  - kind: BuildConfig
    spec: {source: {git: {uri: "${OTHER_URL}"}}}
parameters:
  - {name: SOURCE_URL, value: "https://git.example.test/o/b"}
  - {name: SOURCE_REF, value: live}
  - {name: OTHER_URL, required: true}
`, want: []string{"7 https://git.example.test/o/b live any tag-first"}, fails: "line 10: the address is computed"},
		{about: "Shipwright", path: "build.yaml", text: `apiVersion: shipwright.io/v1beta1
kind: Build
spec:
  source:
    git:
      url: https://git.example.test/o/c
      revision: v1.2.0
`, want: []string{"6 https://git.example.test/o/c v1.2.0 any tag-first"}},
		{about: "something else", path: "pod.yaml", text: "kind: Pod\nspec: {source: {git: {uri: 'https://git.example.test/o/no'}}}\n"},
	})
}
