package main

import (
	"context"
	"errors"
	"net/url"
	"sync"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
)

// settings are the keys of the provider's table of the agent's configuration.
func settings() plugins.Schema {
	return plugins.Schema{
		{Name: "url", Required: true, Doc: "Where the API of the rack is.", Example: "https://rack.example.test"},
		{Name: "api-token", Required: true, Secret: true, Doc: "Token of the API.", Example: "secret:rack-token"},
		{Name: "project", Default: "main", Doc: "The project that machines belong to and are paid by."},
		{Name: "request-timeout", Type: plugins.TypeDuration, Default: "10s", Doc: "When a request is given up and sent again."},
	}
}

// config are the keys of the provider's table in a manifest.
func config() plugins.Schema {
	return plugins.Schema{
		{Name: "size", Default: "small", OneOf: []string{"small", "large"}, Doc: "Size of a machine whose manifest names no flavor."},
		{Name: "image", Default: "debian-12", Doc: "What a machine boots whose manifest names no image."},
		{Name: "port", Type: plugins.TypeInteger, Default: 80, Min: plugins.Bound(1), Max: plugins.Bound(65535), Doc: "Port that the server will answer on."},
	}
}

// provider makes machines of a rack. It remembers nothing but how to ask.
type provider struct {
	orders orders

	mu     sync.Mutex // guards all below
	client *client    // nil until Configure
}

var (
	_ cloud.Provider     = (*provider)(nil)
	_ cloud.Consoler     = (*provider)(nil)
	_ plugins.Configurer = (*provider)(nil)
)

// options is what Configure reads from settings.
type options struct {
	URL            string           `json:"url"`
	APIToken       string           `json:"api-token"`
	Project        string           `json:"project"`
	RequestTimeout plugins.Duration `json:"request-timeout"`
}

// Configure implements plugins.Configurer. Wrong credentials are said here, not
// in the midst of a build.
func (p *provider) Configure(ctx context.Context, s plugins.Settings) error {
	var o options
	if err := plugins.ReadConfig(s.Config, &o); err != nil {
		return err
	}
	base, err := url.Parse(o.URL)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return plugins.Invalidf("settings.url", "is no URL such as https://rack.example.test")
	}
	c := newClient(base, o, s)
	// A start has 15 s for everything, whether the rack answers or not.
	soon, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if _, err := c.byKey(soon, "nobody"); plugins.CodeOf(err) == plugins.Denied || plugins.CodeOf(err) == plugins.Invalid {
		return err
	} // a rack that does not answer at the moment may do so later
	p.mu.Lock()
	p.client = c
	p.mu.Unlock()
	return nil
}

func (p *provider) configured() (*client, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.client == nil {
		return nil, errors.New("the provider is not configured yet")
	}
	return p.client, nil
}
