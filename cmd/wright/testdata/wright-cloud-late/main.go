// Command wright-cloud-late is a cloud whose servers are files, to test reaping
// with. It is as slow as a cloud may be: what Create asks for is there only after
// a while, and a Delete before that finds nothing, says so, and stops nothing.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
)

type provider struct {
	dir, host string
	port      int
	delay     time.Duration
}

// record is the file of a server.
type record struct {
	Token, Name string
	Tags        map[string]string
	Due         time.Time // when it is there
}

func main() {
	p := cloud.Plugin("late", "1.0.0", &provider{})
	p.Settings = plugins.Schema{
		{Name: "dir", Required: true, Doc: "Where the servers are."},
		{Name: "address", Required: true, Doc: "Where all of them answer."},
		{Name: "delay", Type: plugins.TypeDuration, Default: "1s", Doc: "How long a create takes."},
	}
	p.Config = plugins.Schema{}
	plugins.Serve(p)
}

// Configure implements plugins.Configurer.
func (p *provider) Configure(_ context.Context, s plugins.Settings) (err error) {
	text := func(name string) string { v, _ := s.Config[name].(string); return v }
	var port string
	if p.host, port, err = net.SplitHostPort(text("address")); err != nil {
		return plugins.Invalidf("address", "%w", err)
	}
	p.dir = text("dir")
	p.port, err = strconv.Atoi(port)
	delay, err2 := time.ParseDuration(text("delay"))
	p.delay = delay
	return errors.Join(err, err2)
}

func (p *provider) path(token string) string {
	sum := sha256.Sum256([]byte(token))
	return filepath.Join(p.dir, hex.EncodeToString(sum[:8])+".json")
}

// read gives a server that is there.
func read(path string) (*record, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var r record
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, err
	}
	if time.Now().Before(r.Due) {
		return &r, fs.ErrNotExist
	}
	return &r, nil
}

// Create implements cloud.Provider.
func (p *provider) Create(ctx context.Context, s cloud.Spec) (*cloud.Server, error) {
	r, err := read(p.path(s.Token))
	if r == nil {
		r = &record{Token: s.Token, Name: s.Name, Tags: s.Tags, Due: time.Now().Add(p.delay)}
		b, _ := json.Marshal(r)
		tmp := p.path(s.Token) + ".tmp"
		if err := errors.Join(os.WriteFile(tmp, b, 0o600), os.Rename(tmp, p.path(s.Token))); err != nil {
			return nil, err
		}
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	select {
	case <-time.After(time.Until(r.Due)):
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the server: %w", ctx.Err())
	}
	made := p.server(r)
	return &made, nil
}

func (p *provider) server(r *record) cloud.Server {
	return cloud.Server{Token: r.Token, Name: r.Name, Address: p.host, Port: p.port, State: cloud.Running, Tags: r.Tags, CreatedAt: r.Due}
}

// Get implements cloud.Provider.
func (p *provider) Get(_ context.Context, token string) (*cloud.Server, error) {
	r, err := read(p.path(token))
	if err != nil {
		return nil, plugins.Errorf(plugins.NotFound, "there is no such server")
	}
	s := p.server(r)
	return &s, nil
}

// List implements cloud.Provider.
func (p *provider) List(_ context.Context, tags map[string]string) ([]cloud.Server, error) {
	files, err := filepath.Glob(filepath.Join(p.dir, "*.json"))
	list := []cloud.Server{}
	for _, f := range files {
		if r, err := read(f); err == nil && plugins.HasTags(r.Tags, tags) {
			list = append(list, p.server(r))
		}
	}
	return list, err
}

// Delete implements cloud.Provider.
func (p *provider) Delete(_ context.Context, token string) error {
	if _, err := read(p.path(token)); err != nil {
		return nil
	}
	return os.Remove(p.path(token))
}
