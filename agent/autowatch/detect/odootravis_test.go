package detect

import "testing"

func TestOdooOnTravis(t *testing.T) {
	runSamples(t, []Detector{odooOnTravis()}, []sample{
		{about: "runs of a matrix", path: ".travis.yml", text: `env:
  global:
    - VERSION="11.0" TESTS="0"
  matrix:
    - LINT_CHECK="1"
    - TESTS="1" ODOO_REPO="odoo/odoo"
    - TESTS="1" ODOO_REPO="o/fork" VERSION="12.0"
install:
  - travis_install_nightly
`, want: []string{"2 https://github.com/odoo/odoo 11.0 branch", "2 https://github.com/o/fork 12.0 branch"}},
		{about: "other tools", path: ".travis.yml", text: "env:\n  - VERSION=11.0 ODOO_REPO=odoo/odoo\n"},
	})
}
