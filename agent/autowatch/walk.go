package autowatch

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"time"
)

const batch = 1024 // entries read from a directory at once

// walk lists the directories that hold a .git, the shallow ones first, so that
// a search cut short has found what matters most. It does not follow links.
func (f *finder) walk(ctx context.Context) ([]string, error) {
	var trees []string
	queue := []string{"."}
	seen := 0
	for len(queue) > 0 {
		dir := queue[0]
		queue = queue[1:]
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if reason := f.cut(seen, len(trees)); reason != "" {
			f.warnings.add("not the whole workspace was searched: %s", reason)
			break
		}
		below, isTree, n := f.list(dir, f.limit-seen)
		seen += n
		if isTree {
			trees = append(trees, dir)
		}
		queue = append(queue, below...)
	}
	return trees, nil
}

func (f *finder) cut(seen, trees int) string {
	switch {
	case seen >= f.limit:
		return "it has too many files"
	case trees >= maxTrees:
		return "it has too many work trees"
	case time.Now().After(f.deadline):
		return "it took too long"
	}
	return ""
}

// list reads a directory: what is below it, whether it is a work tree, and how
// many entries were looked at, which is at most limit.
func (f *finder) list(dir string, limit int) (below []string, isTree bool, seen int) {
	d, err := f.root.Open(dir)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) { // it may be going while we look
			f.warnings.add("directory %.200q: %v", dir, plain(err))
		}
		return nil, false, 0
	}
	defer d.Close()
	for seen < limit {
		entries, err := d.ReadDir(min(batch, limit-seen))
		seen += len(entries)
		for _, e := range entries {
			switch {
			case e.Name() == ".git":
				isTree = true
			case e.IsDir():
				below = append(below, path.Join(dir, e.Name()))
			}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				f.warnings.add("directory %.200q: %v", dir, plain(err))
			}
			break
		}
	}
	return below, isTree, seen
}

// plain is an error without its path, which the caller names better.
func plain(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	var s *os.SyscallError
	if errors.As(err, &s) {
		return s.Err
	}
	return err
}
