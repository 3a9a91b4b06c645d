package host

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// A control group would hold memory and processes harder than the guard does,
// but also what a provider starts for good: the servers of the process provider
// are its children and would be charged to it and killed with it. So the guard
// looks at the plugin's process group, which such children leave, and at nothing
// that needs rights.

// usage is what the processes of a plugin's group use.
type usage struct {
	processes int
	threads   int
	memory    int64 // bytes
	files     int   // of the process that has most open
}

// threadsPerProcess is how many threads count like a process.
const threadsPerProcess = 16

// exceeded says which limit, if any.
func (l Limits) exceeded(u usage) error {
	switch {
	case u.processes > l.Processes:
		return fmt.Errorf("it had %d processes, at most %d are allowed", u.processes, l.Processes)
	case u.threads > threadsPerProcess*l.Processes:
		return fmt.Errorf("it had %d threads, at most %d are allowed", u.threads, threadsPerProcess*l.Processes)
	case u.memory > l.Memory:
		return fmt.Errorf("it had %d MiB of memory, at most %d are allowed", u.memory>>20, l.Memory>>20)
	case u.files > l.OpenFiles:
		return fmt.Errorf("it had %d open files, at most %d are allowed", u.files, l.OpenFiles)
	}
	return nil
}

const (
	guardPeriod = 100 * time.Millisecond
	guardShare  = 50 // of the time, one part at most is spent looking
)

// guard kills the group when it uses more than the limits, until the process ends.
func (p *process) guard(l Limits) {
	noCore(p.pid)
	g := group{id: p.pid}
	timer := time.NewTimer(guardPeriod)
	defer timer.Stop()
	for {
		select {
		case <-p.exited:
			return
		case <-timer.C:
		}
		start := time.Now()
		if err := l.exceeded(g.usage(l)); err != nil {
			p.condemn(fmt.Errorf("it was killed: %w", err))
		}
		timer.Reset(max(guardPeriod, guardShare*time.Since(start)))
	}
}

// noCore keeps the plugin's memory, which may hold secrets, out of core files.
// Only the soft limit is set: servers that the plugin starts may raise theirs.
func noCore(pid int) {
	var l unix.Rlimit
	if unix.Prlimit(pid, unix.RLIMIT_CORE, nil, &l) == nil {
		l.Cur = 0
		_ = unix.Prlimit(pid, unix.RLIMIT_CORE, &l, nil)
	}
}

// group is a process group as seen through /proc.
type group struct {
	id      int
	members []int
	newest  string // the machine's newest process when members was read
}

func (g *group) usage(l Limits) usage {
	g.refresh()
	u := usage{processes: len(g.members)}
	if u.processes > l.Processes {
		return u // no need to look at each
	}
	for _, pid := range g.members {
		threads, memory := statOf(pid)
		u.threads += threads
		u.memory += memory
		u.files = max(u.files, openFiles(pid))
	}
	if u.memory > l.Memory {
		u.memory = g.sharedOut()
	}
	return u
}

// refresh reads the members again if the machine has a new process since.
func (g *group) refresh() {
	load, err := os.ReadFile("/proc/loadavg")
	newest := string(load[bytes.LastIndexByte(load, ' ')+1:])
	if err == nil && newest == g.newest {
		return
	}
	g.newest = newest
	g.members = g.members[:0]
	proc, err := os.Open("/proc")
	if err != nil {
		return
	}
	defer func() { _ = proc.Close() }()
	names, _ := proc.Readdirnames(-1)
	for _, n := range names {
		pid, err := strconv.Atoi(n)
		if err != nil {
			continue
		}
		if id, err := unix.Getpgid(pid); err == nil && id == g.id {
			g.members = append(g.members, pid)
		}
	}
}

// statOf gives the threads and the resident memory of a process, nothing of one
// that is gone. See proc(5) for the fields behind the program's name.
func statOf(pid int) (threads int, memory int64) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0
	}
	f := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(f) < 22 {
		return 0, 0
	}
	threads, _ = strconv.Atoi(string(f[17]))
	pages, _ := strconv.ParseInt(string(f[21]), 10, 64)
	return threads, pages * int64(os.Getpagesize())
}

// sharedOut is the group's memory with each page counted once. It costs more to
// find out than what the single processes have.
func (g *group) sharedOut() int64 {
	var all int64
	for _, pid := range g.members {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			_, memory := statOf(pid)
			all += memory
			continue
		}
		all += proportional(b)
	}
	return all
}

// proportional reads Pss and SwapPss from smaps_rollup.
func proportional(rollup []byte) int64 {
	var sum int64
	for line := range bytes.Lines(rollup) {
		f := bytes.Fields(line)
		if len(f) == 3 && slices.Contains([]string{"Pss:", "SwapPss:"}, string(f[0])) {
			kib, _ := strconv.ParseInt(string(f[1]), 10, 64)
			sum += kib << 10
		}
	}
	return sum
}

// openFiles counts the files that a process has open. Since Linux 6.2 the size
// of the directory says it.
func openFiles(pid int) int {
	dir, err := os.Open(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return 0
	}
	defer func() { _ = dir.Close() }()
	if info, err := dir.Stat(); err == nil && info.Size() > 0 {
		return int(info.Size())
	}
	names, _ := dir.Readdirnames(-1)
	return len(names)
}
