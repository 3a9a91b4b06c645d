package manifests

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	maxFiles   = MaxFiles
	maxEntries = 4 * maxFiles // of a directory, with those that are no manifests
	maxLinks   = 1000         // directories followed for links
	racy       = 2 * time.Second
)

// Snapshot is what a directory of manifests said at one moment. A file that is
// bad is only in Errors; what was good before it is the caller's to remember.
type Snapshot struct {
	Manifests map[string]*Manifest // by instance
	Texts     map[string][]byte    // by instance, the text of each of Manifests
	Errors    map[string]Errors    // by instance, or by file name where that gives none
}

// ReadDir reads every manifest of a directory once. Its error is about the
// directory; those of files are in the snapshot.
func ReadDir(path string) (Snapshot, error) {
	s := fileSet{dir: path}
	if _, err := s.read(); err != nil {
		return Snapshot{}, err
	}
	return s.snapshot(), nil
}

// fileSet is what is known of the manifests in a directory.
type fileSet struct {
	dir     string
	files   map[string]*file // by file name; nil before the first reading
	targets map[string]bool  // what links in the directory lead to
	failure error            // of the last reading
}

// file is one manifest as it was read.
type file struct {
	info     fs.FileInfo // nil if it could not be read
	read     time.Time
	sum      [sha256.Size]byte // of the text, or of the reason why there is none
	text     []byte
	manifest *Manifest // nil if it is bad
	errs     Errors
}

// read brings the set up to date and tells whether anything is different. On an
// error nothing is.
func (s *fileSet) read() (different bool, err error) {
	names, err := s.list()
	s.failure = err
	if err != nil {
		return false, err
	}
	files, targets := make(map[string]*file, len(names)), make(map[string]bool)
	different = s.files == nil
	for name, isLink := range names {
		path := filepath.Join(s.dir, name)
		if isLink && len(targets) < maxLinks {
			if target, err := filepath.EvalSymlinks(path); err == nil {
				targets[target] = true
			}
		}
		f := s.files[name].again(path)
		if f != nil {
			files[name] = f
			different = different || s.files[name] == nil || s.files[name].sum != f.sum
		}
	}
	different = different || len(files) != len(s.files)
	s.files, s.targets = files, targets
	return different, nil
}

// list names the manifests and says which are links.
func (s *fileSet) list() (map[string]bool, error) {
	dir, err := os.Open(s.dir)
	if err != nil {
		return nil, fmt.Errorf("reading the manifests: %w", err)
	}
	defer dir.Close()
	entries, err := dir.ReadDir(maxEntries + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading the manifests in %s: %w", s.dir, err)
	}
	names := make(map[string]bool)
	for _, entry := range entries {
		if name := entry.Name(); IsManifest(name) {
			names[name] = entry.Type()&fs.ModeSymlink != 0
		}
	}
	if len(entries) > maxEntries || len(names) > maxFiles {
		return nil, fmt.Errorf("reading the manifests in %s: more than %d files, or %d manifests", s.dir, maxEntries, maxFiles)
	}
	return names, nil
}

// IsManifest leaves out hidden files and what editors leave behind. A name in
// upper case is a manifest, so that it is refused and not just overlooked.
func IsManifest(name string) bool {
	return strings.EqualFold(filepath.Ext(name), ".toml") && !strings.HasPrefix(name, ".") && !strings.HasPrefix(name, "#")
}

// again reads the file at path unless it is f still; nil says it is gone.
func (f *file) again(path string) *file {
	info, err := os.Stat(path)
	if err == nil && f.unchanged(info) {
		return f
	}
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(path); err != nil {
			return nil // it went between listing and looking
		}
		err = errors.New("the link leads nowhere")
	}
	now := &file{read: time.Now()}
	if err == nil {
		now.info, now.text, err = readFile(path)
	}
	if err != nil {
		now.fail(path, err)
	} else {
		now.sum = sha256.Sum256(now.text)
	}
	if f != nil && f.sum == now.sum {
		now.text, now.manifest, now.errs = f.text, f.manifest, f.errs
		return now
	}
	if err == nil {
		now.parse(path)
	}
	return now
}

// unchanged tells whether info is that of the text f was read from. A file
// written just before it was read may be written again with the same time.
func (f *file) unchanged(info fs.FileInfo) bool {
	return f != nil && f.info != nil && os.SameFile(f.info, info) && f.info.Size() == info.Size() &&
		f.info.ModTime().Equal(info.ModTime()) && f.info.Mode() == info.Mode() && f.read.Sub(info.ModTime()) > racy
}

func (f *file) fail(path string, err error) {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err // the place says the path
	}
	message := "cannot be read: " + err.Error()
	f.errs = Errors{{Place: Place{path, 1, 1}, Message: message}}
	f.sum = sha256.Sum256([]byte(message))
}

func (f *file) parse(path string) {
	m, err := Parse(path, f.text)
	if err != nil {
		f.errs, f.text = asErrors(path, err), nil
		return
	}
	f.manifest = m
}

// ReadFile reads one manifest as ReadDir does. Its error is always Errors.
func ReadFile(path string) (*Manifest, error) {
	f := (*file)(nil).again(path)
	switch {
	case f == nil:
		return nil, Errors{{Place: Place{path, 1, 1}, Message: "there is no such file"}}
	case f.errs != nil:
		return nil, f.errs
	}
	return f.manifest, nil
}

// readFile reads a regular file up to a little more than a manifest may have.
func readFile(path string) (fs.FileInfo, []byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe must not hold us up
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, errors.New("not a regular file")
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	return info, text, err
}

// snapshot is the set in the form that callers see.
func (s *fileSet) snapshot() Snapshot {
	snap := newSnapshot()
	for name, f := range s.files {
		snap.add(name, f.manifest, f.text, f.errs)
	}
	return snap
}

// followed lists the directories whose notifications matter: the directory,
// its parent, which sees it removed, made anew and relinked, and those with the
// targets of links.
func (s *fileSet) followed() []string {
	others := map[string]bool{filepath.Dir(s.dir): true}
	for target := range s.targets {
		others[filepath.Dir(target)] = true
	}
	delete(others, s.dir)
	return append([]string{s.dir}, slices.Sorted(maps.Keys(others))...)
}

// concerns tells whether a notification about path may be about a manifest.
func (s *fileSet) concerns(path string) bool {
	return path == s.dir || filepath.Dir(path) == s.dir || s.targets[path] || path == ""
}
