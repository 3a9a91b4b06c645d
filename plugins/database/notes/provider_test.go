package notes

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/database"
	"github.com/wright-build/wright/plugins/database/servers"
)

// shelf is a backend in memory.
type shelf struct {
	mu        sync.Mutex // guards all below
	notes     map[Key]Note
	passwords map[string]string
	others    int // databases that somebody else has made
	down      error
}

func (s *shelf) Get(_ context.Context, key Key) (*Note, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, ok := s.notes[key]
	if !ok || s.down != nil {
		return nil, s.down
	}
	return &n, nil
}

func (s *shelf) All(context.Context) ([]Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Entry
	for k, n := range s.notes {
		list = append(list, Entry{k, n})
	}
	return list, s.down
}

func (s *shelf) Put(_ context.Context, e Entry, password string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down == nil {
		s.notes[e.Key] = e.Note
		s.passwords[e.Key.Name] = password
	}
	return s.down
}

func (s *shelf) Remove(_ context.Context, e Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down == nil {
		delete(s.notes, e.Key)
	}
	return s.down
}

func (s *shelf) Count(context.Context) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.notes) + s.others, s.down
}

const administrator = "the administrator's"

// shelves gives a provider with servers a, b, …
func shelves(n int) (*Provider, []*shelf) {
	var all []*shelf
	var list []*Server
	key := KeyOf("tests", func() (string, error) { return administrator, nil })
	for i := range n {
		s := &shelf{notes: map[Key]Note{}, passwords: map[string]string{}}
		all = append(all, s)
		list = append(list, &Server{Server: servers.Server{Name: string(rune('a' + i))}, Backend: s, Key: key, Reach: func(name string) Place {
			return Place{URL: url.URL{Scheme: "x", User: url.User(name), Host: fmt.Sprint("host", i), Path: "/" + name}, Variables: map[string]string{"NAME": name}}
		}})
	}
	p := &Provider{}
	p.Become("tests", list)
	return p, all
}

func spec(token string, persistent bool) database.Spec {
	return database.Spec{
		Token: token, Name: "shop", Instance: "i", Persistent: persistent,
		Tags: map[string]string{plugins.InstallationTag: "tests", "of": token}, Config: map[string]any{},
	}
}

func put(t *testing.T, p *Provider, s database.Spec) *database.Database {
	t.Helper()
	d, err := p.Create(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// tokens lists what there is, each with its host.
func tokens(t *testing.T, p *Provider) []string {
	t.Helper()
	list, err := p.List(t.Context(), map[string]string{plugins.InstallationTag: "tests"})
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, d := range list {
		u, err := url.Parse(d.URL)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, d.Token+"@"+u.Host)
	}
	slices.Sort(all)
	return all
}

func TestWhere(t *testing.T) {
	down := plugins.Errorf(plugins.Transient, "it is down")
	tests := []struct {
		name  string
		there int // the server that has it already; -1 for none
		down  []int
		named string
		want  string // host or code
	}{
		{"the one with the fewest", -1, nil, "", "host1"},
		{"the named", -1, nil, "a", "host0"},
		{"no such", -1, nil, "x", string(plugins.Invalid)},
		{"where it is", 2, nil, "", "host2"},
		{"where it is, whatever is named", 2, nil, "a", "host2"},
		{"where it is, when others do not answer", 2, []int{0}, "", "host2"},
		{"one that does not answer may have it", 2, []int{2}, "", string(plugins.Transient)},
		{"the named, when others do not answer", -1, []int{2}, "a", "host0"},
		{"the named does not answer", -1, []int{0}, "a", string(plugins.Transient)},
	}
	for _, persistent := range []bool{false, true} {
		for _, tt := range tests {
			p, all := shelves(3)
			all[0].others, all[2].others = 2, 3
			s := spec("t", persistent)
			if tt.there >= 0 {
				s.Config["server"] = string(rune('a' + tt.there))
				put(t, p, s)
				if persistent {
					s.Token = "another"
				}
			}
			s.Config["server"] = tt.named
			for _, i := range tt.down {
				all[i].down = down
			}
			d, err := p.Create(t.Context(), s)
			got := string(plugins.CodeOf(err))
			if err == nil {
				u, _ := url.Parse(d.URL)
				got = u.Host
			}
			if persistent && tt.name == "the named, when others do not answer" {
				tt.want = string(plugins.Transient) // it may be there, with its data
			}
			if got != tt.want {
				t.Errorf("%s (persistent: %t): %s, %v; want %s", tt.name, persistent, got, err, tt.want)
			}
		}
	}
}

func TestPersistent(t *testing.T) {
	p, all := shelves(2)
	one := put(t, p, spec("one", true))
	two := put(t, p, spec("two", true))
	own := put(t, p, spec("own", false))
	if one.URL != two.URL || one.URL == own.URL || one.Tags["of"] != "one" || two.Tags["of"] != "two" {
		t.Errorf("%+v, %+v, %+v", one, two, own)
	}
	want := func(wanted ...string) {
		t.Helper()
		if got := tokens(t, p); !slices.Equal(got, wanted) {
			t.Errorf("listed are %v, want %v", got, wanted)
		}
	}
	drop := func(token string) {
		t.Helper()
		if err := p.Delete(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
	want("one@host0", "own@host1", "two@host0")
	drop("one")
	want("own@host1", "two@host0")
	drop("two")
	want("@host0", "own@host1")
	drop("own")
	drop("never")
	want("@host0")
	if len(all[0].notes) != 1 || len(all[1].notes) != 0 {
		t.Errorf("left are %v and %v", all[0].notes, all[1].notes)
	}
	if again := put(t, p, spec("three", true)); again.URL != one.URL {
		t.Errorf("it was %s and is %s", one.URL, again.URL)
	}
	// Somebody drops it at the server: its user gets a new one.
	maps.DeleteFunc(all[0].notes, func(k Key, _ Note) bool { return !k.Use })
	want("three@host0")
	put(t, p, spec("three", true))
	want("three@host0")
}

func TestAnotherInstallation(t *testing.T) {
	p, all := shelves(1)
	put(t, p, spec("t", true))
	put(t, p, spec("u", false))
	other := &Provider{}
	_, list, _ := p.settled()
	other.Become("other", list)
	if got := tokens(t, other); len(got) != 0 {
		t.Errorf("it sees %v", got)
	}
	if err := other.Delete(t.Context(), "u"); err != nil || len(all[0].notes) != 3 {
		t.Errorf("it deleted something: %v, %v", err, all[0].notes)
	}
	if a, b := put(t, p, spec("t", true)), put(t, other, spec("t", true)); a.URL == b.URL {
		t.Errorf("both are at %s", a.URL)
	}
}

func TestDown(t *testing.T) {
	p, all := shelves(2)
	put(t, p, spec("t", false))
	all[1].down = plugins.RetryAfter(1, errors.New("it is down"))
	if err := p.Delete(t.Context(), "t"); plugins.CodeOf(err) != plugins.Transient || !strings.Contains(err.Error(), "server b") {
		t.Errorf("delete: %v", err)
	}
	if _, err := p.List(t.Context(), nil); plugins.CodeOf(err) != plugins.Transient {
		t.Errorf("list: %v", err)
	}
	all[1].down = nil
	if err := p.Delete(t.Context(), "t"); err != nil || len(tokens(t, p)) != 0 {
		t.Errorf("delete: %v", err)
	}
	if _, err := (&Provider{}).List(t.Context(), nil); err == nil {
		t.Error("a provider without settings lists")
	}
}

// The password is the one that was given last, and otherwise stays.
func TestPasswords(t *testing.T) {
	for _, persistent := range []bool{false, true} {
		p, all := shelves(1)
		s := spec("t", persistent)
		want := func(name, password string) {
			t.Helper()
			d := put(t, p, s)
			u, err := url.Parse(d.URL)
			if err != nil {
				t.Fatal(err)
			}
			got, _ := u.User.Password()
			if got != password || d.Variables["PASSWORD"] != got || d.Variables["URL"] != d.URL || all[0].passwords[u.User.Username()] != got {
				t.Errorf("%s: %q, %v, at the server %q; want %q", name, got, d.Variables, all[0].passwords, password)
			}
		}
		first := put(t, p, s).Variables["PASSWORD"]
		if len(first) < 20 {
			t.Errorf("made was %q", first)
		}
		want("nothing given", first)
		s.Password = "/@:?#%20+ é"
		want("given", "/@:?#%20+ é")
		s.Password = ""
		want("nothing given again", "/@:?#%20+ é")
		s.Password = "third"
		want("another given", "third")
		list, err := p.List(t.Context(), nil)
		if err != nil || len(list) != 1 || list[0].Variables["PASSWORD"] != "third" {
			t.Errorf("listed: %+v, %v", list, err)
		}
		for _, n := range all[0].notes {
			if text, err := n.Text(); err != nil || strings.Contains(string(text), "third") {
				t.Errorf("the note shows it: %s, %v", text, err)
			}
		}
	}
}

func TestNewAdministrator(t *testing.T) {
	p, _ := shelves(1)
	s := spec("t", false)
	put(t, p, s)
	_, list, _ := p.settled()
	list[0].Key = KeyOf("tests", func() (string, error) { return "another", nil })
	if listed, err := p.List(t.Context(), nil); err != nil || len(listed) != 1 || listed[0].Variables["PASSWORD"] != "" || strings.Contains(listed[0].URL, ":@") {
		t.Errorf("listed: %+v, %v", listed, err)
	}
	if _, err := p.Create(t.Context(), s); plugins.CodeOf(err) != plugins.Invalid {
		t.Errorf("without a password: %v", err)
	}
	s.Password = "given"
	if d := put(t, p, s); d.Variables["PASSWORD"] != "given" {
		t.Errorf("with one: %+v", d)
	}
	s.Password = ""
	if d := put(t, p, s); d.Variables["PASSWORD"] != "given" {
		t.Errorf("afterwards: %+v", d)
	}
	list[0].Key = KeyOf("tests", func() (string, error) { return "", plugins.Errorf(plugins.Denied, "no file") })
	if _, err := p.List(t.Context(), nil); plugins.CodeOf(err) != plugins.Denied {
		t.Errorf("without an administrator: %v", err)
	}
}

// A token and a database are worked on by one call at a time, and who waits can be
// told to go.
func TestLocks(t *testing.T) {
	for _, k := range [][2]string{{"t", ""}, {"t", "another"}, {"u", "home"}} {
		synctest.Test(t, func(t *testing.T) {
			var l locks
			free, err := l.take(t.Context(), "t", "home")
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			waits := make(chan error, 2)
			wait := func(ctx context.Context) {
				free, err := l.take(ctx, k[0], k[1])
				waits <- err
				if err == nil {
					free()
				}
			}
			go wait(ctx)
			go wait(t.Context())
			synctest.Wait()
			if len(waits) > 0 {
				t.Errorf("%q: two at once", k)
			}
			cancel()
			if err := <-waits; !errors.Is(err, context.Canceled) {
				t.Errorf("%q: told to go: %v", k, err)
			}
			free()
			if err := <-waits; err != nil {
				t.Errorf("%q: when it is free: %v", k, err)
			}
			if _, err := l.take(ctx, "t", "home"); !errors.Is(err, context.Canceled) {
				t.Errorf("begun after it was cancelled: %v", err)
			}
		})
	}
}
