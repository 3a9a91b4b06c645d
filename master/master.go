// Package master wires the master's rooms together: it opens what they share,
// starts the loop of each, serves its faces on one port and, at the end, waits
// for all. It decides nothing.
package master

import (
	"cmp"
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
	"github.com/wright-build/wright/master/artifacts"
	"github.com/wright-build/wright/master/backup"
	"github.com/wright-build/wright/master/elect"
	"github.com/wright-build/wright/master/logs"
	"github.com/wright-build/wright/master/proxy"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
	"github.com/wright-build/wright/master/store/past"
)

// Config says where a master keeps its things and where it answers.
type Config struct {
	Data        string           // directory of its own; made if missing
	Manifests   string           // directory with one manifest per instance, made if missing; "": none, only the repositories of Settings
	Listen      string           // host:port of pages, API, agents and, under NAME.localhost, of AppServers
	Poll        time.Duration    // how often each remote is asked; default a minute
	AgentLease  time.Duration    // silence after which an agent counts as gone, in whole seconds; default 30 s
	Reap        time.Duration    // how often providers are asked what they hold that nobody owns; default 10 min, negative: never
	ReapAfter   time.Duration    // how long nobody must have owned what is ended; default 10 min
	Etcd        store.Cluster    // without endpoints etcd is embedded
	Advertise   string           // URL at which the other masters of a cluster, and agents, reach this one; default where it listens
	LeaderLease time.Duration    // silence after which a leader is one no more, in whole seconds; default 3 s
	Settings    manifests.Config // the operator's configuration file; its zero value is an empty one
	Token       string           // wanted of agents and API clients; must be set unless Listen is on loopback
	Version     string
	Ready       func(address string) // called once, when all of it serves
	Log         *slog.Logger
}

// house is what a master has whether it leads or not.
type house struct {
	cfg          Config
	listen       string // host:port of its port
	public       string // where other masters and agents reach it
	installation string
	store        *store.Store
	embedded     *store.Embedded  // nil: a cluster
	candidate    *elect.Candidate // nil: there is nobody else
	logs         *logs.Logs
	artifacts    *artifacts.Store
	proxy        *proxy.Proxy
	front        *front
	backup       backup.Source
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
	client, embedded, err := connect(ctx, cfg)
	if err != nil {
		return err
	}
	defer closeStore(client, embedded)
	h, err := enter(ctx, cfg, client, embedded, listener.Addr())
	if err != nil {
		return err
	}
	defer func() { _ = h.logs.Close() }()
	return h.run(ctx, listener)
}

// enter opens what the terms of a master share.
func enter(ctx context.Context, cfg Config, client *clientv3.Client, embedded *store.Embedded, at net.Addr) (*house, error) {
	public, err := publicURL(cfg.Advertise, at)
	if err != nil {
		return nil, err
	}
	cfg.Settings.Notify.PublicURL = cmp.Or(cfg.Settings.Notify.PublicURL, public)
	st := store.New(client, cfg.Log)
	st.KeepPast(past.Open(filepath.Join(cfg.Data, "history")))
	if embedded != nil {
		st.LeaveRoom(store.NewDisk(cfg.Data, cfg.Log))
	}
	if err := st.Load(ctx); err != nil {
		return nil, err
	}
	installation, err := st.Installation(ctx, strings.ToLower(rand.Text()))
	if err != nil {
		return nil, err
	}
	output, kept, err := openStorage(ctx, cfg, installation)
	if err != nil {
		return nil, err
	}
	h := &house{
		cfg: cfg, listen: at.String(), public: public, installation: installation, store: st, embedded: embedded, logs: output,
		backup:    backup.Source{Data: cfg.Data, Snapshot: client.Snapshot, Header: backup.Header{Version: cfg.Version, Installation: installation}},
		artifacts: kept, proxy: proxy.New(cfg.Log),
	}
	output.LeaveRoom(st.Room)
	kept.LeaveRoom(st.Room)
	if embedded == nil {
		if err := h.secrets(st).Share(ctx); err != nil {
			return nil, err
		}
		h.candidate = elect.New(client, public, cfg.LeaderLease, cfg.Log)
	}
	h.front = newFront(h)
	return h, nil
}

// publicURL is where others reach a master: what is said, or where it listens.
func publicURL(said string, at net.Addr) (string, error) {
	if said != "" {
		return said, nil
	}
	host, port, err := net.SplitHostPort(at.String())
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		host, err = os.Hostname()
	}
	if err != nil {
		return "", fmt.Errorf("find out where others reach this master; say it with --advertise: %w", err)
	}
	return "http://" + net.JoinHostPort(host, port), nil
}

// run starts what goes on in all terms, and leads when it is this master's turn.
func (h *house) run(ctx context.Context, listener net.Listener) error {
	h.store.Read(func(f *state.Facts) { h.proxy.Follow(proxy.Routes(f)) }) // the first visitor does not wait for the loop
	loops := map[string]func(context.Context) error{
		"store":  h.store.Run,
		"proxy":  func(ctx context.Context) error { return h.proxy.Run(ctx, h.store) },
		"faces":  func(ctx context.Context) error { return h.front.serve(ctx, listener) },
		"logs":   func(ctx context.Context) error { return h.logs.Run(ctx, h.cfg.Log) },
		"copies": func(ctx context.Context) error { return removeCopies(ctx, h.logs, h.artifacts, h.cfg.Log) },
		"lead":   h.terms,
	}
	if h.cfg.Ready != nil {
		h.cfg.Ready("http://" + listener.Addr().String())
	}
	return runAll(ctx, loops)
}

// terms leads in every term that falls to this master; one without others always
// leads.
func (h *house) terms(ctx context.Context) error {
	if h.candidate == nil {
		return h.lead(ctx, h.store)
	}
	return h.candidate.Run(ctx, func(ctx context.Context, term elect.Term) error {
		st := h.store.Under(store.Fence{Key: term.Key, Created: term.Created, Lost: func() { term.End(store.ErrDeposed) }})
		if err := st.CatchUp(ctx); err != nil { // with all that those before have written
			term.End(err)
			return err
		}
		return h.lead(ctx, st)
	})
}

// lead is one term.
func (h *house) lead(ctx context.Context, st *store.Store) error {
	r, err := h.open(st)
	if err != nil {
		return err
	}
	defer func() { _ = r.plugins.Close() }()
	h.front.lead(ctx, r)
	defer h.front.follow()
	return runAll(ctx, r.loops())
}

// runAll runs loops until ctx ends, or one of them fails.
func runAll(ctx context.Context, loops map[string]func(context.Context) error) error {
	all, ctx := errgroup.WithContext(ctx)
	for name, loop := range loops {
		all.Go(func() error {
			if err := loop(ctx); err != nil && ctx.Err() == nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			return nil
		})
	}
	return all.Wait()
}

// connect reaches etcd: the cluster named, or one embedded in this process.
func connect(ctx context.Context, cfg Config) (*clientv3.Client, *store.Embedded, error) {
	if len(cfg.Etcd.Endpoints) == 0 {
		if err := store.NewDisk(cfg.Data, cfg.Log).Await(ctx); err != nil {
			return nil, nil, err
		}
		e, err := store.Embed(ctx, filepath.Join(cfg.Data, "etcd"))
		if err != nil {
			return nil, nil, err
		}
		return e.Client, e, nil
	}
	c, err := store.Dial(ctx, cfg.Etcd, cfg.Log)
	return c, nil, err
}

func closeStore(client *clientv3.Client, embedded *store.Embedded) {
	if embedded != nil {
		_ = embedded.Close()
		return
	}
	_ = client.Close()
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
		if dir == "" {
			continue
		}
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
