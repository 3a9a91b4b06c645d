//go:build linux

package process

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// step is one step in the supervisor. The supervisor's mutex guards it.
type step struct {
	spec      Spec
	pid       int      // of the leader, also its group and session
	part      *os.File // becomes the Result file; shows until then that the step was started
	exit      Exit
	ended     bool
	followers map[*pipe]bool // told about the exit
	deadline  *time.Timer
	hardKill  *time.Timer
	killAt    time.Time     // when SIGKILL is due; zero while nobody killed it
	nudged    chan struct{} // capacity 1: some orphan was reaped
}

// onStart starts a step unless its ID was started before, by this supervisor or
// by one that is dead.
func (s *supervisor) onStart(p *pipe, m message) {
	s.starts.Lock()
	defer s.starts.Unlock()
	if m.Spec == nil || m.Spec.ID == "" || len(m.Spec.Argv) == 0 {
		p.send(failure(m, kindFailed, "a step needs an ID and a command"))
		return
	}
	m.ID = m.Spec.ID
	if s.known(m.ID) {
		p.send(s.attach(p, m))
		return
	}
	st := &step{spec: *m.Spec, followers: map[*pipe]bool{p: true}, nudged: make(chan struct{}, 1)}
	st.exit.ID = m.ID
	output, err := s.open(st)
	switch {
	case errors.Is(err, errEnded):
		s.remember(st)
		p.send(s.attach(p, m))
		return
	case errors.Is(err, ErrSupervisorLost):
		p.send(failure(m, kindLost, "%v", err))
		return
	case err != nil:
		p.send(failure(m, kindFailed, "%v", err))
		return
	}
	started, err := s.launch(st, output)
	if output != nil {
		output.Close()
	}
	if err != nil {
		st.dropPart()
		p.send(failure(m, kindFailed, "%v", err))
		return
	}
	p.send(message{Seq: m.Seq, ID: m.ID})
	if !started {
		s.finish(st)
	}
}

func (s *supervisor) remember(st *step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.steps[st.spec.ID] = st
}

func (s *supervisor) known(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.steps[id] != nil
}

// attach makes p a follower of a known step and answers m.
func (s *supervisor) attach(p *pipe, m message) message {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.steps[m.ID]
	if st == nil {
		return failure(m, kindUnknown, "unknown step %s", m.ID)
	}
	reply := message{Seq: m.Seq, ID: m.ID}
	if st.ended {
		exit := st.exit
		reply.Exit = &exit
	} else {
		st.followers[p] = true
	}
	return reply
}

func (s *supervisor) onKill(m message) message {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.steps[m.ID]
	if st == nil {
		return failure(m, kindUnknown, "unknown step %s", m.ID)
	}
	s.kill(st, m.Reason)
	return message{Seq: m.Seq, ID: m.ID}
}

func (s *supervisor) onForget(m message) message {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.steps[m.ID]
	if st != nil && !st.ended {
		return failure(m, kindFailed, "step %s still runs", m.ID)
	}
	delete(s.steps, m.ID)
	return message{Seq: m.Seq, ID: m.ID}
}

var errEnded = errors.New("the step has ended")

// open claims the Result file and opens the output. It fails with errEnded,
// having filled st, when there is a verdict already, and with ErrSupervisorLost
// when somebody started the step and did not live to write one.
func (s *supervisor) open(st *step) (*os.File, error) {
	if path := st.spec.Result; path != "" {
		exit, err := readResult(path, st.spec.ID)
		if err == nil {
			st.exit, st.ended = exit, true
			return nil, errEnded
		}
		if !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		st.part, err = os.OpenFile(partName(path), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, os.ErrExist) {
			return nil, ErrSupervisorLost
		}
		if err != nil {
			return nil, fmt.Errorf("step %s: result file: %w", st.spec.ID, err)
		}
	}
	if st.spec.Output == "" {
		return nil, nil
	}
	out, err := os.OpenFile(st.spec.Output, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		st.dropPart()
		return nil, fmt.Errorf("step %s: output file: %w", st.spec.ID, err)
	}
	return out, nil
}

func partName(result string) string { return result + ".part" }

func (st *step) dropPart() {
	if st.part != nil {
		st.part.Close()
		os.Remove(st.part.Name())
	}
}

// launch forks. started is false, with the reason in st.exit, when the program
// could not be run; err is for a supervisor that takes no more steps.
func (s *supervisor) launch(st *step, output *os.File) (started bool, err error) {
	if output == nil {
		output = s.null
	}
	path, startErr := lookPath(st.spec.Argv[0], st.spec.Env)
	dir := st.spec.Dir
	if dir == "" {
		dir = "/"
	}
	attr := &syscall.ProcAttr{
		Dir: dir,
		Env: append(st.spec.Env[:len(st.spec.Env):len(st.spec.Env)],
			cookieStep+"="+st.spec.ID, cookieSupervisor+"="+s.dir),
		Files: []uintptr{s.null.Fd(), output.Fd(), output.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return false, fmt.Errorf("step %s: the supervisor is stopping", st.spec.ID)
	}
	s.steps[st.spec.ID] = st
	s.active++
	st.exit.StartedAt = time.Now()
	if startErr == nil {
		st.pid, startErr = syscall.ForkExec(path, st.spec.Argv, attr)
	}
	if startErr != nil {
		st.exit.Code = -1
		st.exit.StartError = startError(path, dir, startErr)
		st.exit.FinishedAt = time.Now()
		return false, nil
	}
	s.leaders[st.pid] = st
	s.setDeadline(st)
	nudge(s.forked)
	return true, nil
}

// startError names what is missing: the kernel says ENOENT for the program,
// its interpreter and the directory alike.
func startError(path, dir string, err error) string {
	if errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ENOTDIR) {
		if fi, statErr := os.Stat(dir); statErr != nil || !fi.IsDir() {
			return fmt.Sprintf("working directory %s: %v", dir, err)
		}
	}
	return fmt.Sprintf("start %s: %v", path, err)
}

// lookPath finds a program as the step's own environment says.
func lookPath(name string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	var path string
	for _, kv := range env {
		if v, ok := strings.CutPrefix(kv, "PATH="); ok {
			path = v
		}
	}
	for _, dir := range filepath.SplitList(path) {
		if !filepath.IsAbs(dir) {
			continue // never run a program because of where we stand
		}
		full := filepath.Join(dir, name)
		if fi, err := os.Stat(full); err == nil && fi.Mode().IsRegular() && fi.Mode()&0o111 != 0 {
			return full, nil
		}
	}
	return name, fmt.Errorf("%w in the step's PATH", os.ErrNotExist)
}

// setDeadline turns the wall clock of the spec into a monotonic timer.
func (s *supervisor) setDeadline(st *step) {
	if st.spec.Deadline.IsZero() {
		return
	}
	st.deadline = time.AfterFunc(time.Until(st.spec.Deadline), func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.leaders[st.pid] != st || st.exit.Killed {
			return
		}
		st.exit.TimedOut = true
		s.kill(st, "deadline passed")
	})
}

// finish writes the verdict and tells those who wait. Its caller owns st: the
// leader is reaped and nothing of the tree is left.
func (s *supervisor) finish(st *step) {
	if err := st.writeResult(); err != nil {
		s.log.Error("write the result", "step", st.spec.ID, "error", err)
	}
	s.mu.Lock()
	st.ended = true
	s.active--
	exit := st.exit
	followers := st.followers
	st.followers = nil
	for _, t := range []*time.Timer{st.deadline, st.hardKill} {
		if t != nil {
			t.Stop()
		}
	}
	st.spec = Spec{ID: st.spec.ID} // its environment may be large
	s.mu.Unlock()
	for p := range followers {
		p.send(message{Op: opExit, ID: exit.ID, Exit: &exit})
	}
	nudge(s.changed)
}

func (st *step) writeResult() error {
	if st.part == nil {
		return nil
	}
	data, err := json.Marshal(st.exit)
	if err == nil {
		_, err = st.part.Write(data)
	}
	if closeErr := st.part.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return os.Rename(st.part.Name(), st.spec.Result)
}

// maxResult bounds a result file, in bytes.
const maxResult = 1 << 20

// readResult reads the verdict on step id that a supervisor wrote.
func readResult(path, id string) (Exit, error) {
	f, err := os.Open(path)
	if err != nil {
		return Exit{}, err
	}
	defer f.Close()
	var exit Exit
	if err := json.NewDecoder(io.LimitReader(f, maxResult)).Decode(&exit); err != nil {
		return Exit{}, fmt.Errorf("result file %s: %w", path, err)
	}
	if exit.ID != id {
		return Exit{}, fmt.Errorf("result file %s belongs to step %q, not %q", path, exit.ID, id)
	}
	return exit, nil
}
