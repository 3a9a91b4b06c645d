package main

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/database"
	"github.com/wright-build/wright/plugins/database/notes"
	"github.com/wright-build/wright/plugins/database/servers"
)

// provider waits for its settings.
type provider struct{ notes.Provider }

var (
	_ database.Provider  = (*provider)(nil)
	_ plugins.Configurer = (*provider)(nil)
)

// The usual ports, without TLS and with.
const (
	amqpPort, amqpsPort = 5672, 5671
	apiPort, apisPort   = "15672", "15671"
)

// options is the provider's table of the agent's configuration.
type options struct {
	Endpoint string  `json:"endpoint"`
	Servers  []entry `json:"servers"`
}

type entry struct {
	servers.Server
	API string `json:"api"`
}

// Configure implements plugins.Configurer.
func (p *provider) Configure(_ context.Context, s plugins.Settings) error {
	var o options
	if err := plugins.ReadConfig(s.Config, &o); err != nil {
		return err
	}
	list, err := o.check()
	if err != nil {
		return err
	}
	made := make([]*notes.Server, 0, len(list))
	for i, e := range list {
		server, err := e.open(fmt.Sprintf("settings.servers[%d]", i+1), s.Installation)
		if err != nil {
			return err
		}
		made = append(made, server)
	}
	p.Become(s.Installation, made)
	return nil
}

// check fills in what is not given.
func (o options) check() ([]entry, error) {
	var given []servers.Server
	for _, e := range o.Servers {
		given = append(given, e.Server)
	}
	plain, err := servers.Check(given, amqpPort)
	if err != nil {
		return nil, err
	}
	encrypted, err := servers.Check(given, amqpsPort)
	if err != nil {
		return nil, err
	}
	list := make([]entry, 0, len(plain))
	for i, e := range o.Servers {
		e.Server = plain[i]
		scheme, port := "http", apiPort
		if e.TLS != servers.TLSOff {
			e.Server, scheme, port = encrypted[i], "https", apisPort
		}
		host, _ := e.At()
		e.API = cmp.Or(e.API, o.Endpoint, scheme+"://"+net.JoinHostPort(host, port))
		list = append(list, e)
	}
	return list, nil
}

// open makes the server of an entry, whose settings are at a path.
func (e entry) open(field, installation string) (*notes.Server, error) {
	u, err := url.Parse(e.API)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, plugins.Invalidf(field+".api", "is no URL of an HTTP service, such as https://rabbit.example.test:15671")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, plugins.Invalidf(field+".api", "must hold neither a user nor a query: credentials have settings of their own")
	}
	own := e.Server
	if own.Address, err = servers.WithPort(field+".api", u.Host, map[string]int{"http": 80, "https": 443}[u.Scheme]); err != nil {
		return nil, err
	}
	config, err := own.TLSConfig(field)
	if err != nil {
		return nil, err
	}
	b := &backend{
		endpoint: strings.TrimSuffix(e.API, "/"), user: e.User, secret: e.Secret, below: below(config), tag: tagOf(installation),
	}
	return &notes.Server{Server: e.Server, Backend: b, Key: notes.KeyOf("rabbitmq", e.Secret), Reach: e.reach}, nil
}

// reach says how programs reach a virtual host.
func (e entry) reach(name string) notes.Place {
	host, port := e.ClientsAt()
	scheme := "amqps"
	if e.TLS == servers.TLSOff {
		scheme = "amqp"
	}
	return notes.Place{
		URL:       url.URL{Scheme: scheme, User: url.User(name), Host: net.JoinHostPort(host, port), Path: "/" + name},
		Variables: map[string]string{"HOST": host, "PORT": port, "NAME": name, "VHOST": name, "USER": name},
	}
}
