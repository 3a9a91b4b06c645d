package detect

import (
	"path"
	"testing"
)

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
