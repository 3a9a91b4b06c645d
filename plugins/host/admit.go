package host

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// admitted is a file that may be launched. Where a lock says so it is held open
// from the check of its sum until the launch is over, and a program is executed
// by that open file and not by its name, which may lead elsewhere by then. What
// remains: a script is opened again by its interpreter, and a program can be
// overwritten in the moment between. Either is noticed by unchanged, before the
// plugin is told anything.
type admitted struct {
	path   string
	file   *os.File // nil where there is no lock
	native bool     // a program, no script
	before unix.Stat_t
}

// admit checks a plugin against the lock of its directory.
func admit(path string, required bool) (*admitted, error) {
	lock, err := ReadLock(filepath.Dir(path))
	switch {
	case errors.Is(err, fs.ErrNotExist) && !required:
		return &admitted{path: path}, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, denied(path, "lies in a directory without %s, and one is required here", LockFile)
	case err != nil:
		return nil, denied(path, "cannot be checked: %v", err)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("check %s: %w", path, err)
	}
	a := &admitted{path: path, file: f}
	if err := a.check(lock); err != nil {
		a.close()
		return nil, err
	}
	return a, nil
}

func (a *admitted) check(lock []LockEntry) error {
	if err := unix.Fstat(int(a.file.Fd()), &a.before); err != nil {
		return fmt.Errorf("check %s: %w", a.path, err)
	}
	found, err := sum(a.file)
	if err != nil {
		return err
	}
	magic := make([]byte, 4)
	n, err := a.file.ReadAt(magic, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("check %s: %w", a.path, err)
	}
	a.native = bytes.Equal(magic[:n], []byte("\x7fELF"))
	return allowed(lock, a.path, found)
}

// executable is the path to execute. It goes through this process and not through
// /proc/self, because the files of the child may be numbered differently.
func (a *admitted) executable() string {
	if a.file == nil || !a.native {
		return a.path
	}
	open := fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), a.file.Fd())
	if _, err := os.Stat(open); err != nil {
		return a.path // without /proc
	}
	return open
}

// unchanged refuses a file that was touched since its sum was taken.
func (a *admitted) unchanged() error {
	if a.file == nil {
		return nil
	}
	var now, named unix.Stat_t
	err := errors.Join(unix.Fstat(int(a.file.Fd()), &now), unix.Stat(a.path, &named))
	before := a.before
	switch {
	case err != nil:
		return fmt.Errorf("check %s again: %w", a.path, err)
	case now.Ctim != before.Ctim || now.Size != before.Size || named.Ino != before.Ino || named.Dev != before.Dev:
		return denied(a.path, "was changed while it was launched")
	}
	return nil
}

func (a *admitted) close() {
	if a.file != nil {
		_ = a.file.Close()
	}
}
