package detect

import (
	"strings"
	"testing"
)

func TestDirectReferences(t *testing.T) {
	runSamples(t, []Detector{ansibleTasks()}, []sample{
		{about: "requirements of Python in variables", path: "roles/app/defaults/main.yml", text: `name: app
app_branch: dev
app_version: "app @ https://github.com/o/app/tarball/master"
app_more:
  - "more[x] @ git+https://git.example.test/o/more@{{ app_branch }}"
  - "plain~=1.0"
app_mail: "someone @ https://people.example.test/"
app_unknown: "x @ https://github.com/o/x/archive/{{ unknown }}.zip"
`, want: []string{"3 https://github.com/o/app master any", "5 https://git.example.test/o/more dev any"}},
	})
}

func TestDownloadedPackages(t *testing.T) {
	runSamples(t, []Detector{ansibleTasks()}, []sample{
		{about: "packages of branches", path: "playbooks/site.yml", text: `- hosts: all
  tasks:
    - name: install
      ansible.builtin.apt:
        deb: https://github.com/o/packages/raw/refs/heads/main/a.deb
    - dnf: {name: "https://git.example.test/o/packages/-/raw/dev/a.rpm", state: present}
    - apt: {name: git}
    - apt: {deb: "https://github.com/o/packages/releases/download/v1/a.deb"}
`, want: []string{"5 https://github.com/o/packages main any", "6 https://git.example.test/o/packages dev any"}},
	})
}

func TestAnsibleCommands(t *testing.T) {
	runSamples(t, []Detector{ansibleTasks()}, []sample{
		{about: "downloads", path: "roles/x/tasks/main.yml", beside: map[string]string{
			"../defaults/main.yml": "list_url: https://raw.githubusercontent.com/o/d/main/list\n",
		}, text: `- name: a file of a branch
  get_url:
    url: "https://raw.githubusercontent.com/o/{{ what }}/main/list.yml"
    dest: /etc/list.yml
  vars: {what: a}
- ansible.builtin.get_url:
    url: https://raw.githubusercontent.com/o/summed/main/list.yml
    checksum: sha256:123
    dest: /etc/list.yml
- get_url: url=https://github.com/o/b/archive/next.zip dest=/tmp/b.zip
- unarchive:
    src: https://github.com/o/c/archive/refs/heads/dev.tar.gz
    remote_src: true
    dest: /opt
- unarchive: {src: c.tar.gz, dest: /opt}
- get_url: {url: "{{ list_url }}", dest: /x}
- get_url: {url: "https://raw.githubusercontent.com/o/no/{{ later }}/x", dest: /x}
- get_url: {url: "https://example.test/x.git", dest: /x}
`, want: []string{
			"3 https://github.com/o/a main any",
			"10 https://github.com/o/b next any",
			"12 https://github.com/o/c dev branch",
			"16 https://github.com/o/d main any",
		}},
		{about: "manifests", path: "roles/x/tasks/main.yml", beside: map[string]string{
			"../defaults/main.yml": "its_url: https://raw.githubusercontent.com/o/d/main\nmanifests:\n- https://raw.githubusercontent.com/o/e/next/a.yml\n- https://raw.githubusercontent.com/o/f/dev/b.yml\n",
		}, text: `- name: manifests
  kubernetes.core.k8s:
    definition: "{{ lookup('url', 'https://raw.githubusercontent.com/o/a/main/a.yml', split_lines=False) | from_yaml_all }}"
- k8s: {definition: "{{ lookup('url', '{{ its_url }}/b.yml') }}"}
- k8s: {definition: '{{ query("ansible.builtin.url", its_url) }}', other: "{{ lookup('file', 'https://raw.githubusercontent.com/o/no/main/x') }}"}
- kubernetes.core.k8s: {src: "https://raw.githubusercontent.com/o/b/main/b.yml", state: present}
- command: kubectl apply -f {{ item }}
  with_items: "{{ manifests }}"
- command: kubectl apply -f {{ its_url }}/c/d.yml
- command: kubectl delete {{ what }}
`, want: []string{
			"3 https://github.com/o/a main any", "4 https://github.com/o/d main any", "6 https://github.com/o/b main any",
			"7 https://github.com/o/e next any", "7 https://github.com/o/f dev any",
		}},
		{about: "a table that two tasks loop over", path: "playbooks/x.yml", text: `- hosts: x
  vars: {repos: {a: {version: main}, b: {}}}
  tasks:
  - git: {repo: "https://github.com/o/{{ item.key }}", version: "{{ item.value.version | default('dev') }}", dest: /x}
    with_dict: "{{ repos }}"
  - command: git clone https://github.com/o/{{ item.key }}-more
    with_dict: "{{ repos }}"
`, want: []string{"4 https://github.com/o/a main any", "4 https://github.com/o/b dev any", "6 https://github.com/o/a-more - any", "6 https://github.com/o/b-more - any"}},
		{about: "what a script puts in", path: "group_vars/all", text: "x_url: https://github.com/o/x\nx_branch: X_PLACEHOLDER\n", fails: "line 1: the name of the branch is computed"},
		{about: "keys, which a module downloads", path: "roles/x/tasks/main.yml", text: `- name: keys
  authorized_key:
    user="{{ someone }}"
    key=https://raw.githubusercontent.com/o/keys/made/ssh/@all.pub
- ansible.posix.authorized_key: {user: x, key: "https://github.com/x.keys"}
`, want: []string{"3 https://github.com/o/keys made any"}},
		{about: "commands of Windows, and what a later one checks out", path: "roles/x/tasks/main.yml", text: `- name: here
  block:
    - win_command: 'git clone https://github.com/o/a C:\a'
    - ansible.windows.win_shell: py -3 -m pip install https://github.com/o/b/archive/dev.tar.gz
    - win_command: 'git clone https://github.com/o/pinned.git C:\pinned'
    - win_command: 'git checkout -f -B master 0123456789012345678901234567890123456789'
      args: {chdir: 'C:\pinned'}
- command: git clone https://github.com/o/c {{ there }}
  vars: {there: /opt/c}
- command: git checkout next
  args: {chdir: /opt/c}
- command: git checkout v1
  args: {chdir: /opt/other}
`, want: []string{
			"3 https://github.com/o/a - any", "4 https://github.com/o/b dev any",
			"5 https://github.com/o/pinned.git 0123456789012345678901234567890123456789 commit tag-first", "8 https://github.com/o/c next any tag-first",
		}},
		{about: "facts that hang on something", path: "roles/x/tasks/main.yml", text: `- set_fact: {branch: "STABLE-{{ release }}"}
  when: release != 'nightly'
- set_fact: {branch: develop}
  when: release == 'nightly'
- git: {repo: "https://git.example.test/o/a", version: "{{ branch }}", dest: /x}
`, want: []string{"5 https://git.example.test/o/a develop any"}},
		{about: "variables of files that the play names", path: "site/playbook.yml", text: `- hosts: all
  vars_files: [settings/ours.yml]
  tasks:
    - git: {repo: "{{ its_repo }}", version: "{{ its_name }}", dest: /x}
`, beside: map[string]string{"settings/ours.yml": "its_repo: https://git.example.test/o/a\nits_name: main\n"}, want: []string{"4 https://git.example.test/o/a main any"}},
		{about: "facts that tasks set", path: "roles/x/tasks/main.yml", beside: map[string]string{
			"../defaults/main.yml": "its_url: https://github.com/o/a/archive/master.tar.gz\n",
		}, text: `- set_fact:
    the_url: "{{ its_url }}"
  when: the_url is not defined
- unarchive: {src: "{{ the_url }}", dest: /x}
`, want: []string{"4 https://github.com/o/a master any"}},
		{about: "variables of hosts", path: "host_vars/web1/vars.yml", text: `tool_url: https://github.com/o/tool/archive/refs/heads/fix/x.tar.gz
list_url: https://github.com/o/list/raw/refs/heads/main/list.txt
summed_url: https://github.com/o/summed/archive/refs/heads/main.zip
summed_checksum: sha256:123
release_url: https://github.com/o/release/archive/v1.tar.gz
`, want: []string{
			"1 https://github.com/o/tool fix/x branch",
			"2 https://github.com/o/list main any",
		}},
		{about: "values of something else", path: "settings.yml", text: "tool_url: https://github.com/o/no/archive/refs/heads/main.zip\nget_url: x\n"},
		{about: "variables of the playbook", path: "app/tasks/main.yml", text: "- git: {repo: 'https://git.example.test/o/a', version: '{{ core }}', dest: /x}\n",
			beside: map[string]string{"../vars.yml": "core: 8.x\n"}, want: []string{"1 https://git.example.test/o/a 8.x any"}},
		{about: "a document", path: "docs/vars.yml", text: "x_repo: https://github.com/o/no.git\nx_version: main\n"},
		{about: "commands", path: "playbook.yml", text: `- hosts: all
  vars: {tools: https://github.com/o/tools}
  tasks:
    - shell: git clone -b dev {{ tools }} /opt/tools
    - name: in many lines
      ansible.builtin.shell:
        cmd: |
          cd /opt
          git clone https://github.com/o/a && cd a && git checkout next
        creates: /opt/a
    - command: git clone {{ later }}/x
    - command: echo git clone https://github.com/o/no
    - cron:
        name: x
        job: uvx --from git+https://github.com/o/b.git@fix b --all
    - shell: git push https://github.com/o/no
    - command: [git, clone, https://github.com/o/no]
`, want: []string{
			"4 https://github.com/o/tools dev any",
			"9 https://github.com/o/a next any tag-first",
			"15 https://github.com/o/b.git fix any",
		}},
	})
}

func TestTemplateChoice(t *testing.T) {
	sc := scope{{shape: isTable, named: map[string]*node{
		"version": {shape: isText, text: "latest"}, "list": {shape: isList}, "self": {shape: isText, text: "{{ 'a' if self == 'a' else 'b' }}"},
	}}}
	for text, want := range map[string]string{
		"{{ 'main' if version == 'latest' else version }}":              "main",
		"{{ 'main' if version == 'next' else ('v' + version) }}":        "vlatest",
		`{{ version if version != "latest" else 'main' }}`:              "main",
		"{{ 'a' if (version in ['x', 'latest']) else 'b' }}":            "a",
		"{{ 'a' if version not in ['x'] else 'b' }}":                    "a",
		"{{ 'a' if version in others else 'b' }}":                       "{{ 'a' if version in others else 'b' }}",
		"{{ 'a' if unknown == 'x' else 'b' }}":                          "{{ 'a' if unknown == 'x' else 'b' }}",
		"{{ 'a' if list == 'x' else 'b' }}":                             "{{ 'a' if list == 'x' else 'b' }}",
		"{{ self }}":                                                    "{{ 'a' if self == 'a' else 'b' }}",
		"{{ 'a' if version else 'b' }}":                                 "{{ 'a' if version else 'b' }}",
		"{{ 'a' if version == 'x' else 'b' if version == 'y' else 1 }}": "{{ 'a' if version == 'x' else 'b' if version == 'y' else 1 }}",
	} {
		if got := sc.expand(text); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

// Lists and texts of foreign files stay within what a build has for them.
func TestAnsibleCommandsAreBounded(t *testing.T) {
	many := strings.Repeat("a, ", 100_000)
	tasks := strings.Repeat("  - shell: git clone https://github.com/o/{{ item }} /opt/x\n    with_items: '{{ many }}'\n", 2_000)
	long := "  - shell: git clone {{ item }} " + strings.Repeat("x ", 100_000) + "\n    with_items: '{{ many }}'\n"
	later := strings.Repeat("  - shell: git checkout v1\n    args: {chdir: x}\n", 100)
	text := "- name: x\n  hosts: x\n  vars:\n    many: [" + many + "b]\n  tasks:\n" + long + tasks + later
	bounded(t, func() {
		if found, err := ansibleTasks().Find(File{Path: "playbooks/x.yml", Text: []byte(text)}); len(found) != 1 || err != nil {
			t.Errorf("found %d, %v", len(found), err)
		}
	}, "commands")
}
