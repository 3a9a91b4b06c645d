package detect

import "testing"

func TestAnsibleGalaxy(t *testing.T) {
	runSamples(t, []Detector{ansibleGalaxy()}, []sample{
		{about: "roles and collections", path: "ansible/requirements.yml", text: `---
roles:
  - name: geerlingguy.docker
    version: "6.1.0"
  - src: https://github.com/o/role-a
    name: a
    version: develop
  - src: git@git.example.test:roles/b.git
    scm: git
  - name: c
    src: git+https://git.example.test/roles/c.git
    version: v1.0
  - src: https://hg.example.test/roles/d
    scm: hg
    version: stable
  - src: https://example.test/e.tar.gz
  # - src: https://github.com/o/old
  - {src: 'git+https://git.example.test/f.git,v2,f'}
  - src: https://git.example.test/roles/g.git
    version: ` + hash + `
collections:
  - community.general
  - name: community.postgresql
    version: ">=2.0"
    source: https://galaxy.ansible.com
  - name: https://github.com/o/collection.git
    type: git
    version: devel
  - name: git@github.com:o/second.git
    type: git
  - source: https://github.com/o/third.git#/collections/x
    type: git
    name: o.third
    version: main
  - git+https://github.com/o/fourth.git#/c,release
  - name: acme.five
    source: git+https://github.com/o/five.git
    type: git
`, want: []string{
			"5 https://github.com/o/role-a develop any tag-first",
			"8 git@git.example.test:roles/b.git - any tag-first",
			"11 https://git.example.test/roles/c.git v1.0 any tag-first",
			"13 https://hg.example.test/roles/d stable any tag-first hg",
			"18 https://git.example.test/f.git v2 any tag-first",
			"19 https://git.example.test/roles/g.git " + hash + " commit tag-first",
			"26 https://github.com/o/collection.git devel any tag-first",
			"29 git@github.com:o/second.git - any tag-first",
			"31 https://github.com/o/third.git main any tag-first",
			"35 https://github.com/o/fourth.git release any tag-first",
			"37 https://github.com/o/five.git - any tag-first",
		}},
		{about: "the old list", path: "roles/requirements.yml", text: `- geerlingguy.java
- git+https://github.com/o/x.git,master,x
- src: geerlingguy.nginx
- src: https://github.com/o/y
  version: master
- include: other.yml
`, want: []string{"2 https://github.com/o/x.git master any tag-first", "4 https://github.com/o/y master any tag-first"}},
		{about: "a list under another name", path: "requirements_roles.yml", text: "- src: https://github.com/o/x.git\n  version: live\n", want: []string{"1 https://github.com/o/x.git live any tag-first"}},
		{about: "a playbook of such a name", path: "all-roles.yml", text: "- hosts: all\n  name: x\n  roles: [{role: y, version: z}]\n"},
		{about: "dependencies of a role", path: "roles/web/meta/main.yml", text: `galaxy_info:
  author: someone
dependencies:
  - role: common
  - src: git+https://github.com/o/base.git
    version: main
  - { role: other, x: "{{ y }}" }
`, want: []string{"5 https://github.com/o/base.git main any tag-first"}},
		{about: "charts of Helm 2", path: "chart/requirements.yaml", text: "dependencies:\n- name: x\n  repository: https://charts.example.test\n"},
		{about: "no YAML", path: "requirements.yml", text: "roles:\n\t- x\n", fails: "requirements.yml: read YAML"},
	})
}

func TestAnsibleTasks(t *testing.T) {
	runSamples(t, []Detector{ansibleTasks()}, []sample{
		{about: "tasks", path: "roles/app/tasks/deploy.yml", text: `---
- name: literal
  git:
    repo: 'https://github.com/o/codejail.git'
    dest: '/tmp/codejail'
    version: 'master'
- name: variables of the role
  ansible.builtin.git:
    dest: "{{ app_dir }}"
    version: "{{ APP_VERSION }}"
    repo: "{{ app_repo }}"
  when: x
- git: repo=https://git.example.test/old.git dest={{ x }}/old version=stable
- git: repo=https://{{ HOST }}/no-version.git dest=/x
- hg:
    repo: https://hg.example.test/r
    revision: default
    dest: /r
- name: several
  git:
    repo: "https://git.example.test/{{ item.name }}.git"
    dest: "/srv/{{ item.name }}"
    version: "{{ item.ref | default('main') }}"
  loop:
    - {name: one, ref: dev}
    - {name: two}
- git:
    repo: "{{ item }}"
    dest: /x
  with_items: "{{ app_repos }}"
- git:
    repo: '{{ base + "/" ~ item.path|d("main.git") }}'
    dest: /x
    version: '{{ item.version | d(omit) }}'
  loop: "{{ (some_list + other_list) | flatten }}"
- block:
    - git: {repo: "{{ local_repo }}", dest: /l, version: v1}
      vars:
        local_repo: https://git.example.test/l.git
- git:
    url: https://git.example.test/not-a-task.git
    other: main
- repository: https://github.com/o/this-package
  version: 1.0.0
`, beside: map[string]string{
			"../defaults/main.yml":         "app_repo: https://{{ HOST }}/app.git\nAPP_VERSION: live\napp_repos: [https://git.example.test/i.git]\nbase: 'https://git.example.test'\nsome_list: [{path: one.git, version: v2}]\nother_list: [{x: y}]\n",
			"../meta/main.yml":             "dependencies:\n  - role: base\n  - ../../etc\n",
			"../../base/defaults/main.yml": "HOST: git.example.test\n",
		}, want: []string{
			"4 https://github.com/o/codejail.git master any",
			"11 https://git.example.test/app.git live any",
			"13 https://git.example.test/old.git stable any",
			"14 https://git.example.test/no-version.git - any",
			"16 https://hg.example.test/r default any hg",
			"21 https://git.example.test/one.git dev any",
			"21 https://git.example.test/two.git main any",
			"28 https://git.example.test/i.git - any",
			"32 https://git.example.test/one.git v2 any",
			"32 https://git.example.test/main.git - any",
			"37 https://git.example.test/l.git v1 any",
		}},
		{about: "tasks that lie deeper, variables in parts", path: "roles/x/tasks/consoles/spice.yml", text: `
- git: {repo: '{{ spice_repo }}', dest: /x, version: '{{ spice_branch }}'}
`, beside: map[string]string{
			"../../defaults/main.yml":       "spice_repo: \"{{ other | default('https://git.example.test/spice.git') }}\"\n",
			"../../defaults/main/spice.yml": "spice_branch: next\n",
			"../defaults/main.yml":          "spice_branch: no\n",
			"../../meta/main.yml":           "dependencies: [y]\n",
		}, want: []string{"2 https://git.example.test/spice.git next any"}},
		{about: "lists for roles from elsewhere", path: "inventory/group_vars/all.yml", text: `app: x
plugins:
  - { name: "a", repo: "https://git.example.test/a.git", version: "master" }
  - { name: "b", repo: "https://git.example.test/b.git" }
`, want: []string{"3 https://git.example.test/a.git master any"}},
		{about: "what the pipeline is told", path: "pipelines/x.yaml", text: "- type: git\n  source:\n    uri: https://github.com/o/r.git\n    branch: ((branch))\n",
			fails: "line 3: the name of the branch is computed"},
		{about: "lists of lists, and what is taken away", path: "roles/wiki/tasks/main.yml", text: `
- name: plugins
  ansible.builtin.git:
    repo: '{{ item.repo }}'
    dest: '/srv/{{ item.dest }}'
    version: '{{ item.version | d(omit) }}'
  loop: '{{ q("flattened", wiki__all
                           + wiki__more) }}'
`, beside: map[string]string{"../defaults/main.yml": `
wiki__all: '{{ wiki__editors +
               wiki__themes }}'
wiki__editors:
  - {repo: 'https://git.example.test/table.git', dest: table}
  - {repo: 'https://git.example.test/gone.git', dest: gone, state: absent}
wiki__themes: [{repo: 'https://git.example.test/theme', dest: theme, version: live, state: present}]
wiki__more: []
wiki__loop: '{{ wiki__loop + wiki__loop }}'
`}, want: []string{
			"4 https://git.example.test/table.git - any",
			"4 https://git.example.test/theme live any",
		}},
		{about: "a list made of itself", path: "roles/x/tasks/main.yml", text: "- git: {repo: '{{ item }}', dest: x}\n  loop: '{{ l }}'\n",
			beside: map[string]string{"../defaults/main.yml": "l: '{{ l + l + m }}'\nm: '{{ l }}'\n"}, fails: "line 1: the address is computed"},
		{about: "variables given to a role", path: "roles/bot/meta/main.yml", text: `dependencies:
  - role: common
  - role: web-app
    app_name: bot
    app_repo: https://git.example.test/bot
  - {role: web-app, vars: {app_repo: "https://git.example.test/{{ app_branch }}.git", app_branch: dev}}
`, beside: map[string]string{
			"../../web-app/tasks/main.yml":    "- block:\n  - git:\n      repo: '{{ app_repo }}'\n      dest: x\n      version: '{{ app_branch | d(omit) }}'\n- git: {repo: 'https://git.example.test/own', dest: y}\n",
			"../../web-app/defaults/main.yml": "app_repo: null\n",
		}, want: []string{
			"3 https://git.example.test/bot - any",
			"6 https://git.example.test/dev.git dev any",
		}},
		{about: "variables given to a role by a playbook", path: "site.yml", text: `- hosts: all
  roles:
    - role: web-app
      app_repo: https://git.example.test/bot
      app_version: live
`, beside: map[string]string{"roles/web-app/tasks/main.yml": "- git: {repo: '{{ app_repo }}', dest: x, version: '{{ app_version }}'}\n"},
			want: []string{"3 https://git.example.test/bot live any"}},
		{about: "unknown variable", path: "site.yml", text: "- hosts: all\n  tasks:\n    - git: {repo: '{{ x }}', dest: /x}\n",
			fails: "site.yml: line 3: the address is computed"},
		{about: "variables of a play", path: "site.yml", text: `- hosts: all
  vars:
    url: https://git.example.test/shop.git
  tasks:
    - git: {repo: '{{ url }}', dest: /x, version: "{{ branch }}"}
`, beside: map[string]string{"group_vars/all.yml": "branch: live"}, want: []string{"5 https://git.example.test/shop.git live any"}},
	})
}

func TestVariablePairs(t *testing.T) {
	runSamples(t, deployments(), []sample{
		{about: "a list of what is deployed", path: "deployment/data.yml", text: "deploy:\n- repo_url: https://github.com/o/data\n  branch: origin/main\n- repo_url: https://github.com/o/other\n",
			want: []string{"2 https://github.com/o/data main any"}},
		{about: "links of a site", path: "hugo.yaml", text: "params:\n  github_repo: https://github.com/o/no\n  github_branch: main\n"},
		{about: "a sample", path: "values.sample.yaml", text: "scripts: {url: https://git.example.test/o/no.git, branch: main}\n"},
		{about: "Open edX", path: "playbooks/roles/edxapp/defaults/main.yml", text: `---
COMMON_GIT_MIRROR: 'github.com'
COMMON_GIT_PATH: edx
THEMES_VERSION: "master"
EDXAPP_SINGLE_BEAT_REPO: "https://github.com/akachanov/single-beat.git"
EDXAPP_SINGLE_BEAT_VERSION: "` + hash + `"
EDXAPP_PYTHON_VERSION: "python3.8"
edxapp_theme_source_repo: 'https://{{ COMMON_GIT_MIRROR }}/Stanford-Online/edx-theme.git'
EDXAPP_THEME_VERSION: 'master'
# make this the public URL instead of writable
edx_platform_repo: "https://{{ COMMON_GIT_MIRROR }}/openedx/edx-platform.git"
# a comment
EDX_PLATFORM_VERSION: 'release'
CERTS_REPO: "https://{{COMMON_GIT_MIRROR}}/hastexo/edx-certificates.git"
certs_version: "open-release/x.1"
DOCKER_REPO: https://download.docker.com/linux/ubuntu
DOCKER_VERSION: 5:20
grafana_repo_url: "https://packages.grafana.com/oss/deb"
grafana_version: "9"
lonely_repo: https://github.com/o/lonely
download_repo: https://github.com/o/r/releases
download_version: main
SECURE_REPO_URL: "git@github.com:something/something-secure.git"
SECURE_REPO_VERSION: "main"
GRAPHITE_API_GIT_URL: "https://github.com/brutasse/graphite-api.git"
GRAPHITE_API_VERSION: "1.1.3"
THEMES_REPOS:
  - PROTOCOL: "https"
    DOMAIN: "{{ COMMON_GIT_MIRROR }}"
    PATH: "{{ COMMON_GIT_PATH }}"
    REPO: "themes.git"
    VERSION: "{{ THEMES_VERSION }}"
    DESTINATION: "{{ x }}"
  - {PROTOCOL: ssh, DOMAIN: git.example.test, PATH: o, REPO: r.git, VERSION: main}
EDXAPP_EXTRA_REQUIREMENTS:
  - name: git+https://github.com/open-craft/xblock-a.git@main#egg=xblock-a==1.0
  - name: plain
    version: 1.0
  - name: git+ssh://git@github.com/o/b@feature/x
#  - name: git+https://git.myproject.org/MyProject#egg=MyProject
nested:
  forum_source_repo: https://github.com/openedx/cs_comments_service
  forum_version: "{{ unknown }}"
courses:
  - {name: demo, url: "https://github.com/o/demo.git", commit: master}
`, want: []string{
			"5 https://github.com/akachanov/single-beat.git " + hash + " commit",
			"8 https://github.com/Stanford-Online/edx-theme.git master any",
			"11 https://github.com/openedx/edx-platform.git release any",
			"14 https://github.com/hastexo/edx-certificates.git open-release/x.1 any",
			"23 git@github.com:something/something-secure.git main any",
			"25 https://github.com/brutasse/graphite-api.git 1.1.3 any",
			"31 https://github.com/edx/themes.git master any",
			"34 git@git.example.test:o/r.git main any",
			"36 https://github.com/open-craft/xblock-a.git main any",
			"39 ssh://git@github.com/o/b feature/x any",
			"45 https://github.com/o/demo.git master any",
		}, fails: "line 42: the name of the branch is computed"},
		{about: "Tutor", path: "config.yml", text: `EDX_PLATFORM_REPOSITORY: https://github.com/acme/edx-platform.git
EDX_PLATFORM_VERSION: acme/palm
OPENEDX_EXTRA_PIP_REQUIREMENTS:
- "git+https://github.com/acme/xblock.git@main#egg=xblock"
- plain==1.0
apps:
- {name: x, repository: "https://github.com/acme/frontend-app-x.git", version: dev, port: 1}
- {name: y, repository: "https://github.com/acme/y.git", version: 1.0.0}
`, want: []string{
			"1 https://github.com/acme/edx-platform.git acme/palm any",
			"4 https://github.com/acme/xblock.git main any",
			"7 https://github.com/acme/frontend-app-x.git dev any",
		}},
		{about: "a commit, and the branch that it is of", path: "x.yml", text: "x_repo: https://git.example.test/x.git\nx_branch: main\nx_commit: " + hash + "\n",
			want: []string{"1 https://git.example.test/x.git " + hash + " commit"}},
		{about: "tests of a collection", path: "acme/tests/integration/targets/project/tasks/main.yml",
			text: "- project: {scm_url: https://github.com/acme/playbooks, scm_branch: empty}\n- git: {repo: https://github.com/acme/x, dest: /x}\n"},
		{about: "halves in two files", path: "roles/x/defaults/main.yml", text: "x_repo: https://git.example.test/x.git\n",
			beside: map[string]string{"../vars/main.yml": "X_VERSION: live\n"}, want: []string{"1 https://git.example.test/x.git live any"}},
		{about: "group_vars without a suffix", path: "group_vars/all", text: "x_repo: https://git.example.test/x.git\nx_branch: y\n",
			want: []string{"1 https://git.example.test/x.git y any"}},
		{about: "a template that is no YAML", path: "chart/templates/x.yaml", text: "{{ if .x }}\na: {{ .y }}{{ .z }}: \"\n{{ end }}\nname: git\n"},
	})
}
