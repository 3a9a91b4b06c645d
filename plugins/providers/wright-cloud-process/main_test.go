package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
	"github.com/wright-build/wright/plugins/cloud/onhost"
	"github.com/wright-build/wright/plugins/host"
)

// TestMain lets the test binary be the provider and the daemon, too, so that
// both are tested as processes and with the race detector.
func TestMain(m *testing.M) {
	_, launched := os.LookupEnv(plugins.CookieKey)
	if _, daemon := onhost.Dir(os.Args); launched || daemon {
		main()
		return
	}
	os.Exit(m.Run())
}

// open starts a host on a state directory.
func open(t *testing.T, state string) cloud.Provider {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.Symlink(exe, filepath.Join(bin, plugins.BinaryName(plugins.Cloud, "process"))); err != nil {
		t.Fatal(err)
	}
	h := host.New(host.Config{
		Dirs: []string{bin}, StateDir: state, Installation: "test",
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	t.Cleanup(func() { _ = h.Close() })
	p, err := h.Cloud(t.Context(), "process")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// create makes a server that is deleted with the test.
func create(t *testing.T, p cloud.Provider, token string, config map[string]any) *cloud.Server {
	t.Helper()
	s, err := p.Create(t.Context(), cloud.Spec{
		Token: token, Name: token, Tags: map[string]string{"test": "yes"},
		Env: map[string]string{"GREETING": "two\nlines"}, Config: config,
	})
	if err != nil {
		t.Fatal("create:", err)
	}
	t.Cleanup(func() {
		if err := p.Delete(context.WithoutCancel(t.Context()), token); err != nil {
			t.Error("delete:", err)
		}
		for _, pid := range allPIDs() {
			b, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
			if strings.Contains(string(b), dirOf(s)) {
				t.Errorf("after delete, process %d still runs: %q", pid, b)
			}
		}
	})
	return s
}

func rootOf(s *cloud.Server) string { return s.Variables["WRIGHT_APPSERVER_DIR"] }

func dirOf(s *cloud.Server) string { return filepath.Dir(rootOf(s)) }

// install puts run into place as a careful provisioning does.
func install(t *testing.T, s *cloud.Server, script string) {
	t.Helper()
	tmp := filepath.Join(rootOf(s), "run.new")
	if err := os.WriteFile(tmp, []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(tmp, filepath.Join(rootOf(s), runFile)); err != nil {
		t.Fatal(err)
	}
}

// eventually waits until the condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := poll(ctx, condition); err != nil {
		t.Fatalf("never: %s", what)
	}
}

func stateIs(t *testing.T, p cloud.Provider, token, state string) {
	t.Helper()
	eventually(t, "state "+state, func() bool {
		s, err := p.Get(t.Context(), token)
		return err == nil && s.State == state
	})
}

// number waits for a file with a number in it.
func number(t *testing.T, path string) (n int) {
	t.Helper()
	eventually(t, "a number in "+path, func() bool {
		b, err := os.ReadFile(path)
		if err != nil {
			return false
		}
		_, err = fmt.Sscanf(string(b), "%d\n", &n)
		return err == nil
	})
	return n
}

func alive(pid int) bool {
	_, ok := parentOf(pid)
	return ok
}

func inRange(address string) bool {
	a, err := netip.ParseAddr(address)
	if err != nil || !a.Is4() {
		return false
	}
	b := a.As4()
	return b[0] == 127 && b[1] >= 64 && b[1] < 128 && b[3] != 0 && b[3] != 255
}
