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

func TestIncludedVars(t *testing.T) {
	runSamples(t, []Detector{ansibleTasks()}, []sample{
		{about: "variables that another file of the role includes", path: "tasks/audit.yml", beside: map[string]string{
			"main.yml":             "- import_tasks: prelim.yml\n- include_tasks: main.yml\n",
			"prelim.yml":           "- ansible.builtin.include_vars: {file: audit.yml}\n- include_vars: '{{ ansible_distribution }}.yml'\n- include_tasks: audit.yml\n",
			"../vars/audit.yml":    "audit_git: 'https://git.example.test/o/{{ benchmark }}-audit.git'\naudit_name: 'benchmark_{{ release }}'\nrelease: other\n",
			"../vars/Debian.yml":   "extra_git: https://git.example.test/o/no.git\n",
			"../defaults/main.yml": "benchmark: web\nrelease: live\n",
		}, text: `- name: fetch
  ansible.builtin.git: {repo: "{{ audit_git }}", dest: /x, version: "{{ audit_name }}"}
`, want: []string{"2 https://git.example.test/o/web-audit.git benchmark_live any"}},
	})
}
