package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/database"
	"github.com/wright-build/wright/plugins/database/ledger"
	"github.com/wright-build/wright/plugins/database/servers"
)

// provider waits for its settings.
type provider struct{ ledger.Late }

var (
	_ database.Provider  = (*provider)(nil)
	_ plugins.Configurer = (*provider)(nil)
)

// Configure implements plugins.Configurer.
func (p *provider) Configure(_ context.Context, s plugins.Settings) error {
	o, err := ledger.Read(s.Config, port)
	if err != nil {
		return err
	}
	made := &ledger.Provider{
		Installation: s.Installation, Templates: o.Templates,
		Dialect: ledger.Dialect{
			Scheme: "postgres", Query: query, Explain: explain, Password: checkPassword,
			Exists: "SELECT COUNT(*) FROM pg_catalog.pg_database WHERE datname = ?", Numbered: true,
		},
	}
	for _, server := range o.Servers {
		e, err := newEngine(server, o.Ledger)
		if err != nil {
			return err
		}
		made.Servers = append(made.Servers, &ledger.Server{Server: server, DB: e.open(o.Ledger, "public"), Engine: e})
	}
	return p.Become(made)
}

// query says in URLs that programs shall encrypt where the provider does. Whether
// they know who signed the server's certificate is their business.
func query(s servers.Server) url.Values {
	if s.TLS == servers.TLSOff {
		return url.Values{"sslmode": {"disable"}}
	}
	return url.Values{"sslmode": {"require"}}
}

// engine is one server.
type engine struct {
	server servers.Server
	ledger string
	config *pgx.ConnConfig // without a password
}

var _ ledger.Engine = (*engine)(nil)

// What connections may take and wait for.
const (
	maxConnections = 10
	maxIdle        = 2
	idleTime       = 30 * time.Second
	connectTime    = 10 * time.Second
)

func newEngine(s servers.Server, name string) (*engine, error) {
	trust, err := s.TLSConfig("settings.servers")
	if err != nil {
		return nil, err
	}
	host, p := s.At()
	// Nothing of the environment and of files in the home directory counts.
	config, err := pgx.ParseConfig("sslmode=disable host=localhost user=nobody database=postgres password=none")
	if err != nil {
		return nil, fmt.Errorf("prepare connections to server %s: %w", s.Name, err)
	}
	n, err := strconv.ParseUint(p, 10, 16)
	if err != nil {
		return nil, plugins.Invalidf("settings.servers.address", "%.80q: %w", s.Address, err)
	}
	config.Host, config.Port, config.User, config.Password = host, uint16(n), s.User, ""
	config.TLSConfig, config.Fallbacks, config.ConnectTimeout = trust, nil, connectTime
	config.DefaultQueryExecMode = pgx.QueryExecModeExec // names of prepared statements would outlive what they were for
	return &engine{server: s, ledger: name, config: config}, nil
}

// open gives connections to one of the server's databases, in which names without
// a schema are of one schema. The administrator's password is read for each anew.
func (e *engine) open(database, schema string) *sql.DB {
	config := e.config.Copy()
	config.Database = database
	config.RuntimeParams = map[string]string{"application_name": "wright", "search_path": schema}
	db := stdlib.OpenDB(*config,
		stdlib.OptionBeforeConnect(func(_ context.Context, c *pgx.ConnConfig) (err error) {
			c.Password, err = e.server.Secret()
			return err
		}),
		stdlib.OptionAfterConnect(func(ctx context.Context, c *pgx.Conn) error {
			// A session whose client is gone ends at once, also while it waits. Not
			// every system that servers run on can do that.
			_, _ = c.Exec(ctx, "SELECT set_config('client_connection_check_interval', '1s', false)")
			return ctx.Err()
		}))
	db.SetMaxOpenConns(maxConnections)
	db.SetMaxIdleConns(maxIdle)
	db.SetConnMaxIdleTime(idleTime)
	return db
}

// in does something in another of the server's databases, in which it trusts
// nobody's functions.
func (e *engine) in(database string, do func(*sql.DB) error) error {
	db := e.open(database, "pg_catalog")
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	return do(db)
}
