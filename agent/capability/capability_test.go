package capability

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestVersionIn(t *testing.T) {
	for said, want := range map[string]string{
		"git version 2.39.5\n":                      "2.39.5",
		"go version go1.26.8 linux/amd64":           "1.26.8",
		"v20.20.2":                                  "20.20.2",
		"openjdk version \"17.0.15\" 2025-04-15":    "17.0.15",
		"gcc (Debian 12.2.0-14+deb12u1) 12.2.0":     "12.2.0",
		"Mercurial Distributed SCM (version 6.3.2)": "6.3.2",
		"build 7": "",
		"":        "",
		strings.Repeat("x", 5000) + " 1.2 is too late": "",
	} {
		if got := versionIn(said); got != want {
			t.Errorf("%.40q: got %q, want %q", said, got, want)
		}
	}
}

// program writes a shell script that can be found on the path of the test.
func script(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestDetect(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	script(t, dir, "git", "echo git version 2.39.5")
	script(t, dir, "docker", "echo cannot connect to the engine 28.2 >&2; exit 1")
	script(t, dir, "java", `echo 'openjdk version "17.0.15"' >&2`)
	script(t, dir, "python3", "echo no idea")
	want := []string{runtime.GOOS, runtime.GOARCH, "git 2.39.5", "python", "java 17.0.15"}
	if got := Detect(t.Context()); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestParse(t *testing.T) {
	got, err := Parse("# of this host\npostgresql 15.4 port=5433  # the old one\n\n\tgpu   a100\r\nc++_lib-x.y 1.0\n")
	want := []string{"postgresql 15.4 port=5433", "gpu a100", "c++_lib-x.y 1.0"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	for text, want := range map[string]string{
		"\n>= 14":                    "line 2 is no capability",
		"-x":                         "line 1 is no capability",
		"gpu a\u200b100":             "line 1 is no capability",
		"gpu a\x00":                  "line 1 is no capability",
		strings.Repeat("a", 501):     "line 1 has more than 500 bytes",
		strings.Repeat("go\n", 1001): "line 1001: more than 1000",
	} {
		if got, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: got %q, %v, want %q", text, got, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("postgresql 15.4 port=5433 # x\n\ngpu a100")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(strings.Join(all, "\n"))
		if err != nil || !slices.Equal(all, again) {
			t.Errorf("%q is read again as %q, %v", all, again, err)
		}
	})
}
