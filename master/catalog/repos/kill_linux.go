package repos

import (
	"os/exec"
	"syscall"
)

// killWhole has cmd killed together with all it started, when its context ends
// or when this process is gone.
func killWhole(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
