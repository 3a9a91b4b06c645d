package notes

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/database"
	"github.com/wright-build/wright/plugins/database/servers"
)

// Provider makes databases at servers. It is a database.Provider after Become.
type Provider struct {
	locks locks

	mu           sync.Mutex // guards all below
	installation string
	servers      []*Server
}

var _ database.Provider = (*Provider)(nil)

// Become has calls from now on go to these servers.
func (p *Provider) Become(installation string, list []*Server) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.installation, p.servers = installation, list
}

func (p *Provider) settled() (string, []*Server, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.servers) == 0 {
		return "", nil, errors.New("the provider is not configured yet")
	}
	return p.installation, p.servers, nil
}

// Create implements database.Provider.
func (p *Provider) Create(ctx context.Context, s database.Spec) (*database.Database, error) {
	installation, list, err := p.settled()
	if err != nil {
		return nil, err
	}
	k := keysOf(installation, s.Token, s.Instance, s.Name)
	free, err := p.locks.take(ctx, k.own.Name, k.home.Name)
	if err != nil {
		return nil, fmt.Errorf("make database %q: %w", s.Name, err)
	}
	defer free()
	made, err := create(ctx, list, installation, k, s)
	if err != nil {
		return nil, fmt.Errorf("make database %q: %w", s.Name, err)
	}
	return made, nil
}

func create(ctx context.Context, list []*Server, installation string, k keys, s database.Spec) (*database.Database, error) {
	at, err := known(ctx, list, k)
	if err != nil {
		if list, err = enough(ctx, list, k, s, err); err == nil {
			at, err = known(ctx, list, k)
		}
	}
	if err == nil && at == nil {
		at, err = fresh(ctx, list, installation, k, s)
	}
	if err != nil {
		return nil, err
	}
	home, password, err := at.server.sealed(at.home, s.Password)
	if err != nil {
		return nil, err
	}
	if err := at.server.Backend.Put(ctx, home, password); err != nil {
		return nil, at.server.named(err)
	}
	if !at.use.Key.Use {
		d := at.server.shown(home, password)
		return &d, nil
	}
	// The use comes last: what nobody uses is kept all the same.
	if err := at.server.Backend.Put(ctx, at.use, ""); err != nil {
		return nil, at.server.named(err)
	}
	d := at.server.shown(at.use, password)
	return &d, nil
}

// found is a database, and of a persistent one the use that it is about.
type found struct {
	server    *Server
	home, use Entry
}

// known looks for what the token made before, which decides whatever else a call says.
func known(ctx context.Context, list []*Server, k keys) (*found, error) {
	server, note, err := ask(ctx, list, k.own)
	if err != nil {
		return nil, err
	}
	if note != nil {
		return &found{server: server, home: Entry{k.own, *note}}, nil
	}
	server, note, err = ask(ctx, list, k.use)
	if note == nil || err != nil {
		return nil, err
	}
	at := &found{server: server, use: Entry{k.use, *note}}
	of := Key{Name: note.Of}
	home, err := server.Backend.Get(ctx, of)
	if err != nil {
		return nil, server.named(err)
	}
	if home == nil { // somebody has dropped it at the server: it is made anew
		again := *note
		again.Token, again.Of = "", ""
		home = &again
	}
	at.home = Entry{of, *home}
	return at, nil
}

// enough gives the servers that suffice when not all answer: the one that has the
// persistent database, or the one that is named for an ephemeral one. Elsewhere the
// failure stays, because a server that does not answer may have what is wanted.
func enough(ctx context.Context, list []*Server, k keys, s database.Spec, failure error) ([]*Server, error) {
	if s.Persistent {
		if server, home, _ := ask(ctx, list, k.home); home != nil {
			return []*Server{server}, nil
		}
		return nil, failure
	}
	for _, server := range list {
		if server.Name == s.Config["server"] {
			return []*Server{server}, nil
		}
	}
	return nil, failure
}

// fresh is for a new token: a persistent database that is there already, or a new
// one at the server that is chosen.
func fresh(ctx context.Context, list []*Server, installation string, k keys, s database.Spec) (*found, error) {
	n := Note{Installation: installation, Token: s.Token, Name: s.Name, Instance: s.Instance, Persistent: s.Persistent, Tags: s.Tags}
	named, _ := s.Config["server"].(string)
	if !s.Persistent {
		server, err := choose(ctx, list, named)
		return &found{server: server, home: Entry{k.own, n}}, err
	}
	use, home := Entry{k.use, n}, Entry{k.home, n}
	use.Of, home.Token = k.home.Name, ""
	server, old, err := ask(ctx, list, k.home)
	switch {
	case err != nil:
		return nil, err
	case old == nil:
		server, err = choose(ctx, list, named)
	case old.Name != s.Name || old.Instance != s.Instance:
		err = plugins.Errorf(plugins.Exists, "%s is the database %q of the instance %q", k.home.Name, old.Name, old.Instance)
	default:
		home.Sealed = old.Sealed
	}
	return &found{server, home, use}, err
}

// ask looks for a note at all servers. A server that does not answer may have it, so
// nobody says that it is nowhere.
func ask(ctx context.Context, list []*Server, key Key) (*Server, *Note, error) {
	notes := make([]*Note, len(list))
	err := each(list, func(i int, s *Server) (err error) {
		notes[i], err = s.Backend.Get(ctx, key)
		return err
	})
	for i, n := range notes {
		if n != nil {
			return list[i], n, nil
		}
	}
	return nil, nil, err
}

// choose gives the server for something new. With one server there is nothing to
// count, unless it may be full.
func choose(ctx context.Context, list []*Server, named string) (*Server, error) {
	loads := make([]servers.Load, len(list))
	err := each(list, func(i int, s *Server) (err error) {
		loads[i] = servers.Load{Name: s.Name, Most: s.MaxDatabases}
		if len(list) > 1 && named == "" || s.MaxDatabases > 0 {
			loads[i].Databases, err = s.Backend.Count(ctx)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	name, err := servers.Choose(loads, named)
	for _, s := range list {
		if err == nil && s.Name == name {
			return s, nil
		}
	}
	return nil, err
}

// each asks all servers at once.
func each(list []*Server, do func(i int, s *Server) error) error {
	errs := make([]error, len(list))
	var all sync.WaitGroup
	for i, s := range list {
		all.Go(func() { errs[i] = s.named(do(i, s)) })
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// List implements database.Provider.
func (p *Provider) List(ctx context.Context, tags map[string]string) ([]database.Database, error) {
	installation, list, err := p.settled()
	if err != nil {
		return nil, err
	}
	parts := make([][]database.Database, len(list))
	err = each(list, func(i int, s *Server) error {
		entries, err := s.Backend.All(ctx)
		if err != nil {
			return err
		}
		parts[i], err = s.list(entries, installation, tags)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the databases: %w", err)
	}
	var all []database.Database
	for _, part := range parts {
		all = append(all, part...)
	}
	return all, nil
}

// Delete implements database.Provider. A server that does not answer may have the
// database, so it fails then.
func (p *Provider) Delete(ctx context.Context, token string) error {
	installation, list, err := p.settled()
	if err != nil {
		return err
	}
	k := keysOf(installation, token, "", "")
	free, err := p.locks.take(ctx, k.own.Name, "")
	if err != nil {
		return fmt.Errorf("delete the database of %q: %w", token, err)
	}
	defer free()
	err = each(list, func(_ int, s *Server) error { return s.drop(ctx, k) })
	if err != nil {
		return fmt.Errorf("delete the database of %q: %w", token, err)
	}
	return nil
}

// drop removes what a token has at one server. What is left of a database whose
// note is gone is removed, too.
func (s *Server) drop(ctx context.Context, k keys) error {
	own, err := s.Backend.Get(ctx, k.own)
	if plugins.CodeOf(err) == plugins.Exists {
		return nil // it is somebody else's, and the token has none
	}
	if err != nil {
		return err
	}
	e := Entry{Key: k.own}
	if own != nil {
		e.Note = *own
	}
	if err := s.Backend.Remove(ctx, e); err != nil {
		return err
	}
	use, err := s.Backend.Get(ctx, k.use)
	if use == nil || err != nil {
		return err
	}
	return s.Backend.Remove(ctx, Entry{k.use, *use})
}
