package detect

import "testing"

func TestRPM(t *testing.T) {
	runSamples(t, deployments(), []sample{
		{about: "sources", path: "spec_files/x/x.spec", text: `%global owner o
%define branch next
Name:           x
Version:        1.2
URL:            https://github.com/%{owner}/%{name}
Source0:        %{url}/archive/refs/heads/main.tar.gz
Source1: https://gitlab.com/o/y/-/archive/%{branch}/y.tar.gz
Source2: https://example.test/x-%{version}.tar.gz
Source3: %{url}/archive/%{commit}/x.tar.gz
Patch1: https://raw.githubusercontent.com/o/z/main/a.patch
# Source4: https://github.com/o/no/archive/main.zip
`, want: []string{
			"6 https://github.com/o/x main branch",
			"7 https://gitlab.com/o/y next any",
			"10 https://github.com/o/z main any",
		}},
	})
}

func TestTMT(t *testing.T) {
	runSamples(t, deployments(), []sample{
		{about: "a plan", path: "plans/main.fmf", text: `discover:
  how: fmf
  url: https://github.com/o/tests
  ref: main
/more:
  discover+:
    - how: shell
      url: https://github.com/o/scripts
    - how: fmf
      test: [own]
require:
  - {type: library, url: "https://github.com/o/library", name: /a}
  - {how: install, url: "https://github.com/o/no"}
`, want: []string{
			"3 https://github.com/o/tests main any",
			"8 https://github.com/o/scripts - any",
			"12 https://github.com/o/library - any",
		}},
	})
}

func TestKolla(t *testing.T) {
	runSamples(t, deployments(), []sample{
		{about: "variables", path: "etc/kayobe/kolla.yml", text: `kolla_sources:
  nova-base:
    type: git
    location: https://github.com/o/nova.git
    reference: own/2025.1
  magnum-base:
    type: git
    location: https://github.com/o/magnum.git
    reference: own/{{ release }}
  x: {type: url, location: "https://example.test/x.tar.gz"}
`, want: []string{"4 https://github.com/o/nova.git own/2025.1 any tag-first"}, fails: "line 8: the name of the branch is computed"},
		{about: "options", path: "kolla-build.conf", text: `[DEFAULT]
base = debian
[nova-base]
type = git
location = https://opendev.org/openstack/nova
reference = master
[other]
type = local
location = /srv/x
`, want: []string{"5 https://opendev.org/openstack/nova master any tag-first"}},
	})
}
