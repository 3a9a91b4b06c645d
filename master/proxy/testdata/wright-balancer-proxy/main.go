// Command wright-balancer-proxy is the built-in proxy as a plugin, for tests: it
// shows that the proxy keeps the balancer contract, and is a balancer that really
// passes requests on. Where the master has facts, it has a file.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wright-build/wright/master/proxy"
	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/balancer"
)

func main() {
	p := balancer.Plugin("proxy", "", &provider{})
	p.Doc = "The built-in proxy of Wright as a balancer, for tests."
	p.Settings = plugins.Schema{{Name: "listen", Doc: "host:port at which it takes requests; empty means nowhere"}}
	p.Config = plugins.Schema{}
	plugins.Serve(p)
}

// provider is a proxy whose routes are in a file, which others may change too.
type provider struct {
	mu     sync.Mutex // guards all below
	proxy  *proxy.Proxy
	dir    string
	listen string
}

// Configure implements plugins.Configurer.
func (p *provider) Configure(ctx context.Context, s plugins.Settings) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.proxy == nil {
		p.proxy = proxy.New(slog.New(slog.DiscardHandler))
	}
	p.dir = s.StateDir
	listen, _ := s.Config["listen"].(string)
	if listen != "" && p.listen == "" {
		l, err := net.Listen("tcp", listen) // before anybody sets a route and asks at once
		go p.serve(l, err, listen, s.Log)
	}
	p.listen = listen
	return p.change(ctx, func(context.Context) error { return nil })
}

// serve tries for as long as a former process has the port.
func (p *provider) serve(l net.Listener, err error, address string, log *slog.Logger) {
	for {
		if err == nil {
			log.Info("balancer listens", "address", l.Addr().String())
			err = http.Serve(l, p.proxy)
		}
		log.Warn("balancer does not listen", "error", err)
		<-time.After(100 * time.Millisecond)
		l, err = net.Listen("tcp", address)
	}
}

// Set implements balancer.Provider.
func (p *provider) Set(ctx context.Context, s balancer.Spec) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.change(ctx, func(ctx context.Context) error { return p.proxy.Set(ctx, s) })
}

// Delete implements balancer.Provider.
func (p *provider) Delete(ctx context.Context, name string, tags map[string]string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.change(ctx, func(ctx context.Context) error { return p.proxy.Delete(ctx, name, tags) })
}

// List implements balancer.Provider.
func (p *provider) List(ctx context.Context, tags map[string]string) (list []balancer.Route, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	err = p.change(ctx, func(ctx context.Context) (err error) {
		list, err = p.proxy.List(ctx, tags)
		return err
	})
	return list, err
}

// change does something to the routes as they are in the file, and writes down
// what they are then.
func (p *provider) change(ctx context.Context, do func(context.Context) error) error {
	if p.dir == "" {
		return errors.New("the provider is not configured yet")
	}
	lock, err := os.OpenFile(filepath.Join(p.dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return fmt.Errorf("lock the routes: %w", err)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	ctx = context.WithoutCancel(ctx) // from here on all or nothing
	if err := p.load(ctx); err != nil {
		return fmt.Errorf("read the routes: %w", err)
	}
	if err := do(ctx); err != nil {
		return err
	}
	return p.save(ctx)
}

func (p *provider) file() string { return filepath.Join(p.dir, "routes.json") }

func (p *provider) load(ctx context.Context) error {
	b, err := os.ReadFile(p.file())
	if errors.Is(err, fs.ErrNotExist) {
		b, err = []byte("[]"), nil
	}
	var wanted []balancer.Route
	if err = errors.Join(err, json.Unmarshal(b, &wanted)); err != nil {
		return err
	}
	have, err := p.proxy.List(ctx, nil)
	for _, r := range have {
		if !slices.ContainsFunc(wanted, func(w balancer.Route) bool { return w.Name == r.Name }) {
			err = errors.Join(err, p.proxy.Delete(ctx, r.Name, r.Tags))
		}
	}
	for _, r := range wanted {
		err = errors.Join(err, p.proxy.Set(ctx, balancer.Spec{Name: r.Name, Targets: r.Targets, Tags: r.Tags}))
	}
	return err
}

func (p *provider) save(ctx context.Context) error {
	list, err := p.proxy.List(ctx, nil)
	if err != nil {
		return err
	}
	b, err := json.Marshal(list)
	if err != nil {
		return err
	}
	next := p.file() + ".new"
	return errors.Join(os.WriteFile(next, b, 0o600), os.Rename(next, p.file()))
}
