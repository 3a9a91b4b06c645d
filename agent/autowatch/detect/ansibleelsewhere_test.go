package detect

import (
	"fmt"
	"testing"
)

// What playbooks, hosts and groups say about the variables of roles.
func TestVariablesElsewhere(t *testing.T) {
	const shop = "shop_repo: https://git.example.test/shop.git\nshop_version: v1.0\n"
	const tasks = "- git: {repo: 'https://git.example.test/{{ team }}/x', version: '{{ x_version }}', dest: /x}\n"
	runSamples(t, deployments(), []sample{
		{about: "the version in a playbook", path: "roles/shop/defaults/main.yml", text: shop, beside: map[string]string{
			"../../../site.yml":  "- hosts: all\n  vars:\n    shop_version: live\n  roles: [common, shop]\n",
			"../../../other.yml": "- hosts: all\n  vars:\n    shop_version: unused\n  roles: [common]\n",
		}, want: []string{"1 https://git.example.test/shop.git v1.0 any", "3 https://git.example.test/shop.git live any"}},
		{about: "the repository in a group, the version in a host", path: "roles/shop/defaults/main.yml", text: shop, beside: map[string]string{
			"../../../group_vars/web":                "shop_repo: https://git.example.test/fork.git\n",
			"../../../inventories/a/host_vars/b.yml": "SHOP: 1\nshop_version: '{{ SHOP_BRANCH | default(\"dev\") }}'\n",
			"../../../roles/x/vars/main.yml":         "shop_version: another\n",
		}, want: []string{
			"1 https://git.example.test/shop.git v1.0 any",
			"1 https://git.example.test/fork.git v1.0 any",
			"2 https://git.example.test/shop.git dev any",
		}},
		{about: "tasks of a role in a directory of playbooks", path: "playbooks/roles/x/tasks/main.yml", text: tasks, beside: map[string]string{
			"../../../../group_vars/all/main.yml": "team: a\n",
			"../../../../host_vars/h.yml":         "x_version: main\n",
			"../../../../playbooks/x.yml":         "- hosts: x\n  vars:\n    x_version: live\n    team: b\n  tasks: [{include_role: {name: x}}]\n",
		}, fails: "line 1: the address is computed", want: []string{"3 https://git.example.test/b/x live any"}},
		{about: "what a play gives to the role and to all", path: "roles/x/tasks/main.yml", text: tasks, beside: map[string]string{
			"../defaults/main.yml": "team: ours\nx_version: v1\n",
			"../../../x.yml":       "- hosts: x\n  vars: {x_version: live}\n  roles:\n  - role: x\n    team: theirs\n",
		}, want: []string{"1 https://git.example.test/ours/x v1 any", "2 https://git.example.test/theirs/x live any"}},
		{about: "checkouts of Open edX", path: "playbooks/roles/notes/defaults/main.yml", text: "NOTES_VERSION: v1\nNOTES_REPOS:\n- DOMAIN: git.example.test\n  PATH: o\n  REPO: n.git\n  VERSION: '{{ NOTES_VERSION }}'\n",
			beside: map[string]string{"../../../../playbooks/sandbox.yml": "- hosts: all\n  vars:\n  - NOTES_VERSION: master\n  roles: [notes]\n"},
			want:   []string{"3 https://git.example.test/o/n.git master any", "5 https://git.example.test/o/n.git v1 any"}},
		{about: "a table of repositories", path: "playbooks/clone.yml", text: `- hosts: localhost
  tasks:
  - set_fact: {repos: {a: {version: main}}}
    when: repos is not defined
  - git: {repo: "https://git.example.test/{{ item.key }}", version: "{{ item.value.version | default('dev') }}", dest: x}
    with_dict: "{{ repos }}"
`, beside: map[string]string{"../inventories/i/group_vars/all/x.yml": "repos:\n  b:\n    version: live\n  c: {}\n"}, want: []string{
			"2 https://git.example.test/b live any",
			"2 https://git.example.test/c dev any",
			"5 https://git.example.test/a main any",
		}},
		{about: "a table as a list", path: "playbooks/clone.yml", text: "- git: {repo: 'https://git.example.test/{{ item.key }}', version: '{{ item.value }}', dest: x}\n  loop: '{{ refs | dict2items }}'\n  vars: {refs: {a: main}}\n",
			want: []string{"1 https://git.example.test/a main any"}},
		{about: "files that the play names, and both sides of what is not known", path: "roles/x/tasks/main.yml", text: "- git: {repo: 'https://git.example.test/{{ its_module }}', version: '{{ module_version | default(omit) }}', dest: /x}\n",
			beside: map[string]string{
				"../../../pipelines/a/x.yml":    "- hosts: x\n  vars_files: [../vars/a.yml, '{{ more }}.yml', ../vars/none.yml]\n  vars: {its_module: a_b}\n  roles: [x]\n",
				"../../../pipelines/vars/a.yml": "module_version: \"{{ 'old' if number == '1' else 'dev' }}\"\n",
			}, fails: "line 1: the address is computed", want: []string{"3 https://git.example.test/a_b old any", "3 https://git.example.test/a_b dev any"}},
		{about: "a block of a template, in a file of the group", path: "inventory/group_vars/all/core", text: "core_source_url: https://git.example.test/o/core\ncore_source_version: '{{ the_branch }}'\ncore_tag: '{{ later }}'\n",
			beside: map[string]string{"../../../inventory/group_vars/all/release": "the_release: Next\nthe_branch: \"{% if the_release != 'Next' %}stable/{% endif %}{{ the_release | lower }}\"\n"},
			fails:  "line 1: the name of the branch is computed", want: []string{"2 https://git.example.test/o/core next any"}},
		{about: "tests of a role", path: "roles/x/tests/test.yml", text: "x_source_url: https://git.example.test/o/no\nx_source_version: '{{ the_branch }}'\n",
			beside: map[string]string{"../../../group_vars/all.yml": "the_branch: main\n"}, fails: "line 1: the name of the branch is computed"},
		{about: "no tree of Ansible", path: "deploy/config.yml", text: shop, beside: map[string]string{"site.yml": "- hosts: all\n  vars: {shop_version: live}\n"},
			want: []string{"1 https://git.example.test/shop.git v1.0 any"}},
	})
}

func TestElsewhereIsBounded(t *testing.T) {
	beside := map[string]string{}
	for i := range 2 * maxOtherFiles {
		beside[fmt.Sprintf("../../../host_vars/h%d.yml", i)] = fmt.Sprintf("x_version: b%d\n", i)
	}
	text := "x_repo: https://git.example.test/x.git\nx_version: v1\n"
	found, err := ansibleTasks().Find(File{Path: "roles/x/defaults/main.yml", Text: []byte(text), Read: besideIn(beside), List: listIn(beside)})
	if err != nil || len(found) != maxOtherFiles+1 || found[0].File == found[len(found)-1].File {
		t.Errorf("%d were found, %v", len(found), err)
	}
}
