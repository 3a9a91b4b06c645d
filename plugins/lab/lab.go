// Package lab starts real servers on loopback, from Debian's packages and as
// plain processes below one directory: for the tests of providers, and for
// people who want to try one. It knows how each server wants to be started, and
// nothing of the providers that talk to it.
package lab

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Lab is one kind of server.
type Lab struct {
	Name     string
	Packages []string // Debian's, that hold the programs
	Programs []string // that must be there
	Heavy    bool     // it takes minutes and gigabytes
	start    func(ctx context.Context, r *Running) error
}

// All lists the labs, in the order of their names.
func All() []Lab {
	return []Lab{bind(), haproxy(), knot(), mariadb(), openstack(), postgresql(), powerdns(), rabbitmq(), redis(), sshd(), vm()}
}

// Find gives the lab of a name.
func Find(name string) (Lab, error) {
	var names []string
	for _, l := range All() {
		if l.Name == name {
			return l, nil
		}
		names = append(names, l.Name)
	}
	return Lab{}, fmt.Errorf("there is no lab %q; there are %s", name, strings.Join(names, ", "))
}

// Missing names the programs that are not installed, and what to do about it.
func (l Lab) Missing() error {
	for _, p := range l.Programs {
		if program(p) == "" {
			return fmt.Errorf("%s is not installed: apt-get install %s", p, strings.Join(l.Packages, " "))
		}
	}
	return nil
}

// program finds a program also where daemons are; "" when it is not installed.
func program(name string) string {
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/sbin") {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	return ""
}

// Start starts the servers of the lab below dir, whose data are kept from one
// start to the next, and returns when they answer. What was started is stopped
// again when that fails.
func (l Lab) Start(ctx context.Context, dir string) (*Running, error) {
	if err := l.Missing(); err != nil {
		return nil, fmt.Errorf("start lab %s: %w", l.Name, err)
	}
	dir, err := filepath.Abs(dir)
	if err == nil {
		err = os.MkdirAll(filepath.Join(dir, "log"), 0o755)
	}
	if err != nil {
		return nil, fmt.Errorf("start lab %s: %w", l.Name, err)
	}
	r := &Running{Dir: dir, Env: map[string]string{}}
	if err := cmp.Or(l.start(ctx, r), r.writeEnv()); err != nil {
		r.Stop()
		return nil, fmt.Errorf("start lab %s: %w", l.Name, err)
	}
	return r, nil
}

// Running is a lab that runs.
type Running struct {
	Dir       string
	Env       map[string]string // how to reach it: addresses, names, passwords; also in DIR/env
	processes []*process
}

// writeEnv leaves Env where a shell can read it.
func (r *Running) writeEnv() error {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(r.Env)) {
		fmt.Fprintf(&b, "%s='%s'\n", name, strings.ReplaceAll(r.Env[name], "'", `'\''`))
	}
	return os.WriteFile(filepath.Join(r.Dir, "env"), []byte(b.String()), 0o600)
}

// ReadEnv reads the file that writeEnv wrote.
func ReadEnv(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read how to reach a lab: %w", err)
	}
	env := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		value = strings.TrimSuffix(strings.TrimPrefix(value, "'"), "'")
		env[name] = strings.ReplaceAll(value, `'\''`, "'")
	}
	return env, nil
}

// Stop ends all servers and returns when they are gone.
func (r *Running) Stop() {
	for _, p := range slices.Backward(r.processes) {
		p.stop()
	}
	r.processes = nil
}

// file writes a file of the lab and gives its path.
func (r *Running) file(name, text string) (string, error) {
	path := filepath.Join(r.Dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	return path, os.WriteFile(path, []byte(text), 0o600)
}

// fileOnce is file for what must stay as it was: keys, first contents.
func (r *Running) fileOnce(name string, text func() string) (path, content string, err error) {
	path = filepath.Join(r.Dir, name)
	if old, err := os.ReadFile(path); err == nil {
		return path, string(old), nil
	}
	content = text()
	_, err = r.file(name, content)
	return path, content, err
}
