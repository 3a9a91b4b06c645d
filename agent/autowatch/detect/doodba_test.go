package detect

import "testing"

func TestDoodba(t *testing.T) {
	files := map[string]string{
		"../../../.env":        "# versions\nMINOR=\"16.0\"\n",
		"../../../common.yaml": "services:\n  odoo:\n    build: {args: {ODOO_VERSION: $MINOR}}\n    environment: [\"ODOO_VERSION=no\", \"TEAM=${NOBODY:-team}\"]\n",
		"repos.yaml":           "./odoo: {merges: [a b]}\nown: {merges: [a b]}\n./near: {merges: [a b]}\n",
	}
	runSamples(t, []Detector{gitAggregator(), doodbaAddons()}, []sample{
		{about: "variables", path: "odoo/custom/src/repos.yaml", beside: files, text: `./odoo:
  remotes: {ocb: https://github.com/OCA/OCB.git, team: https://github.com/$TEAM/odoo}
  merges:
    - ocb $ODOO_VERSION
    - {remote: team, ref: $MINOR-next}
`, want: []string{"4 https://github.com/OCA/OCB.git 16.0 any tag-first", "5 https://github.com/team/odoo 16.0-next any tag-first"}},
		{about: "without what they stand for", path: "repos.yaml", text: "x: {remotes: {o: https://github.com/o/x}, merges: [o $ODOO_VERSION]}\n",
			fails: "the name of the branch is computed"},
		{about: "addons", path: "odoo/custom/src/addons.yaml", beside: files, text: `own: ["*"]
near: [x]
private: [y]
server-tools:
  - base
---
ENV: {X: y}
web: [z]
`, want: []string{"5 https://github.com/OCA/server-tools.git 16.0 any tag-first", "8 https://github.com/OCA/web.git 16.0 any tag-first"}},
		{about: "another pattern", path: "src/addons.yaml", text: "web: [z]\n", want: []string{"1 https://git.example.test/web main any tag-first"}, beside: map[string]string{
			"repos.yaml": "odoo: {merges: [a b]}\n", ".env": "DEFAULT_REPO_PATTERN=https://git.example.test/{}\nexport ODOO_VERSION='main' # x\n"}},
		{about: "not of Doodba", path: "src/addons.yaml", text: "web: [z]\n"},
	})
}
