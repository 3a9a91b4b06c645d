package detect

import "testing"

func TestSkips(t *testing.T) {
	for dir, want := range map[string]bool{
		"src/node_modules": true, "a/testdata": true, ".git": true, ".github": false, "x/.gitlab-ci": false, "home/go/pkg/mod": true, "pkg/mode": false,
		"spec/lib/runner/data": true, "tests/data": true, "data": false, "src/data": false, "contest/data": false, "tests/database": false,
		"lib/generators/plugin/templates": true, "templates": false, "deploy/templates": false, "tests": false, "templates/{{ cookiecutter.name }}": true,
	} {
		if got := Skips(dir); got != want {
			t.Errorf("Skips(%q) = %v", dir, got)
		}
	}
}
