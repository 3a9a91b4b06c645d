package detect

import "testing"

func TestIncludedTasks(t *testing.T) {
	beside := map[string]string{"checkout.yml": `- name: fetch
  git: {repo: "{{ pkg_repo }}", dest: "/src", version: "{{ pkg_branch | default('stable') }}"}
`}
	runSamples(t, []Detector{ansibleTasks()}, []sample{
		{about: "tasks that are given a repository", path: "roles/app/tasks/main.yml", beside: beside, text: `- include_tasks: checkout.yml
  vars:
    pkg_repo: https://git.example.test/o/one
- import_tasks: checkout.yml
  vars: {pkg_repo: "https://git.example.test/o/two", pkg_branch: dev}
- include: "{{ which }}.yml"
  vars: {pkg_repo: "https://git.example.test/o/three"}
- include_tasks: checkout.yml
`, want: []string{"1 https://git.example.test/o/one stable any", "4 https://git.example.test/o/two dev any"}},
	})
}
