package manifests

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	settle     = 50 * time.Millisecond  // an editor's burst of notifications ends within it
	settleMost = 250 * time.Millisecond // a burst that does not end is cut here
	rescan     = 30 * time.Second       // notifications can be lost
	rescanDeaf = time.Second            // nothing notifies, as while the directory is gone
)

// Dir is a directory of manifests.
type Dir struct {
	files fileSet
	log   *slog.Logger
}

// OpenDir prepares to watch the directory at path, which must exist.
func OpenDir(path string, log *slog.Logger) (*Dir, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("opening the manifests in %s: %w", path, err)
	}
	info, err := os.Stat(abs)
	if err != nil {
		return nil, fmt.Errorf("opening the manifests: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("opening the manifests: %s is not a directory", abs)
	}
	return &Dir{files: fileSet{dir: abs}, log: log.With("dir", abs)}, nil
}

// Run calls changed with what the directory holds, at once and after every
// change, until ctx ends; it returns ctx's error then. A directory that is gone
// or cannot be read is logged and is no change: its last state stays. The
// snapshots share their values, which must not be changed. Run may be called
// once.
func (d *Dir) Run(ctx context.Context, changed func(Snapshot)) error {
	f := d.follow()
	defer f.close()
	wait := time.NewTimer(0)
	defer wait.Stop()
	var burst time.Time // when the present burst began; zero outside one
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case event, open := <-f.events:
			if !open {
				f.events = nil
			}
			if !d.files.concerns(event.Name) {
				continue
			}
			if burst.IsZero() {
				burst = time.Now()
			}
			wait.Reset(max(0, min(settle, settleMost-time.Since(burst))))
		case err, open := <-f.errors:
			if !open {
				f.errors = nil
			}
			d.log.Warn("notifications about manifests were lost", "err", err)
			wait.Reset(settle)
		case <-wait.C:
			burst = time.Time{}
			wait.Reset(d.look(f, changed))
		}
	}
}

// look reads the directory, tells of changes and returns when to look again at
// the latest.
func (d *Dir) look(f *follower, changed func(Snapshot)) time.Duration {
	deaf := f.update(d.files.followed()) // before reading: what changes later is notified
	before := d.files.failure
	different, err := d.files.read()
	switch {
	case err != nil && before == nil:
		d.log.Error("cannot read the manifests, the last ones stay", "err", err)
	case err == nil && before != nil:
		d.log.Info("the manifests can be read again")
	}
	if different {
		changed(d.files.snapshot())
	}
	switch {
	case err != nil || deaf != nil:
		return rescanDeaf
	case f.behind(d.files.followed()):
		return settle
	}
	return rescan
}

// follower keeps notifications set on directories.
type follower struct {
	watcher *fsnotify.Watcher // nil if the system has none left
	events  <-chan fsnotify.Event
	errors  <-chan error
	set     map[string]bool // directories asked for last
}

func (d *Dir) follow() *follower {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		d.log.Warn("no notifications about manifests, looking every second instead", "err", err)
		return &follower{}
	}
	return &follower{watcher: w, events: w.Events, errors: w.Errors}
}

func (f *follower) close() {
	if f.watcher != nil {
		_ = f.watcher.Close() // nothing is lost that is still wanted
	}
}

// update follows these directories and no others. Its error says that the first
// one, which matters most, is not followed; the rescan makes up for the rest.
func (f *follower) update(dirs []string) error {
	if f.watcher == nil {
		return errors.ErrUnsupported
	}
	f.set = make(map[string]bool, len(dirs))
	for _, dir := range dirs {
		f.set[dir] = true
	}
	for _, dir := range f.watcher.WatchList() {
		if !f.set[dir] {
			_ = f.watcher.Remove(dir)
		}
	}
	var first error
	for i, dir := range dirs {
		if err := f.watcher.Add(dir); err != nil && i == 0 {
			first = fmt.Errorf("following %s: %w", dir, err)
		}
	}
	return first
}

// behind tells whether a directory is not followed yet.
func (f *follower) behind(dirs []string) bool {
	for _, dir := range dirs {
		if !f.set[dir] {
			return true
		}
	}
	return false
}
