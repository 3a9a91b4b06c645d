package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/runner"
)

// provider keeps a record of each sandbox, which is all that there is of one.
type provider struct {
	mu  sync.Mutex // guards all below
	dir string     // StateDir/sandboxes
}

var (
	_ runner.Provider    = (*provider)(nil)
	_ plugins.Configurer = (*provider)(nil)
)

// Configure implements plugins.Configurer.
func (p *provider) Configure(_ context.Context, s plugins.Settings) error {
	if !filepath.IsAbs(s.StateDir) {
		return plugins.Invalidf("state-dir", "%q is not absolute", s.StateDir)
	}
	dir := filepath.Join(s.StateDir, "sandboxes")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the directory of the sandboxes: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dir = dir
	return nil
}

func (p *provider) sandboxes() (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dir == "" {
		return "", errors.New("the provider is not configured yet")
	}
	return p.dir, nil
}

// Create implements runner.Provider.
func (p *provider) Create(ctx context.Context, s runner.Spec) (*runner.Sandbox, error) {
	dir, err := p.sandboxes()
	if err != nil {
		return nil, err
	}
	held, err := lock(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = held.Close() }()
	if err := ctx.Err(); err != nil { // while it waited for its turn
		return nil, err
	}
	path := recordPath(dir, s.Token)
	r, err := readRecord(path)
	if errors.Is(err, fs.ErrNotExist) {
		r = newRecord(s)
		err = writeRecord(path, r)
	}
	if err != nil {
		return nil, fmt.Errorf("record the sandbox: %w", err)
	}
	made := r.sandbox()
	return &made, nil
}

// Command implements runner.Provider. The command is what it was but for the
// mark.
func (p *provider) Command(_ context.Context, token string, c runner.Command) (*runner.Command, error) {
	dir, err := p.sandboxes()
	if err != nil {
		return nil, err
	}
	r, err := readRecord(recordPath(dir, token))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, plugins.Errorf(plugins.NotFound, "there is no sandbox with this token")
	}
	if err != nil {
		return nil, err
	}
	c.Env = maps.Clone(c.Env)
	if c.Env == nil {
		c.Env = map[string]string{}
	}
	c.Env[markName] = r.Mark
	return &c, nil
}

// List implements runner.Provider.
func (p *provider) List(_ context.Context, tags map[string]string) ([]runner.Sandbox, error) {
	dir, err := p.sandboxes()
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list the sandboxes: %w", err)
	}
	var list []runner.Sandbox
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".json" {
			continue // half written, or the lock
		}
		r, err := readRecord(filepath.Join(dir, e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted since
		}
		if err != nil {
			return nil, err
		}
		if plugins.HasTags(r.Tags, tags) {
			list = append(list, r.sandbox())
		}
	}
	return list, nil
}

// Delete implements runner.Provider. The record goes last, so that a Delete
// that dies half way can be repeated.
func (p *provider) Delete(ctx context.Context, token string) error {
	dir, err := p.sandboxes()
	if err != nil {
		return err
	}
	path := recordPath(dir, token)
	r, err := readRecord(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := endMarked(ctx, r.Mark); err != nil {
		return fmt.Errorf("end what runs in the sandbox: %w", err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget the sandbox: %w", err)
	}
	return nil
}
