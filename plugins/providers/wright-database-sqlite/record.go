package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/database"
)

// record is one token and the database that it stands for. A persistent database
// has one without a token besides, so that it is listed when nobody uses it.
type record struct {
	Token      string            `json:"token"`
	Name       string            `json:"name"`
	Instance   string            `json:"instance,omitempty"`
	Persistent bool              `json:"persistent,omitempty"`
	Tags       map[string]string `json:"tags,omitempty"`
}

// newRecord refuses names that are no file names: a persistent database is found
// again by them, so they are not hashed like tokens.
func newRecord(s database.Spec) (record, error) {
	if !isFileName(s.Name) {
		return record{}, plugins.Invalidf("name", "%.60q: only letters, digits, '_', '-' and '.', beginning with a letter or digit, at most 100", s.Name)
	}
	if s.Persistent && !isFileName(s.Instance) {
		return record{}, plugins.Invalidf("instance", "%.60q: only letters, digits, '_', '-' and '.', beginning with a letter or digit, at most 100", s.Instance)
	}
	if len(s.Config) > 0 {
		return record{}, plugins.Invalidf("config", "the provider sqlite has no settings")
	}
	return record{Token: s.Token, Name: s.Name, Instance: s.Instance, Persistent: s.Persistent, Tags: s.Tags}, nil
}

func isFileName(s string) bool {
	for i, c := range []byte(s) {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !letter && (i == 0 || !strings.ContainsRune("_-.", rune(c))) {
			return false
		}
	}
	return s != "" && len(s) <= 100
}

func hashOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:16])
}

// dir is the directory of the database below the provider's.
func (r record) dir(state string) string {
	if r.Persistent {
		return filepath.Join(state, "persistent", r.Instance)
	}
	return filepath.Join(state, "ephemeral", hashOf(r.Token))
}

func (r record) database(state string) database.Database {
	path := filepath.Join(r.dir(state), r.Name+".sqlite")
	location := (&url.URL{Scheme: "sqlite", Path: path}).String()
	return database.Database{
		Token: r.Token, Name: r.Name, URL: location, Persistent: r.Persistent, Tags: r.Tags,
		Variables: map[string]string{"URL": location, "PATH": path},
	}
}

func recordPath(state, token string) string {
	return filepath.Join(state, "records", hashOf(token)+".json")
}

// keptPath is where the record without a token of a persistent database lies.
func (r record) keptPath(state string) string {
	return filepath.Join(state, "records", "kept-"+hashOf(r.Instance+"\x00"+r.Name)+".json")
}

// readRecords leaves out what is half written.
func readRecords(dir string) ([]record, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var list []record
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".json" {
			continue
		}
		r, err := readRecord(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, nil
}

// readRecord gives fs.ErrNotExist for an unknown token.
func readRecord(path string) (record, error) {
	var r record
	b, err := os.ReadFile(path)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return r, fmt.Errorf("read %s: %w", path, err)
	}
	return r, nil
}

// writeRecord survives a power cut.
func writeRecord(path string, r record) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// touch makes an empty file unless there is one, and never changes one.
func touch(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), syncDir(filepath.Dir(path)))
}

// lock takes the provider's lock until the result is closed. Nobody holds it
// longer than a few file operations take.
func lock(state string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(state, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", f.Name(), err), f.Close())
	}
	return f, nil
}
