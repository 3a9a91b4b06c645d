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
func (p *provider) Create(ctx context.Context, s database.Spec) (*database.Database, error) {
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
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("make database %q: %w", s.Name, err)
	}
	r, err := promise(state, wanted)
	if err != nil {
		return nil, fmt.Errorf("record database %q: %w", s.Name, err)
	}
	made := r.database(state)
	if err := touch(made.Variables["PATH"]); err != nil {
		return nil, fmt.Errorf("make database %q: %w", s.Name, err)
	}
	return &made, nil
}

// promise gives the record of a token, and writes it unless there is one. Of a
// persistent database another is written before, which no Delete removes.
func promise(state string, wanted record) (record, error) {
	path := recordPath(state, wanted.Token)
	r, err := readRecord(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return r, err
	}
	if wanted.Persistent {
		if err := keep(state, wanted); err != nil {
			return r, err
		}
	}
	return wanted, writeRecord(path, wanted)
}

func keep(state string, r record) error {
	r.Token = ""
	return writeRecord(r.keptPath(state), r)
}

// List implements database.Provider.
func (p *provider) List(_ context.Context, tags map[string]string) ([]database.Database, error) {
	state, err := p.dir()
	if err != nil {
		return nil, err
	}
	// No token may come or go between one record and the next.
	held, err := lock(state)
	if err != nil {
		return nil, err
	}
	defer func() { _ = held.Close() }()
	records, err := readRecords(filepath.Join(state, "records"))
	if err != nil {
		return nil, fmt.Errorf("list the databases: %w", err)
	}
	used := map[string]bool{}
	for _, r := range records {
		if r.Token != "" && r.Persistent {
			used[r.keptPath(state)] = true
		}
	}
	var list []database.Database
	for _, r := range records {
		if plugins.HasTags(r.Tags, tags) && (r.Token != "" || !used[r.keptPath(state)]) {
			list = append(list, r.database(state))
		}
	}
	return list, nil
}

// Delete implements database.Provider. The record goes last, so that a Delete
// that dies half way can be repeated.
func (p *provider) Delete(ctx context.Context, token string) error {
	state, err := p.dir()
	if err != nil {
		return err
	}
	held, err := lock(state)
	if err != nil {
		return err
	}
	defer func() { _ = held.Close() }()
	if err := ctx.Err(); err != nil { // who gave up may have called again meanwhile
		return fmt.Errorf("delete the database: %w", err)
	}
	path := recordPath(state, token)
	r, err := readRecord(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if r.Persistent {
		if err := keep(state, r); err != nil { // those of earlier versions have none
			return fmt.Errorf("keep database %q: %w", r.Name, err)
		}
	} else {
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
