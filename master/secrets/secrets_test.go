package secrets

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
	"github.com/wright-build/wright/master/store/storetest"
)

const value = "glpat-very-secret"

var epoch = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func room(t *testing.T) *Secrets {
	t.Helper()
	return New(storetest.Embedded(t), filepath.Join(t.TempDir(), "secrets.key"))
}

func secret(name string) manifests.SecretRef {
	return manifests.SecretRef{Scheme: "secret", Name: name}
}

func TestPutAndDelete(t *testing.T) {
	s := room(t)
	for _, v := range []string{"old", value + "\r\n"} {
		if err := s.Put(t.Context(), "forge", []byte(v), nil, epoch); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Put(t.Context(), "another", []byte("x"), nil, epoch.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	for range 2 { // also from memory
		if got, err := s.Resolve(secret("forge")); string(got) != value || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	}
	if err := s.Put(t.Context(), "forge", []byte("rotated"), nil, epoch); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Resolve(secret("forge")); string(got) != "rotated" || err != nil {
		t.Errorf("rotated: %q, %v", got, err)
	}
	names := s.Names()
	if len(names) != 2 || names[0].Name != "another" || names[1].Name != "forge" || !names[1].CreatedAt.Equal(epoch) {
		t.Errorf("names %v", names)
	}
	if info, err := os.Stat(s.file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the identity: %v, %v", info, err)
	}
	s.store.Read(func(f *state.Facts) {
		text, _ := state.Encode(f.Secrets["forge"])
		if bytes.Contains(text, []byte("very-secret")) || bytes.Contains(text, []byte("AGE-SECRET")) {
			t.Error("it is in clear in etcd")
		}
	})
	if err := s.Delete(t.Context(), "forge"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Resolve(secret("forge")); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("deleted: %v", err)
	}
	if err := s.Delete(t.Context(), "forge"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
	if got, err := New(s.store, s.file).Resolve(secret("another")); string(got) != "x" || err != nil {
		t.Errorf("another process: %q, %v", got, err)
	}
}

func TestPutRefuses(t *testing.T) {
	s := room(t)
	for _, name := range []string{"", "-a", "A", "a_b", "a/b", "a b", "a\n", "é", strings.Repeat("a", 64)} {
		if err := s.Put(t.Context(), name, []byte(value), nil, epoch); !errors.Is(err, ErrName) {
			t.Errorf("name %q: %v", name, err)
		}
	}
	for _, v := range []string{"", "\n", strings.Repeat("x", maxKept+1)} {
		if err := s.Put(t.Context(), "ok", []byte(v), nil, epoch); !errors.Is(err, ErrValue) {
			t.Errorf("%d bytes: %v", len(v), err)
		}
	}
	if _, err := os.Stat(s.file); err == nil {
		t.Error("an identity was made for nothing")
	}
}

// TestIdentityLost: no second identity is made for secrets of the first, and
// what cannot be read says so without repeating it.
func TestIdentityLost(t *testing.T) {
	s := room(t)
	if err := s.Put(t.Context(), "forge", []byte(value), nil, epoch); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(s.file, s.file+".away"); err != nil {
		t.Fatal(err)
	}
	fresh := New(s.store, s.file)
	if _, err := fresh.Resolve(secret("forge")); err == nil || !strings.Contains(err.Error(), "secret:forge") {
		t.Errorf("without it: %v", err)
	}
	if err := fresh.Put(t.Context(), "other", []byte("x"), nil, epoch); err == nil || !strings.Contains(err.Error(), "bring it back") {
		t.Errorf("put without it: %v", err)
	}
	other, _ := age.GenerateX25519Identity()
	for _, text := range []string{"", "AGE-SECRET-KEY-1BROKEN", "# only\n", other.String()} {
		if err := os.WriteFile(s.file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := fresh.Resolve(secret("forge")); err == nil || strings.Contains(err.Error(), "BROKEN") {
			t.Errorf("identity %q: %v", text, err)
		}
	}
}

// TestSwapped: who can write to etcd cannot pass a secret off as another.
func TestSwapped(t *testing.T) {
	s := room(t)
	for _, name := range []string{"mine", "yours"} {
		if err := s.Put(t.Context(), name, []byte("of "+name), nil, epoch); err != nil {
			t.Fatal(err)
		}
	}
	swapped := *s.fact("mine")
	swapped.Ciphertext = s.fact("yours").Ciphertext
	if err := s.store.CommitSeen(t.Context(), swapped.Put()); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Resolve(secret("mine")); err == nil {
		t.Errorf("got %q", got)
	}
}

func TestResolve(t *testing.T) {
	s := room(t)
	dir := t.TempDir()
	write := func(name, text string) manifests.SecretRef {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return manifests.SecretRef{Scheme: "file", Name: path}
	}
	t.Setenv("WRIGHT_TEST_SECRET", value+"\n")
	t.Setenv("WRIGHT_TEST_EMPTY", "")
	big := strings.Repeat("x", maxSecret)
	for _, c := range []struct {
		ref  manifests.SecretRef
		want string // "": an error
	}{
		{write("token", value+"\n"), value},
		{write("windows", value+"\r\n"), value},
		{write("key", "a\nb\n"), "a\nb"},
		{write("big", big+"\r\n"), big},
		{write("bigger", big+"y"), ""},
		{write("empty", "\n"), ""},
		{manifests.SecretRef{Scheme: "file", Name: dir}, ""},
		{manifests.SecretRef{Scheme: "file", Name: "/dev/zero"}, ""},
		{manifests.SecretRef{Scheme: "file", Name: dir + "/gone"}, ""},
		{manifests.SecretRef{Scheme: "env", Name: "WRIGHT_TEST_SECRET"}, value},
		{manifests.SecretRef{Scheme: "env", Name: "WRIGHT_TEST_EMPTY"}, ""},
		{manifests.SecretRef{Scheme: "env", Name: "WRIGHT_TEST_UNSET"}, ""},
		{secret("gone"), ""},
		{manifests.SecretRef{}, ""},
	} {
		got, err := s.Resolve(c.ref)
		if string(got) != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%v: %d bytes, %v", c.ref, len(got), err)
		}
		if err != nil && (!strings.Contains(err.Error(), c.ref.Scheme+":"+c.ref.Name) || strings.Count(err.Error(), c.ref.Name+"") > 1 && c.ref.Name != "") {
			t.Errorf("%v is not named once: %v", c.ref, err)
		}
	}
	rotated := write("token", "another")
	if got, _ := s.Resolve(rotated); string(got) != "another" {
		t.Errorf("rotated: %q", got)
	}
}

func TestLogins(t *testing.T) {
	dir := t.TempDir()
	token, key, hosts := filepath.Join(dir, "token"), filepath.Join(dir, "key"), filepath.Join(dir, "hosts")
	for file, text := range map[string]string{token: value + "\n", key: "-----BEGIN\nPEM\n", hosts: "host key\n", token + "2": "two\nlines\n"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := func(name string) manifests.SecretRef { return manifests.SecretRef{Scheme: "file", Name: name} }
	l := NewLogins(room(t), []manifests.Credential{
		{Name: "credential[0]", URL: "https://git.test/shop*", Token: file(token), Instances: []string{"shop"}},
		{Name: "credential[1]", URL: "ssh://git.test/*", Key: file(key), KnownHosts: hosts, User: "deploy", Instances: []string{"shop*", "blog"}},
		{Name: "credential[2]", URL: "https://git.test/*", Token: file(token + "2"), Instances: []string{"*"}},
		{Name: "credential[3]", URL: "git@nohosts.test:*", Key: file(key), KnownHosts: dir + "/gone"},
		{Name: "credential[4]", URL: "https://master.test/*", Token: file(token)},
	})
	for _, c := range []struct{ url, user, password, key, problem string }{
		{"https://git.test/shop", "x-access-token", value, "", ""},
		{"https://ann@git.test/shop", "ann", value, "", ""},
		{"git@git.test:shop", "deploy", "", "-----BEGIN\nPEM", ""},
		{"https://master.test/x", "x-access-token", value, "", ""},
		{"https://elsewhere.test/x", "", "", "", ""},
		{"https://git.test/blog", "", "", "", "credential[2]: the token: it holds a line break or another control character"},
		{"git@nohosts.test:x", "", "", "", "credential[3]: the known hosts in " + dir + "/gone: no such file or directory"},
	} {
		got, err := l.For(c.url)
		if got.User != c.user || got.Password != c.password || string(got.Key) != c.key || (err != nil || c.problem != "") && (err == nil || err.Error() != c.problem) {
			t.Errorf("%s: %+v, %v", c.url, got, err)
		}
	}
	for _, c := range []struct{ instance, want string }{
		{"shop", "https://git.test/shop* ssh://git.test/* https://git.test/*!"},
		{"shop-2", "ssh://git.test/* https://git.test/*!"},
		{"blog", "ssh://git.test/* https://git.test/*!"},
		{"other", "https://git.test/*!"},
	} {
		var got []string
		for _, o := range l.Of(c.instance) {
			mark := ""
			if o.Problem != "" {
				mark = "!"
			}
			got = append(got, o.URL+mark)
			if o.SSH != strings.HasPrefix(o.URL, "ssh") || o.SSH && string(o.KnownHosts) != "host key\n" {
				t.Errorf("%s: %+v", c.instance, o)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %q, want %q", c.instance, got, c.want)
		}
	}
}
