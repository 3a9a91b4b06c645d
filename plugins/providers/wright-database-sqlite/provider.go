package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/database"
)

// provider makes databases of files.
type provider struct {
	mu    sync.Mutex // guards all below
	state string
}

var (
	_ database.Provider  = (*provider)(nil)
	_ plugins.Configurer = (*provider)(nil)
)

// Configure implements plugins.Configurer.
func (p *provider) Configure(_ context.Context, s plugins.Settings) error {
	if !filepath.IsAbs(s.StateDir) {
		return plugins.Invalidf("state-dir", "%q is not absolute", s.StateDir)
	}
	if len(s.Config) > 0 {
		return plugins.Invalidf("config", "the provider has no settings of its own for the agent")
	}
	if err := os.MkdirAll(filepath.Join(s.StateDir, "records"), 0o700); err != nil {
		return fmt.Errorf("make the directory of the records: %w", err)
	}
	p.mu.Lock()
	p.state = s.StateDir
	p.mu.Unlock()
	return nil
}

func (p *provider) dir() (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state == "" {
		return "", errors.New("the provider is not configured yet")
	}
	return p.state, nil
}

// Create implements database.Provider.
func (p *provider) Create(_ context.Context, s database.Spec) (*database.Database, error) {
	state, err := p.dir()
	if err != nil {
		return nil, err
	}
	wanted, err := newRecord(s)
	if err != nil {
		return nil, err
	}
	held, err := lock(state)
	if err != nil {
		return nil, err
	}
	defer func() { _ = held.Close() }()
	path := recordPath(state, s.Token)
	r, err := readRecord(path)
	if errors.Is(err, fs.ErrNotExist) {
		r, err = wanted, writeRecord(path, wanted)
	}
	if err != nil {
		return nil, fmt.Errorf("record database %q: %w", s.Name, err)
	}
	made := r.database(state)
	if err := touch(made.Variables["PATH"]); err != nil {
		return nil, fmt.Errorf("make database %q: %w", s.Name, err)
	}
	return &made, nil
}

// List implements database.Provider.
func (p *provider) List(_ context.Context, tags map[string]string) ([]database.Database, error) {
	state, err := p.dir()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(state, "records")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list the databases: %w", err)
	}
	var list []database.Database
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".json" {
			continue // half written
		}
		r, err := readRecord(filepath.Join(dir, e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted since
		}
		if err != nil {
			return nil, err
		}
		if plugins.HasTags(r.Tags, tags) {
			list = append(list, r.database(state))
		}
	}
	return list, nil
}

// Delete implements database.Provider. The record goes last, so that a Delete
// that dies half way can be repeated.
func (p *provider) Delete(_ context.Context, token string) error {
	state, err := p.dir()
	if err != nil {
		return err
	}
	held, err := lock(state)
	if err != nil {
		return err
	}
	defer func() { _ = held.Close() }()
	path := recordPath(state, token)
	r, err := readRecord(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !r.Persistent {
		// The directory goes whole: -wal, -shm and -journal lie beside the file.
		if err := os.RemoveAll(r.dir(state)); err != nil {
			return fmt.Errorf("remove database %q: %w", r.Name, err)
		}
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("forget database %q: %w", r.Name, err)
	}
	return nil
}
