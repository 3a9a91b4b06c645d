package manifests

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

var rewrite = flag.Bool("rewrite", false, "write what Parse says into testdata/*.txtar")

// Each archive in testdata holds pairs of NAME.toml and NAME.want: the manifest
// and what Parse says to it.
func TestGolden(t *testing.T) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no archives in testdata: %v", err)
	}
	for _, path := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) { golden(t, path) })
	}
}

func golden(t *testing.T, path string) {
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(archive.Files); i += 2 {
		in, want := archive.Files[i], &archive.Files[i+1]
		if strings.TrimSuffix(in.Name, ".toml") != strings.TrimSuffix(want.Name, ".want") {
			t.Fatalf("%s is followed by %s", in.Name, want.Name)
		}
		got := dump(t, in.Name, in.Data)
		if *rewrite {
			want.Data = []byte(got)
		} else if got != string(want.Data) {
			t.Errorf("%s: got\n%swant\n%s", in.Name, got, want.Data)
		}
	}
	if *rewrite {
		if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// dump is the manifest in JSON with its notes, or the errors.
func dump(t *testing.T, name string, text []byte) string {
	m, err := Parse(name, text)
	if err != nil {
		var all Errors
		if !errors.As(err, &all) {
			t.Fatalf("%s: the error is %T", name, err)
		}
		return all.Error() + "\n"
	}
	if len(m.Digest) != 64 {
		t.Errorf("%s: digest %q", name, m.Digest)
	}
	m.Digest = ""
	out, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(out) + "\n"
}

// seedGolden gives a fuzz target all inputs of the archives.
func seedGolden(f *testing.F) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range archives {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			if strings.HasSuffix(file.Name, ".toml") {
				f.Add(file.Data)
			}
		}
	}
}
