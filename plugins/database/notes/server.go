package notes

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"sync"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/database"
	"github.com/wright-build/wright/plugins/database/seal"
	"github.com/wright-build/wright/plugins/database/servers"
)

// Server is a backend with what is known of it beforehand.
type Server struct {
	servers.Server
	Backend Backend
	Key     func() (*seal.Key, error) // that passwords are sealed with; see KeyOf
	Reach   func(name string) Place   // how programs reach the database of a name
}

// Place is how programs reach a database.
type Place struct {
	URL       url.URL           // without a password
	Variables map[string]string // without URL and PASSWORD
}

// KeyOf gives Server.Key from the administrator's password, which may change while
// the provider runs. Making a key takes time, so the last one is kept.
func KeyOf(service string, secret func() (string, error)) func() (*seal.Key, error) {
	var mu sync.Mutex
	var last string
	var key *seal.Key
	return func() (*seal.Key, error) {
		now, err := secret()
		if err != nil {
			return nil, err
		}
		mu.Lock()
		defer mu.Unlock()
		if key == nil || now != last {
			made, err := seal.NewKey(now, service)
			if err != nil {
				return nil, err
			}
			key, last = made, now
		}
		return key, nil
	}
}

// shown is what Wright is told of an entry.
func (s *Server) shown(e Entry, password string) database.Database {
	at := s.Reach(e.database())
	d := database.Database{Token: e.Token, Name: e.Name, Persistent: e.Persistent, Tags: e.Tags, Variables: maps.Clone(at.Variables)}
	if password != "" {
		at.URL.User = url.UserPassword(at.URL.User.Username(), password)
		d.Variables["PASSWORD"] = password
	}
	d.URL = at.URL.String()
	d.Variables["URL"] = d.URL
	return d
}

// open gives the password of a database, "" where nobody can tell.
func (s *Server) open(home Entry) (string, error) {
	if home.Sealed == "" {
		return "", nil
	}
	key, err := s.Key()
	if err != nil {
		return "", err
	}
	password, err := key.Open(home.Sealed, home.Key.Name)
	if errors.Is(err, seal.ErrClosed) {
		return "", nil
	}
	return password, err
}

// sealed gives the note with a password: the one that is wanted, or that it has,
// or a new one.
func (s *Server) sealed(home Entry, wanted string) (Entry, string, error) {
	has, err := s.open(home)
	if err != nil {
		return home, "", err
	}
	switch {
	case has != "" && (wanted == "" || wanted == has):
		return home, has, nil
	case wanted == "" && home.Sealed != "":
		return home, "", plugins.Invalidf("password", "is empty, and what was stored for the user %s cannot be read: %w", home.Key.Name, seal.ErrClosed)
	case wanted == "":
		wanted = seal.Password()
	}
	key, err := s.Key()
	if err != nil {
		return home, "", err
	}
	home.Sealed = key.Seal(wanted, home.Key.Name)
	return home, wanted, nil
}

// list gives what the entries of the server are to Wright.
func (s *Server) list(entries []Entry, installation string, tags map[string]string) ([]database.Database, error) {
	homes, used := map[string]Entry{}, map[string]bool{}
	for _, e := range entries {
		if e.Key.Use && e.Installation == installation {
			used[e.Of] = true
		} else if !e.Key.Use {
			homes[e.Key.Name] = e
		}
	}
	var list []database.Database
	for _, e := range entries {
		if e.Installation != installation || !plugins.HasTags(e.Tags, tags) || !e.Key.Use && used[e.Key.Name] {
			continue
		}
		password, err := s.open(homes[e.database()])
		if err != nil {
			return nil, err
		}
		list = append(list, s.shown(e, password))
	}
	return list, nil
}

// named says which server an error is about. An error about a field begins with it.
func (s *Server) named(err error) error {
	if e, ok := errors.AsType[*plugins.Error](err); err == nil || ok && e.Field != "" {
		return err
	}
	return fmt.Errorf("server %s (%s): %w", s.Name, s.Address, err)
}
