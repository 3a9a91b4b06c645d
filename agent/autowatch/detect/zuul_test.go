package detect

import "testing"

func TestZuul(t *testing.T) {
	runSamples(t, []Detector{zuul()}, []sample{
		{about: "jobs", path: "zuul.d/jobs.yaml", text: `- job:
    name: deploy
    roles:
      - zuul: git.example.test/zuul/jobs
      - zuul: zuul/jobs
    required-projects: &all
      - name: openstack/requirements
      - name: github.com/o/tool
        override-checkout: devel
      - git.example.test/o/lib
- job:
    name: other
    required-projects: *all
- job:
    name: next
    required-projects:
      name: github.com/o/tool
      override-checkout: stable-2
    vars:
      name: github.com/o/no
- project:
    check:
      jobs: [deploy]
`, want: []string{
			"4 https://git.example.test/zuul/jobs - any",
			"8 https://github.com/o/tool devel any",
			"10 https://git.example.test/o/lib - any",
			"17 https://github.com/o/tool stable-2 any",
		}},
		{about: "one file", path: "sub/.zuul.yaml", text: "- job: {required-projects: [github.com/o/a]}\n", want: []string{"1 https://github.com/o/a - any"}},
	})
}
