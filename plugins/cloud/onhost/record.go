package onhost

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/wright-build/wright/plugins/cloud"
)

// IDOf names the directory of a server, so that no token can leave the one that
// all of them are in.
func IDOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:16])
}

// Read reads the record of the server in a directory. It gives an error that is
// fs.ErrNotExist when there is no such server.
func Read[Record any](dir string) (Record, error) {
	var r Record
	b, err := os.ReadFile(filepath.Join(dir, RecordFile))
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return r, fmt.Errorf("read %s: %w", filepath.Join(dir, RecordFile), err)
	}
	return r, nil
}

// ReadAll gives the records of all servers by ID. Directories whose names start
// with a dot are no servers yet, or none any more.
func ReadAll[Record any](servers string) (map[string]Record, error) {
	entries, err := os.ReadDir(servers)
	if err != nil {
		return nil, fmt.Errorf("list the servers: %w", err)
	}
	all := make(map[string]Record, len(entries))
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		r, err := Read[Record](filepath.Join(servers, e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted since
		}
		if err != nil {
			return nil, err
		}
		all[e.Name()] = r
	}
	return all, nil
}

// Write replaces the record of the server in a directory. It survives a power cut.
func Write(dir string, record any) error {
	b, err := json.Marshal(record)
	if err != nil {
		return fmt.Errorf("encode a server's record: %w", err)
	}
	return WriteFile(filepath.Join(dir, RecordFile), b, true)
}

// State reads what a server's daemon last said, and does not believe the dead.
func State(dir string) string {
	if !IsLocked(filepath.Join(dir, LockFile)) {
		return cloud.Failed
	}
	b, err := os.ReadFile(filepath.Join(dir, StateFile))
	if err != nil {
		return cloud.Starting
	}
	switch s := string(b); s {
	case cloud.Running, cloud.Failed:
		return s
	}
	return cloud.Starting
}

// WriteState is the daemon's word on the state of its server.
func WriteState(dir, state string) error {
	if err := WriteFile(filepath.Join(dir, StateFile), []byte(state), false); err != nil {
		return fmt.Errorf("write the state: %w", err)
	}
	return nil
}

// WriteFile replaces a file, for the owner alone, as a whole; durable means that it
// survives a power cut.
func WriteFile(path string, b []byte, durable bool) error {
	tmp := path + ".new"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if durable {
		err = errors.Join(err, f.Sync())
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil || !durable {
		return err
	}
	return SyncDir(filepath.Dir(path))
}

// SyncDir has the names in a directory survive a power cut.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
