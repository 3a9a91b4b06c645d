package detect

import "testing"

func TestBench(t *testing.T) {
	runSamples(t, deployments(), []sample{
		{about: "in an image", path: "images/Containerfile", text: `FROM base
ARG LINE=version-16
ARG SHOP=https://github.com/o/shop
RUN bench init --frappe-branch=${LINE} --no-backups bench && cd bench && \
  bench get-app --branch ${LINE} --resolve-deps shop ${SHOP} && \
  bench get-app erpnext && bench get-app o/other --branch main
RUN bench init --frappe-path https://git.example.test/frappe.git x
RUN bench build
`, want: []string{
			"4 https://github.com/frappe/frappe version-16 any", "5 https://github.com/o/shop version-16 any", "6 https://github.com/frappe/erpnext - any",
			"6 https://github.com/o/other main any", "7 https://git.example.test/frappe.git - any",
		}},
		{about: "a list of apps", path: "development/apps-example.json", text: `[
  {"url": "https://github.com/o/a.git", "branch": "main"},
  {"url": "https://example.test/page", "branch": "main"}, {"url": "https://github.com/o/b.git"}
]`, want: []string{"2 https://github.com/o/a.git main any"}},
		{about: "apps of something else", path: "apps.json", text: `{"url": "https://github.com/o/a.git", "branch": "main"}`},
	})
}
