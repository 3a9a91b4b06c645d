package detect

import "testing"

func TestLefthook(t *testing.T) {
	runSamples(t, []Detector{lefthooks()}, []sample{
		{about: "several", path: ".lefthook.toml", text: `[[remotes]]
git_url = "git@git.example.test:o/hooks.git"
ref = "main"
configs = ["common.toml"]

[[remotes]]
git_url = "https://git.example.test/o/more"
`, want: []string{"2 git@git.example.test:o/hooks.git main any", "7 https://git.example.test/o/more - any"}},
		{about: "one, as it was before", path: "lefthook.yml", text: "pre-commit: {jobs: [{run: make}]}\nremote:\n  git_url: https://git.example.test/o/hooks\n  ref: v1.2.0\n",
			want: []string{"3 https://git.example.test/o/hooks v1.2.0 any"}},
		{about: "JSON", path: "lefthook.json", text: `{"remotes": [{"git_url": "https://git.example.test/o/hooks", "ref": "dev"}]}`,
			want: []string{"1 https://git.example.test/o/hooks dev any"}},
		{about: "none", path: "lefthook.yml", text: "pre-push:\n  commands: {test: {run: go test}}\n"},
	})
}
