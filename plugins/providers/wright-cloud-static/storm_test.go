package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/plugins/cloud"
	"github.com/wright-build/wright/plugins/cloud/cloudinit"
	"github.com/wright-build/wright/plugins/cloud/cloudtest"
	"github.com/wright-build/wright/plugins/conformance"
	"github.com/wright-build/wright/plugins/lab/labtest"
)

// TestStorm leases hosts and gives them back while providers are killed: at the
// end no lease, no file of one and no process is left at any host.
func TestStorm(t *testing.T) {
	servers, kills := 6, 3
	if os.Getenv("WRIGHT_TEST_HEAVY") != "" {
		servers, kills = 30, 10
	}
	r := labtest.Start(t, "ssh")
	cloudtest.Storm(t, cloudtest.Subject{
		Dir: filepath.Dir(conformance.Build(t, ".")), Name: "static", Settings: settingsOf(t, r), Servers: servers, Kills: kills,
		Config: map[string]any{"clean": "test -e lease"}, // who gives it back holds it
		AtOnce: 12,                                       // of the 16 hosts: a claim that is dropped later takes one, too
		Made: func(t testing.TB, s *cloud.Server) {
			if env, err := os.ReadFile(s.Variables["WRIGHT_APPSERVER_ENVIRONMENT"]); err != nil || string(env) != cloudinit.EnvFile(cloudtest.Env()) {
				t.Errorf("the environment of %s is %q, %v", s.Token, env, err)
			}
		},
	})
	nothingLeft(t, filepath.Join(r.Dir, "hosts"))
}

func nothingLeft(t *testing.T, hosts string) {
	t.Helper()
	var left []string
	err := filepath.WalkDir(hosts, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && !slices.Contains([]string{"lock", "clean"}, e.Name()) {
			left = append(left, path)
		}
		return err
	})
	if err != nil || len(left) > 0 {
		t.Errorf("left are the files %v, %v", left, err)
	}
	limit, tick := time.NewTimer(5*time.Minute), time.NewTicker(20*time.Millisecond)
	defer limit.Stop()
	defer tick.Stop()
	for { // shells end when they notice that nobody is there
		busy := busyIn(hosts)
		if len(busy) == 0 {
			return
		}
		select {
		case <-limit.C:
			t.Fatalf("left are the processes %v", busy)
		case <-tick.C:
		}
	}
}

// busyIn are the processes that work below a directory.
func busyIn(dir string) (list []string) {
	links, _ := filepath.Glob("/proc/[0-9]*/cwd")
	for _, link := range links {
		if at, err := os.Readlink(link); err == nil && strings.HasPrefix(at, dir) {
			command, _ := os.ReadFile(filepath.Join(filepath.Dir(link), "cmdline"))
			list = append(list, strings.ReplaceAll(string(command), "\x00", " "))
		}
	}
	return list
}
