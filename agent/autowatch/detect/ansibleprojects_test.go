package detect

import "testing"

func TestAnsibleProjects(t *testing.T) {
	runSamples(t, []Detector{ansibleTasks()}, []sample{
		{about: "projects of a controller", path: "vars/projects.yml", text: `controller_projects:
- name: head
  scm_type: git
  scm_url: https://github.com/o/head.git
- name: branch
  scm_type: git
  scm_url: https://github.com/o/branch.git
  scm_branch: dev
- name: old
  scm_type: svn
  scm_url: https://svn.example.test/o/old
`, want: []string{
			"4 https://github.com/o/head.git - any",
			"7 https://github.com/o/branch.git dev any",
		}},
		{about: "defaults of what begins as facts do", path: "roles/x/tasks/main.yml", text: `- git:
    repo: '{{ ansible_shop_url | default("https://github.com/o/shop.git") }}'
    version: '{{ ansible_shop_version | default("main") }}'
    dest: /srv/shop
`, want: []string{"2 https://github.com/o/shop.git main any"}},
	})
}

func TestGitLabOfKDE(t *testing.T) {
	text := "include:\n  - project: sysadmin/ci-utilities\n    file: /x.yml\n"
	found, err := gitlabCI().Find(File{Path: ".gitlab-ci.yml", Text: []byte(text), Read: besideIn(map[string]string{".kde-ci.yml": "Dependencies: []\n"})})
	if err != nil || len(found) != 1 || found[0].Instead != "https://invent.kde.org" || !found[0].Unsure {
		t.Errorf("%+v, %v", found, err)
	}
}
