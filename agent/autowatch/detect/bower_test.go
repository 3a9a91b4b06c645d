package detect

import "testing"

func TestBower(t *testing.T) { runSamples(t, languages(), bowerSamples()) }

func bowerSamples() []sample {
	return []sample{
		{about: "bower", path: "shop/bower.json", text: `{
  "name": "shop",
  "homepage": "https://github.com/acme/shop",
  "dependencies": {
    "plain": "3.5.0",
    "theme": "https://git.example.test/acme/theme.git",
    "lib": "https://git.example.test/acme/lib.git#` + hash + `",
    "dates": "https://git.example.test/acme/dates.git#1.4.0",
    "a": "acme/a#master",
    "b": "acme/b#~1.2",
    "c": "git@git.example.test:acme/c.git#1.x",
    "d": "git+https://git.example.test/acme/d#1.x-fixes",
    "zip": "https://example.test/x.zip"
  },
  "devDependencies": {"e": "acme/e#>=1 <2"},
  "resolutions": {"f": "acme/f"}
}
`, want: []string{
			"6 https://git.example.test/acme/theme.git - latest",
			"7 https://git.example.test/acme/lib.git " + hash + " commit",
			"8 https://git.example.test/acme/dates.git 1.4.0 version",
			"9 https://github.com/acme/a master any tag-first",
			"10 https://github.com/acme/b ~1.2 version",
			"11 git@git.example.test:acme/c.git 1.x version",
			"12 https://git.example.test/acme/d 1.x-fixes version",
			"15 https://github.com/acme/e >=1 <2 version",
		}},
	}
}
