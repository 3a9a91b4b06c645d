//go:build linux

package process

import (
	"syscall"
	"testing"
	"time"
)

func TestRanOutOfMemory(t *testing.T) {
	const exited137, signalled = syscall.WaitStatus(137 << 8), syscall.WaitStatus(syscall.SIGKILL)
	for name, c := range map[string]struct {
		ws     syscall.WaitStatus
		killed bool // by us
		before int64
		now    int64
		want   bool
	}{
		"killed by the kernel":                      {signalled, false, 3, 4, true},
		"its shell says that a command was killed":  {exited137, false, 3, 4, true},
		"killed by somebody":                        {signalled, false, 3, 3, false},
		"killed by us":                              {signalled, true, 3, 4, false},
		"it failed while another ran out of memory": {syscall.WaitStatus(1 << 8), false, 3, 4, false},
		"ended by another signal":                   {syscall.WaitStatus(syscall.SIGSEGV), false, 3, 4, false},
		"the kernel does not tell":                  {signalled, false, -1, -1, false},
	} {
		st := &step{oomKills: c.before}
		st.exit.Killed = c.killed
		if got := st.ranOutOfMemory(c.ws, func() int64 { return c.now }); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestOOMKills(t *testing.T) {
	for text, want := range map[string]int64{
		"nr_free_pages 5\noom_kill 17\noom_kill_x 4\n": 17, "oom_kill x\n": -1, "": -1,
	} {
		if got := countIn([]byte(text), "oom_kill "); got != want {
			t.Errorf("%q: got %d, want %d", text, got, want)
		}
	}
	var w oomWatch
	if n := w.recent(time.Now()); n != oomKills() && n >= 0 {
		t.Errorf("the first look says %d", n)
	}
	w.count = 99
	if w.recent(w.at.Add(500*time.Millisecond)) != 99 {
		t.Error("it is asked more than once a second")
	}
}
