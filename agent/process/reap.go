//go:build linux

package process

import (
	"syscall"
	"time"
)

const (
	// drainTime is how long processes may take to die of SIGKILL. One that hangs
	// in the kernel for longer is given up, so that its step can end.
	drainTime    = 30 * time.Second
	drainMinWait = time.Millisecond
	drainMaxWait = 50 * time.Millisecond
)

// reap collects every child that dies, ours and adopted, until stop is closed.
func (s *supervisor) reap(stop <-chan struct{}) {
	for {
		pid, err := awaitChild()
		if err == nil {
			if st := s.collect(pid); st != nil {
				s.finish(st)
			}
			continue
		}
		// No child at all; the next one will be forked or be somebody's orphan,
		// and an orphan's parent is our child too.
		select {
		case <-s.forked:
		case <-stop:
			return
		}
	}
}

// collect reaps one dead child, and returns the step that is over with it. While
// it is a zombie its ID, and so its group, cannot belong to anybody else.
func (s *supervisor) collect(pid int) *step {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.leaders[pid]
	if st != nil && st.killAt.IsZero() {
		_ = syscall.Kill(-pid, syscall.SIGKILL)
	}
	var ws syscall.WaitStatus
	if got, _ := syscall.Wait4(pid, &ws, syscall.WNOHANG, nil); got != pid {
		return nil // a child that failed to exec, taken by ForkExec itself
	}
	if st == nil {
		delete(s.guests, pid)
		for d := range s.draining {
			nudge(d.nudged)
		}
		return nil
	}
	delete(s.leaders, pid)
	st.exit.FinishedAt = time.Now()
	st.exit.Code = ws.ExitStatus()
	if ws.Signaled() {
		st.exit.Signal = ws.Signal().String()
	}
	st.exit.OutOfMemory = st.ranOutOfMemory(ws, oomKills)
	if syscall.Kill(-pid, 0) == syscall.ESRCH && !s.adopted.stranger(s.accounted) {
		return st
	}
	s.draining[st] = true
	s.tasks.Go(func() { s.drain(st) })
	return nil
}

// accounted reports whether a child is a leader, or an orphan that was looked
// at before and belongs to a step that still runs.
func (s *supervisor) accounted(pid int) bool {
	if s.leaders[pid] != nil {
		return true
	}
	host := s.guests[pid]
	return host != nil && s.leaders[host.pid] == host
}

// drain ends what a step left behind, then the step.
func (s *supervisor) drain(st *step) {
	wait := drainMinWait
	timer := time.NewTimer(wait)
	defer timer.Stop()
	giveUp := time.Now().Add(drainTime)
	for {
		left, patience := s.sweep(st)
		if left == 0 {
			break
		}
		if patience {
			giveUp = time.Now().Add(drainTime)
		} else if time.Now().After(giveUp) {
			s.log.Error("processes do not die", "step", st.exit.ID, "processes", left)
			break
		}
		timer.Reset(wait)
		select {
		case <-st.nudged:
		case <-timer.C:
			wait = min(2*wait, drainMaxWait)
		}
	}
	s.mu.Lock()
	delete(s.draining, st)
	s.mu.Unlock()
	s.finish(st)
}

// sweep kills what is left of st's tree, and what nobody can own any more. It
// returns how many processes it found, and whether it spared some because st
// was killed and they are in their time of grace.
func (s *supervisor) sweep(st *step) (left int, patience bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	procs, err := allProcs()
	if err != nil {
		s.log.Error("list processes", "error", err)
		return 0, false
	}
	patience = time.Now().Before(st.killAt)
	for _, stray := range s.strays(procs) {
		switch {
		case stray.owner == st && patience:
			left++
		case stray.owner == st, stray.owner == nil:
			left++
			_ = syscall.Kill(stray.pid, syscall.SIGKILL)
		}
	}
	return left, patience
}

// stray is a process whose step has no leader any more. owner is nil when its
// step has ended or nobody can tell whose it is.
type stray struct {
	pid   int
	owner *step
}

// strays goes through the orphans we adopted and their descendants. The mutex is held.
func (s *supervisor) strays(procs map[int]proc) []stray {
	children := childrenOf(procs)
	var found []stray
	for _, pid := range children[s.pid] {
		p := procs[pid]
		if s.leaders[pid] != nil || p.zombie && len(children[pid]) == 0 {
			continue
		}
		owner, known := s.ownerOf(p)
		if owner != nil && s.leaders[owner.pid] == owner {
			s.guests[pid] = owner
			continue
		}
		if !known && s.mayBelongToRunning(p, procs) {
			continue
		}
		for _, d := range descendants(children, pid) {
			if !procs[d].zombie {
				found = append(found, stray{d, owner})
			}
		}
	}
	return found
}

// ownerOf tells whose orphan p is: its environment says so or its session does.
// known is true with a nil owner when the step has ended.
func (s *supervisor) ownerOf(p proc) (owner *step, known bool) {
	if id, dir := cookies(p.pid); id != "" && dir == s.dir {
		if st := s.steps[id]; st != nil && !st.ended {
			return st, true
		}
		return nil, true
	}
	if st := s.leaders[p.session]; st != nil {
		return st, true
	}
	for st := range s.draining {
		if st.pid == p.session {
			return st, true
		}
	}
	return nil, false
}

// mayBelongToRunning reports whether an orphan that hides where it comes from
// can be of a step that runs: one that is older than the orphan.
func (s *supervisor) mayBelongToRunning(p proc, procs map[int]proc) bool {
	for pid := range s.leaders {
		if leader, ok := procs[pid]; ok && leader.start <= p.start {
			return true
		}
	}
	return false
}

func childrenOf(procs map[int]proc) map[int][]int {
	children := make(map[int][]int, len(procs))
	for pid, p := range procs {
		children[p.parent] = append(children[p.parent], pid)
	}
	return children
}

// descendants lists root and all below it.
func descendants(children map[int][]int, root int) []int {
	all := []int{root}
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all
}
