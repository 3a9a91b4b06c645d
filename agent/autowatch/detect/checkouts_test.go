package detect

import "testing"

// A general role that is told what to install.
const workerDefaults = `worker_name: nobody
worker_source: "{{ worker_name }}"
worker_checkouts:
  - PROTOCOL: "{{ SITE_PROTOCOL }}"
    DOMAIN: "{{ SITE_HOST }}"
    PATH: "{{ SITE_OWNER }}"
    REPO: "{{ worker_source }}.git"
    VERSION: "{{ worker_branch | default('main') }}"
`

const siteDefaults = "SITE_PROTOCOL: https\nSITE_HOST: git.example.test\nSITE_OWNER: acme\n"

func TestCheckoutsOfRoles(t *testing.T) {
	worker := map[string]string{
		"../../worker/defaults/main.yml": workerDefaults,
		"../../worker/meta/main.yml":     "dependencies:\n  - site\n",
		"../../site/defaults/main.yml":   siteDefaults,
		"../defaults/main.yml":           "mailer_name: mailer\nMAILER_BRANCH: live\nmailer_checkouts: []\n",
		"../meta/main.yml":               "dependencies:\n  - role: worker\n",
	}
	runSamples(t, []Detector{ansibleTasks()}, []sample{
		{about: "a role is told what to install", path: "roles/mailer/meta/main.yml", text: `# from git
dependencies:
  - role: worker
    worker_branch: "{{ MAILER_BRANCH }}"
    worker_name: "{{ mailer_name }}"
`, beside: worker, want: []string{"3 https://git.example.test/acme/mailer.git live any"}},
		{about: "it is told something else", path: "roles/mailer/meta/main.yml", text: `# from git
dependencies:
  - role: worker
    worker_name: "{{ mailer_name }}"
    worker_checkouts: "{{ mailer_checkouts }}"
  - role: ../../etc
  - role: absent
`, beside: worker},
		{about: "what it needs stands in another", path: "roles/shop/meta/main.yml", text: `# git
dependencies:
  - site
  - role: theme
`, beside: map[string]string{
			"../../site/defaults/main.yml":  siteDefaults,
			"../../theme/defaults/main.yml": "THEMES:\n  - {DOMAIN: '{{ SITE_HOST }}', PATH: '{{ SITE_OWNER }}', REPO: theme.git, VERSION: live}\n",
			"../meta/main.yml":              "dependencies:\n  - site\n  - role: theme\n",
		}, want: []string{"4 https://git.example.test/acme/theme.git live any"}},
		{about: "a loop includes it", path: "roles/workers/tasks/main.yml", text: `- name: Workers from git
  include_role: {name: worker}
  vars:
    worker_source: "{{ each.source }}"
    worker_branch: "{{ each.branch | default(BRANCH) }}"
  loop: "{{ wanted }}"
  loop_control: {loop_var: each}
`, beside: map[string]string{
			"../../worker/defaults/main.yml": workerDefaults,
			"../../site/defaults/main.yml":   siteDefaults,
			"../meta/main.yml":               "dependencies:\n  - site\n",
			"../defaults/main.yml": "BRANCH: live\nWORKERS:\n  - {source: worker-a}\n  - {source: worker-b, branch: dev}\n" +
				"EXTRA: [{source: worker-c}]\nextra: '{{ MORE | ternary(EXTRA, []) }}'\nwanted: '{{ WORKERS + extra }}'\n",
		}, want: []string{"2 https://git.example.test/acme/worker-a.git live any", "2 https://git.example.test/acme/worker-b.git dev any"}},
		{about: "variables of a play in a list", path: "theme.yml", text: `- name: The theme
  vars:
    - theme_branch: live
    - theme_requirement: "git+https://git.example.test/theme.git@{{ theme_branch }}#egg=theme"
    - page: "git+https://git.example.test/no.git"
`, want: []string{"4 https://git.example.test/theme.git live any"}},
	})
}
