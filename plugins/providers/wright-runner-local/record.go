package main

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wright-build/wright/plugins/runner"
)

// record is one sandbox.
type record struct {
	Token     string            `json:"token"`
	Mark      string            `json:"mark"` // like no other on this host, which tokens need not be
	Tags      map[string]string `json:"tags,omitempty"`
	CreatedAt time.Time         `json:"created_at"`
}

func newRecord(s runner.Spec) record {
	return record{Token: s.Token, Mark: rand.Text(), Tags: s.Tags, CreatedAt: time.Now().UTC()}
}

func (r record) sandbox() runner.Sandbox {
	return runner.Sandbox{Token: r.Token, Tags: r.Tags, CreatedAt: r.CreatedAt}
}

func recordPath(dir, token string) string {
	sum := sha256.Sum256([]byte(token))
	return filepath.Join(dir, hex.EncodeToString(sum[:16])+".json")
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

// writeRecord makes a file appear with all that is in it or not at all. It need
// not survive a power cut, which no process of a sandbox does.
func writeRecord(path string, r record) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	next := path + ".new"
	if err := os.WriteFile(next, b, 0o600); err != nil {
		return err
	}
	return os.Rename(next, path)
}

// lock takes the provider's lock until the result is closed. Nobody holds it
// longer than a few file operations take.
func lock(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
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
