package main

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/floatingips"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/security/groups"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
	"github.com/wright-build/wright/plugins/host"
)

// bench is a provider at a host that can be killed, and the cloud as its own
// list shows it.
type bench struct {
	binary, state, installation string
	settings                    map[string]any
	direct                      *session

	host *host.Host
	cloud.Provider
}

func newBench(t *testing.T, binary string, env map[string]string) *bench {
	b := &bench{
		binary: binary, state: t.TempDir(), installation: "test-" + fmt.Sprint(rand.Uint64()), settings: credentials(env), direct: directly(t, credentials(env)),
	}
	b.open(t)
	t.Cleanup(func() { _ = b.host.Close() })
	return b
}

// directly is a login past the provider.
func directly(t *testing.T, with map[string]any) *session {
	var s settings
	if err := plugins.ReadConfig(with, &s); err != nil {
		t.Fatal(err)
	}
	s.UserDomain, s.ProjectDomain = "Default", "Default"
	a, err := s.access()
	if err != nil {
		t.Fatal(err)
	}
	direct, err := login(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return direct
}

// open starts a host, as an agent does.
func (b *bench) open(t *testing.T) {
	b.host = host.New(host.Config{
		Dirs: []string{filepath.Dir(b.binary)}, StateDir: b.state, Installation: b.installation,
		Providers: map[string]map[string]any{"cloud-openstack": b.settings},
		Log:       slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	var err error
	if b.Provider, err = b.host.Cloud(t.Context(), "openstack"); err != nil {
		t.Fatal(err)
	}
}

// left lists what the cloud has of the installation.
func (b *bench) left(t *testing.T, ctx context.Context) []string {
	t.Helper()
	id := identify(b.installation, "")
	var list []string
	machines, err := b.direct.servers(ctx, id.installationTag())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range machines {
		list = append(list, "server "+m.Name+" "+m.Status)
	}
	pages, err := ports.List(b.direct.network, ports.ListOpts{}).AllPages(ctx)
	if err != nil {
		t.Fatal(err)
	}
	all, _ := ports.ExtractPorts(pages)
	for _, p := range all {
		if strings.HasPrefix(p.Name, id.prefix()) {
			list = append(list, "port "+p.Name)
		}
	}
	pages, err = floatingips.List(b.direct.network, floatingips.ListOpts{}).AllPages(ctx)
	if err != nil {
		t.Fatal(err)
	}
	ips, _ := floatingips.ExtractFloatingIPs(pages)
	for _, f := range ips {
		if strings.HasPrefix(f.Description, id.prefix()) {
			list = append(list, "floating IP "+f.FloatingIP)
		}
	}
	found, err := b.direct.groups(ctx, groups.ListOpts{})
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range found {
		if strings.HasPrefix(g.Name, id.prefix()) {
			list = append(list, "security group "+g.Name)
		}
	}
	return list
}

func (b *bench) spec(token string, more map[string]any) cloud.Spec {
	config := map[string]any{"networks": []any{"lab"}, "wait-port": 0}
	for k, v := range more {
		config[k] = v
	}
	return cloud.Spec{
		Token: token, Name: "test " + token, Flavor: "m1.tiny", Image: "debian-12", Config: config,
		Tags: map[string]string{plugins.InstallationTag: b.installation}, Env: map[string]string{"PASSWORD": "hunter2"},
	}
}

// pidsOf finds the processes of a binary.
func pidsOf(binary string) []int {
	var pids []int
	links, _ := filepath.Glob("/proc/[0-9]*/exe")
	for _, l := range links {
		if exe, err := os.Readlink(l); err == nil && exe == binary {
			var pid int
			if _, err := fmt.Sscanf(l, "/proc/%d/exe", &pid); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}
