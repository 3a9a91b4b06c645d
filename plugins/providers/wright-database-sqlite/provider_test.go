package main

import (
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/database"
)

func configured(t *testing.T) (*provider, string) {
	t.Helper()
	state := filepath.Join(t.TempDir(), "a state ü?#%") // a path that needs escaping in a URL
	if err := os.Mkdir(state, 0o700); err != nil {
		t.Fatal(err)
	}
	p := &provider{}
	if err := p.Configure(t.Context(), plugins.Settings{StateDir: state}); err != nil {
		t.Fatal(err)
	}
	return p, state
}

func create(t *testing.T, p *provider, s database.Spec) (d *database.Database, path string) {
	t.Helper()
	d, err := p.Create(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return d, d.Variables["PATH"]
}

func TestEphemeralGoesWhole(t *testing.T) {
	p, state := configured(t)
	d, path := create(t, p, database.Spec{Token: "../t", Name: "shop", Instance: "i"})
	u, err := url.Parse(d.URL)
	if err != nil || u.Scheme != "sqlite" || u.Host != "" || u.Path != path || d.Variables["URL"] != d.URL {
		t.Errorf("URL %s, path %s, %v", d.URL, path, err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() != 0 || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info, err)
	}
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		if err := os.WriteFile(path+suffix, []byte("data"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	create(t, p, database.Spec{Token: "../t", Name: "shop", Instance: "i"})
	if b, _ := os.ReadFile(path); string(b) != "data" {
		t.Errorf("create with the same token changed the file to %q", b)
	}
	if err := p.Delete(t.Context(), "../t"); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"ephemeral", "records"} {
		if left, _ := os.ReadDir(filepath.Join(state, dir)); len(left) != 0 {
			t.Errorf("left in %s: %v", dir, left)
		}
	}
}

func TestPersistentIsOnlyEverReused(t *testing.T) {
	p, state := configured(t)
	s := database.Spec{Token: "one", Name: "shop", Instance: "i", Persistent: true}
	_, path := create(t, p, s)
	if want := filepath.Join(state, "persistent", "i", "shop.sqlite"); path != want {
		t.Errorf("it lies at %s, want %s", path, want)
	}
	if err := os.WriteFile(path, []byte("data"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := p.Delete(t.Context(), "one"); err != nil {
		t.Fatal(err)
	}
	if list, err := p.List(t.Context(), nil); err != nil || len(list) != 1 || list[0].Token != "" || list[0].Name != "shop" {
		t.Errorf("list gave %v, %v; want it without a token", list, err)
	}
	s.Token = "two"
	if _, again := create(t, p, s); again != path {
		t.Errorf("it lies at %s, was at %s", again, path)
	}
	if b, _ := os.ReadFile(path); string(b) != "data" {
		t.Errorf("its data are %q", b)
	}
}

// A process that dies between the record and the file leaves what can be listed,
// created again and deleted.
func TestHalfMade(t *testing.T) {
	p, state := configured(t)
	r, err := newRecord(database.Spec{Token: "t", Name: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	if err := writeRecord(recordPath(state, "t"), r); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(recordPath(state, "u")+".new", []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if list, err := p.List(t.Context(), nil); err != nil || len(list) != 1 || list[0].Token != "t" {
		t.Errorf("list gave %v, %v", list, err)
	}
	_, path := create(t, p, database.Spec{Token: "t", Name: "shop"})
	if err := p.Delete(t.Context(), "t"); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file is left: %v", err)
	}
}

func TestNames(t *testing.T) {
	for _, name := range []string{"shop", "Shop_2", "a.b-c", "0"} {
		if !isFileName(name) {
			t.Errorf("%q is refused", name)
		}
	}
	for _, name := range []string{"", ".", "..", ".x", "-x", "_x", "a/b", "a b", "a\n", "ü", "a\x00"} {
		if _, err := newRecord(database.Spec{Token: "t", Name: name}); plugins.CodeOf(err) != plugins.Invalid {
			t.Errorf("name %q: %v", name, err)
		}
		_, err := newRecord(database.Spec{Token: "t", Name: "x", Instance: name, Persistent: true})
		if plugins.CodeOf(err) != plugins.Invalid {
			t.Errorf("instance %q: %v", name, err)
		}
	}
	if _, err := newRecord(database.Spec{Token: "t", Name: "x", Config: map[string]any{"a": 1}}); plugins.CodeOf(err) != plugins.Invalid {
		t.Errorf("an unknown setting: %v", err)
	}
}
