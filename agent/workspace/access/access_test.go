package access

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// logins are those of the tests.
func logins() []Login {
	return []Login{
		{URL: "https://git.example.test/acme/*", Token: "acme-token"},
		{URL: "https://git.example.test/*", User: "robot", Token: "other-token"},
		{URL: "http://plain.example.test/*", Token: "plain-token"},
		{URL: "https://broken.example.test/*", Problem: "read file:/gone: no such file"},
		{URL: "ssh://git.example.test/acme/*", SSH: true, Key: []byte("acme key"), KnownHosts: []byte("git.example.test ssh-ed25519 AAAA\n")},
		{URL: "https://git.example.test/*", SSH: true, Key: []byte("other key\n"), User: "deploy"},
		{URL: "*@broken.example.test:*", SSH: true, Problem: "read env:KEY: it is not set"},
	}
}

func open(t *testing.T, logins []Login) *Access {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "lo'gins%h")
	if err := Keep(dir, logins); err != nil {
		t.Fatal(err)
	}
	a, err := Open(dir, "/opt/wri ght")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestKept: only the owner may read what is kept.
func TestKept(t *testing.T) {
	a := open(t, logins())
	files, err := os.ReadDir(a.dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", f.Name(), info.Mode())
		}
		names = append(names, f.Name())
	}
	if want := []string{"hosts-4", "key-4", "key-5", "logins"}; !slices.Equal(names, want) {
		t.Errorf("files %q, want %q", names, want)
	}
	if info, _ := os.Stat(a.dir); info.Mode().Perm() != 0o700 {
		t.Errorf("the directory has mode %v", info.Mode())
	}
	if key, _ := os.ReadFile(filepath.Join(a.dir, "key-4")); string(key) != "acme key\n" {
		t.Errorf("key %q", key)
	}
	if got := len(a.Secrets()); got != 5 {
		t.Errorf("%d secrets", got)
	}
	if got := strings.Join(a.Problems(), "\n"); !strings.Contains(got, "https://broken.example.test/*") || !strings.Contains(got, "env:KEY") {
		t.Errorf("problems %q", got)
	}
}

func TestNothingKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logins")
	if err := Keep(dir, nil); err != nil {
		t.Fatal(err)
	}
	a, err := Open(dir, "/opt/wright")
	if a != nil || err != nil {
		t.Fatalf("got %v, %v", a, err)
	}
	if _, _, ok, err := a.Basic("https://git.example.test/shop"); ok || err != nil {
		t.Error("a login out of nothing")
	}
	if file, err := a.Mercurial("https://git.example.test/shop"); file != "" || err != nil {
		t.Error("a file out of nothing")
	}
	if len(a.Variables(nil))+len(a.Secrets())+len(a.Problems()) != 0 {
		t.Error("something out of nothing")
	}
}

// TestTornLogins: what cannot be read is an error, which repeats nothing of it.
func TestTornLogins(t *testing.T) {
	a := open(t, logins())
	file := filepath.Join(a.dir, loginsFile)
	text, _ := os.ReadFile(file)
	if err := os.WriteFile(file, text[:len(text)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(a.dir, ""); err == nil || strings.Contains(err.Error(), "token") {
		t.Errorf("got %v", err)
	}
}

func TestBasic(t *testing.T) {
	a := open(t, logins())
	for _, c := range []struct{ url, user, token string }{
		{"https://git.example.test/acme/shop.git", "x-access-token", "acme-token"},
		{"https://ann@git.example.test/acme/shop.git", "ann", "acme-token"},
		{"https://ann@git.example.test/shop.git", "robot", "other-token"},
		{"http://plain.example.test/shop.git", "x-access-token", "plain-token"},
		{"http://git.example.test/acme/shop.git", "", ""},
		{"https://plain.example.test/shop.git", "", ""},
		{"git@git.example.test:acme/shop.git", "", ""},
		{"ssh://git@git.example.test/acme/shop.git", "", ""},
		{"git://git.example.test/acme/shop.git", "", ""},
		{"/srv/acme/shop.git", "", ""},
	} {
		user, token, ok, err := a.Basic(c.url)
		if user != c.user || token != c.token || ok != (token != "") || err != nil {
			t.Errorf("%s: %q, %q, %v, %v", c.url, user, token, ok, err)
		}
	}
	if _, _, _, err := a.Basic("https://broken.example.test/shop"); err == nil || !strings.Contains(err.Error(), "file:/gone") {
		t.Errorf("a broken one: %v", err)
	}
}

func TestAnswer(t *testing.T) {
	a := open(t, append(logins(), Login{URL: "https://odd.example.test/*", Token: "two\nlines"}))
	for _, c := range []struct {
		verb, question, want string
		fails                bool
	}{
		{"get", "protocol=https\nhost=git.example.test\npath=acme/shop.git\n\n", "username=x-access-token\npassword=acme-token\nquit=1\n", false},
		{"get", "protocol=https\nhost=git.example.test\npath=acme/shop.git/info/lfs\n", "username=x-access-token\npassword=acme-token\nquit=1\n", false},
		{"get", "protocol=https\nhost=git.example.test\npath=blog.git\nusername=ann\n", "username=robot\npassword=other-token\nquit=1\n", false},
		{"get", "protocol=https\nhost=evil.test\npath=acme/shop.git\n", "", false},
		{"get", "protocol=https\nhost=git.example.test@evil.test\npath=acme/shop.git\n", "", false},
		{"get", "protocol=https\nhost=evil.test/git.example.test\npath=acme\n", "", false},
		{"get", "protocol=http\nhost=git.example.test\npath=acme/shop.git\n", "", false},
		{"get", "protocol=ssh\nhost=git.example.test\npath=acme/shop.git\n", "", false},
		{"get", "host=git.example.test\n", "", false},
		{"get", "", "", false},
		{"store", "protocol=https\nhost=git.example.test\npath=acme/shop.git\npassword=x\n", "", false},
		{"erase", "protocol=https\nhost=git.example.test\npath=acme/shop.git\n", "", false},
		{"get", "protocol=https\nhost=broken.example.test\npath=shop\n", "", true},
		{"get", "protocol=https\nhost=odd.example.test\npath=shop\n", "", true},
	} {
		var out bytes.Buffer
		err := answer(a.dir, c.verb, strings.NewReader(c.question), &out)
		if out.String() != c.want || (err != nil) != c.fails {
			t.Errorf("%s %q: %q, %v", c.verb, c.question, out.String(), err)
		}
	}
}

func FuzzAsked(f *testing.F) {
	f.Add("protocol=https\nhost=git.example.test\npath=acme/shop.git\n")
	f.Add("protocol=https\nhost=a@b\npath=%zz\nusername=\x00\n")
	f.Fuzz(func(t *testing.T, text string) {
		remote, ok := asked(text)
		if !ok {
			return
		}
		if l, err := fitting(logins(), remote); l != nil && err == nil {
			if host := "host=" + strings.TrimPrefix(strings.SplitN(l.URL, "/", 4)[2], "robot@"); !strings.Contains(strings.ToLower(text), host) {
				t.Errorf("%q gets the login for %s", text, l.URL)
			}
		}
	})
}

func TestVariables(t *testing.T) {
	a := open(t, logins())
	got := a.Variables(map[string]string{"GIT_CONFIG_COUNT": "2"})
	program := `'/opt/wri ght' `
	dir := " '" + strings.ReplaceAll(a.dir, "'", `'\''`) + "'"
	want := map[string]string{
		"GIT_SSH_COMMAND": program + SSHVerb + dir, "GIT_SSH_VARIANT": "ssh", "GIT_CONFIG_COUNT": "11",
	}
	for i, key := range []string{"credential.http://plain.example.test", "credential.https://broken.example.test", "credential.https://git.example.test"} {
		n := 2 + 3*i
		want["GIT_CONFIG_KEY_"+strconv.Itoa(n)], want["GIT_CONFIG_VALUE_"+strconv.Itoa(n)] = key+".helper", ""
		want["GIT_CONFIG_KEY_"+strconv.Itoa(n+1)], want["GIT_CONFIG_VALUE_"+strconv.Itoa(n+1)] = key+".helper", "!"+program+LoginVerb+dir
		want["GIT_CONFIG_KEY_"+strconv.Itoa(n+2)], want["GIT_CONFIG_VALUE_"+strconv.Itoa(n+2)] = key+".useHttpPath", "true"
	}
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s=%q, want %q", name, got[name], value)
		}
	}
	if len(got) != len(want) {
		t.Errorf("got %q", got)
	}
	for name, value := range got {
		for _, secret := range a.Secrets() {
			if strings.Contains(value, strings.TrimSpace(secret)) {
				t.Errorf("%s holds a secret", name)
			}
		}
	}
	for _, c := range []struct{ pattern, want string }{
		{"*", "credential.helper"}, {"https://*.example.test/*", "credential.helper"},
		{"https://ann@git.example.test:8443/x", "credential.https://git.example.test:8443.helper"},
	} {
		if got := open(t, []Login{{URL: c.pattern, Token: "t"}}).Variables(nil)["GIT_CONFIG_KEY_0"]; got != c.want {
			t.Errorf("%s: %s, want %s", c.pattern, got, c.want)
		}
	}
}

func TestMercurial(t *testing.T) {
	a := open(t, logins())
	file, err := a.Mercurial("https://ann@git.example.test/acme/shop")
	if err != nil {
		t.Fatal(err)
	}
	text, _ := os.ReadFile(file)
	want := "[auth]\nw.prefix = git.example.test/acme/shop\nw.schemes = https\nw.username = ann\nw.password = acme-token\n"
	if string(text) != want {
		t.Errorf("got %q", text)
	}
	if info, _ := os.Stat(file); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	file, err = a.Mercurial("ssh://hg@git.example.test/acme/shop")
	if text, _ := os.ReadFile(file); err != nil || !strings.HasPrefix(string(text), "[ui]\nssh = '/opt/wri ght' internal-ssh ") {
		t.Errorf("got %q, %v", text, err)
	}
	if file, err := a.Mercurial("https://other.test/shop"); file != "" || err != nil {
		t.Errorf("got %q, %v", file, err)
	}
	if _, err := a.Mercurial("https://broken.example.test/shop"); err == nil {
		t.Error("a broken one is no error")
	}
}
