package scaffold

import (
	"go/format"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wright-build/wright/plugins"
)

// sdk is this checkout.
func sdk(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestEveryKindInEveryLanguage(t *testing.T) {
	for _, lang := range Langs() {
		for _, kind := range plugins.Kinds() {
			t.Run(lang+" "+string(kind), func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "new")
				names, err := Write(dir, Options{Kind: kind, Name: "mine", Lang: lang, SDK: sdk(t)})
				if err != nil {
					t.Fatal(err)
				}
				for _, name := range []string{"README.md", "Makefile", "ci.sh", "verify.toml", ".gitignore", ".github/workflows/test.yml"} {
					if !slices.Contains(names, name) {
						t.Errorf("there is no %s in %v", name, names)
					}
				}
				for _, name := range names {
					checkFile(t, filepath.Join(dir, filepath.FromSlash(name)))
				}
			})
		}
	}
}

// A manifest with a name needs an AppServer that the name leads to.
func TestManifestOfAName(t *testing.T) {
	for _, kind := range []plugins.Kind{plugins.DNS, plugins.Balancer} {
		if text := manifest(kind, "mine"); !strings.Contains(text, "    [appserver]\n    cloud = ") {
			t.Errorf("no manifest check takes the snippet of %s:\n%s", kind, text)
		}
	}
}

// checkFile looks for places that were not filled in, and for other people's style.
func checkFile(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"@KIND@", "@NAME@", "@FUNC@", "@MANIFEST@"} {
		if strings.Contains(string(text), word) {
			t.Errorf("%s holds %s", path, word)
		}
	}
	if filepath.Ext(path) == ".go" {
		if nice, err := format.Source(text); err != nil || string(nice) != string(text) {
			t.Errorf("%s is not as gofmt makes it (%v)", path, err)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm()&0o111 != 0 != strings.HasPrefix(string(text), "#!") {
		t.Errorf("%s: mode %v, %v", path, info.Mode(), err)
	}
}

func TestNothingIsOverwritten(t *testing.T) {
	dir := t.TempDir()
	readme := filepath.Join(dir, "README.md")
	if err := os.WriteFile(readme, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Write(dir, Options{Kind: plugins.Cloud, Name: "mine", SDK: sdk(t)})
	if err == nil || !strings.Contains(err.Error(), readme) {
		t.Errorf("write into a directory with a README: %v", err)
	}
	left, _ := os.ReadDir(dir)
	if text, _ := os.ReadFile(readme); string(text) != "mine" || len(left) != 1 {
		t.Errorf("the directory holds %v, the README %q", left, text)
	}
}

func TestRefused(t *testing.T) {
	long := strings.Repeat("x", 41)
	tests := []struct {
		o    Options
		want string
	}{
		{Options{Kind: "cluod", Name: "mine"}, `"cluod" is no kind`},
		{Options{Kind: plugins.Cloud}, "no name"},
		{Options{Kind: plugins.Cloud, Name: "../mine"}, "no name"},
		{Options{Kind: plugins.Cloud, Name: "Mine"}, "no name"},
		{Options{Kind: plugins.Cloud, Name: "1st"}, "no name"},
		{Options{Kind: plugins.Cloud, Name: "a-"}, "no name"},
		{Options{Kind: plugins.Cloud, Name: long}, "no name"},
		{Options{Kind: plugins.Cloud, Name: "mine", Lang: "perl"}, "go, python"},
		{Options{Kind: plugins.Cloud, Name: "mine", SDK: t.TempDir()}, "no go.mod"},
	}
	for _, tt := range tests {
		dir := filepath.Join(t.TempDir(), "new")
		_, err := Write(dir, tt.o)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %q", tt.o, err, tt.want)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%+v made a directory", tt.o)
		}
	}
}

// Outside of a checkout the module is fetched, in the version of this program;
// a program built from a working tree has none that others could fetch.
func TestNoCheckout(t *testing.T) {
	_, err := Write(filepath.Join(t.TempDir(), "new"), Options{Kind: plugins.Cloud, Name: "mine"})
	if err == nil || !strings.Contains(err.Error(), "--sdk DIR") {
		t.Errorf("without a checkout: %v", err)
	}
	for version, want := range map[string]bool{
		"v1.2.3": true, "v0.0.0-20261121150000-0123456789ab": true, "(devel)": false, "": false,
		"v0.0.0-20261121150000-0123456789ab+dirty": false,
	} {
		if released.MatchString(version) != want {
			t.Errorf("%q can be fetched: %v, want %v", version, !want, want)
		}
	}
}

func TestCheckoutIsFound(t *testing.T) {
	got, err := Options{}.checkout(filepath.Join(sdk(t), "examples", "plugins", "new"))
	if err != nil || got != sdk(t) {
		t.Errorf("checkout above the plugin: %q, %v", got, err)
	}
}
