package ask

import (
	"errors"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxData is how much memory a program may take, in bytes: git keeps the whole
// answer of a stranger.
const maxData = 512 << 20

// killWhole has cmd killed together with all it started, when its context ends
// or when this process is gone.
func killWhole(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error {
		err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		if errors.Is(err, syscall.ESRCH) {
			return os.ErrProcessDone
		}
		return err
	}
}

// limit bounds the memory of a program that has just started, and of what it
// starts.
func limit(cmd *exec.Cmd) {
	_ = unix.Prlimit(cmd.Process.Pid, unix.RLIMIT_DATA, &unix.Rlimit{Cur: maxData, Max: maxData}, nil) // it may have ended
}
