package trees_test

import (
	"bytes"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/wright-build/wright/agent/workspace/gittest"
	"github.com/wright-build/wright/master/poll/ask/trees"
)

// packed is what git packs of some objects, by names of revisions.
func packed(t testing.TB, repo *gittest.Repo, options ...string) []byte {
	t.Helper()
	cmd := exec.Command("git", append([]string{"pack-objects", "--stdout", "--quiet"}, options...)...)
	cmd.Dir = repo.Dir
	cmd.Stdin = strings.NewReader(repo.Git("rev-list", "--objects", "--all", "--no-object-names"))
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestChanged(t *testing.T) {
	for _, format := range []string{"sha1", "sha256"} {
		t.Run(format, func(t *testing.T) {
			repo := gittest.New(t, "--object-format="+format)
			many := map[string]string{"README.md": "a", "docs/a": "a", "docs/deep/b": "b", "src/main.go": "m", "same/x": "x", "gone/y/z": "z", "kind": "file"}
			for i := range 200 {
				many["lots/"+strings.Repeat("x", i%7)+string(rune('a'+i%26))+strings.Repeat("y", i/26)] = "lots"
			}
			first := repo.Commit("one\n\nwith a body", many)
			repo.Git("rm", "-rq", "gone", "kind", "lots/a")
			second := repo.Commit("two [skip ci]", map[string]string{"docs/deep/b": "c", "new/dir/file": "n", "kind/is": "directory", "README.md": "b"})
			repo.Git("update-index", "--chmod=+x", "src/main.go")
			repo.Git("commit", "-qm", "mode only")
			third := repo.Head()
			for _, options := range [][]string{nil, {"--delta-base-offset"}, {"--depth=0"}} {
				all, err := trees.Read(packed(t, repo, options...), len(first))
				if err != nil {
					t.Fatal(err)
				}
				if got, err := all.Message(first); err != nil || got != "one\n\nwith a body\n" {
					t.Errorf("message %q, %v", got, err)
				}
				want := []string{"README.md", "docs/deep/b", "gone/y/z", "kind", "kind/is", "lots/a", "new/dir/file"}
				for _, c := range [][2]string{{first, second}, {second, first}} {
					got, err := all.Changed(c[0], c[1])
					if slices.Sort(got); err != nil || !slices.Equal(got, want) {
						t.Errorf("%v: changed %q, %v", options, got, err)
					}
				}
				if got, err := all.Changed(second, third); err != nil || !slices.Equal(got, []string{"src/main.go"}) {
					t.Errorf("a mode: %q, %v", got, err)
				}
				if _, err := all.Changed(first, strings.Repeat("0", len(first))); err == nil {
					t.Error("a commit that is not there has changes")
				}
			}
		})
	}
}

func TestTooManyChanges(t *testing.T) {
	repo := gittest.New(t)
	first := repo.Commit("none", nil)
	files := map[string]string{}
	for i := range trees.MaxPaths + 1 {
		files["f/"+string(rune('a'+i%26))+"/"+strings.Repeat("x", i/26%50)+string(rune('a'+i/1300))] = "x"
	}
	second := repo.Commit("many", files)
	all, err := trees.Read(packed(t, repo), 40)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := all.Changed(first, second); err != trees.ErrMany { //nolint:errorlint // it is returned as it is
		t.Errorf("%d of %d paths, %v", len(got), len(files), err)
	}
}

// Whatever a server sends: no panic, no end of memory, and what is read bears
// its own name.
func FuzzRead(f *testing.F) {
	repo := gittest.New(f)
	long := strings.Repeat("line of some length\n", 50)
	first := repo.Commit("one", map[string]string{"a/b": long, "c": "d"})
	second := repo.Commit("two", map[string]string{"a/b": long + "more", "c": "e"})
	f.Add(packed(f, repo), first, second)
	f.Add(packed(f, repo, "--delta-base-offset"), first, second)
	f.Add([]byte("PACK\x00\x00\x00\x02\xff\xff\xff\xff"), first, second)
	f.Fuzz(func(t *testing.T, pack []byte, before, after string) {
		all, err := trees.Read(pack, 40)
		if err != nil {
			return
		}
		_, _ = all.Message(after)
		paths, err := all.Changed(before, after)
		if err == nil && before == after && len(paths) > 0 {
			t.Errorf("nothing moved, and %q changed", paths)
		}
		if bytes.Contains([]byte(strings.Join(paths, "")), []byte{0}) {
			t.Error("a path holds NUL")
		}
	})
}
