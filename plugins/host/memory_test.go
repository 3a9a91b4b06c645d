package host

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wright-build/wright/plugins"
)

// mostResident is what a plugin in Go may have in memory.
const mostResident = 25 // MB

func TestMemoryOfAPlugin(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, "wright-cloud-noop"), "../testdata/noop").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	staysSmall(t, dir, plugins.Cloud, "noop", nil)
}

// TestMemoryOfProviders holds the memory of every provider of ours, with all that
// its SDK brings along, after its settings and a hundred calls. Where they need a
// service they find one that hangs up: what a driver has in tables and pools is
// there all the same.
func TestMemoryOfProviders(t *testing.T) {
	if os.Getenv("WRIGHT_TEST_HEAVY") == "" {
		t.Skip("WRIGHT_TEST_HEAVY=1 builds and measures every provider")
	}
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", dir+"/", "../providers/...").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	binaries, err := filepath.Glob(filepath.Join(dir, "wright-*"))
	if err != nil || len(binaries) < 15 {
		t.Fatalf("%d providers, %v", len(binaries), err)
	}
	for _, path := range binaries {
		t.Run(filepath.Base(path), func(t *testing.T) {
			rest, _ := strings.CutPrefix(filepath.Base(path), "wright-")
			kind, name, _ := strings.Cut(rest, "-")
			staysSmall(t, dir, plugins.Kind(kind), name, settingsOf(t, rest))
		})
	}
}

// settingsOf gives what a provider must be told before it can be asked anything.
func settingsOf(t *testing.T, provider string) map[string]any {
	t.Helper()
	at := hangsUp(t)
	server := map[string]any{"name": "a", "address": at, "user": "u", "password": "p", "tls": "off"}
	switch provider {
	case "balancer-haproxy":
		dir := t.TempDir()
		config := filepath.Join(dir, "haproxy.cfg")
		if err := os.WriteFile(config, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		return map[string]any{"fragments": dir, "config": []any{config}, "master-socket": filepath.Join(dir, "socket")}
	case "cloud-hcloud":
		return map[string]any{"token": "t", "endpoint": "http://" + at}
	case "cloud-openstack", "dns-designate":
		return map[string]any{"auth-url": "http://" + at + "/v3", "username": "u", "password": "p", "project": "x"}
	case "cloud-qemu":
		return map[string]any{"images": t.TempDir()}
	case "cloud-static":
		private, public := sshKey(t)
		_, port, _ := net.SplitHostPort(at)
		number, _ := strconv.Atoi(port)
		return map[string]any{"hosts": []any{map[string]any{"address": "127.0.0.1", "port": number, "host-key": public}}, "private-key": "file:" + private}
	case "database-mongodb", "database-mysql", "database-postgresql", "database-rabbitmq", "database-redis":
		return map[string]any{"servers": []any{server}}
	case "dns-gandi":
		return map[string]any{"token": "t", "endpoint": "http://" + at}
	case "dns-powerdns":
		return map[string]any{"api-key": "k", "endpoint": "http://" + at}
	case "dns-rfc2136":
		return map[string]any{"zones": []any{map[string]any{"zone": "example.test", "server": at}}}
	}
	return nil
}

// staysSmall asks a plugin a hundred times and looks at its memory.
func staysSmall(t *testing.T, dir string, kind plugins.Kind, name string, settings map[string]any) {
	t.Helper()
	h := New(Config{Dirs: []string{dir}, StateDir: t.TempDir(), Installation: "memory", Providers: map[string]map[string]any{string(kind) + "-" + name: settings}})
	t.Cleanup(func() { _ = h.Close() })
	if err := ask(t.Context(), h, kind, name); err != nil {
		t.Logf("asked once: %v", err)
	}
	i := slices.IndexFunc(h.Plugins(), func(i Info) bool { return i.Kind == kind && i.Name == name && i.PID != 0 })
	if i < 0 {
		t.Fatal("it does not run: its settings must be such that it does")
	}
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			for range 10 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				_ = ask(ctx, h, kind, name)
				cancel()
			}
		})
	}
	all.Wait()
	size := residentMB(t, h.Plugins()[i].PID)
	t.Logf("%s-%s has %.1f MB", kind, name, size)
	if size > mostResident {
		t.Errorf("%s-%s has %.1f MB in memory, at most %d are wanted: look for tables and pools that it does not need", kind, name, size, mostResident)
	}
}

// ask lists what there is.
func ask(ctx context.Context, h *Host, kind plugins.Kind, name string) error {
	tags := map[string]string{plugins.InstallationTag: "memory"}
	lists := map[plugins.Kind]func() error{
		plugins.Cloud: func() error {
			p, err := h.Cloud(ctx, name)
			if err == nil {
				_, err = p.List(ctx, tags)
			}
			return err
		},
		plugins.DNS: func() error {
			p, err := h.DNS(ctx, name)
			if err == nil {
				_, err = p.List(ctx, tags)
			}
			return err
		},
		plugins.Database: func() error {
			p, err := h.Database(ctx, name)
			if err == nil {
				_, err = p.List(ctx, tags)
			}
			return err
		},
		plugins.Balancer: func() error {
			p, err := h.Balancer(ctx, name)
			if err == nil {
				_, err = p.List(ctx, tags)
			}
			return err
		},
		plugins.Runner: func() error {
			p, err := h.Runner(ctx, name)
			if err == nil {
				_, err = p.List(ctx, tags)
			}
			return err
		},
		plugins.Notifier: func() error {
			p, err := h.Notifier(ctx, name)
			if err == nil {
				_, err = p.Receipts(ctx, tags)
			}
			return err
		},
	}
	return lists[kind]()
}

// hangsUp gives an address at which every connection is closed at once.
func hangsUp(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	return l.Addr().String()
}

// sshKey gives the file of a private key and the public one beside it.
func sshKey(t *testing.T) (private, public string) {
	t.Helper()
	private = filepath.Join(t.TempDir(), "key")
	if out, err := exec.CommandContext(t.Context(), "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", private).CombinedOutput(); err != nil {
		t.Skipf("make a key: %v: %s", err, out)
	}
	text, err := os.ReadFile(private + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	return private, strings.TrimSpace(string(text))
}
