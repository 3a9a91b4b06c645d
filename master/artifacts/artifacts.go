// Package artifacts keeps the files that outlive builds, on disk. Each is there
// whole or not at all, with the SHA-256 that it was announced with. Paths come
// from builds and are hostile: they never lead out of the build's directory. It
// does not know who wants files, nor whether a build is still wanted.
package artifacts

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
)

const (
	maxPath  = 1000   // bytes
	maxFiles = 10_000 // of one attempt
	index    = "index"
	partial  = "partial-"
)

var (
	// ErrNotFound means that there is no such artifact.
	ErrNotFound = errors.New("no such artifact")
	// ErrRefused means that the file can never be kept as it is.
	ErrRefused = errors.New("the artifact is refused")
)

// Attempt names one attempt of one build.
type Attempt struct {
	Instance string
	Build    string // the build's ID
	Attempt  int    // from 1
}

// File is one artifact.
type File struct {
	Path       string `json:"path"` // in the workspace, with slashes
	Size       int64  `json:"size"` // bytes
	SHA256     string `json:"sha256"`
	Executable bool   `json:"executable,omitempty"`
}

// Store keeps artifacts below one directory. It is safe for concurrent use by
// one process.
type Store struct {
	dir    string
	bucket Bucket // nil: none
	opened time.Time
	room   func() error // nil: there is always some

	sharing sync.Mutex // held while a page of an index is put into the bucket
	mu      sync.Mutex // guards the indexes
}

// Open opens the store in dir, which is made when something is kept.
func Open(dir string) *Store { return &Store{dir: dir, opened: time.Now()} }

// LeaveRoom has nothing kept while room says why not. It must be said before
// anything else is.
func (s *Store) LeaveRoom(room func() error) { s.room = room }

func (s *Store) place(a Attempt) (string, error) {
	for _, name := range []string{a.Instance, a.Build} {
		if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\\\x00") || len(name) > 255 {
			return "", fmt.Errorf("%q names no build: %w", name, ErrNotFound)
		}
	}
	return filepath.Join(s.dir, a.Instance, a.Build, fmt.Sprint(a.Attempt)), nil
}

// check refuses what cannot be kept.
func (f File) check() error {
	switch {
	case len(f.Path) > maxPath || !filepath.IsLocal(f.Path) || filepath.ToSlash(filepath.Clean(f.Path)) != f.Path:
		return fmt.Errorf("%.80q is no path inside of a workspace: %w", f.Path, ErrRefused)
	case strings.IndexFunc(f.Path, unicode.IsControl) >= 0 || strings.ToValidUTF8(f.Path, "") != f.Path:
		return fmt.Errorf("the path %.80q holds what is no text: %w", f.Path, ErrRefused)
	case f.Size < 0:
		return fmt.Errorf("%s has %d bytes: %w", f.Path, f.Size, ErrRefused)
	}
	return nil
}

// Keep stores a file once its text has come in whole and has the sum that it was
// announced with. What was kept under its path before is replaced.
func (s *Store) Keep(a Attempt, f File, text io.Reader) error {
	dir, err := s.place(a)
	if err == nil {
		err = f.check()
	}
	if err != nil {
		return err
	}
	if s.room != nil {
		text = &careful{text, s.room}
	}
	if err := os.MkdirAll(filepath.Join(dir, "files"), 0o750); err != nil {
		return fmt.Errorf("keep artifact %s of build %s: %w", f.Path, a.Build, err)
	}
	if err := s.keep(dir, f, text); err != nil {
		return fmt.Errorf("keep artifact %s of build %s: %w", f.Path, a.Build, err)
	}
	// gofail: var artifactListed struct{}
	if s.bucket == nil {
		return nil
	}
	if err := s.share(a, dir, f); err != nil {
		return fmt.Errorf("keep artifact %s of build %s in the bucket: %w", f.Path, a.Build, err)
	}
	return nil
}

// careful reads on while there is room.
type careful struct {
	io.Reader
	room func() error
}

func (c *careful) Read(to []byte) (int, error) {
	if err := c.room(); err != nil {
		return 0, err
	}
	return c.Reader.Read(to)
}

func (s *Store) keep(dir string, f File, text io.Reader) (err error) {
	root, err := os.OpenRoot(filepath.Join(dir, "files"))
	if err != nil {
		return err
	}
	defer root.Close()
	name := partial + rand.Text()
	temp, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(temp.Name()))
		}
	}()
	if err := fill(temp, f, text); err != nil {
		return errors.Join(err, temp.Close())
	}
	if err := errors.Join(temp.Sync(), temp.Close()); err != nil {
		return err
	}
	if parent := filepath.Dir(f.Path); parent != "." {
		if err := root.MkdirAll(parent, 0o750); err != nil {
			return fmt.Errorf("%w: %w", ErrRefused, err) // a file is where a directory should be
		}
	}
	return s.enter(dir, name, f)
}

// fill copies the text and holds it against what was announced.
func fill(to io.Writer, f File, text io.Reader) error {
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(to, h), io.LimitReader(text, f.Size+1))
	switch {
	case err != nil:
		return err
	case n != f.Size:
		return fmt.Errorf("%d bytes were announced, and %d came: %w", f.Size, n, ErrRefused)
	case sum(h) != f.SHA256:
		return fmt.Errorf("its SHA-256 is %s, and not %.64s: %w", sum(h), f.SHA256, ErrRefused)
	}
	return nil
}

func sum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

// enter gives a file its place and writes it into the index, in this order: what
// is in the index is there.
func (s *Store) enter(dir, name string, f File) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	all, err := read(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(all) >= maxFiles {
		return fmt.Errorf("the build has %d artifacts: %w", len(all), ErrRefused)
	}
	// gofail: var artifactUnnamed struct{}
	if err := os.Rename(filepath.Join(dir, name), filepath.Join(dir, "files", filepath.FromSlash(f.Path))); err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	// gofail: var artifactUnlisted struct{}
	line, err := json.Marshal(f)
	if err != nil {
		return err
	}
	out, err := os.OpenFile(filepath.Join(dir, index), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	_, err = out.Write(slices.Concat([]byte("\n"), line, []byte("\n"))) // after what a crash may have cut off
	return errors.Join(err, out.Close())
}

// read reads an index.
func read(dir string) ([]File, error) {
	text, err := os.ReadFile(filepath.Join(dir, index))
	if err != nil {
		return nil, err
	}
	return parse(text), nil
}

// parse reads the lines of an index. Of those for one path the last counts; one that
// was cut off by a crash does not.
func parse(text []byte) []File {
	byPath := map[string]File{}
	for line := range bytes.Lines(text) {
		var f File
		if json.Unmarshal(line, &f) == nil && f.check() == nil {
			byPath[f.Path] = f
		}
	}
	all := make([]File, 0, len(byPath))
	for _, f := range byPath {
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	return all
}

// List lists an attempt's artifacts by path; none if nothing is known of it.
func (s *Store) List(a Attempt) ([]File, error) {
	dir, err := s.place(a)
	if err != nil {
		return nil, err
	}
	all, err := read(dir)
	if s.bucket != nil && (err == nil || errors.Is(err, fs.ErrNotExist)) {
		text, trouble := s.sharedIndex(a)
		switch { // what is here may be from before another master led, and is better than nothing
		case trouble == nil:
			all, err = parse(text), nil
		case err != nil:
			err = trouble
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the artifacts of build %s: %w", a.Build, err)
	}
	return all, nil
}

// Open opens one artifact for reading.
func (s *Store) Open(a Attempt, path string) (*os.File, File, error) {
	all, err := s.List(a)
	if err != nil {
		return nil, File{}, err
	}
	i := slices.IndexFunc(all, func(f File) bool { return f.Path == path })
	if i < 0 {
		return nil, File{}, fmt.Errorf("%.80q of build %s: %w", path, a.Build, ErrNotFound)
	}
	dir, _ := s.place(a) // List has done it
	file, err := openIn(dir, all[i])
	if s.bucket != nil && errors.Is(err, fs.ErrNotExist) {
		if err = s.fetch(a, dir, all[i]); err == nil {
			file, err = openIn(dir, all[i])
		}
	}
	if err != nil {
		return nil, File{}, fmt.Errorf("open artifact %s of build %s: %w", path, a.Build, err)
	}
	return file, all[i], nil
}

func openIn(dir string, f File) (*os.File, error) {
	root, err := os.OpenRoot(filepath.Join(dir, "files"))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.Open(filepath.FromSlash(f.Path))
}

// Size is how many bytes are kept of a build.
func (s *Store) Size(instance, build string) (bytes int64, err error) {
	dir, err := s.place(Attempt{Instance: instance, Build: build})
	if err != nil {
		return 0, err
	}
	if s.bucket != nil {
		return s.sharedSize(instance, build)
	}
	err = filepath.WalkDir(filepath.Dir(dir), func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			var info fs.FileInfo
			if info, err = d.Info(); err == nil {
				bytes += info.Size()
			}
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it goes meanwhile
		}
		return err
	})
	return bytes, err
}

// Remove deletes the artifacts of a build; with "" for the build those of all
// builds of the instance.
func (s *Store) Remove(instance, build string) error {
	dir, err := s.place(Attempt{Instance: instance, Build: cmp.Or(build, "all")})
	if err != nil {
		return err
	}
	dir = filepath.Dir(dir)
	if build == "" {
		dir = filepath.Dir(dir)
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove the artifacts of %s %s: %w", instance, build, err)
	}
	if s.bucket == nil {
		return nil
	}
	if err := s.removeShared(instance, build); err != nil {
		return fmt.Errorf("remove the artifacts of %s %s from the bucket: %w", instance, build, err)
	}
	return nil
}
