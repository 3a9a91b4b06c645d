package process

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestJournal(t *testing.T) {
	dir := t.TempDir()
	j, m, err := openJournal(dir)
	if err != nil || len(m.ended)+len(m.lost) > 0 {
		t.Fatalf("new journal: %+v, %v", m, err)
	}
	for _, r := range []record{
		{Started: "a"}, {Started: "b"}, {Ended: &Exit{ID: "a", Code: 3}}, {Started: "c"},
		{Ended: &Exit{ID: "c"}}, {Forgotten: "c"}, {Started: "d"}, {Forgotten: "d"},
	} {
		if err := j.add(r); err != nil {
			t.Fatal(err)
		}
	}
	j.file.WriteString("rubbish\n{\"started\":\"torn")
	for range 2 { // the second reads what the first compacted
		_, m, err = openJournal(dir)
		if err != nil || len(m.ended) != 1 || m.ended["a"].Code != 3 || !slices.Equal(slices.Collect(maps.Keys(m.lost)), []string{"b"}) {
			t.Fatalf("got %+v, %v", m, err)
		}
	}
	fi, err := os.Stat(filepath.Join(dir, journalName))
	if err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("journal: %v %v", fi, err)
	}
}

func FuzzJournal(f *testing.F) {
	f.Add([]byte("{\"started\":\"a\"}\n{\"ended\":{\"ID\":\"a\"}}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), journalName)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		before, err := readJournal(path)
		if err != nil {
			t.Fatal(err)
		}
		j := &journal{path: path}
		if err := j.rewrite(before); err != nil {
			t.Fatal(err)
		}
		if err := j.file.Close(); err != nil {
			t.Error(err)
		}
		after, err := readJournal(path)
		if err != nil || len(after.ended) != len(before.ended) || !maps.Equal(after.lost, before.lost) {
			t.Errorf("%+v became %+v, %v", before, after, err)
		}
	})
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("7 (a) R 1) S 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 12345 0 0"))
	f.Fuzz(func(t *testing.T, line []byte) { parseStat(7, line) })
}

func TestParseStat(t *testing.T) {
	p, err := parseStat(7, []byte("7 (a) R 1) Z 5 6 4 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 12345 0 0"))
	if err != nil || p != (proc{pid: 7, parent: 5, group: 6, session: 4, zombie: true, start: 12345}) {
		t.Errorf("got %+v, %v", p, err)
	}
	for _, bad := range []string{"", "7 (a", "7 (a) R", "7 (a) R x y z 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 12345"} {
		if _, err := parseStat(7, []byte(bad)); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}
