package detect

import "testing"

func TestModules(t *testing.T) {
	runSamples(t, deployments(), []sample{
		{about: "pinned ones are no mentions", path: ".gitmodules", text: `[submodule "pinned"]
	path = vendor/pinned
	url = https://github.com/o/pinned.git
[submodule "theme"]
	path = themes/shop
	url = ../theme.git ; beside us
	branch = live
	update = rebase
[submodule "self"]
	branch = .
	path = self
	URL = "git@github.com:o/self.git"
`, want: []string{"6 ../theme.git live branch", "12 git@github.com:o/self.git . branch"}},
		{about: "windows, comments, a section on one line", path: "sub/.gitmodules",
			text: "\ufeff# themes\r\n[Submodule \"a\"] path = a\r\n\turl=https://h/a#x\r\n;\tbranch = old\r\n\tbranch = \"release/1.0\" # new\r\n[core]\r\n\tbranch = no\r\n",
			want: []string{"3 https://h/a release/1.0 branch"}},
	})
}
