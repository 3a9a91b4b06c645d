package ledgertest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wright-build/wright/plugins"
)

// killed makes and deletes 20 databases at a time while the provider is killed ten
// times. At the end the list finds what is left, and the servers have nothing.
func (s Subject) killed(t *testing.T) {
	const databases, kills = 20, 10
	var made, ended, failed atomic.Int32
	start := time.Now()
	for round := range kills {
		a := s.Start(t, "tests", s.settings())
		var dead atomic.Bool
		var all sync.WaitGroup
		for i := range databases {
			all.Go(func() {
				spec := Spec(fmt.Sprint("storm", i))
				for !dead.Load() {
					if _, err := a.Create(limit(t), spec); err != nil {
						failed.Add(1)
						return
					}
					made.Add(1)
					if err := a.Delete(limit(t), spec.Token); err != nil {
						failed.Add(1)
						return
					}
					ended.Add(1)
				}
			})
		}
		// Somewhere between the first call's beginning and the time of some of them.
		<-time.After(time.Duration(rand.IntN(2000)) * time.Millisecond)
		a.kill(t)
		dead.Store(true)
		all.Wait()
		_ = a.host.Close()
		s.afterCrash(t, round)
	}
	a := s.Start(t, "tests", s.settings())
	left := a.tokens(t)
	a.End(t, slices.Collect(maps.Keys(left))...)
	t.Logf("%d kills, %d made, %d deleted, %d calls failed, the list found %d, %v",
		kills, made.Load(), ended.Load(), failed.Load(), len(left), time.Since(start).Round(time.Second))
	s.Empty(t)
}

// afterCrash looks whether the stored password is the one, whatever was killed.
func (s Subject) afterCrash(t *testing.T, round int) {
	a := s.Start(t, "tests", s.settings())
	spec := Spec(fmt.Sprint("storm", round))
	made := a.Make(t, spec)
	if made.Variables["PASSWORD"] != spec.Password {
		t.Errorf("after a crash the password is not the stored one")
	}
	s.LogIn(t, made.URL)
	_ = a.host.Close()
}

// lost drops the ledger. The data of persistent databases must be found again.
func (s Subject) lost(t *testing.T) {
	a := s.Start(t, "tests", s.settings())
	before := a.Make(t, at(kept("before"), "two"))
	if err := s.write(t, before.URL); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"wright_tokens", "wright_databases"} {
		if _, err := s.Two.Admin.ExecContext(limit(t), "DROP TABLE "+table); err != nil {
			t.Fatal(err)
		}
	}
	// Whether the first call notices is not promised, but the second must.
	_, _ = a.List(limit(t), nil)
	after := a.Make(t, at(kept("after"), "one"))
	if after.Variables["NAME"] != before.Variables["NAME"] || after.Variables["PORT"] != before.Variables["PORT"] {
		t.Error("after the ledger was lost there is another database")
	}
	if n := s.rows(t, after.URL); n != 1 {
		t.Errorf("%d rows are there, want 1", n)
	}
	a.End(t, "after")
	s.clear(t)
	s.Empty(t)
}

// passwords are those that came last, whoever asks.
func (s Subject) passwords(t *testing.T) {
	a := s.Start(t, "tests", s.settings())
	spec := Spec("passwords")
	for _, password := range []string{"first", "second '\"\\ `$;--", "drei ü€/@:?#%20+ &", strings.Repeat("long", 64), ""} {
		spec.Password = password
		made := a.Make(t, spec)
		s.LogIn(t, made.URL)
		u, err := url.Parse(made.URL)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := u.User.Password(); password != "" && got != password {
			t.Errorf("the URL has the password %q, want %q", got, password)
		}
	}
	spec.Token, spec.Password = "generated", ""
	made := a.Make(t, spec)
	s.LogIn(t, made.URL)
	if again := s.Start(t, "tests", s.settings()).Make(t, spec); again.URL != made.URL || len(made.Variables["PASSWORD"]) < 20 {
		t.Error("a password that nobody gave is not kept")
	}
	a.End(t, "passwords", "generated")
	s.Empty(t)
}

// changed has the administrator's password change under a running provider.
func (s Subject) changed(t *testing.T) {
	settings := s.settings("one")
	a := s.Start(t, "tests", settings)
	made := a.Make(t, Spec("changed"))
	entry := maps.Clone(s.One.Entry)
	entry["password"] = s.SetPassword("another")
	defer s.SetPassword(s.One.Entry["password"].(string))
	s.One.Entry = entry
	b := s.Start(t, "tests", s.settings("one"))
	if list := b.tokens(t); len(list) != 1 {
		t.Errorf("listed: %v", list)
	}
	without := Spec("changed")
	without.Password = ""
	b.Refused(t, without, plugins.Invalid, "sealed under another password")
	if again := b.Make(t, Spec("changed")); again.URL != made.URL {
		t.Error("the password that was given again is another one")
	}
	b.Make(t, without)
	b.End(t, "changed")
	old := s.Start(t, "tests", settings)
	old.Refused(t, Spec("denied"), plugins.Denied, "server one")
	if _, err := old.List(limit(t), nil); plugins.CodeOf(err) != plugins.Denied || strings.Contains(err.Error(), fmt.Sprint(settings["servers"].([]any)[0].(map[string]any)["password"])+"\"") {
		t.Errorf("List with the old password: %v", err)
	}
}

// secrets looks for passwords in all that the servers were sent.
func (s Subject) secrets(t *testing.T) {
	for _, server := range []Server{s.One, s.Two} {
		log := server.Log(t)
		if !strings.Contains(log, "wright_databases") {
			t.Fatalf("the server's log has no statements: %.300q", log)
		}
		for _, word := range []string{"Secret-of-", "drei ü", "longlonglong"} {
			if i := strings.Index(log, word); i >= 0 {
				t.Errorf("a password is in the server's log: %q", log[max(0, i-100):i+len(word)])
			}
		}
	}
}
