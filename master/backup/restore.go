package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"filippo.io/age"
	"go.etcd.io/etcd/etcdutl/v3/snapshot"
	"go.uber.org/zap"
	"golang.org/x/sys/unix"
)

// Refusals of Restore.
var (
	ErrNotEmpty   = errors.New("is not empty: a backup is brought back into a new directory")
	ErrNoIdentity = errors.New("the key of the secrets is encrypted in it")
)

// Target is where a backup is brought back to, and how.
type Target struct {
	Data       string         // a directory that is empty or not there
	Identities []age.Identity // that may open the key of the secrets
	WithoutKey bool           // leave the key out where it is encrypted
}

// Restored is what was brought back.
type Restored struct {
	Summary
	Instances int `json:"instances"`
	Requeued  int `json:"requeued"` // builds that had not been handed out, or may have been
}

// workName is where files are until all of them are there.
const workName = ".restoring"

// Restore brings an archive back. Nothing is written before the archive was read to
// its end, and nothing but workName is in the directory before all is ready.
func Restore(ctx context.Context, archive io.ReadSeeker, to Target) (r Restored, err error) {
	if r.Summary, err = Verify(archive); err != nil {
		return r, err
	}
	if r.Key == "encrypted" && len(to.Identities) == 0 && !to.WithoutKey {
		return r, ErrNoIdentity
	}
	if err := prepare(to.Data); err != nil {
		return r, err
	}
	if err := fits(r.Bytes, to.Data); err != nil {
		return r, err
	}
	if _, err := archive.Seek(0, io.SeekStart); err != nil {
		return r, fmt.Errorf("read the archive once more: %w", err)
	}
	work := filepath.Join(to.Data, workName)
	err = extract(archive, work, to)
	if err == nil {
		err = restoreFacts(work)
	}
	if err == nil {
		r.Instances, r.Requeued, err = renumber(ctx, filepath.Join(work, "etcd"))
	}
	if err == nil {
		err = moveIn(work, to.Data)
	}
	if err != nil {
		return r, errors.Join(fmt.Errorf("restore into %s: %w", to.Data, err), os.RemoveAll(work))
	}
	return r, nil
}

// prepare makes the directory, and removes what a restore left in it that was killed.
func prepare(data string) error {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	entries, err := os.ReadDir(data)
	if err != nil {
		return fmt.Errorf("read the data directory: %w", err)
	}
	for _, e := range entries {
		if e.Name() != workName && e.Name() != "lost+found" { // the latter is in each new file system
			return fmt.Errorf("%s %w", data, ErrNotEmpty)
		}
	}
	work := filepath.Join(data, workName)
	if err := os.RemoveAll(work); err != nil {
		return fmt.Errorf("remove what an earlier restore left: %w", err)
	}
	return os.Mkdir(work, 0o700)
}

// fits says whether there is room for so many bytes.
func fits(size int64, dir string) error {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return fmt.Errorf("look how full the disk of %s is: %w", dir, err)
	}
	if free := int64(fs.Bavail) * fs.Bsize; size > free {
		return fmt.Errorf("the disk of %s has room for %d MiB, and %d are wanted", dir, free>>20, size>>20)
	}
	return nil
}

// extract writes the files of an archive below work.
func extract(archive io.Reader, work string, to Target) error {
	root, err := os.OpenRoot(work)
	if err != nil {
		return err
	}
	defer root.Close()
	_, err = read(archive, func(f file) error {
		if f.name == sealedName {
			return unseal(root, f, to)
		}
		return write(root, f.name, f)
	})
	return err
}

func write(root *os.Root, name string, f file) error {
	if dir := path.Dir(name); dir != "." {
		if err := root.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	out, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, f)
	if err = errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return root.Chtimes(name, f.at, f.at) // how long output is kept goes by it
}

// maxKey bounds the key of the secrets, in bytes.
const maxKey = 64 << 10

func unseal(root *os.Root, f file, to Target) error {
	if len(to.Identities) == 0 {
		return nil
	}
	text, err := age.Decrypt(f, to.Identities...)
	if err != nil {
		return fmt.Errorf("decrypt the key of the secrets: %w", err)
	}
	key, err := io.ReadAll(io.LimitReader(text, maxKey))
	if err != nil {
		return fmt.Errorf("decrypt the key of the secrets: %w", err)
	}
	return write(root, keyName, file{name: keyName, at: f.at, Reader: bytes.NewReader(key)})
}

// later is how much higher revisions are after a restore. Whatever compares them is
// in the snapshot too, but for history that was copied a little later.
const later = 10_000

// restoreFacts makes the directory of an embedded etcd from the snapshot. etcd's own
// code does it, so that revisions go on where they were.
func restoreFacts(work string) error {
	file := filepath.Join(work, snapshotName)
	const self = "http://localhost:2380" // as store.Embed calls itself
	err := snapshot.NewV3(zap.NewNop()).Restore(snapshot.RestoreConfig{
		SnapshotPath: file, OutputDataDir: filepath.Join(work, "etcd"), Name: "default",
		PeerURLs: []string{self}, InitialCluster: "default=" + self, InitialClusterToken: "etcd-cluster",
		RevisionBump: later, MarkCompacted: true,
	})
	if err != nil {
		return fmt.Errorf("restore the snapshot of etcd: %w", err)
	}
	return os.Remove(file)
}

// moveIn gives files their names for good, the facts last: a data directory without
// them is no one that a master has used.
func moveIn(work, data string) error {
	if err := syncDisk(work); err != nil {
		return err
	}
	entries, err := os.ReadDir(work)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "etcd") {
			continue
		}
		if err := os.Rename(filepath.Join(work, e.Name()), filepath.Join(data, e.Name())); err != nil {
			return err
		}
	}
	if err := os.Rename(filepath.Join(work, "etcd"), filepath.Join(data, "etcd")); err != nil {
		return err
	}
	if err := os.RemoveAll(work); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return syncDisk(data)
}

// syncDisk writes to the disk whatever its file system has not.
func syncDisk(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(unix.Syncfs(int(d.Fd())), d.Close())
}
