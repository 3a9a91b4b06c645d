package suite

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// "go doc conformance Subject" shows an alias: its comment names every field.
func TestSubjectIsTold(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "conformance.go"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(b), "// Subject is")
	text, _, _ = strings.Cut(text, "type Subject")
	for f := range reflect.TypeFor[Subject]().Fields() {
		if !strings.Contains(text, f.Name) {
			t.Errorf("the comment of conformance.Subject does not name %s", f.Name)
		}
	}
}
