package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"time"

	"github.com/go-sql-driver/mysql"

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
			Scheme: "mysql", Explain: explain,
			Query:    func(servers.Server) url.Values { return nil }, // every client has other words for TLS
			Password: func(string) error { return nil },              // any bytes will do
			Exists:   schemata,
		},
	}
	for _, server := range o.Servers {
		e, err := newEngine(server, o.Ledger)
		if err != nil {
			return err
		}
		db, err := e.open(o.Ledger)
		if err != nil {
			return err
		}
		made.Servers = append(made.Servers, &ledger.Server{Server: server, DB: db, Engine: e})
	}
	return p.Become(made)
}

// schemata is the question whether there is a database.
const schemata = "SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ?"

// engine is one server.
type engine struct {
	server servers.Server
	ledger string
	config *mysql.Config // without a password
}

var _ ledger.Engine = (*engine)(nil)

// What connections may take and wait for.
const (
	maxConnections = 10
	maxIdle        = 2
	idleTime       = 30 * time.Second
	connectTime    = 10 * time.Second
)

// sqlMode has the server cut nothing, and read statements as they are written here.
const sqlMode = "'STRICT_ALL_TABLES'"

func newEngine(s servers.Server, name string) (*engine, error) {
	trust, err := s.TLSConfig("settings.servers")
	if err != nil {
		return nil, err
	}
	config := mysql.NewConfig()
	config.Net, config.Addr, config.User, config.TLS = "tcp", s.Address, s.User, trust
	config.Timeout, config.Logger = connectTime, &mysql.NopLogger{} // what fails is said in errors
	config.Params = map[string]string{"sql_mode": sqlMode, "lock_wait_timeout": "120"}
	return &engine{server: s, ledger: name, config: config}, nil
}

// open gives connections with a current database. The administrator's password is
// read for each anew.
func (e *engine) open(database string) (*sql.DB, error) {
	config := e.config.Clone()
	config.DBName = database
	err := config.Apply(mysql.BeforeConnect(func(_ context.Context, c *mysql.Config) (err error) {
		c.Passwd, err = e.server.Secret()
		return err
	}))
	if err != nil {
		return nil, fmt.Errorf("prepare connections to server %s: %w", e.server.Name, err)
	}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, plugins.Invalidf("settings.servers.address", "server %s: %w", e.server.Name, err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(maxConnections)
	db.SetMaxIdleConns(maxIdle)
	db.SetConnMaxIdleTime(idleTime)
	return db, nil
}
