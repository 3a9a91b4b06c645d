package detect

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"
)

// sample is a file and what it names. want has a line for each mention, in the
// order of the file: "3 https://host/o/r main branch", with "-" for HEAD, and
// "tag-first" and "hg" behind where they hold. fails is a part of the error, if
// there is to be one.
type sample struct {
	about, path, text string
	beside            map[string]string
	want              []string
	fails             string
}

func kindName(k Kind) string {
	return map[Kind]string{Any: "any", Branch: "branch", Tag: "tag", Commit: "commit", Tip: "tip", Version: "version", Latest: "latest"}[k]
}

func (m Mention) short() string {
	name := m.Name
	if name == "" {
		name = "-"
	}
	line := fmt.Sprintf("%d %s %s %s", m.Line, m.URL, name, kindName(m.Kind))
	if m.TagFirst {
		line += " tag-first"
	}
	if m.Unsure {
		line += " unsure"
	}
	if m.Own {
		line += " own"
	}
	if m.VCS != "git" {
		line += " " + m.VCS
	}
	return line
}

// besideIn is a File.Read for the files that lie beside p.
func besideIn(files map[string]string) func(string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		text, ok := files[path.Clean(name)]
		if !ok {
			return nil, fs.ErrNotExist
		}
		return []byte(text), nil
	}
}

// listIn lists a directory of what besideIn reads.
func listIn(files map[string]string) func(string) []string {
	return func(dir string) []string {
		var names []string
		for file := range files {
			if rest, ok := strings.CutPrefix(file, path.Clean(dir)+"/"); ok || path.Clean(dir) == "." && !strings.HasPrefix(file, "..") {
				if !ok {
					rest = file
				}
				first, _, more := strings.Cut(rest, "/")
				if more {
					first += "/"
				}
				names = append(names, first)
			}
		}
		slices.Sort(names)
		return slices.Compact(names)
	}
}

func runSamples(t *testing.T, detectors []Detector, samples []sample) {
	t.Helper()
	for _, tt := range samples {
		t.Run(tt.about, func(t *testing.T) {
			var got []string
			var errs []error
			wanted := false
			for _, d := range detectors {
				if !d.Wants(tt.path) {
					continue
				}
				wanted = true
				found, err := d.Find(File{Path: tt.path, Text: []byte(tt.text), Read: besideIn(tt.beside), List: listIn(tt.beside)})
				errs = append(errs, err)
				for _, m := range found {
					got = append(got, m.short())
				}
			}
			if !wanted {
				t.Fatalf("nobody wants %s", tt.path)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(tt.want, "\n\t"))
			}
			err := errors.Join(errs...)
			if (err != nil) != (tt.fails != "") || err != nil && !strings.Contains(err.Error(), tt.fails) {
				t.Errorf("error %v, want one with %q", err, tt.fails)
			}
		})
	}
}

const (
	hash  = "0123456789abcdef0123456789abcdef01234567"
	hash2 = "fedcba9876543210fedcba9876543210fedcba98"
)
