// Package backup writes what a master keeps into one archive, brings it back into a
// new data directory, and moves facts from an embedded etcd into a cluster. An
// archive is a tar compressed with zstd, so that common tools can look into it: the
// snapshot of etcd, files of the data directory, and at its end the SHA-256 of all.
//
// It does not know what facts, logs and artifacts say, but for what restoring changes
// on purpose: see renumber.
package backup

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"
)

// The names in an archive.
const (
	headerName   = "wright-backup.json" // comes first
	snapshotName = "etcd.snapshot"
	keyName      = "secrets.key"
	sealedName   = "secrets.key.age"
	sumsName     = "SHA256SUMS" // comes last
)

// kept are the directories of files in a data directory, those of output last.
// What is fetched or made anew is not among them.
func kept(output bool) []string {
	dirs := []string{"history", "refused"}
	if output {
		dirs = append(dirs, "artifacts", "logs")
	}
	return dirs
}

// format is raised when older releases could not read an archive.
const format = 1

// Header says what an archive is. It is its first file.
type Header struct {
	Format       int       `json:"format"`
	Version      string    `json:"version"` // of the master
	Installation string    `json:"installation"`
	CreatedAt    time.Time `json:"created_at"`
	Output       bool      `json:"output"` // logs and artifacts are in it
	Key          string    `json:"key"`    // of the secrets: "none", "encrypted" or "clear"
}

// ErrKey refuses to put the key of the secrets where it is not wanted.
var ErrKey = errors.New("the archive would hold the key of the secrets, which opens all of them")

// ErrRecipient means that something is no recipient of age.
var ErrRecipient = errors.New("is no recipient of age: it looks like age1…, and `age-keygen` makes one")

// Source is a master that runs.
type Source struct {
	Data     string // its directory
	Snapshot func(ctx context.Context) (io.ReadCloser, error)
	Header   Header // version, installation and time; the rest is filled in
}

// Options are what goes into an archive.
type Options struct {
	Output     bool     // logs and artifacts
	Recipients []string // of age, for whom the key of the secrets is encrypted
	ClearKey   bool     // the key goes in as it is
}

// Backup is one that has begun: facts as of one moment, and no file yet.
type Backup struct {
	data     string
	header   Header
	snapshot *os.File
	key      []byte // as it goes into the archive
}

// Begin takes the snapshot of the facts; files are read by WriteTo, later. So what
// went from facts to files meanwhile is there twice, which does no harm. The caller
// closes it.
func Begin(ctx context.Context, from Source, opts Options) (*Backup, error) {
	b := &Backup{data: from.Data, header: from.Header}
	b.header.Format, b.header.Output = format, opts.Output
	if err := b.takeKey(opts); err != nil {
		return nil, err
	}
	if err := b.takeSnapshot(ctx, from); err != nil {
		return nil, fmt.Errorf("take a snapshot of the facts: %w", err)
	}
	return b, nil
}

// takeKey reads the key of the secrets, and encrypts it.
func (b *Backup) takeKey(opts Options) error {
	key, err := os.ReadFile(filepath.Join(b.data, keyName))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		b.header.Key = "none"
		return nil
	case err != nil:
		return fmt.Errorf("read the key of the secrets: %w", err)
	case opts.ClearKey:
		b.header.Key, b.key = "clear", key
		return nil
	case len(opts.Recipients) == 0:
		return ErrKey
	}
	b.header.Key = "encrypted"
	b.key, err = seal(key, opts.Recipients)
	return err
}

func seal(text []byte, recipients []string) ([]byte, error) {
	var to []age.Recipient
	for _, s := range recipients {
		r, err := age.ParseX25519Recipient(strings.TrimSpace(s))
		if err != nil { // s may be a secret that was mistaken for one
			return nil, fmt.Errorf("what was given %w", ErrRecipient)
		}
		to = append(to, r)
	}
	var out strings.Builder
	w, err := age.Encrypt(&out, to...)
	if err == nil {
		_, err = w.Write(text)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("encrypt the key of the secrets: %w", err)
	}
	return []byte(out.String()), nil
}

// takeSnapshot copies the facts into a file without a name, since a tar wants to
// know sizes first.
func (b *Backup) takeSnapshot(ctx context.Context, from Source) error {
	r, err := from.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	f, err := os.CreateTemp(b.data, "backup-")
	if err != nil {
		return err
	}
	if err := os.Remove(f.Name()); err != nil { // nothing is left of it, whatever happens
		return errors.Join(err, f.Close())
	}
	if _, err := io.Copy(f, r); err != nil {
		return errors.Join(err, f.Close())
	}
	b.snapshot = f
	return nil
}

// Header is what the archive is going to be.
func (b *Backup) Header() Header { return b.header }

// Close forgets the snapshot.
func (b *Backup) Close() error { return b.snapshot.Close() }

// WriteArchive writes the archive.
func (b *Backup) WriteArchive(ctx context.Context, to io.Writer) error {
	w, err := newWriter(to)
	if err != nil {
		return err
	}
	header, err := json.Marshal(b.header)
	if err == nil {
		err = w.addText(headerName, append(header, '\n'), b.header.CreatedAt)
	}
	if err == nil {
		err = w.addFile(snapshotName, b.snapshot, b.header.CreatedAt)
	}
	if name := map[string]string{"clear": keyName, "encrypted": sealedName}[b.header.Key]; err == nil && name != "" {
		err = w.addText(name, b.key, b.header.CreatedAt)
	}
	for _, dir := range kept(b.header.Output) {
		if err == nil {
			err = b.addDir(ctx, w, dir)
		}
	}
	if err == nil {
		err = w.close()
	}
	if err != nil {
		return fmt.Errorf("write the archive: %w", err)
	}
	return nil
}

// passes is how often a directory is looked through at most: a file that takes
// another's place behind the eyes of one pass is found by the next.
const passes = 5

// addDir adds the files of a directory that others write to, until there is nothing
// new and nothing vanishes.
func (b *Backup) addDir(ctx context.Context, w *writer, dir string) error {
	root, err := os.OpenRoot(b.data)
	if err != nil {
		return err
	}
	defer root.Close()
	for range passes {
		before := w.files
		vanished, err := addOnce(ctx, w, root, dir)
		if err != nil || w.files == before && !vanished {
			return err
		}
	}
	return nil
}

// addOnce adds the files of a directory, and says whether some vanished meanwhile.
func addOnce(ctx context.Context, w *writer, root *os.Root, dir string) (vanished bool, err error) {
	err = fs.WalkDir(root.FS(), dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && !w.has(name) && !strings.HasPrefix(d.Name(), "partial-") {
			err = addFrom(w, root, name)
		}
		if errors.Is(err, fs.ErrNotExist) {
			vanished = vanished || name != dir // which may never have been made
			return nil
		}
		return cmp.Or(err, ctx.Err())
	})
	return vanished, err
}

// addFrom adds a file as long as it is now: it may grow, or lose its name.
func addFrom(w *writer, root *os.Root, name string) error {
	f, err := root.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return w.addFile(name, f, info.ModTime())
}
