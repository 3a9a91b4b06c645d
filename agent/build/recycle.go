package build

import (
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// recycle empties a file of output, for the next attempt in the directory to write
// to: where many short builds run, the kernel takes longer to make a file than to
// run the step. It gives false for what has to go instead: anything else, and a
// file that somebody may still write to or has another name for.
func recycle(path string) bool {
	f, err := os.OpenFile(path, os.O_WRONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil || info.Mode() != 0o600 {
		return false
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); !ok || stat.Nlink != 1 {
		return false
	}
	// A lease for writing is granted to who has the file open alone, until it is closed.
	if _, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_WRLCK); err != nil {
		return false
	}
	return f.Truncate(0) == nil
}

// isOutput tells whether a file of an attempt's directory is one of output.
func isOutput(name string) bool { return strings.HasPrefix(name, "part-") }
