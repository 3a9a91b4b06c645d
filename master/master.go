// Package master wires the master's rooms together: it opens what they share,
// starts the loop of each, serves its faces on one port and, at the end, waits
// for all. It decides nothing.
package master

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"golang.org/x/sync/errgroup"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/activate"
	"github.com/wright-build/wright/master/catalog"
	"github.com/wright-build/wright/master/dispatch"
	"github.com/wright-build/wright/master/logs"
	"github.com/wright-build/wright/master/poll"
	"github.com/wright-build/wright/master/proxy"
	"github.com/wright-build/wright/master/schedule"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
)

// Config says where a master keeps its things and where it answers.
type Config struct {
	Data          string        // directory of its own; made if missing
	Manifests     string        // directory with one manifest per instance; made if missing
	Listen        string        // host:port of pages, API, agents and, under NAME.localhost, of AppServers
	Poll          time.Duration // how often each remote is asked; default a minute
	AgentLease    time.Duration // silence after which an agent counts as gone, in whole seconds; default 30 s
	EtcdEndpoints []string      // of an etcd cluster; none: etcd is embedded
	Token         string        // wanted of agents and API clients; must be set unless Listen is on loopback
	Version       string
	Ready         func(address string) // called once, when all of it serves
	Log           *slog.Logger
}

// rooms are the master's parts.
type rooms struct {
	store    *store.Store
	catalog  *catalog.Catalog
	poll     *poll.Poller
	schedule *schedule.Scheduler
	dispatch *dispatch.Dispatcher
	activate *activate.Activator
	logs     *logs.Logs
	proxy    *proxy.Proxy
}

// Run is a master until ctx ends.
func Run(ctx context.Context, cfg Config) error {
	if err := check(cfg); err != nil {
		return err
	}
	unlock, err := prepare(cfg)
	if err != nil {
		return err
	}
	defer unlock()
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	defer func() { _ = listener.Close() }()
	client, closeStore, err := connect(ctx, cfg)
	if err != nil {
		return err
	}
	defer closeStore()
	r, err := open(ctx, cfg, client)
	if err != nil {
		return err
	}
	defer func() { _ = r.logs.Close() }()
	return r.run(ctx, cfg, listener)
}

// run starts every loop and waits for all of them.
func (r *rooms) run(ctx context.Context, cfg Config, listener net.Listener) error {
	r.store.Read(func(f *state.Facts) { r.proxy.Set(proxy.Routes(f)) }) // the first visitor does not wait for the loop
	all, ctx := errgroup.WithContext(ctx)
	loops := map[string]func(context.Context) error{
		"store":    r.store.Run,
		"catalog":  r.catalog.Run,
		"poll":     r.poll.Run,
		"schedule": r.schedule.Run,
		"dispatch": r.dispatch.Run,
		"activate": r.activate.Run,
		"proxy":    func(ctx context.Context) error { return r.proxy.Run(ctx, r.store) },
		"faces":    func(ctx context.Context) error { return r.serve(ctx, cfg, listener) },
	}
	for name, loop := range loops {
		all.Go(func() error {
			if err := loop(ctx); err != nil && ctx.Err() == nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			return nil
		})
	}
	if cfg.Ready != nil {
		cfg.Ready("http://" + listener.Addr().String())
	}
	return all.Wait()
}

// open makes the rooms over a connected store.
func open(ctx context.Context, cfg Config, client *clientv3.Client) (*rooms, error) {
	st := store.New(client, cfg.Log)
	if err := st.Load(ctx); err != nil {
		return nil, err
	}
	installation, err := st.Installation(ctx, strings.ToLower(rand.Text()))
	if err != nil {
		return nil, err
	}
	dir, err := manifests.OpenDir(cfg.Manifests, cfg.Log)
	if err != nil {
		return nil, err
	}
	output, err := logs.Open(filepath.Join(cfg.Data, "logs"))
	if err != nil {
		return nil, err
	}
	act := activate.New(st, cfg.Log)
	return &rooms{
		store: st, logs: output, activate: act,
		catalog:  catalog.New(st, dir, cfg.Log),
		poll:     poll.New(st, poll.Config{Interval: cfg.Poll}, cfg.Log),
		schedule: schedule.New(st, cfg.Log),
		dispatch: dispatch.New(dispatch.Config{
			Store: st, Output: output, Operations: act, Refused: filepath.Join(cfg.Data, "refused"),
			Installation: installation, Lease: cfg.AgentLease, Log: cfg.Log,
		}),
		proxy: proxy.New(cfg.Log),
	}, nil
}

// connect reaches etcd: the cluster named, or one embedded in this process.
func connect(ctx context.Context, cfg Config) (*clientv3.Client, func(), error) {
	if len(cfg.EtcdEndpoints) == 0 {
		e, err := store.Embed(ctx, filepath.Join(cfg.Data, "etcd"))
		if err != nil {
			return nil, nil, err
		}
		return e.Client, func() { _ = e.Close() }, nil
	}
	c, err := clientv3.New(clientv3.Config{Endpoints: cfg.EtcdEndpoints, DialTimeout: 10 * time.Second, Context: ctx})
	if err != nil {
		return nil, nil, fmt.Errorf("reach etcd at %s: %w", strings.Join(cfg.EtcdEndpoints, ", "), err)
	}
	return c, func() { _ = c.Close() }, nil
}

func check(cfg Config) error {
	host, _, err := net.SplitHostPort(cfg.Listen)
	if err != nil {
		return fmt.Errorf("listen address %q: want host:port", cfg.Listen)
	}
	ip := net.ParseIP(host)
	if loopback := host == "localhost" || ip != nil && ip.IsLoopback(); !loopback && cfg.Token == "" {
		return fmt.Errorf("refusing to listen on %s without a token: anybody could run commands here; give --token-file, or listen on 127.0.0.1", cfg.Listen)
	}
	return nil
}

// prepare makes the directories and locks the data against a second master.
func prepare(cfg Config) (unlock func(), err error) {
	for dir, mode := range map[string]os.FileMode{cfg.Data: 0o700, cfg.Manifests: 0o755} {
		if err := os.MkdirAll(dir, mode); err != nil {
			return nil, err
		}
	}
	f, err := os.OpenFile(filepath.Join(cfg.Data, "master.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := flock(f); err != nil {
		return nil, errors.Join(fmt.Errorf("another master uses %s", cfg.Data), f.Close())
	}
	return func() { _ = f.Close() }, nil
}

// lockPatience is how long the lock of a process that was killed may outlive
// it: a child that it was just starting has it until it is its own program.
const lockPatience = 2 * time.Second

// flock takes the lock of a file, or says that somebody else has it.
func flock(f *os.File) error {
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for late := time.Now().Add(lockPatience); ; <-again.C {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil || time.Now().After(late) {
			return err
		}
	}
}
