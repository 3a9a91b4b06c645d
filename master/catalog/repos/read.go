package repos

import (
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/wright-build/wright/manifests"
)

// read is one manifest file as it was at a commit.
type read struct {
	is    identity
	entry manifests.Entry
	by    Commit // that made it so
}

// identity is what a file of a tree is: two with one identity say the same.
type identity struct {
	hash plumbing.Hash
	mode filemode.FileMode
}

// errContent is something wrong with what people committed, not with the clone.
type errContent struct{ error }

func (e errContent) Unwrap() error { return e.error }

// tell reads a commit and tells of it. Nothing is told of one that cannot be
// read.
func (r *Repo) tell(tip string, changed func(Snapshot)) error {
	s, entries, err := r.clone.read(tip, r.what.Directory, r.entries)
	if err != nil {
		if !errors.As(err, new(errContent)) {
			err = errors.Join(err, r.clone.remove())
		}
		return err
	}
	if err := r.clone.mark(tip); err != nil {
		r.log.Warn("the commit that was read could not be taken down", "error", err)
	}
	r.told, r.entries = tip, entries
	r.mu.Lock()
	r.status.Head = s.Head
	r.mu.Unlock()
	r.log.Info("manifests", "commit", s.Head.ID, "author", s.Head.Author, "good", len(s.Manifests), "bad", len(s.Errors))
	changed(s)
	return nil
}

// read reads the manifests of a directory at a commit; what is as it was before
// is not read again.
func (c clone) read(tip, dir string, before map[string]read) (Snapshot, map[string]read, error) {
	repo, err := git.PlainOpen(c.dir)
	if err != nil {
		return Snapshot{}, nil, fmt.Errorf("open the clone: %w", err)
	}
	commit, err := repo.CommitObject(plumbing.NewHash(tip))
	if err != nil {
		return Snapshot{}, nil, fmt.Errorf("read commit %s: %w", tip, err)
	}
	head := commitOf(commit)
	tree, err := directory(commit, dir)
	if err != nil {
		return Snapshot{}, nil, fmt.Errorf("%s: %w", head, err)
	}
	files, err := manifestsOf(tree)
	if err != nil {
		return Snapshot{}, nil, fmt.Errorf("%s: %w", head, err)
	}
	now, fresh := make(map[string]read, len(files)), map[string]identity{}
	for name, is := range files {
		if old, ok := before[name]; ok && old.is == is {
			now[name] = old
			continue
		}
		entry, err := entryOf(repo, path.Join(dir, strings.ToValidUTF8(name, "\ufffd")), is)
		if err != nil {
			return Snapshot{}, nil, err
		}
		now[name], fresh[name] = read{is: is, entry: entry, by: head}, is
	}
	for name, by := range lastChanges(commit, dir, fresh) {
		r := now[name]
		r.by = commitOf(by)
		now[name] = r
	}
	return snapshotOf(now, head), now, nil
}

func snapshotOf(files map[string]read, head Commit) Snapshot {
	s := Snapshot{Head: head, By: make(map[string]Commit, len(files))}
	entries := make([]manifests.Entry, 0, len(files))
	for _, f := range files {
		entries = append(entries, f.entry)
		s.By[f.entry.Name()] = f.by
	}
	s.Snapshot = manifests.Collect(entries)
	return s
}

// directory is the tree of a directory at a commit. One that does not exist, and
// a repository without any file, are mistakes rather than the wish to have no
// instances.
func directory(commit *object.Commit, dir string) (*object.Tree, error) {
	tree, err := commit.Tree()
	if err != nil {
		return nil, fmt.Errorf("read its tree: %w", err)
	}
	if len(tree.Entries) == 0 {
		return nil, errContent{errors.New("the repository is empty")}
	}
	if dir == "" {
		return tree, nil
	}
	sub, err := tree.Tree(dir)
	if errors.Is(err, object.ErrDirectoryNotFound) || errors.Is(err, object.ErrEntryNotFound) {
		return nil, errContent{fmt.Errorf("there is no directory %s in the repository", dir)}
	}
	if err != nil {
		return nil, fmt.Errorf("read directory %s: %w", dir, err)
	}
	return sub, nil
}

// manifestsOf lists the manifests in a directory.
func manifestsOf(tree *object.Tree) (map[string]identity, error) {
	files := map[string]identity{}
	for _, e := range tree.Entries {
		if manifests.IsManifest(e.Name) {
			files[e.Name] = identity{e.Hash, e.Mode}
		}
	}
	if len(files) > manifests.MaxFiles {
		return nil, errContent{fmt.Errorf("more than %d manifests", manifests.MaxFiles)}
	}
	return files, nil
}

// entryOf reads one file. Its error is the clone's; what is wrong with the file
// is in the entry.
func entryOf(repo *git.Repository, path string, is identity) (manifests.Entry, error) {
	switch is.mode {
	case filemode.Regular, filemode.Executable, filemode.Deprecated:
	case filemode.Symlink:
		return manifests.BadEntry(path, "is a symbolic link, which is not followed in a repository"), nil
	case filemode.Submodule:
		return manifests.BadEntry(path, "is a submodule, not a file"), nil
	default:
		return manifests.BadEntry(path, "is not a regular file"), nil
	}
	size, err := repo.Storer.EncodedObjectSize(is.hash)
	if err != nil {
		return manifests.Entry{}, fmt.Errorf("read %s: %w", path, err)
	}
	if size > manifests.MaxText {
		return manifests.BadEntry(path, fmt.Sprintf("the file has more than %d bytes", manifests.MaxText)), nil
	}
	blob, err := repo.BlobObject(is.hash)
	if err != nil {
		return manifests.Entry{}, fmt.Errorf("read %s: %w", path, err)
	}
	in, err := blob.Reader()
	if err != nil {
		return manifests.Entry{}, fmt.Errorf("read %s: %w", path, err)
	}
	text, err := io.ReadAll(io.LimitReader(in, manifests.MaxText+1))
	if err = errors.Join(err, in.Close()); err != nil {
		return manifests.Entry{}, fmt.Errorf("read %s: %w", path, err)
	}
	return manifests.ReadEntry(path, text), nil
}
