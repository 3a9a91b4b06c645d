// Package ledger makes a database.Provider of SQL servers. What is made at a
// server is written down at that server before it is made, and crossed out after
// it is gone, in two tables that only its administrator reads; so any agent finds
// everything, whoever died. Who works on a token or a database holds a lock of the
// server's meanwhile, which a killed process keeps as long as its last statement
// runs. The package knows no dialect; an Engine does.
package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"sync"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/database"
	"github.com/wright-build/wright/plugins/database/seal"
	"github.com/wright-build/wright/plugins/database/servers"
)

// Engine is one server, as far as servers differ.
type Engine interface {
	// Prepare makes the tables of the ledger where they are missing.
	Prepare(ctx context.Context) error
	// Lock waits until nobody else has the lock of a key, and takes it for the
	// session: it is free again with Unlock or when the server ends the session.
	Lock(ctx context.Context, c *sql.Conn, key string) error
	Unlock(ctx context.Context, c *sql.Conn, key string) error
	// Make makes the user, with the password, and the database as far as they are
	// missing; a user that is there gets the password.
	Make(ctx context.Context, c *sql.Conn, t Thing) error
	// Drop ends the sessions of the user and removes it and the database, as far as
	// they are there.
	Drop(ctx context.Context, c *sql.Conn, t Thing) error
}

// Thing is what is made at a server.
type Thing struct {
	Database string // at most 48 characters of a-z, 0-9 and _
	User     string // at most 32 of them
	Password string
	Template string // the database that a new one is a copy of, if not empty
}

// Server is a server with its ledger.
type Server struct {
	servers.Server
	DB     *sql.DB // with the tables of the ledger
	Engine Engine

	mu       sync.Mutex // guards all below
	prepared bool
	key      *seal.Key
	secret   string // that key is made of
}

// Provider is a database.Provider over servers of one dialect.
type Provider struct {
	Servers      []*Server
	Installation string
	Templates    []string // that manifests may name
	Dialect      Dialect
}

var _ database.Provider = (*Provider)(nil)

// Dialect is what all servers of a kind have in common.
type Dialect struct {
	Scheme   string                          // of URLs, and what the passwords are sealed for
	Query    func(servers.Server) url.Values // of URLs
	Explain  func(error) error               // gives an error of a server its code
	Password func(string) error              // refuses one that the server could not have
	Exists   string                          // the question how many databases have the name of its only parameter
	Numbered bool                            // parameters are $1, $2, and not ?
}

// options is the provider's table of a manifest.
type options struct {
	Server   string `json:"server"`
	Template string `json:"template"`
}

// Create implements database.Provider.
func (p *Provider) Create(ctx context.Context, s database.Spec) (*database.Database, error) {
	var o options
	if err := plugins.ReadConfig(s.Config, &o); err != nil {
		return nil, err
	}
	if o.Template != "" && !slices.Contains(p.Templates, o.Template) {
		return nil, plugins.Invalidf("config.template", "%.60q is not among the templates that the agent's settings allow", o.Template)
	}
	if err := p.Dialect.Password(s.Password); err != nil {
		return nil, err
	}
	h := p.hold(ctx, "token "+p.id(s.Token))
	made, err := p.create(ctx, h, p.wanted(s), o, s.Password)
	h.end(ctx, err)
	return made, ended(ctx, err)
}

func (p *Provider) create(ctx context.Context, h *held, want entry, o options, password string) (*database.Database, error) {
	at, e, err := p.promised(ctx, h, want, o.Server, password)
	if err != nil {
		return nil, err
	}
	t := Thing{Database: e.Database, User: e.User, Template: o.Template}
	key, err := at.server.seals(p.Dialect.Scheme)
	if err == nil {
		t.Password, err = passwordOf(key, e, password)
	}
	if err != nil {
		return nil, err
	}
	if err := at.remember(ctx, e, key, t.Password); err != nil {
		return nil, p.failed(at.server, "write down the password of database "+e.Database, err)
	}
	if err := p.make(ctx, at, e, t); err != nil {
		p.undo(ctx, at, e, t, err)
		return nil, err
	}
	return p.answer(at.server, e, t.Password), nil
}

// make makes what was promised. What an earlier call has left half made is thrown
// away: nobody has ever been given it.
func (p *Provider) make(ctx context.Context, at *session, e entry, t Thing) error {
	if err := at.admit(ctx, &e); err != nil {
		return p.failed(at.server, "see whether there is still database "+e.Database, err)
	}
	if !e.Ready && !e.fresh {
		if err := at.server.Engine.Drop(ctx, at.conn, t); err != nil {
			return p.failed(at.server, "remove the half-made database "+t.Database, err)
		}
	}
	if !e.Ready {
		plugins.Report(ctx, "making database "+t.Database+" at server "+at.server.Name, 0)
	}
	if err := at.server.Engine.Make(ctx, at.conn, t); err != nil {
		return p.failed(at.server, "make database "+t.Database, err)
	}
	if e.Ready {
		return nil
	}
	return p.wrap(at.server, "write down that there is database "+t.Database, at.ready(ctx, e, true))
}

// undo takes back what can never work. If that fails the list tells of it.
func (p *Provider) undo(ctx context.Context, at *session, e entry, t Thing, refusal error) {
	switch plugins.CodeOf(refusal) {
	case plugins.Invalid, plugins.Quota, plugins.Denied, plugins.Unsupported:
	default:
		return
	}
	if !e.fresh || e.Ready {
		return
	}
	if err := at.server.Engine.Drop(ctx, at.conn, t); err == nil {
		_ = at.forget(ctx, e) // what counts is the refusal
	}
}

// promised finds the entry that a token has, or writes it down at a server.
func (p *Provider) promised(ctx context.Context, h *held, want entry, named, password string) (*session, entry, error) {
	at, e, err := h.find(ctx, byToken, want.ID)
	if err != nil {
		return nil, e, err
	}
	if at != nil && e.Persistent { // others may be making it: what they wrote is known when they are done
		if err := at.lock(ctx, "database "+e.Database); err != nil {
			return nil, e, err
		}
		return h.find(ctx, byToken, want.ID)
	}
	if at == nil && want.Persistent {
		if err := h.lock(ctx, "database "+want.Database); err != nil {
			return nil, e, err
		}
		at, e, err = h.find(ctx, byDatabase, want.Database)
		if at != nil && err == nil {
			e.Token, e.ID, e.Tags = want.Token, want.ID, want.Tags
			err = p.wrap(at.server, "write down the use of database "+e.Database, at.use(ctx, e))
		}
	}
	if at != nil || err != nil {
		return at, e, err
	}
	return p.promise(ctx, h, want, named, password)
}

// promise chooses a server and writes the database down there, with its password.
// Nobody else chooses meanwhile, so the choice is good also when many are made at
// once.
func (p *Provider) promise(ctx context.Context, h *held, want entry, named, password string) (*session, entry, error) {
	const choosing = "choosing"
	if err := h.lock(ctx, choosing); err != nil {
		return nil, want, err
	}
	at, err := p.choose(ctx, h, &want, named)
	if err != nil {
		return nil, want, err
	}
	key, err := at.server.seals(p.Dialect.Scheme)
	if err != nil {
		return nil, want, err
	}
	want.Sealed = key.Seal(cmp.Or(password, seal.Password()), want.User)
	if err := at.insert(ctx, want); err != nil {
		return nil, want, p.failed(at.server, "write down database "+want.Database, err)
	}
	return at, want, h.unlock(ctx, choosing)
}

// choose takes the server that has the database already, though it is written
// down nowhere: the ledger was lost, and its data must not be.
func (p *Provider) choose(ctx context.Context, h *held, want *entry, named string) (*session, error) {
	var loads []servers.Load
	for _, s := range h.sessions {
		n, err := s.number(ctx, p.Dialect.Exists, want.Database)
		if err != nil {
			return nil, p.failed(s.server, "look for database "+want.Database, err)
		}
		if n > 0 {
			want.Ready = true
			return s, nil
		}
		if n, err = s.number(ctx, "SELECT COUNT(*) FROM wright_databases"); err != nil {
			return nil, p.failed(s.server, "count the databases", err)
		}
		loads = append(loads, servers.Load{Name: s.server.Name, Databases: n, Most: s.server.MaxDatabases})
	}
	want.fresh = true
	name, err := servers.Choose(loads, named)
	return h.at(name), err
}

// passwordOf gives the one that is wanted, or else the one that was stored.
func passwordOf(key *seal.Key, e entry, wanted string) (string, error) {
	if wanted != "" {
		return wanted, nil
	}
	stored, err := key.Open(e.Sealed, e.User)
	if err != nil {
		return "", plugins.Invalidf("password", "is empty, and what was stored for the user %s cannot be read: %w", e.User, err)
	}
	return stored, nil
}

// List implements database.Provider.
func (p *Provider) List(ctx context.Context, tags map[string]string) ([]database.Database, error) {
	var list []database.Database
	for _, s := range p.Servers {
		entries, err := p.entries(ctx, s)
		if err != nil {
			return nil, ended(ctx, p.failed(s, "list the databases", err))
		}
		key, err := s.seals(p.Dialect.Scheme)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if plugins.HasTags(e.Tags, tags) {
				// What cannot be opened is listed without a password.
				password, _ := key.Open(e.Sealed, e.User)
				list = append(list, *p.answer(s, e, password))
			}
		}
	}
	return list, nil
}

func (p *Provider) entries(ctx context.Context, s *Server) ([]entry, error) {
	if err := s.prepare(ctx); err != nil {
		return nil, err
	}
	conn, err := s.DB.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	return (&session{p: p, server: s, conn: conn}).entries(ctx, ofInstallation, servers.Hash(p.Installation))
}

// Delete implements database.Provider.
func (p *Provider) Delete(ctx context.Context, token string) error {
	h := p.hold(ctx, "token "+p.id(token))
	err := p.remove(ctx, h, token)
	h.end(ctx, err)
	return ended(ctx, err)
}

func (p *Provider) remove(ctx context.Context, h *held, token string) error {
	at, e, err := h.find(ctx, byToken, p.id(token))
	if err != nil || at == nil {
		return err
	}
	if e.Persistent {
		if err := at.lock(ctx, "database "+e.Database); err != nil {
			return err
		}
		return p.wrap(at.server, "let go of database "+e.Database, at.release(ctx, e))
	}
	if err := at.server.Engine.Drop(ctx, at.conn, Thing{Database: e.Database, User: e.User}); err != nil {
		return p.failed(at.server, "drop database "+e.Database, err)
	}
	return p.wrap(at.server, "forget database "+e.Database, at.forget(ctx, e))
}

// answer is what callers are told of an entry.
func (p *Provider) answer(s *Server, e entry, password string) *database.Database {
	host, port := s.ClientsAt()
	u := url.URL{Scheme: p.Dialect.Scheme, User: url.User(e.User), Host: s.ClientAddress, Path: "/" + e.Database}
	variables := map[string]string{"HOST": host, "PORT": port, "NAME": e.Database, "USER": e.User}
	if password != "" {
		u.User = url.UserPassword(e.User, password)
		variables["PASSWORD"] = password
	}
	u.RawQuery = p.Dialect.Query(s.Server).Encode()
	variables["URL"] = u.String()
	return &database.Database{
		Token: e.Token, Name: e.Name, URL: u.String(), Variables: variables, Persistent: e.Persistent, Tags: e.Tags,
	}
}

// failed says at which server what failed, with the code that Explain knows.
func (p *Provider) failed(s *Server, doing string, err error) error {
	s.doubt()
	if e, ok := errors.AsType[*plugins.Error](err); ok && e.Code == plugins.Invalid {
		return err // the field is at the beginning
	}
	return fmt.Errorf("server %s (%s): %s: %w", s.Name, s.Address, doing, p.Dialect.Explain(err))
}

// wrap is failed for what may have gone well.
func (p *Provider) wrap(s *Server, doing string, err error) error {
	if err == nil {
		return nil
	}
	return p.failed(s, doing, err)
}

// ended has a call whose time is over fail with that: what the server said then
// comes of it.
func ended(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	return fmt.Errorf("%w: %s", ctx.Err(), err.Error())
}

// Close ends the connections to all servers.
func (p *Provider) Close() error {
	var failed error
	for _, s := range p.Servers {
		failed = errors.Join(failed, s.DB.Close())
	}
	return failed
}
