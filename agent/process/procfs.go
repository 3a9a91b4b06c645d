//go:build linux

package process

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"github.com/wright-build/wright/plugins/environ"
)

const (
	cookieStep       = "WRIGHT_STEP_ID"
	cookieSupervisor = "WRIGHT_STEP_SUPERVISOR"

	prSetChildSubreaper = 36
	pAll                = 0
	wExited             = 0x4
	wNoWait             = 0x1000000
)

// proc is one process as /proc shows it.
type proc struct {
	pid, parent, group, session int
	zombie                      bool
	start                       uint64 // clock ticks since boot
}

// readProc reads /proc/PID/stat. It fails when the process is gone.
func readProc(pid int) (proc, error) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return proc{}, err
	}
	return parseStat(pid, data)
}

// parseStat parses a stat line. The name in it may hold anything, even ") R 1".
func parseStat(pid int, data []byte) (proc, error) {
	end := bytes.LastIndexByte(data, ')')
	if end < 0 {
		return proc{}, fmt.Errorf("process %d: bad stat line", pid)
	}
	f := strings.Fields(string(data[end+1:]))
	if len(f) < 20 {
		return proc{}, fmt.Errorf("process %d: short stat line", pid)
	}
	p := proc{pid: pid, zombie: f[0] == "Z" || f[0] == "X"}
	var errs [4]error
	p.parent, errs[0] = strconv.Atoi(f[1])
	p.group, errs[1] = strconv.Atoi(f[2])
	p.session, errs[2] = strconv.Atoi(f[3])
	p.start, errs[3] = strconv.ParseUint(f[19], 10, 64)
	for _, err := range errs {
		if err != nil {
			return proc{}, fmt.Errorf("process %d: bad stat line: %w", pid, err)
		}
	}
	return p, nil
}

// allProcs lists every process, keyed by ID.
func allProcs() (map[int]proc, error) {
	d, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	procs := make(map[int]proc, len(names))
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		if p, err := readProc(pid); err == nil {
			procs[pid] = p
		}
	}
	return procs, nil
}

// cookies reads who started a process from its environment. Both are empty
// when it is gone, not ours to read, or was started with another environment.
func cookies(pid int) (step, supervisor string) {
	for kv := range bytes.SplitSeq(environ.Of(pid), []byte{0}) {
		if v, ok := bytes.CutPrefix(kv, []byte(cookieStep+"=")); ok {
			step = string(v)
		} else if v, ok := bytes.CutPrefix(kv, []byte(cookieSupervisor+"=")); ok {
			supervisor = string(v)
		}
	}
	return step, supervisor
}

// becomeSubreaper makes orphans among our descendants our children.
func becomeSubreaper() error {
	if _, _, e := syscall.RawSyscall6(syscall.SYS_PRCTL, prSetChildSubreaper, 1, 0, 0, 0, 0); e != 0 {
		return os.NewSyscallError("prctl", e)
	}
	return nil
}

// keepFromSteps marks the files that this process inherited, beyond the standard
// three, close-on-exec. A kernel that cannot (before 5.11) is no reason to fail.
func keepFromSteps() {
	const closeRange, closeOnExec = 436, 4
	_, _, _ = syscall.RawSyscall(closeRange, 3, uintptr(^uint32(0)), closeOnExec)
}

// awaitChild blocks until some child has died and returns its ID, leaving it a
// zombie, so that the ID cannot be reused before the caller has looked at it.
func awaitChild() (pid int, err error) {
	var info [32]int32 // siginfo_t; si_pid follows three ints, aligned like a pointer
	for {
		_, _, e := syscall.Syscall6(syscall.SYS_WAITID, pAll, 0, uintptr(unsafe.Pointer(&info)), wExited|wNoWait, 0, 0)
		if e == syscall.EINTR {
			continue
		}
		if e != 0 {
			return 0, e
		}
		return int(info[2+unsafe.Sizeof(uintptr(0))/4]), nil
	}
}

// adoptees reads the children of this process's first thread, the one that the
// kernel gives orphans to. The file stays open, so a look costs one read.
type adoptees struct {
	f   *os.File
	buf []byte
}

func openAdoptees() (*adoptees, error) {
	pid := os.Getpid()
	f, err := os.Open(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return nil, err // a kernel without CONFIG_PROC_CHILDREN
	}
	return &adoptees{f: f, buf: make([]byte, 64<<10)}, nil
}

// stranger reports whether a child is there for which known is false.
func (a *adoptees) stranger(known func(pid int) bool) bool {
	if a == nil {
		return true
	}
	n, _ := a.f.ReadAt(a.buf, 0)
	if n == len(a.buf) {
		return true // there may be more
	}
	pid := 0
	for _, c := range a.buf[:n] {
		if c >= '0' && c <= '9' {
			pid = pid*10 + int(c-'0')
			continue
		}
		if pid != 0 && !known(pid) {
			return true
		}
		pid = 0
	}
	return pid != 0 && !known(pid)
}
