package host

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/wright-build/wright/plugins"
)

// ErrNoLock is the problem of a directory that allows whatever lies in it.
var ErrNoLock = errors.New("there is no " + LockFile)

// LockProblem is what keeps a plugin, or all of a directory, from being launched.
type LockProblem struct {
	Dir  string
	File string // empty when it is about the lock file itself
	Err  error  // ErrNoLock, or what a launch would say
}

// LockDir gives what a lock file must say so that every plugin now in the
// directory may be launched. Versions and protocols are the caller's to ask for.
func LockDir(dir string) ([]LockEntry, error) {
	if _, err := os.ReadDir(dir); err != nil {
		return nil, fmt.Errorf("lock the plugins of a directory: %w", err)
	}
	var entries []LockEntry
	for _, i := range discover([]string{dir}) {
		sum, err := sumFile(i.Path)
		if err != nil {
			return nil, fmt.Errorf("lock the plugins of %s: %w", dir, err)
		}
		entries = append(entries, LockEntry{File: filepath.Base(i.Path), SHA256: sum})
	}
	return entries, nil
}

// Verify holds every plugin of the directories against their lock files, without
// launching any. A plugin that a lock file lists and that is missing is a
// problem, too.
func Verify(dirs []string) []LockProblem {
	var problems []LockProblem
	for _, dir := range dirs {
		problems = append(problems, verifyDir(dir)...)
	}
	return problems
}

func verifyDir(dir string) []LockProblem {
	lock, err := ReadLock(dir)
	if errors.Is(err, fs.ErrNotExist) {
		err = ErrNoLock
	}
	if err != nil {
		return []LockProblem{{Dir: dir, Err: err}}
	}
	var problems []LockProblem
	present := map[string]bool{}
	for _, i := range discover([]string{dir}) {
		file := filepath.Base(i.Path)
		present[file] = true
		sum, err := sumFile(i.Path)
		if err == nil {
			err = allowed(lock, i.Path, sum)
		}
		if err != nil {
			problems = append(problems, LockProblem{dir, file, err})
		}
	}
	for _, e := range lock {
		if !present[e.File] {
			err := plugins.Errorf(plugins.NotFound, "%s is locked, but there is no such executable file", filepath.Join(dir, e.File))
			problems = append(problems, LockProblem{dir, e.File, err})
		}
	}
	return problems
}

// allowed says whether a lock allows the file at path, which has the given sum.
func allowed(lock []LockEntry, path, sum string) error {
	i := slices.IndexFunc(lock, func(e LockEntry) bool { return e.File == filepath.Base(path) })
	if i < 0 {
		return denied(path, "is not in %s", LockFile)
	}
	if want := lock[i].SHA256; want != sum {
		return denied(path, "was changed: it has SHA-256 %s, %s wants %s", sum, LockFile, want)
	}
	return nil
}

// refusal is what a lock says. A person ends it, so no launch has to rest for it.
type refusal struct{ error }

func denied(path, format string, args ...any) error {
	return &plugins.Error{Code: plugins.Denied, Err: refusal{fmt.Errorf("%s %s; if that is as it should be: wright plugin lock %s",
		path, fmt.Sprintf(format, args...), filepath.Dir(path))}}
}

func sumFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	return sum(f)
}

func sum(f *os.File) (string, error) {
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		return "", fmt.Errorf("read %s: %w", f.Name(), err)
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}
