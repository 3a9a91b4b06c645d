package wrighttest

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.etcd.io/etcd/server/v3/embed"
)

// Cluster is several masters over an etcd that is none of theirs.
type Cluster struct {
	house     *House
	endpoint  string
	addresses []string
	masters   []*Process // nil: it was never started
	args      []string
}

// Cluster starts an etcd, and masters over it. All are masters of the house: its
// address is those of all of them. Every write is synced to disk. The arguments
// are the masters'.
func (h *House) Cluster(masters int, args ...string) *Cluster {
	h.t.Helper()
	cfg := embed.NewConfig()
	cfg.Dir, cfg.LogLevel = filepath.Join(h.Dir, "etcd"), "fatal"
	endpoint := url.URL{Scheme: "unix", Path: filepath.Join(h.Dir, "c")}
	cfg.ListenPeerUrls, cfg.ListenClientUrls = nil, []url.URL{endpoint}
	e, err := embed.StartEtcd(cfg)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { h.StopAll(); e.Close() })
	return h.ClusterOver(endpoint.String(), masters, args...)
}

// ClusterOver starts masters over an etcd that runs.
func (h *House) ClusterOver(endpoints string, masters int, args ...string) *Cluster {
	h.t.Helper()
	c := &Cluster{house: h, endpoint: endpoints, args: args, addresses: make([]string, masters), masters: make([]*Process, masters)}
	for n := range masters {
		c.Start(n)
	}
	return c
}

// Start starts a master, again if need be, and waits until it answers.
func (c *Cluster) Start(n int) {
	h := c.house
	h.t.Helper()
	name, data := fmt.Sprintf("master-%d", n), filepath.Join(h.Dir, fmt.Sprintf("data-%d", n))
	listen := strings.TrimPrefix(c.addresses[n], "http://")
	if listen == "" {
		listen = "127.0.0.1:0"
		if h.network != nil {
			listen = net.JoinHostPort(h.network.place(name), "8080")
		}
		c.introduce(data, n)
	}
	c.start(n, name, listen, data, true)
	c.addresses[n] = c.masters[n].Ready
	known := slices.DeleteFunc(slices.Clone(c.addresses), func(a string) bool { return a == "" })
	h.Address = strings.Join(known, ",")
}

// Again starts a master again, which answers in its own time: it may be that etcd
// does not.
func (c *Cluster) Again(n int) {
	c.house.t.Helper()
	c.start(n, c.masters[n].Name, strings.TrimPrefix(c.addresses[n], "http://"), filepath.Join(c.house.Dir, fmt.Sprintf("data-%d", n)), false)
}

func (c *Cluster) start(n int, name, listen, data string, ready bool) {
	h := c.house
	h.t.Helper()
	c.masters[n] = h.start(name, ready, append([]string{"master", "run", "--data", data, "--manifests", h.Manifests,
		"--listen", listen, "--poll", "200ms", "--etcd-endpoints", c.endpoint, "--leader-lease", "2s"}, c.args...)...)
}

// introduce gives a new master the identity that the first one has made.
func (c *Cluster) introduce(data string, n int) {
	if n == 0 {
		return
	}
	identity, err := os.ReadFile(filepath.Join(c.house.Dir, "data-0", "secrets.key"))
	err = errors.Join(err, os.MkdirAll(data, 0o700), os.WriteFile(filepath.Join(data, "secrets.key"), identity, 0o600))
	if err != nil {
		c.house.t.Fatal(err)
	}
}

// Leader waits until one of the masters that run leads, other than those given,
// and returns which.
func (c *Cluster) Leader(but ...int) (n int) {
	c.house.t.Helper()
	c.house.Await("a master to lead", func() bool {
		n = slices.IndexFunc(c.masters, func(p *Process) bool { return p.running() && p.leads() })
		for slices.Contains(but, n) {
			rest := c.masters[n+1:]
			next := slices.IndexFunc(rest, func(p *Process) bool { return p.running() && p.leads() })
			if next < 0 {
				return false
			}
			n += 1 + next
		}
		return n >= 0
	})
	return n
}

// leads says whether a master has said last that it leads.
func (p *Process) leads() bool {
	log := p.Log()
	return strings.LastIndex(log, "this master leads now") > strings.LastIndex(log, "this master leads no more")
}

// Follows waits until a master has said that it leads no more.
func (c *Cluster) Follows(n int) {
	c.house.t.Helper()
	c.house.Await("the former leader to follow", func() bool { return !c.masters[n].leads() })
}

// Endpoint is where the etcd answers.
func (c *Cluster) Endpoint() string { return c.endpoint }

// Address is where a master answers.
func (c *Cluster) Address(n int) string { return c.addresses[n] }

// Master is the one of that number.
func (c *Cluster) Master(n int) *Process { return c.masters[n] }
