package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// note says of a token that the cloud was asked for something and that the answer
// has not come. Notes only save time: who finds one waits for what may arrive
// late, instead of leaving it to the next list.
type note struct {
	Asking bool      `json:"asking,omitempty"` // by whoever has the lock
	Since  time.Time `json:"since"`            // when it was found that the one before him was gone
}

// maxNote is how long a note is of interest to anybody.
const maxNote = 10 * time.Minute

func (l *locks) notesFile() string { return filepath.Join(l.dir, "notes.json") }

func (l *locks) notes() (map[string]note, error) {
	all := map[string]note{}
	text, err := os.ReadFile(l.notesFile())
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err == nil && json.Unmarshal(text, &all) != nil {
		all = map[string]note{} // of a disk that was full; see note
	}
	return all, err
}

// change rewrites one note; a zero one is removed, and so are old ones.
func (l *locks) change(ctx context.Context, key string, n note) error {
	f, err := l.lockByte(ctx, 0)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	all, err := l.notes()
	if err != nil {
		return err
	}
	now := time.Now()
	for k, old := range all {
		if now.Sub(old.Since) > maxNote {
			delete(all, k)
		}
	}
	all[key] = n
	if n == (note{}) {
		delete(all, key)
	}
	text, err := json.Marshal(all)
	if err != nil {
		return err
	}
	tmp := l.notesFile() + ".new"
	if err := os.WriteFile(tmp, text, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, l.notesFile())
}

// found reads the note of whoever had the lock before, and gives when he was
// found gone.
func (l *locks) found(ctx context.Context, key string) (time.Time, error) {
	all, err := l.notes()
	if err != nil {
		return time.Time{}, err
	}
	n := all[key]
	if !n.Asking {
		return n.Since, nil
	}
	n = note{Since: time.Now()}
	return n.Since, l.change(ctx, key, n)
}

// begin notes that the cloud is about to be asked for something.
func (h *lock) begin(ctx context.Context) error {
	since := h.since
	if since.IsZero() {
		since = time.Now()
	}
	if err := h.locks.change(ctx, h.key, note{Asking: true, Since: since}); err != nil {
		return fmt.Errorf("note that the cloud is asked: %w", err)
	}
	return nil
}

// lost notes that an answer was lost: what was asked for may still be carried out.
func (h *lock) lost() { h.since = time.Now() }

// settled notes that the cloud has answered. all says that this is also true of
// whatever the call before asked for.
func (h *lock) settled(ctx context.Context, all bool) {
	n := note{Since: h.since}
	if all || time.Since(h.since) > settleTime {
		n = note{}
	}
	_ = h.locks.change(context.WithoutCancel(ctx), h.key, n) // if it stays, somebody waits in vain
}
