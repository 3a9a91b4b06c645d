package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"

	"github.com/wright-build/wright/plugins"
)

func TestLockIsReadAsWritten(t *testing.T) {
	dir := t.TempDir()
	if _, err := ReadLock(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a lock: %v", err)
	}
	want := []LockEntry{
		{File: "wright-cloud-a", SHA256: strings.Repeat("0a", 32), Version: `1.2 "\ü`, Protocol: 2},
		{File: "wright-dns-b", SHA256: strings.Repeat("f", 64)},
	}
	for range 2 { // also over an old one
		if err := WriteLock(dir, []LockEntry{want[1], want[0]}); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := ReadLock(dir); err != nil || !slices.Equal(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("left behind: %v, %v", files, err)
	}
}

func TestInvalidLockIsNotWritten(t *testing.T) {
	dir := t.TempDir()
	sum := strings.Repeat("0", 64)
	for _, entries := range [][]LockEntry{
		{{File: "x", SHA256: sum}}, {{File: "wright-cloud-a"}}, {{File: "wright-cloud-a", SHA256: sum, Version: "a\nb"}},
		{{File: "wright-cloud-a", SHA256: sum}, {File: "wright-cloud-a", SHA256: sum}},
	} {
		if err := WriteLock(dir, entries); err == nil {
			t.Errorf("%+v was written", entries)
		}
	}
	if files, _ := os.ReadDir(dir); len(files) != 0 {
		t.Errorf("left behind: %v", files)
	}
}

func TestWrongLocks(t *testing.T) {
	sum := `sha256 = "` + strings.Repeat("0", 64) + `"`
	good := "[[plugin]]\nfile = \"wright-cloud-a\"\n" + sum + "\n"
	tests := []struct{ text, says string }{
		{"file = 1\n", "1: want [[plugin]]"},
		{"# c\n\nplugin = []\n", "3: want [[plugin]]"},
		{"[plugin]\n", "1: want [[plugin]]"},
		{"[[plugin]]\nfile = 1\n", "2: "},
		{"[[plugin]]\nfile = \"\n", "2: "},
		{"[[plugin]]\nfile = \"\"\n", "2: file is empty"},
		{"[[plugin]]\nfile.a = \"x\"\n", "2: "},
		{"[[plugin]]\nother = 1\n", "2: want file, sha256"},
		{"[[plugin]] # c\nfile = \"../x\"\n", "1: file is \"../x\""},
		{"[[plugin]]\nfile = \"wright-cloud-a\"\n", "1: sha256 of wright-cloud-a"},
		{good + "file = \"wright-cloud-b\"\n", "4: file is there twice"},
		{good + good, "4: wright-cloud-a is there twice"},
		{good + "protocol = -1\n", "1: protocol of wright-cloud-a is negative"},
		{good + "protocol = 9223372036854775808\n", "4: "},
		{good + "[table]\n", "4: "},
		{good + "version = \"a\\u0000\"\n", "1: version"},
		{"[[plugin]]\nfile = \"" + strings.Repeat("a", 5000) + "\"\n", "2: the line is too long"},
		{strings.Repeat("[[plugin]]\n", maxLockEntries+2), "1002: more than"},
	}
	for _, tt := range tests {
		if _, err := parseLock([]byte(tt.text)); err == nil || !strings.HasPrefix(err.Error(), tt.says) {
			t.Errorf("%.60q: %v, want %q", tt.text, err, tt.says)
		}
	}
}

// What is read means the same to any reader of TOML, and is read again after
// it was written.
func FuzzLock(f *testing.F) {
	f.Add("# c\n[[plugin]] # c\nfile = \"wright-cloud-a\" # c\r\nsha256 = '" + strings.Repeat("0", 64) + "'\nversion = \"1\\u00e4\"\nprotocol = 0x2\n")
	f.Add("[[plugin]]\nfile = \"\"\"a\nb\"\"\"\n")
	f.Add("[[plugin]]\n\"file\" = {a = 1}\n[plugin.x]\n")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseLock([]byte(text))
		if err != nil {
			return
		}
		var v struct {
			Plugin []struct {
				File, SHA256, Version string
				Protocol              int
			}
		}
		if _, err := toml.Decode(text, &v); err != nil || len(v.Plugin) != len(got) {
			t.Fatalf("%q gave %+v, TOML gives %+v, %v", text, got, v, err)
		}
		for i, p := range v.Plugin {
			if got[i] != LockEntry(p) {
				t.Errorf("%q gave %+v, TOML gives %+v", text, got[i], p)
			}
		}
		again, err := formatLock(got)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parseLock(again); err != nil {
			t.Errorf("%q became %q: %v", text, again, err)
		}
	})
}

// copyPlugin puts this binary into a directory of its own, which is then locked.
func copyPlugin(t *testing.T, mode string) (dir, path string) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	path = filepath.Join(dir, plugins.BinaryName(plugins.Cloud, mode))
	binary, err := os.ReadFile(exe)
	if err == nil {
		err = os.WriteFile(path, binary, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	relock(t, dir)
	return dir, path
}

func relock(t *testing.T, dir string) {
	t.Helper()
	entries, err := LockDir(dir)
	if err == nil {
		err = WriteLock(dir, entries)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func add(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString("x")
	}
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestLockedPlugins(t *testing.T) {
	dir, path := copyPlugin(t, "good")
	h, _ := open(t, "other", func(h *Host) { h.cfg.Dirs = []string{dir} })
	p := launch(t, h, "good")
	s, err := p.List(t.Context(), nil)
	if err != nil || len(s) != 1 {
		t.Fatalf("a locked plugin: %v, %v", s, err)
	}
	if problems := Verify([]string{dir}); len(problems) != 0 {
		t.Errorf("problems: %v", problems)
	}
	before, err := sumFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// A running program cannot be written to, but replaced; it is checked before every launch.
	binary, err := os.ReadFile(path)
	if err = errors.Join(err, os.Remove(path), os.WriteFile(path, append(binary, 'x'), 0o755)); err != nil {
		t.Fatal(err)
	}
	killPID(t, fmt.Sprint(h.Plugins()[0].PID))
	for range 5 { // at once each time: what a person mends needs no rest
		eventually(t, "refused", func() bool { _, err = p.List(t.Context(), nil); return plugins.CodeOf(err) == plugins.Denied })
		after, _ := sumFile(path)
		for _, want := range []string{before, after, "wright plugin lock " + dir} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q is not in %v", want, err)
			}
		}
	}
	problems := Verify([]string{dir})
	if len(problems) != 1 || problems[0].File != filepath.Base(path) || plugins.CodeOf(problems[0].Err) != plugins.Denied {
		t.Errorf("problems: %v", problems)
	}
	relock(t, dir)
	if _, err := p.List(t.Context(), nil); err != nil {
		t.Errorf("locked again: %v", err)
	}
}

func TestWhatALockRefuses(t *testing.T) {
	dir, path := copyPlugin(t, "good")
	if err := os.Symlink(path, filepath.Join(dir, "wright-cloud-new")); err != nil {
		t.Fatal(err)
	}
	h, _ := open(t, "new", func(h *Host) { h.cfg.Dirs = append([]string{dir}, h.cfg.Dirs...) })
	refused := func(name, says string) {
		t.Helper()
		for what, ask := range map[string]func() error{
			"use":      func() error { _, err := h.Cloud(t.Context(), name); return err },
			"describe": func() error { _, err := h.Describe(t.Context(), plugins.Cloud, name); return err },
		} {
			if err := ask(); plugins.CodeOf(err) != plugins.Denied || !strings.Contains(err.Error(), says) {
				t.Errorf("%s %s: %v, want %q", what, name, err, says)
			}
		}
	}
	refused("new", "not in plugins.lock") // though a later directory has one, too
	if problems := Verify([]string{dir}); len(problems) != 1 || problems[0].File != "wright-cloud-new" {
		t.Errorf("problems: %v", problems)
	}
	lock := filepath.Join(dir, LockFile)
	if err := os.WriteFile(lock, []byte("[[plugin]]\nfile = 3\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	refused("good", LockFile+":2: ")
	if err := errors.Join(os.Remove(lock), os.Mkdir(lock, 0o755)); err != nil {
		t.Fatal(err)
	}
	refused("good", "no file")
	if problems := Verify([]string{dir}); len(problems) != 1 || problems[0].File != "" {
		t.Errorf("problems: %v", problems)
	}
	if err := os.Remove(lock); err != nil {
		t.Fatal(err)
	}
	if problems := Verify([]string{dir}); len(problems) != 1 || !errors.Is(problems[0].Err, ErrNoLock) {
		t.Errorf("problems: %v", problems)
	}
	if _, err := h.Cloud(t.Context(), "good"); err != nil {
		t.Errorf("without a lock: %v", err)
	}
	strict := New(Config{Dirs: []string{dir}, StateDir: t.TempDir(), RequireLock: true})
	if _, err := strict.Cloud(t.Context(), "good"); plugins.CodeOf(err) != plugins.Denied || !strings.Contains(err.Error(), "required") {
		t.Errorf("without a required lock: %v", err)
	}
}

func TestMissingPluginIsAProblem(t *testing.T) {
	dir, path := copyPlugin(t, "good")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if problems := Verify([]string{dir}); len(problems) != 1 || plugins.CodeOf(problems[0].Err) != plugins.NotFound {
		t.Errorf("problems: %v", problems)
	}
}

// TestRaceWithTheCheck changes a plugin between the check and the launch.
func TestRaceWithTheCheck(t *testing.T) {
	tests := map[string]struct {
		change   func(path string) error
		executes string // what is executed then; empty: not asked
	}{
		"replaced": {func(path string) error {
			return errors.Join(os.WriteFile(path+"~", []byte("evil"), 0o755), os.Rename(path+"~", path))
		}, "ELF"},
		"overwritten": {func(path string) error { return os.WriteFile(path, []byte("evil"), 0o755) }, ""},
		"removed":     {os.Remove, "ELF"},
	}
	for name, tt := range tests {
		_, path := copyPlugin(t, "good")
		a, err := admit(path, true)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.unchanged(); err != nil {
			t.Errorf("%s: before the change: %v", name, err)
		}
		if err := tt.change(path); err != nil {
			t.Fatal(err)
		}
		if err := a.unchanged(); err == nil {
			t.Errorf("%s is not noticed", name)
		}
		if b, err := os.ReadFile(a.executable()); tt.executes != "" && (err != nil || string(b[1:4]) != tt.executes) {
			t.Errorf("%s: another file would be executed: %.20q, %v", name, b, err)
		}
		a.close()
	}
}

// TestScripts: a script is launched by its name, which its interpreter needs.
func TestScripts(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "wright-cloud-good")
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\nexec -a \"$0\" " + exe + "\n"
	if _, err := os.Stat("/bin/bash"); err != nil {
		t.Skip("no bash, whose exec takes a name")
	}
	if err := os.WriteFile(path, []byte(strings.Replace(script, "/bin/sh", "/bin/bash", 1)), 0o755); err != nil {
		t.Fatal(err)
	}
	relock(t, dir)
	h, _ := open(t, "other", func(h *Host) { h.cfg.Dirs = []string{dir} })
	p := launch(t, h, "good")
	add(t, path)
	killPID(t, fmt.Sprint(h.Plugins()[0].PID))
	eventually(t, "refused", func() bool { _, err := p.List(t.Context(), nil); return plugins.CodeOf(err) == plugins.Denied })
}
