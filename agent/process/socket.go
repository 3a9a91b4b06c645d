//go:build linux

package process

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const (
	socketName = "supervisor.sock"
	lockName   = "supervisor.lock"
	logName    = "supervisor.log"
	logLimit   = 1 << 20 // bytes
	// The kernel's limit for the path of a unix socket, less its final zero.
	maxSocketPath = 107
)

// withSocketPath calls f with a path to dir's socket that is short enough for
// the kernel, however long dir is.
func withSocketPath(dir string, f func(path string) error) error {
	path := filepath.Join(dir, socketName)
	if len(path) <= maxSocketPath {
		return f(path)
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return f(fmt.Sprintf("/proc/self/fd/%d/%s", d.Fd(), socketName))
}

func dialSocket(dir string, timeout time.Duration) (nc net.Conn, err error) {
	err = withSocketPath(dir, func(path string) error {
		nc, err = net.DialTimeout("unix", path, timeout)
		return err
	})
	return nc, err
}

// listenSocket replaces a socket that a dead supervisor left; the caller holds the lock.
func listenSocket(dir string) (l *net.UnixListener, err error) {
	full := filepath.Join(dir, socketName)
	if err := os.Remove(full); err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	err = withSocketPath(dir, func(path string) error {
		l, err = net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		return err
	})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // its path may go through a descriptor that is closed by now
	if err := os.Chmod(full, 0o600); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// checkPeer refuses everyone but our own user and root.
func checkPeer(c *net.UnixConn) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var cred *syscall.Ucred
	var credErr error
	err = raw.Control(func(fd uintptr) {
		cred, credErr = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	})
	if err != nil {
		return err
	}
	if credErr != nil {
		return credErr
	}
	if cred.Uid != 0 && int(cred.Uid) != os.Geteuid() {
		return fmt.Errorf("peer is user %d", cred.Uid)
	}
	return nil
}

// takeLock locks dir for this process; ok is false when another one holds it.
func takeLock(dir string) (f *os.File, ok bool, err error) {
	f, err = os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, false, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return f, true, nil
	}
	f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, false, nil
	}
	return nil, false, fmt.Errorf("lock %s: %w", lockName, err)
}
