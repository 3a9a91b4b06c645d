package ledgertest

import (
	"fmt"
	"maps"
	"sync"
	"testing"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/database"
)

func at(s database.Spec, server string) database.Spec {
	s.Config = map[string]any{"server": server}
	return s
}

func (s Subject) several(t *testing.T) {
	a := s.Start(t, "tests", s.settings())
	var all sync.WaitGroup
	var tokens []string
	for i := range 6 {
		tokens = append(tokens, fmt.Sprint("spread", i))
		all.Go(func() { a.Make(t, Spec(tokens[i])) })
	}
	all.Wait()
	count := map[string]int{}
	for _, address := range a.tokens(t) {
		count[address]++
	}
	if one, two := count[s.One.Entry["address"].(string)], count[s.Two.Entry["address"].(string)]; one != 3 || two != 3 {
		t.Errorf("6 that were made at once are at %v, want 3 at each server", count)
	}
	first := a.Make(t, at(Spec("named"), "two"))
	if port := first.Variables["HOST"] + ":" + first.Variables["PORT"]; port != s.Two.Entry["address"] {
		t.Errorf("it is at %s, want server two", port)
	}
	if again := a.Make(t, at(Spec("named"), "one")); again.URL != first.URL {
		t.Errorf("with another server named it moved")
	}
	a.Refused(t, at(Spec("none"), "three"), plugins.Invalid, "there are one, two")
	a.End(t, append(tokens, "named")...)

	stays := a.Make(t, at(kept("k1"), "two"))
	a.End(t, "k1")
	again := a.Make(t, at(kept("k2"), "one"))
	if again.Variables["NAME"] != stays.Variables["NAME"] || again.Variables["PORT"] != stays.Variables["PORT"] {
		t.Errorf("a persistent one moved")
	}
	a.End(t, "k2")
	s.clear(t)
	s.full(t)
	s.Empty(t)
}

func (s Subject) full(t *testing.T) {
	one, two := maps.Clone(s.One.Entry), maps.Clone(s.Two.Entry)
	one["max-databases"], two["max-databases"] = 1, 2
	s.One.Entry, s.Two.Entry = one, two
	a := s.Start(t, "tests", s.settings())
	for i := range 3 {
		a.Make(t, Spec(fmt.Sprint("full", i)))
	}
	a.Refused(t, Spec("more"), plugins.Quota, "as many databases as it may have")
	a.Make(t, Spec("full0"))
	a.End(t, "full0", "full1", "full2")
}

// down has one server fail: what is at the other one goes on, and nothing is made
// twice because nobody could look.
func (s Subject) down(t *testing.T) {
	a := s.Start(t, "tests", s.settings())
	a.Make(t, at(Spec("up"), "one"))
	broken := maps.Clone(s.Two.Entry)
	broken["address"] = "127.0.0.1:1"
	healthy := s.Two
	s.Two.Entry = broken
	b := s.Start(t, "tests", s.settings())
	b.Make(t, Spec("up"))
	b.Refused(t, Spec("new"), plugins.Transient, "server two (127.0.0.1:1)")
	if _, err := b.List(limit(t), nil); plugins.CodeOf(err) != plugins.Transient {
		t.Errorf("List without server two: %v", err)
	}
	if err := b.Delete(limit(t), "unknown"); plugins.CodeOf(err) != plugins.Transient {
		t.Errorf("Delete of what may be at server two: %v", err)
	}
	b.End(t, "up")
	s.Two = healthy
	s.Empty(t)
}

// agents make the same at the same time, from processes that share nothing but the
// servers.
func (s Subject) agents(t *testing.T) {
	agents := []Agent{s.Start(t, "tests", s.settings()), s.Start(t, "tests", s.settings()), s.Start(t, "tests", s.settings())}
	for round := range 3 {
		var urls [6]string
		var all sync.WaitGroup
		for i := range urls {
			all.Go(func() {
				spec := Spec(fmt.Sprint("round", round))
				if i%2 == 1 {
					spec = kept(fmt.Sprint("kept", round, i))
					spec.Password = "the same"
				}
				urls[i] = agents[i%3].Make(t, spec).URL
			})
		}
		all.Wait()
		for i := range urls {
			if urls[i] != urls[i%2] {
				t.Errorf("made at once by several agents they are at different places")
			}
		}
		s.LogIn(t, urls[0])
		s.LogIn(t, urls[1])
		all.Go(func() { agents[0].End(t, fmt.Sprint("round", round)) })
		for i := range urls {
			all.Go(func() { agents[i%3].End(t, fmt.Sprint("kept", round, i)) })
		}
		all.Wait()
	}
	s.clear(t)
	s.Empty(t)
}

// unfinished has two users of a persistent database, which was left half made, come
// at once: only one may make it anew, and nobody once it was given to somebody.
func (s Subject) unfinished(t *testing.T) {
	agents := []Agent{s.Start(t, "tests", s.settings()), s.Start(t, "tests", s.settings())}
	for round := range 5 {
		agents[0].Make(t, at(kept("k0"), "one"))
		agents[1].Make(t, at(kept("k1"), "one"))
		if _, err := s.One.Admin.ExecContext(limit(t), "UPDATE wright_databases SET ready = false"); err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for i, a := range agents {
			all.Go(func() {
				spec := kept(fmt.Sprint("k", i))
				spec.Password = "the same"
				made, err := a.Create(limit(t), spec)
				if err == nil {
					err = s.write(t, made.URL)
				}
				if err != nil {
					t.Errorf("round %d, agent %d: %v", round, i, err)
				}
			})
		}
		all.Wait()
		if n := s.rows(t, agents[0].Make(t, kept("k0")).URL); n != 2 {
			t.Errorf("round %d: %d of 2 rows are there", round, n)
		}
		agents[0].End(t, "k0", "k1")
		s.clear(t)
	}
	s.Empty(t)
}

// gone is a database that was made, is dropped, and whose second making fails
// midway, as after the deaths of two agents: it is not taken for a whole one.
func (s Subject) gone(t *testing.T) {
	settings := s.settings("one")
	settings["templates"] = []any{"not_there"}
	a := s.Start(t, "tests", settings)
	made := a.Make(t, Spec("gone"))
	if _, err := s.One.Admin.ExecContext(limit(t), "DROP DATABASE "+made.Variables["NAME"]); err != nil {
		t.Fatal(err)
	}
	failing := Spec("gone")
	failing.Config = map[string]any{"template": "not_there"}
	if _, err := a.Create(limit(t), failing); err == nil {
		t.Fatal("a database was made of a template that is not there")
	}
	var ready bool
	if err := s.One.Admin.QueryRowContext(limit(t), "SELECT ready FROM wright_databases").Scan(&ready); err != nil || ready {
		t.Errorf("what is half made is written down as ready: %t, %v", ready, err)
	}
	s.LogIn(t, a.Make(t, Spec("gone")).URL)
	a.End(t, "gone")
	s.Empty(t)
}

func (s Subject) neighbours(t *testing.T) {
	a, b := s.Start(t, "tests", s.settings()), s.Start(t, "others", s.settings())
	ours, theirs := a.Make(t, kept("same")), b.Make(t, kept("same"))
	if ours.Variables["NAME"] == theirs.Variables["NAME"] {
		t.Error("two installations share a database")
	}
	b.End(t, "same")
	if list := a.tokens(t); len(list) != 1 || list["same"] == "" {
		t.Errorf("after another installation let go of its own the list is %v", list)
	}
	s.LogIn(t, ours.URL)
	a.End(t, "same")
	s.clear(t)
}

// clear does what a person does to get rid of persistent databases.
func (s Subject) clear(t *testing.T) {
	t.Helper()
	for _, server := range []Server{s.One, s.Two} {
		for _, statement := range []string{"DELETE FROM wright_tokens WHERE name NOT IN (SELECT name FROM wright_databases WHERE NOT persistent)", "UPDATE wright_databases SET persistent = false"} {
			if _, err := server.Admin.ExecContext(limit(t), statement); err != nil {
				t.Fatal(err)
			}
		}
		rows, err := server.Admin.QueryContext(limit(t), "SELECT name, login FROM wright_databases WHERE name NOT IN (SELECT name FROM wright_tokens)")
		if err != nil {
			t.Fatal(err)
		}
		var drop []string
		for rows.Next() {
			var name, login string
			if err := rows.Scan(&name, &login); err != nil {
				t.Fatal(err)
			}
			drop = append(drop, "DROP DATABASE IF EXISTS "+name, "DROP USER IF EXISTS "+login, "DELETE FROM wright_databases WHERE name = '"+name+"'")
		}
		for _, statement := range drop {
			if _, err := server.Admin.ExecContext(limit(t), statement); err != nil {
				t.Fatalf("%s: %v", statement, err)
			}
		}
	}
}
