package credential

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wright-build/wright/plugins"
)

func TestRead(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return "file:" + path
	}
	tests := []struct {
		name, value, want string
		code              plugins.Code
	}{
		{"as it is", " s3cret ", " s3cret ", ""},
		{"nothing", "", "", ""},
		{"a file", write("key", "s3cret\r\n\n"), "s3cret", ""},
		{"a file that ends in a blank", write("blank", "s3cret "), "s3cret ", ""},
		{"an empty file", write("empty", "\n"), "", plugins.Denied},
		{"a large file", write("large", strings.Repeat("x", maxFile+1)), "", plugins.Denied},
		{"no file", "file:" + filepath.Join(dir, "none"), "", plugins.Denied},
		{"a directory", "file:" + dir, "", plugins.Denied},
		{"a relative path", "file:key", "", plugins.Invalid},
	}
	for _, tt := range tests {
		got, err := Read("settings.secret", tt.value)
		if got != tt.want || plugins.CodeOf(err) != tt.code {
			t.Errorf("%s: %q, %v; want %q, %q", tt.name, got, err, tt.want, tt.code)
		}
		if err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: the error shows the credential: %v", tt.name, err)
		}
	}
}
