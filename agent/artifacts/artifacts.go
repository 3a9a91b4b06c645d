// Package artifacts finds what of a workspace outlives its build, and reads what
// its test reports and its output say. Whatever it reads was written by a build
// and is hostile: it never follows a link, never leaves the workspace, and reads
// a bounded amount. It does not know where the files go.
package artifacts

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/wright-build/wright/manifests"
)

const (
	// MaxFiles bounds the artifacts of one build.
	MaxFiles = 10_000
	// maxWalked bounds how many files are looked at to find them.
	maxWalked = 1_000_000
	// maxPath bounds the path of one, in bytes.
	maxPath = 1000
)

// File is one that is kept.
type File struct {
	Path       string // in the workspace, with slashes
	Size       int64  // bytes
	Executable bool
}

// Find lists the regular files below root that match a pattern of paths and none
// of exclude, by path. Patterns that match nothing are no error. More than
// MaxFiles of them, or more than most bytes in all, are.
func Find(ctx context.Context, root *os.Root, paths, exclude []string, most int64) ([]File, error) {
	if len(paths) == 0 {
		return nil, nil
	}
	wanted := manifests.Paths{Only: paths, Ignore: exclude}
	var all []File
	var total int64
	walked := 0
	err := fs.WalkDir(root.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		walked++
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil && name != ".":
			return nil // it went, or may not be read: it matches nothing
		case err != nil:
			return err
		case walked > maxWalked:
			return fmt.Errorf("the workspace has more than %d files", maxWalked)
		case e.IsDir() && e.Name() == ".git":
			return fs.SkipDir
		case !e.Type().IsRegular() || len(name) > maxPath || len(wanted.Relevant([]string{name})) == 0:
			return nil
		}
		info, err := e.Info()
		if err != nil {
			return nil
		}
		all = append(all, File{name, info.Size(), info.Mode()&0o111 != 0})
		if total += info.Size(); total > most {
			return fmt.Errorf("the artifacts have more than %d MiB: name fewer of them, or raise max-mib", most>>20)
		}
		if len(all) > MaxFiles {
			return fmt.Errorf("there are more than %d artifacts: pack them into one file", MaxFiles)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	return all, nil
}

// Sum opens a file and works out its SHA-256; the reader begins at its begin. A
// file that is none any more, or has another size, is an error.
func Sum(root *os.Root, f File) (*os.File, [sha256.Size]byte, error) {
	var sum [sha256.Size]byte
	open, err := root.Open(f.Path)
	if err != nil {
		return nil, sum, err
	}
	info, err := open.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no file any more", f.Path)
	}
	h := sha256.New()
	var n int64
	if err == nil {
		n, err = io.Copy(h, io.LimitReader(open, f.Size+1))
	}
	if err == nil && n != f.Size {
		err = fmt.Errorf("%s changed while it was read", f.Path)
	}
	if err == nil {
		_, err = open.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, sum, errors.Join(err, open.Close())
	}
	return open, [sha256.Size]byte(h.Sum(nil)), nil
}
