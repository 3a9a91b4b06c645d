package detect

import (
	"slices"
	"testing"
)

func TestPuppetManifests(t *testing.T) {
	runSamples(t, []Detector{puppetManifests()}, []sample{
		{about: "a class", path: "modules/x/manifests/init.pp", text: `# vcsrepo { '/old': source => 'https://git.example.test/o/old' }
class x (
  String[1] $repo     = 'https://git.example.test/o/given.git',
  String    $revision = 'stable',
) {
  $host = "git.example.test"
  vcsrepo { '/srv/a':
    ensure   => latest,
    provider => git,
    source   => 'https://git.example.test/o/a.git',
  }
  if $other {
    vcsrepo { $dir:
      provider => git,
      source   => $repo,
      revision => $revision,
    }
  }
  vcsrepo { "/srv/${name}":
    provider => 'hg',
    source   => "https://${host}/o/b",
    revision => 'default',
  }
  vcsrepo { '/gone': ensure => absent, provider => git, source => 'https://git.example.test/o/gone' }
  vcsrepo { '/svn': provider => svn, source => 'https://svn.example.test/o/c' }
  vcsrepo { '/what': provider => git, source => "https://${facts['host']}/x" }
  file { '/usr/bin/tool':
    source => 'https://raw.githubusercontent.com/o/tool/master/tool.py',
  }
  archive { '/tmp/x.zip':
    source   => 'https://github.com/o/summed/archive/main.zip',
    checksum => 'abc',
  }
  file { '/etc/x': source => 'puppet:///modules/x/x' }
}
`, want: []string{
			"10 https://git.example.test/o/a.git - any",
			"15 https://git.example.test/o/given.git stable any",
			"21 https://git.example.test/o/b default any hg",
			"28 https://github.com/o/tool master any",
		}, fails: "line 26: what is asked for is computed"},
		{about: "a variable that is set twice", path: "a.pp", text: "if $x { $r = 'https://h/a' } else { $r = 'https://h/b' }\nvcsrepo { '/x': provider => git, source => $r }\n",
			fails: "line 2: what is asked for is computed"},
	})
}

func TestPuppetModules(t *testing.T) {
	for text, want := range map[string][]string{
		"": nil,
		"forge 'x'\nmod 'puppetlabs-stdlib', '9.1.0'\n":                                                     {"modules/stdlib"},
		"moduledir 'others'\nmod 'puppetlabs/apt'\n  mod \"own\",\n  :git => 'x'\n# mod 'no'\nmodern 'x'\n": {"others/apt", "others/own"},
	} {
		if got := PuppetModules(text); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
