package autowatch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/wright-build/wright/manifests"
)

// The lists found in whole repositories, where there are checkouts of them,
// against the truth: testdata/truth/README.md says where.
func TestTruth(t *testing.T) {
	checkouts := os.Getenv("WRIGHT_TEST_REPOSITORIES")
	if checkouts == "" {
		t.Skip("WRIGHT_TEST_REPOSITORIES names no directory of checkouts")
	}
	files, err := filepath.Glob("testdata/truth/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no truth: %v", err)
	}
	for _, file := range files {
		r := readTruth(t, file)
		t.Run(r.name, func(t *testing.T) {
			dir := filepath.Join(checkouts, filepath.FromSlash(r.name))
			if _, err := os.Stat(dir); err != nil {
				t.Skip("there is no checkout of it")
			}
			watches, _ := asked(t, dir, Options{MaxTime: time.Hour}, r.remotes) // however slow the machine is
			var got []string
			for _, w := range watches {
				got = append(got, canonical(w.URL+" "+strings.TrimPrefix(w.Ref, "refs/heads/")))
			}
			for _, d := range differences(got, slices.Sorted(expected(r))) {
				t.Error(d)
			}
		})
	}
}

// truth is what is true of one repository.
type truth struct {
	name    string   // OWNER/NAME
	watches []string // the truth: "URL REF"
	misses  []string // of them what is not found; each has a reason in the file
	wrong   []string // found though it is not true; each has a reason in the file
	remotes recorded
}

// recorded is what the repository's remotes have, as far as it matters.
type recorded map[string]map[string]string

// Refs is Refs'.
func (r recorded) Refs(_ context.Context, _, url string) (map[string]string, string, error) {
	refs, ok := r[manifests.CanonicalURL(url)]
	if !ok {
		return nil, "", errors.New("not recorded")
	}
	return refs, "", nil
}

func readTruth(t *testing.T, file string) *truth {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	name, _, _ := strings.Cut(string(archive.Comment), " ")
	r := &truth{name: name, remotes: recorded{}}
	for _, f := range archive.Files {
		switch f.Name {
		case "watches":
			r.watches = entries(string(f.Data))
		case "misses":
			r.misses = entries(string(f.Data))
		case "wrong":
			r.wrong = entries(string(f.Data))
		case "remotes":
			r.record(t, entries(string(f.Data)))
		default:
			t.Fatalf("%s: there is no section %q", file, f.Name)
		}
	}
	return r
}

// entries are the lines without their comments, sorted.
func entries(text string) []string {
	var list []string
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, " #")
		if line = strings.Join(strings.Fields(line), " "); line != "" && line[0] != '#' {
			list = append(list, line)
		}
	}
	slices.Sort(list)
	return list
}

// record reads "URL branch NAME" and "URL tag NAME".
func (r *truth) record(t *testing.T, lines []string) {
	t.Helper()
	for _, line := range lines {
		f := strings.Fields(line)
		kinds := map[string]string{"branch": "refs/heads/", "tag": "refs/tags/"}
		if len(f) != 3 || kinds[f[1]] == "" {
			t.Fatalf("%s: %q is not URL branch|tag NAME", r.name, line)
		}
		url := manifests.CanonicalURL(f[0])
		if r.remotes[url] == nil {
			r.remotes[url] = map[string]string{}
		}
		r.remotes[url][kinds[f[1]]+f[2]] = strings.Repeat("1", 40)
	}
}

func canonical(entry string) string {
	url, ref, _ := strings.Cut(entry, " ")
	return oneAddress(url) + " " + ref
}

// expected is the truth without the known misses and with what is known to be wrong.
func expected(r *truth) func(yield func(string) bool) {
	misses := map[string]bool{}
	for _, m := range r.misses {
		misses[canonical(m)] = true
	}
	return func(yield func(string) bool) {
		for _, w := range append(slices.Clone(r.watches), r.wrong...) {
			if c := canonical(w); !misses[c] && !yield(c) {
				return
			}
		}
	}
}

// differences of two sorted lists.
func differences(got, want []string) []string {
	var list []string
	for _, g := range got {
		if !slices.Contains(want, g) {
			list = append(list, fmt.Sprintf("found, but not true: %s", g))
		}
	}
	for _, w := range want {
		if !slices.Contains(got, w) {
			list = append(list, fmt.Sprintf("true, but not found: %s", w))
		}
	}
	return list
}
