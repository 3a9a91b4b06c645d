package artifacts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// tree is a directory with files.
func tree(t *testing.T, files map[string]string) *os.Root {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return root
}

func named(all []File) string {
	var names []string
	for _, f := range all {
		names = append(names, f.Path)
	}
	return strings.Join(names, " ")
}

func TestFind(t *testing.T) {
	root := tree(t, map[string]string{
		"dist/a.tar": "12345", "dist/deep/b.tar": "1", "dist/c.tmp": "1", ".git/config": "1", "ü/d.tar": "1", "e.tar": "",
	})
	outside := filepath.Join(t.TempDir(), "secret.tar")
	if err := errors.Join(os.WriteFile(outside, []byte("secret"), 0o600), os.Chmod(filepath.Join(root.Name(), "dist/a.tar"), 0o755),
		os.Symlink(outside, filepath.Join(root.Name(), "dist/link.tar")), os.Symlink(filepath.Dir(outside), filepath.Join(root.Name(), "dist/dir"))); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		paths, exclude []string
		most           int64
		want, err      string
	}{
		"nothing":         {nil, nil, 1 << 20, "", ""},
		"one place":       {[]string{"dist/*"}, []string{"*.tmp", "**/*.tmp"}, 1 << 20, "dist/a.tar", ""},
		"all below":       {[]string{"dist/"}, nil, 1 << 20, "dist/a.tar dist/c.tmp dist/deep/b.tar", ""},
		"anywhere":        {[]string{"**/*.tar"}, nil, 1 << 20, "dist/a.tar dist/deep/b.tar e.tar ü/d.tar", ""},
		"not git's":       {[]string{"**"}, []string{"dist/", "ü/"}, 1 << 20, "e.tar", ""},
		"matches nothing": {[]string{"*.zip"}, nil, 1 << 20, "", ""},
		"too large":       {[]string{"**/*.tar"}, nil, 6, "", "more than 0 MiB"},
	} {
		got, err := Find(t.Context(), root, c.paths, c.exclude, c.most)
		if named(got) != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: got %q, %v", name, named(got), err)
		}
	}
	all, _ := Find(t.Context(), root, []string{"dist/a.tar"}, nil, 5)
	if len(all) != 1 || all[0] != (File{"dist/a.tar", 5, true}) {
		t.Errorf("got %+v", all)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Find(gone, root, []string{"**"}, nil, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
}

func TestSum(t *testing.T) {
	root := tree(t, map[string]string{"a": "hello", "dir/b": "x"})
	f, sum, err := Sum(root, File{Path: "a", Size: 5})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if text, _ := io.ReadAll(f); string(text) != "hello" || fmt.Sprintf("%x", sum[:4]) != "2cf24dba" {
		t.Errorf("read %q, sum %x", text, sum)
	}
	for name, f := range map[string]File{
		"it grew": {Path: "a", Size: 4}, "it shrank": {Path: "a", Size: 6}, "it went": {Path: "c", Size: 1}, "a directory": {Path: "dir", Size: 0},
		"outside": {Path: "../x", Size: 1},
	} {
		if _, _, err := Sum(root, f); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

const report = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites><testsuite name="outer"><properties><property name="x"/></properties>
<testsuite name="inner">
<testcase name="passes" classname="pkg.A" time="0.5"/>
<testcase name="fails" classname="pkg.A" time="1,000.25"><failure message="want 1">want 1, got 2
trace</failure></testcase>
<testcase name="breaks"><error message="panic">stack</error><system-out>much</system-out></testcase>
<testcase name="is skipped" time="x"><skipped/></testcase>
</testsuite></testsuite></testsuites>`

func TestReadTests(t *testing.T) {
	root := tree(t, map[string]string{"good.xml": report, "empty.xml": "", "cut.xml": report[:300], "other.xml": "<html/>", "bomb.xml": `<!DOCTYPE x [<!ENTITY a "aaaa">]><testsuite><testcase name="&a;"/></testsuite>`})
	got := ReadTests(root, []File{{Path: "good.xml"}})
	if got.Passed != 1 || got.Failed != 1 || got.Errored != 1 || got.Skipped != 1 || got.Took != 1000750*time.Millisecond || len(got.Warnings) != 0 || !got.Any() {
		t.Errorf("got %+v", got)
	}
	want := []Case{
		{"pkg.A", "fails", Failed, "want 1, got 2\ntrace", 1000250 * time.Millisecond},
		{"inner", "breaks", Errored, "panic\nstack", 0},
		{"inner", "is skipped", Skipped, "", 0},
	}
	if fmt.Sprint(got.Cases) != fmt.Sprint(want) {
		t.Errorf("got  %+v\nwant %+v", got.Cases, want)
	}
	for _, bad := range []string{"empty.xml", "cut.xml", "other.xml", "bomb.xml", "missing.xml"} {
		if got := ReadTests(root, []File{{Path: bad}}); len(got.Warnings) != 1 || !strings.Contains(got.Warnings[0], bad) {
			t.Errorf("%s: %+v", bad, got)
		}
	}
}

func TestFailuresHaveRoomBeforeSkipped(t *testing.T) {
	var tests Tests
	for range maxCases {
		tests.add(Case{Outcome: Skipped})
	}
	tests.add(Case{Outcome: Failed, Name: "late"})
	tests.add(Case{Outcome: Skipped, Name: "too late"})
	if len(tests.Cases) != maxCases || tests.Cases[0].Name != "late" {
		t.Errorf("%d are kept, the first is %+v", len(tests.Cases), tests.Cases[0])
	}
}

func FuzzReadTests(f *testing.F) {
	f.Add(report)
	f.Add("<testsuite><testsuite>")
	f.Add("<testsuite><testcase name='\xff'><failure/></testcase></testsuite>")
	f.Fuzz(func(t *testing.T, text string) {
		var tests Tests
		_ = tests.read(strings.NewReader(text))
		if len(tests.Cases) > maxCases || tests.Took < 0 {
			t.Errorf("got %+v", tests)
		}
		for _, c := range tests.Cases {
			if len(c.Name) > maxText+3 || len(c.Message) > maxText+3 || strings.ToValidUTF8(c.Name, "") != c.Name {
				t.Errorf("got %+v", c)
			}
		}
	})
}

func TestWarnings(t *testing.T) {
	text := "main.c:3:5: warning: unused variable\n[WARN] old\nWARNING: deprecated\nwarning C4996: strcpy\nno warnings\nI warn you\nforewarning: no\n" +
		strings.Repeat("x", 200_000) + " warning: too far along its line\nwarning: the last"
	if n, err := Warnings(strings.NewReader(text)); n != 5 || err != nil {
		t.Errorf("%d warnings, %v", n, err)
	}
}

func BenchmarkWarnings(b *testing.B) {
	text := strings.Repeat("compiling something/with/a/path.c and learning nothing of it\n", 16_000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := Warnings(strings.NewReader(text)); err != nil {
			b.Fatal(err)
		}
	}
}
