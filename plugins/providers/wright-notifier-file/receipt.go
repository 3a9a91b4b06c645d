package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// keep is how long a receipt is kept.
const keep = 30 * 24 * time.Hour

// receipt is one message that is being written, or was.
type receipt struct {
	Token   string            `json:"token"`
	Tags    map[string]string `json:"tags,omitempty"`
	At      time.Time         `json:"at"`
	Line    []byte            `json:"line,omitempty"` // until it is written
	Begun   bool              `json:"begun,omitempty"`
	Offset  int64             `json:"offset,omitempty"` // where the line was begun
	Written bool              `json:"written,omitempty"`
}

// receipts are a file for each token.
type receipts struct{ dir string }

func (all receipts) path(token string) string {
	sum := sha256.Sum256([]byte(token))
	return filepath.Join(all.dir, hex.EncodeToString(sum[:16])+".json")
}

// read gives fs.ErrNotExist for an unknown token.
func (all receipts) read(token string) (receipt, error) { return readReceipt(all.path(token)) }

func readReceipt(path string) (receipt, error) {
	var r receipt
	b, err := os.ReadFile(path)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return r, fmt.Errorf("read %s: %w", path, err)
	}
	return r, nil
}

// write survives a power cut.
func (all receipts) write(r receipt) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	path := all.path(r.Token)
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// each calls f with every receipt until it fails.
func (all receipts) each(f func(receipt) error) error {
	entries, err := os.ReadDir(all.dir)
	if err != nil {
		return fmt.Errorf("list the receipts: %w", err)
	}
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".json" {
			continue // half written, or the lock
		}
		r, err := readReceipt(filepath.Join(all.dir, e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // pruned since
		}
		if err == nil {
			err = f(r)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// prune removes what is too old.
func (all receipts) prune(now time.Time) error {
	held, err := all.lock()
	if err != nil {
		return err
	}
	defer func() { _ = held.Close() }()
	return all.each(func(r receipt) error {
		if now.Sub(r.At) < keep {
			return nil
		}
		return os.Remove(all.path(r.Token))
	})
}

// lock takes the provider's lock until the result is closed. Nobody holds it
// longer than one line takes.
func (all receipts) lock() (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(all.dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	return f, flock(f)
}

// openLocked opens the file of messages for nobody else of us to write in it,
// the providers of other agents included.
func openLocked(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	return f, flock(f)
}

func flock(f *os.File) error {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX)
		if err == nil {
			return nil
		}
		if !errors.Is(err, unix.EINTR) {
			return errors.Join(fmt.Errorf("lock %s: %w", f.Name(), err), f.Close())
		}
	}
}

// finish says whether the line stands where it was begun. The beginning of one
// at the end of the file is taken away.
func finish(f *os.File, r receipt) (bool, error) {
	b := make([]byte, len(r.Line))
	n, err := f.ReadAt(b, r.Offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	switch b = b[:n]; {
	case bytes.Equal(b, r.Line):
		return true, nil
	case n > 0 && bytes.HasPrefix(r.Line, b):
		return false, f.Truncate(r.Offset)
	}
	return false, nil // somebody has moved the file
}
