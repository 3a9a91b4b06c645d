//go:build linux

package process

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
	"time"
)

// oomWatch counts what the kernel has killed for want of memory. It asks at most
// once a second when steps start, since that costs more than it mostly tells.
type oomWatch struct {
	count int64 // -1: the kernel does not tell
	at    time.Time
}

func (w *oomWatch) recent(now time.Time) int64 {
	if w.at.IsZero() || now.Sub(w.at) > time.Second {
		w.count, w.at = oomKills(), now
	}
	return w.count
}

// oomKills is how many processes the kernel has killed for want of memory since
// it booted, -1 if it does not tell.
func oomKills() int64 {
	text, err := os.ReadFile("/proc/vmstat")
	if err != nil {
		return -1
	}
	return countIn(text, "oom_kill ")
}

func countIn(text []byte, name string) int64 {
	for line := range bytes.Lines(text) {
		if rest, ok := bytes.CutPrefix(line, []byte(name)); ok {
			if n, err := strconv.ParseInt(string(bytes.TrimSpace(rest)), 10, 64); err == nil {
				return n
			}
		}
	}
	return -1
}

// ranOutOfMemory says whether a step that nobody of us killed died as those do
// that the kernel kills, while the kernel did so.
func (st *step) ranOutOfMemory(ws syscall.WaitStatus, kills func() int64) bool {
	const shellSays = 128 + int(syscall.SIGKILL) // of a command that was killed
	killed := ws.Signaled() && ws.Signal() == syscall.SIGKILL || ws.Exited() && ws.ExitStatus() == shellSays
	return killed && !st.exit.Killed && st.oomKills >= 0 && kills() > st.oomKills
}
