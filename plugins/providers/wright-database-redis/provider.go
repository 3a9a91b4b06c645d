package main

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"sync"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/database"
	"github.com/wright-build/wright/plugins/database/notes"
	"github.com/wright-build/wright/plugins/database/servers"
)

// provider waits for its settings.
type provider struct {
	notes.Provider

	mu   sync.Mutex // guards all below
	open []*backend
}

var (
	_ database.Provider  = (*provider)(nil)
	_ plugins.Configurer = (*provider)(nil)
)

const port = 6379

// options is the provider's table of the agent's configuration.
type options struct {
	Servers []entry `json:"servers"`
}

type entry struct {
	servers.Server
	Save string `json:"save"`
	Scan bool   `json:"scan"`
}

// Configure implements plugins.Configurer.
func (p *provider) Configure(_ context.Context, s plugins.Settings) error {
	var o options
	if err := plugins.ReadConfig(s.Config, &o); err != nil {
		return err
	}
	var given []servers.Server
	for _, e := range o.Servers {
		given = append(given, e.Server)
	}
	checked, err := servers.Check(given, port)
	if err != nil {
		return err
	}
	var list []*notes.Server
	var open []*backend
	for i, e := range o.Servers {
		e.Server = checked[i]
		b, err := newBackend(fmt.Sprintf("settings.servers[%d]", i+1), e)
		if err != nil {
			return err
		}
		open = append(open, b)
		list = append(list, &notes.Server{Server: e.Server, Backend: b, Key: notes.KeyOf("redis", e.Secret), Reach: e.reach})
	}
	p.Become(s.Installation, list)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, b := range p.open { // calls that still run end as transient
		_ = b.client.Close()
	}
	p.open = open
	return nil
}

// reach says how programs reach what a user of a name may see.
func (e entry) reach(name string) notes.Place {
	host, port := e.ClientsAt()
	scheme := "rediss"
	if e.TLS == servers.TLSOff {
		scheme = "redis"
	}
	return notes.Place{
		URL:       url.URL{Scheme: scheme, User: url.User(name), Host: net.JoinHostPort(host, port), Path: "/0"},
		Variables: map[string]string{"HOST": host, "PORT": port, "NAME": name, "USER": name, "PREFIX": prefix(name)},
	}
}

// prefix is what the keys and channels of a user begin with. Names hold nothing
// that means something in a pattern.
func prefix(name string) string { return name + ":" }
