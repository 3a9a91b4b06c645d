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

const port = 27017

// options is the provider's table of the agent's configuration.
type options struct {
	Servers []entry `json:"servers"`
}

type entry struct {
	servers.Server
	AuthSource string `json:"auth-source"`
	ReplicaSet string `json:"replica-set"`
}

// Configure implements plugins.Configurer.
func (p *provider) Configure(ctx context.Context, s plugins.Settings) error {
	var o options
	if err := plugins.ReadConfig(s.Config, &o); err != nil {
		return err
	}
	list, open, err := o.servers()
	if err != nil {
		return err
	}
	p.Become(s.Installation, list)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, b := range p.open { // calls that still run end as transient
		b.close(ctx)
	}
	p.open = open
	return nil
}

func (o options) servers() ([]*notes.Server, []*backend, error) {
	var given []servers.Server
	for _, e := range o.Servers {
		given = append(given, e.Server)
	}
	checked, err := servers.Check(given, port)
	if err != nil {
		return nil, nil, err
	}
	var list []*notes.Server
	var open []*backend
	for i, e := range o.Servers {
		e.Server = checked[i]
		field := fmt.Sprintf("settings.servers[%d]", i+1)
		for key, text := range map[string]string{".auth-source": e.AuthSource, ".replica-set": e.ReplicaSet} {
			if err := plugins.CheckText(field+key, text); err != nil {
				return nil, nil, err
			}
		}
		config, err := e.TLSConfig(field)
		if err != nil {
			return nil, nil, err
		}
		b := &backend{entry: e, tls: config}
		open = append(open, b)
		list = append(list, &notes.Server{Server: e.Server, Backend: b, Key: notes.KeyOf("mongodb", e.Secret), Reach: e.reach})
	}
	return list, open, nil
}

// reach says how programs reach a database, in which its user is a user, too.
func (e entry) reach(name string) notes.Place {
	host, port := e.ClientsAt()
	query := url.Values{"authSource": {name}}
	if e.ReplicaSet != "" {
		query.Set("replicaSet", e.ReplicaSet)
	}
	switch e.TLS {
	case servers.TLSVerify:
		query.Set("tls", "true")
	case servers.TLSInsecure:
		query.Set("tls", "true")
		query.Set("tlsInsecure", "true")
	}
	return notes.Place{
		URL:       url.URL{Scheme: "mongodb", User: url.User(name), Host: net.JoinHostPort(host, port), Path: "/" + name, RawQuery: query.Encode()},
		Variables: map[string]string{"HOST": host, "PORT": port, "NAME": name, "USER": name},
	}
}
