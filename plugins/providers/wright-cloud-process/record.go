package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
)

// record is what server.json holds: all that is known about a server.
type record struct {
	Token       string            `json:"token"`
	Name        string            `json:"name"`
	Tags        map[string]string `json:"tags,omitempty"`
	Env         map[string]string `json:"env,omitempty"` // may hold secrets: the file is the owner's alone
	Address     string            `json:"address"`
	Port        int               `json:"port"`
	StopTimeout time.Duration     `json:"stop_timeout"`
	CreatedAt   time.Time         `json:"created_at"`
	Deleting    bool              `json:"deleting,omitempty"` // never started again
}

// The files in the directory of a server, beside those of package onhost. Its lock
// file holds the process ID of the daemon.
const (
	logFile = "log"  // output of run; logFile.1 is the one before
	rootDir = "root" // what provisioning fills and run sees
	runFile = "run"  // in rootDir
)

// options is the provider's table of a manifest.
type options struct {
	Port        *int   `json:"port"`         // default 8080
	StopTimeout string `json:"stop-timeout"` // from SIGTERM to SIGKILL, default 3s
}

func newRecord(s cloud.Spec, now time.Time) (record, error) {
	r := record{
		Token: s.Token, Name: s.Name, Tags: s.Tags, Env: s.Env, CreatedAt: now.UTC(),
		Port: 8080, StopTimeout: 3 * time.Second,
	}
	var o options
	if err := plugins.ReadConfig(s.Config, &o); err != nil {
		return record{}, err
	}
	if o.Port != nil {
		r.Port = *o.Port
	}
	if r.Port < 1 || r.Port > 65535 {
		return record{}, plugins.Invalidf("config.port", "%d is no port: 1 to 65535", r.Port)
	}
	if o.StopTimeout != "" {
		d, err := time.ParseDuration(o.StopTimeout)
		if err != nil || d < 0 || d > 5*time.Minute {
			return record{}, plugins.Invalidf("config.stop-timeout", "%.40q is no duration between 0s and 5m", o.StopTimeout)
		}
		r.StopTimeout = d
	}
	return r, checkEnv(s.Env)
}

// checkEnv refuses a variable that no program can be started with: the kernel
// takes 32 pages of one.
func checkEnv(env map[string]string) error {
	most := 32 * os.Getpagesize()
	for k, v := range env {
		if n := len(k) + len(v) + len("=\x00"); n > most {
			return plugins.Invalidf("env."+k, "%d bytes are too many for one variable of a program: at most %d", n, most)
		}
	}
	return nil
}

// server is the record as callers see it.
func (r record) server(dir, state string) cloud.Server {
	return cloud.Server{
		Token: r.Token, Name: r.Name, Address: r.Address, Port: r.Port, State: state,
		Tags: r.Tags, CreatedAt: r.CreatedAt, Variables: r.variables(dir),
	}
}

func (r record) variables(dir string) map[string]string {
	return map[string]string{
		"WRIGHT_APPSERVER_DIR":     filepath.Join(dir, rootDir),
		"WRIGHT_APPSERVER_ADDRESS": r.Address,
		"WRIGHT_APPSERVER_PORT":    fmt.Sprint(r.Port),
		"WRIGHT_APPSERVER_LOG":     filepath.Join(dir, logFile),
	}
}

// removeTree is os.RemoveAll for trees whose directories were made read-only.
func removeTree(dir string) error {
	if os.RemoveAll(dir) == nil {
		return nil
	}
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, _ error) error {
		if d != nil && d.IsDir() {
			_ = os.Chmod(path, 0o700)
		}
		return nil
	})
	return os.RemoveAll(dir)
}
