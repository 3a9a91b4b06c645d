//go:build linux

package process

import (
	"os"
	"syscall"
	"time"
)

// maxReason bounds what is kept of why a step was killed, in bytes.
const maxReason = 1000

// kill asks a step to end and sees to it that it does. The first reason stays.
// The mutex is held.
func (s *supervisor) kill(st *step, reason string) {
	if st.ended || st.exit.Killed {
		return
	}
	if s.leaders[st.pid] != st {
		return // its leader has exited; the rest is being killed anyway
	}
	st.exit.Killed, st.exit.Reason = true, reason[:min(len(reason), maxReason)]
	grace := st.spec.Grace
	if grace <= 0 {
		grace = DefaultGrace
	}
	st.killAt = time.Now().Add(grace)
	s.signalTree(st, syscall.SIGTERM)
	s.signalTree(st, syscall.SIGCONT) // a stopped process cannot heed SIGTERM
	// gofail: var stepAskedToEnd struct{}
	st.hardKill = time.AfterFunc(grace, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.leaders[st.pid] == st {
			s.signalTree(st, syscall.SIGKILL)
		}
	})
}

// signalTree signals the group of a leader that is not reaped yet, and all of
// its tree that left the group. The mutex is held.
func (s *supervisor) signalTree(st *step, sig syscall.Signal) {
	procs, err := allProcs()
	_ = syscall.Kill(-st.pid, sig)
	if err != nil {
		s.log.Error("list processes", "error", err)
		return
	}
	children := childrenOf(procs)
	roots := []int{st.pid}
	for _, pid := range children[s.pid] {
		if s.leaders[pid] != nil {
			continue
		}
		if owner, _ := s.ownerOf(procs[pid]); owner == st {
			roots = append(roots, pid)
		}
	}
	for _, root := range roots {
		for _, pid := range descendants(children, root) {
			if procs[pid].group != st.pid {
				_ = syscall.Kill(pid, sig)
			}
		}
	}
}

// killLeftovers ends every process that a dead supervisor of dir started, and
// returns how many there were. They are known by the cookie in their environment.
func killLeftovers(dir string, deadline time.Time) (killed int) {
	seen := map[int]bool{}
	for time.Now().Before(deadline) {
		procs, err := allProcs()
		if err != nil {
			return len(seen)
		}
		alive := false
		for _, pid := range marked(procs, dir) {
			alive = true
			seen[pid] = true
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		if !alive {
			break
		}
		<-time.After(2 * time.Millisecond)
	}
	return len(seen)
}

// marked lists the live processes with dir's cookie and all below them.
func marked(procs map[int]proc, dir string) []int {
	children := childrenOf(procs)
	self := os.Getpid()
	all := map[int]bool{}
	for pid, p := range procs {
		if pid == self || p.zombie {
			continue
		}
		if _, d := cookies(pid); d != dir {
			continue
		}
		for _, d := range descendants(children, pid) {
			if d != self && !procs[d].zombie {
				all[d] = true
			}
		}
	}
	pids := make([]int, 0, len(all))
	for pid := range all {
		pids = append(pids, pid)
	}
	return pids
}
