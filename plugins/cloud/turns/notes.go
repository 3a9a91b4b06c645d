package turns

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// maxNote is how long a note is of interest to anybody.
const maxNote = 10 * time.Minute

func (d Dir) notesFile() string { return filepath.Join(string(d), "notes.json") }

// notes says of keys when something was asked for whose end nobody knows.
func (d Dir) notes() (map[string]time.Time, error) {
	all := map[string]time.Time{}
	text, err := os.ReadFile(d.notesFile())
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err == nil && json.Unmarshal(text, &all) != nil {
		all = map[string]time.Time{} // of a disk that was full: whoever comes waits less
	}
	return all, err
}

// note rewrites the note of a key; a zero one is removed, and so are old ones.
func (d Dir) note(ctx context.Context, key string, since time.Time) error {
	f, err := d.lock(ctx, notesByte)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	all, err := d.notes()
	if err != nil {
		return err
	}
	for k, old := range all {
		if time.Since(old) > maxNote {
			delete(all, k)
		}
	}
	if all[key] = since; since.IsZero() {
		delete(all, key)
	}
	text, err := json.Marshal(all)
	if err != nil {
		return err
	}
	tmp := d.notesFile() + ".new"
	if err := os.WriteFile(tmp, text, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, d.notesFile())
}
