package main

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
	"github.com/wright-build/wright/plugins/cloud/onhost"
	"github.com/wright-build/wright/plugins/environ"
	"github.com/wright-build/wright/plugins/host"
)

// TestMain lets the test binary be the provider and the daemon, too.
func TestMain(m *testing.M) {
	_, launched := os.LookupEnv(plugins.CookieKey)
	if _, daemon := onhost.Dir(os.Args); launched || daemon {
		main()
		return
	}
	os.Exit(m.Run())
}

// start launches the provider at a host of its own on a state directory.
func start(t *testing.T, state string, settings map[string]any) *host.Host {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.Symlink(exe, filepath.Join(bin, plugins.BinaryName(plugins.Cloud, "qemu"))); err != nil {
		t.Fatal(err)
	}
	h := host.New(host.Config{
		Dirs: []string{bin}, StateDir: state, Installation: "test", Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Providers: map[string]map[string]any{"cloud-qemu": settings},
	})
	t.Cleanup(func() { _ = h.Close() })
	return h
}

func open(t *testing.T, h *host.Host) cloud.Provider {
	t.Helper()
	p, err := h.Cloud(t.Context(), "qemu")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// create makes a server that is deleted with the test; then nothing of it runs.
func create(t *testing.T, state string, p cloud.Provider, s cloud.Spec) *cloud.Server {
	t.Helper()
	dir := filepath.Join(state, "cloud-qemu", "servers", onhost.IDOf(s.Token))
	t.Cleanup(func() {
		if err := p.Delete(context.WithoutCancel(t.Context()), s.Token); err != nil {
			t.Error("delete:", err)
		}
		if !killMarked(dir) {
			t.Error("after delete something of it runs")
		}
		if _, err := os.Stat(dir); err == nil {
			t.Error("after delete its directory is there")
		}
	})
	made, err := p.Create(t.Context(), s)
	if err != nil {
		t.Fatal("create:", err)
	}
	return made
}

// eventually waits until the condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute) // guests are slow
	defer cancel()
	if !until(ctx.Done(), 20*time.Millisecond, condition) {
		t.Fatalf("never: %s", what)
	}
}

func blank(token string, config map[string]any) cloud.Spec {
	all := map[string]any{"wait-ssh": false, "memory": 32}
	for k, v := range config {
		all[k] = v
	}
	return cloud.Spec{Token: token, Name: "shop", Config: all, Env: map[string]string{"PASSWORD": "s3cret-of-the-server"}}
}

// A machine that was killed runs again, at its old address, as soon as somebody
// looks, and so does one whose QEMU alone was.
func TestKilled(t *testing.T) {
	state := t.TempDir()
	h := start(t, state, settingsOf(images(t)))
	p := open(t, h)
	made := create(t, state, p, blank("t", nil))
	at := net.JoinHostPort(made.Address, strconv.Itoa(made.Port))
	dir := filepath.Join(state, "cloud-qemu", "servers", onhost.IDOf("t"))
	if !accepts(at) {
		t.Fatalf("nobody listens at %s", at)
	}
	killMarked(dir)
	eventually(t, "the end", func() bool { return !onhost.IsLocked(filepath.Join(dir, onhost.LockFile)) })
	eventually(t, "a list in which it runs", func() bool {
		list, err := p.List(t.Context(), nil)
		return err == nil && len(list) == 1 && list[0].State == cloud.Running && list[0].Address == made.Address
	})
	if !accepts(at) {
		t.Errorf("nobody listens at %s", at)
	}
	before := qemuOf(t, dir)
	kill(before, dir)
	eventually(t, "that it runs again", func() bool {
		got, err := p.Get(t.Context(), "t")
		now := qemuOf(t, dir)
		return err == nil && got.State == cloud.Running && now != 0 && now != before
	})
}

// qemuOf is the process of a server's QEMU, whose arguments show no secret.
func qemuOf(t *testing.T, dir string) int {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		line, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		if err == nil && strings.HasPrefix(string(line), "qemu-system") && environ.Has(pid, cookie(dir)) {
			if strings.Contains(string(line), "s3cret") {
				t.Error("its arguments show the environment")
			}
			return pid
		}
	}
	return 0
}

// Somebody removed the directory by hand: QEMU does not run for ever.
func TestRemovedByHand(t *testing.T) {
	state := t.TempDir()
	p := open(t, start(t, state, settingsOf(images(t))))
	made := create(t, state, p, blank("t", nil))
	if err := os.RemoveAll(filepath.Join(state, "cloud-qemu", "servers")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "its end", func() bool { return !accepts(net.JoinHostPort(made.Address, strconv.Itoa(made.Port))) })
}

// What goes wrong is said in the words of who found it, and leaves nothing.
func TestErrors(t *testing.T) {
	dir := images(t)
	if err := os.WriteFile(filepath.Join(dir, "broken.qcow2"), []byte("this is no disk"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name     string
		settings map[string]any
		spec     cloud.Spec
		code     plugins.Code
		says     string
	}{
		{"no such image", nil, cloud.Spec{Token: "t", Image: "nothing"}, plugins.Invalid, "no nothing.qcow2"},
		{"a broken image", nil, cloud.Spec{Token: "t", Image: "broken"}, plugins.Unknown, "make the disk"},
		{"too much memory", nil, cloud.Spec{Token: "t", Flavor: "1x99999999"}, plugins.Quota, "MiB of memory"},
		{"QEMU is not there", map[string]any{"program": "qemu-system-nothing"}, blank("t", nil), plugins.Unknown, "start QEMU"},
		{"it does not boot", nil, cloud.Spec{Token: "t", Config: map[string]any{"memory": 32, "boot-timeout": "2s"}}, plugins.Unknown, "no SSH server greeted within 2s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			settings := settingsOf(dir)
			for k, v := range tt.settings {
				settings[k] = v
			}
			state := t.TempDir()
			p := open(t, start(t, state, settings))
			made, err := p.Create(t.Context(), tt.spec)
			if err == nil || plugins.CodeOf(err) != tt.code || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %+v, %q %v", made, plugins.CodeOf(err), err)
			}
			if err := p.Delete(t.Context(), "t"); err != nil {
				t.Error(err)
			}
			if list, err := p.List(t.Context(), nil); err != nil || len(list) > 0 {
				t.Error(list, err)
			}
		})
	}
}
