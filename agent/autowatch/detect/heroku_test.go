package detect

import "testing"

func TestBuildpacks(t *testing.T) {
	runSamples(t, deployments(), []sample{
		{about: "a list", path: ".buildpacks", text: `https://github.com/heroku/heroku-buildpack-apt
# https://github.com/o/no

https://git.example.test/o/pack.git#dev
https://github.com/o/pinned#` + hash + `
https://github.com/o/archived/archive/main.tar.gz
https://packs.example.test/x.tgz
heroku/nodejs
urn:cnb:registry:heroku/ruby
`, want: []string{
			"1 https://github.com/heroku/heroku-buildpack-apt - any",
			"4 https://git.example.test/o/pack.git dev any",
			"5 https://github.com/o/pinned " + hash + " commit",
			"6 https://github.com/o/archived main any",
		}},
		{about: "app.json", path: "app.json", text: `{
  "repository": "https://github.com/o/no",
  "env": {
    "BUILDPACK_URL": {"value": "https://github.com/o/multi.git"},
    "X": "https://github.com/o/no.git"
  },
  "buildpacks": [
    {"url": "https://github.com/o/apt"},
    {"url": "heroku/ruby"}
  ]
}`, want: []string{
			"4 https://github.com/o/multi.git - any",
			"8 https://github.com/o/apt - any",
		}},
		{about: "a text", path: "x/app.json", text: `{"env": {"BUILDPACK_URL": "https://github.com/o/one#two"}}`, want: []string{
			"1 https://github.com/o/one two any",
		}},
		{about: "of another program", path: "app.json", text: "{\"expo\": {"},
	})
}
