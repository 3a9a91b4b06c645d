package logs_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wright-build/wright/master/logs"
)

func TestSilentBuildsLeaveNothing(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	for n := range 5000 { // more than are remembered
		put(t, l, shop(n), 1, 0, "", true)
		if err := l.Finish(shop(n)); err != nil {
			t.Fatal(err)
		}
	}
	if found := files(t, dir); len(found) > 0 {
		t.Errorf("on disk: %v", found)
	}
	if err := l.Follow(t.Context(), shop(4999), nil, gather{}.emit); err != nil {
		t.Errorf("follow a silent attempt that is finished: %v", err)
	}
}

func TestFinishedTakesNoMore(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	put(t, l, shop(1), 0, 0, "wright\x00\x00", false)
	put(t, l, shop(1), 1, 0, "step", true)
	for range 2 {
		if err := l.Finish(shop(1)); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if size, err := l.Append(shop(1), 0, "wright", 8, []byte("more"), false); !errors.Is(err, logs.ErrFinished) || size != 8 {
			t.Errorf("append after the finish: %d, %v", size, err)
		}
		if _, err := l.Append(shop(1), 2, "new", 0, []byte("more"), false); !errors.Is(err, logs.ErrFinished) {
			t.Errorf("new part after the finish: %v", err)
		}
		sizes, err := l.Sizes(shop(1))
		if err != nil || len(sizes) != 2 || sizes[0] != 8 || sizes[1] != 4 {
			t.Errorf("sizes %v, %v", sizes, err)
		}
		l = open(t, dir)
	}
}

func TestManyBuildsAtOnce(t *testing.T) {
	l := open(t, t.TempDir())
	const builds, rounds = 300, 3 // more than files stay open
	for round := range rounds {
		for n := range builds {
			put(t, l, shop(n), 1, int64(round*8), fmt.Sprintf("%d:%05d\n", round, n), round == rounds-1)
		}
	}
	for n := range builds {
		want := fmt.Sprintf("0:%05d\n1:%05d\n2:%05d\n", n, n, n)
		if got := read(t, l, shop(n), 1); got != want {
			t.Fatalf("build %d: %q", n, got)
		}
	}
}

func TestWhatAPowerCutDamagedIsNotRead(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	put(t, l, shop(1), 1, 0, "good and whole", true)
	put(t, l, shop(1), 2, 0, "lost its tail", true)
	put(t, l, shop(1), 3, 0, "was being written", false)
	put(t, l, shop(1), 4, 0, "z", false)
	at := filepath.Join(dir, "shop", "shop-000001", "1")
	for file, size := range map[string]int64{"02-part%202.13.log": 4, "03-part%203.part": 100000, "04-part%204.part": 0} {
		if err := os.Truncate(filepath.Join(at, file), size); err != nil {
			t.Fatal(err)
		}
	}
	l = open(t, dir)
	parts, err := l.Parts(shop(1))
	want := []logs.Part{{1, "part 1", 14, true}, {2, "part 2", 4, false}, {3, "part 3", 17, false}}
	if err != nil || !slices.Equal(parts, want) {
		t.Fatalf("parts %v, %v; want %v", parts, err, want)
	}
	put(t, l, shop(1), 2, 4, " its tail", true)
	put(t, l, shop(1), 4, 0, "again", true)
	for part, want := range map[int]string{1: "good and whole", 2: "lost its tail", 3: "was being written", 4: "again"} {
		if got := read(t, l, shop(1), part); got != want {
			t.Errorf("part %d: %q, want %q", part, got, want)
		}
	}
}

func TestRemove(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	put(t, l, shop(1), 1, 0, "one", false)
	second := shop(1)
	second.Attempt = 2
	put(t, l, second, 1, 0, "two", true)
	put(t, l, shop(2), 1, 0, "other", true)
	if got, err := l.Attempts("shop", shop(1).Build); err != nil || !slices.Equal(got, []int{1, 2}) {
		t.Errorf("attempts %v, %v", got, err)
	}
	if err := l.Remove("shop", shop(1).Build); err != nil {
		t.Fatal(err)
	}
	if got, err := l.Attempts("shop", shop(1).Build); err != nil || len(got) > 0 {
		t.Errorf("attempts after the removal %v, %v", got, err)
	}
	if parts, err := l.Parts(shop(1)); err != nil || len(parts) > 0 {
		t.Errorf("parts after the removal %v, %v", parts, err)
	}
	put(t, l, shop(1), 1, 0, "anew", false)
	if got := read(t, l, shop(1), 1); got != "anew" {
		t.Errorf("output of a build removed before: %q", got)
	}
	for _, n := range []int{1, 2, 2} {
		if err := l.Remove("shop", shop(n).Build); err != nil {
			t.Error(err)
		}
	}
	if found := files(t, dir); len(found) > 0 {
		t.Errorf("left on disk: %v", found)
	}
}

// files lists all files and directories below dir.
func files(t *testing.T, dir string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if path != dir {
			found = append(found, strings.TrimPrefix(path, dir+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
