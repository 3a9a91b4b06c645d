package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/runner"
)

// sandboxes is the provider of the kind runner: commands run as they are, with
// a mark in their environment by which Delete finds them.
type sandboxes struct{ *base }

var _ runner.Provider = (*sandboxes)(nil)

// sandbox is one sandbox.
type sandbox struct {
	runner.Sandbox
	Workspace string
}

func (s *sandboxes) all() ledger[sandbox] { return ledger[sandbox]{s.base, "sandboxes"} }

// Create implements runner.Provider.
func (s *sandboxes) Create(ctx context.Context, spec runner.Spec) (*runner.Sandbox, error) {
	if s.bug("unlisted until done") {
		if err := s.scratch(ctx, spec.Token); err != nil {
			return nil, err
		}
	}
	var made sandbox
	err := s.all().change(ctx, func(all map[string]sandbox) error {
		old, ok := all[spec.Token]
		if ok && !s.bug("token ignored") {
			made = old
			return nil
		}
		if ok && s.bug("second is an error") {
			return plugins.Errorf(plugins.Exists, "there is one already")
		}
		made = sandbox{runner.Sandbox{Token: spec.Token, Tags: s.tags(spec.Tags), CreatedAt: time.Now().UTC()}, spec.Workspace}
		if s.bug("no time") {
			made.CreatedAt = time.Time{}
		}
		all[spec.Token] = made
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &made.Sandbox, nil
}

func (s *sandboxes) scratch(ctx context.Context, token string) error {
	if err := os.MkdirAll(filepath.Join(s.dir(), "scratch-"+mark(token)), 0o700); err != nil {
		return err
	}
	return s.pause(ctx)
}

// variable marks what runs in a sandbox.
const variable = "WRIGHT_REFERENCE_SANDBOX"

func mark(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:16])
}

// Command implements runner.Provider.
func (s *sandboxes) Command(ctx context.Context, token string, c runner.Command) (*runner.Command, error) {
	all, err := s.all().read(ctx)
	if err != nil {
		return nil, err
	}
	box, ok := all[token]
	if !ok && !s.bug("any sandbox") {
		if s.bug("missing without a code") {
			return nil, os.ErrNotExist
		}
		return nil, plugins.Errorf(plugins.NotFound, "there is no sandbox of this token")
	}
	c.Env = maps.Clone(c.Env)
	if c.Env == nil {
		c.Env = map[string]string{}
	}
	c.Args = slices.Clone(c.Args)
	s.spoil(&c, box)
	c.Env[variable] = mark(s.dir()) + mark(token)
	return &c, nil
}

// spoil is every bug that is in the command.
func (s *sandboxes) spoil(c *runner.Command, box sandbox) {
	shell := func(script string, args ...string) {
		c.Args = append([]string{"/bin/sh", "-c", script, "sh"}, args...)
	}
	switch {
	case s.bug("joined for a shell"):
		shell(strings.Join(c.Args, " "))
	case s.bug("arguments without unicode"):
		for i, a := range c.Args {
			c.Args[i] = strings.Map(func(r rune) rune {
				if r > 127 {
					return '?'
				}
				return r
			}, a)
		}
	case s.bug("empty arguments dropped"):
		c.Args = slices.DeleteFunc(c.Args, func(a string) bool { return a == "" })
	case s.bug("environment dropped"):
		c.Env = map[string]string{"PATH": c.Env["PATH"]}
	case s.bug("environment of the plugin"):
		for _, kv := range os.Environ() {
			k, v, _ := strings.Cut(kv, "=")
			if _, ok := c.Env[k]; !ok {
				c.Env[k] = v
			}
		}
	case s.bug("lines of variables cut"):
		for k, v := range c.Env {
			c.Env[k], _, _ = strings.Cut(v, "\n")
		}
	case s.bug("directory ignored"):
		c.Dir = box.Workspace
	case s.bug("status lost"):
		shell(`"$@"; exit 0`, c.Args...)
	case s.bug("status is one"):
		shell(`"$@" || exit 1`, c.Args...)
	case s.bug("errors into output"):
		shell(`"$@" 2>&1`, c.Args...)
	case s.bug("output cut"):
		shell(`"$@" | head -c 65536`, c.Args...)
	case s.bug("input never ends"):
		shell(`sleep 20 | "$@"`, c.Args...)
	case s.bug("one at a time"):
		shell(`exec flock `+filepath.Join(s.dir(), "turn")+` "$@"`, c.Args...)
	case s.bug("leaves the group"):
		c.Args = append([]string{"setsid", "--fork", "--wait"}, c.Args...)
	case s.bug("copy of the workspace"):
		shell(`copy=$(mktemp -d) && cp -a "$1/." "$copy" && cd "$copy" && shift && "$@"; s=$?; rm -rf "$copy"; exit $s`,
			append([]string{box.Workspace}, c.Args...)...)
	}
}

// List implements runner.Provider.
func (s *sandboxes) List(ctx context.Context, tags map[string]string) ([]runner.Sandbox, error) {
	all, err := s.all().sorted(ctx)
	if err != nil {
		return nil, err
	}
	list := []runner.Sandbox{}
	for _, box := range all {
		if s.selects(box.Tags, tags) {
			list = append(list, box.Sandbox)
		}
	}
	return pages(s.base, list), nil
}

// Delete implements runner.Provider. The sandbox is forgotten last, so that a
// Delete that dies half way can be repeated.
func (s *sandboxes) Delete(ctx context.Context, token string) error {
	switch {
	case s.bug("delete lies"):
		return nil
	case s.bug("delete later"):
		go func() {
			<-time.After(500 * time.Millisecond)
			s.end(token)
		}()
	case !s.bug("delete leaves processes"):
		s.end(token)
	}
	return s.all().change(ctx, func(all map[string]sandbox) error {
		if _, ok := all[token]; !ok && s.bug("missing is an error") {
			return plugins.Errorf(plugins.NotFound, "there is no sandbox of this token")
		}
		if s.bug("delete takes all") {
			clear(all)
		}
		delete(all, token)
		return nil
	})
}

// end kills until nothing with the mark is found: what was found may have
// started more.
func (s *sandboxes) end(token string) {
	wanted := variable + "=" + mark(s.dir()) // others of this machine have tests, too
	if !s.bug("delete ends everybody") {
		wanted += mark(token)
	}
	for range 1000 {
		found := running(wanted)
		if len(found) == 0 {
			return
		}
		if s.bug("delete asks only") {
			for _, pid := range found {
				_ = syscall.Kill(pid, syscall.SIGTERM)
			}
			<-time.After(50 * time.Millisecond)
			return
		}
		for _, pid := range found {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			if s.bug("delete ends the first only") {
				return
			}
		}
		<-time.After(time.Millisecond)
	}
}

// running gives the processes whose environment has a variable that begins as wanted.
func running(wanted string) []int {
	var found []int
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		b, err := os.ReadFile(filepath.Join(dir, "environ"))
		if err != nil || !bytes.Contains(append([]byte{0}, b...), []byte("\x00"+wanted)) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil {
			found = append(found, pid)
		}
	}
	return found
}
