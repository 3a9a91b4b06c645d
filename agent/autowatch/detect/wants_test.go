package detect

import (
	"path"
	"testing"
)

func TestNamesOfImages(t *testing.T) {
	for _, name := range []string{"Dockerfile", "a/Dockerfile.dev", "Dockerfile-arm", "ci/Dockerfile_i686", "x.dockerfile", "Containerfile"} {
		if !dockerfiles().Wants(name) {
			t.Errorf("%s is not wanted", name)
		}
	}
}

func TestFits(t *testing.T) {
	for _, pattern := range []string{"go.mod", "*.tf", "Dockerfile*", "*.y*ml", "requirements*.txt", "*", "", "a?c", "[ab].txt", `\*`, "[", "**"} {
		for _, name := range []string{"go.mod", "main.tf", ".tf", "Dockerfile.dev", "a.yaml", "requirements-dev.txt", "abc", "a.txt", "*", "", "[", "x"} {
			want, err := path.Match(pattern, name)
			if got := fits(pattern, name); got != (want && err == nil) {
				t.Errorf("fits(%q, %q) = %v", pattern, name, got)
			}
		}
	}
}

// What is there to show how it is done is no part of a build.
func TestExamplesAreNotWanted(t *testing.T) {
	for path, want := range map[string]bool{
		"west.yml": true, "app/west.yml": true, "examples/app/west.yml": false, "docs/west.yml": false,
		"flake.nix": true, "examples/x/flake.nix": true, "x/docs/examples/flake.lock": false,
	} {
		if got := west().Wants(path) || flakes().Wants(path); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
}
