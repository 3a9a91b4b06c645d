//go:build linux

package process

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/wright-build/wright/plugins/timerslack"
)

// step is one step in the supervisor. The supervisor's mutex guards it.
type step struct {
	spec      Spec
	pid       int // of the leader, also its group and session
	exit      Exit
	ended     bool
	followers map[*pipe]bool // told about the exit
	deadline  *time.Timer
	silence   *time.Timer
	spoke     time.Time // when it printed last, as far as is known
	looked    time.Time // when that was looked at
	written   time.Time // what its output's time was then
	oomKills  int64     // of the kernel, when it was started
	hardKill  *time.Timer
	killAt    time.Time     // when SIGKILL is due; zero while nobody killed it
	nudged    chan struct{} // capacity 1: some orphan was reaped
}

func endedStep(exit Exit) *step {
	return &step{spec: Spec{ID: exit.ID}, exit: exit, ended: true}
}

// onStart starts a step unless its ID was started before, by this supervisor or
// by one that is dead.
func (s *supervisor) onStart(p *pipe, m message) {
	s.starts.Lock()
	defer s.starts.Unlock()
	if m.Spec == nil || m.Spec.check() != nil {
		p.send(failure(m, kindFailed, "bad step"))
		return
	}
	m.ID = m.Spec.ID
	if s.known(m.ID) || s.recall(m.Spec) {
		p.send(s.attach(p, m))
		return
	}
	st := &step{spec: *m.Spec, followers: map[*pipe]bool{p: true}, nudged: make(chan struct{}, 1)}
	st.exit.ID = m.ID
	output, err := st.openOutput()
	if err == nil {
		err = s.journal.add(record{Started: m.ID})
	}
	// gofail: var stepJournalled struct{}
	started := false
	if err == nil {
		started, err = s.launch(st, output)
	}
	// gofail: var stepLaunched struct{}
	if output != nil {
		output.Close()
	}
	if err != nil {
		p.send(failure(m, kindFailed, "%v", err))
		return
	}
	p.send(message{Seq: m.Seq, ID: m.ID})
	if !started {
		s.finish(st)
	}
}

func (s *supervisor) known(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.steps[id] != nil || s.lost[id]
}

// recall takes up a step that was forgotten but left its Result file.
func (s *supervisor) recall(spec *Spec) bool {
	if spec.Result == "" {
		return false
	}
	exit, err := readResult(spec.Result, spec.ID)
	if err != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.steps[spec.ID] = endedStep(exit)
	return true
}

// attach makes p a follower of a known step and answers m.
func (s *supervisor) attach(p *pipe, m message) message {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.steps[m.ID]
	if st == nil && s.lost[m.ID] {
		return failure(m, kindLost, "the end of step %s was not seen", m.ID)
	}
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
	if st == nil && !s.lost[m.ID] {
		return message{Seq: m.Seq, ID: m.ID}
	}
	if err := s.journal.add(record{Forgotten: m.ID}); err != nil {
		return failure(m, kindFailed, "%v", err)
	}
	// gofail: var stepForgetJournalled struct{}
	delete(s.steps, m.ID)
	delete(s.lost, m.ID)
	if s.journal.grown() {
		if err := s.journal.rewrite(s.remembered()); err != nil {
			s.log.Error("compact the journal", "error", err)
		}
	}
	return message{Seq: m.Seq, ID: m.ID}
}

// onLeave takes leave of an agent: without it, the supervisor has nothing to
// linger for.
func (s *supervisor) onLeave(m message) message {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = true
	return message{Seq: m.Seq}
}

// remembered is what a supervisor that came after this one had to know. The mutex is held.
func (s *supervisor) remembered() memory {
	m := memory{ended: map[string]Exit{}, lost: maps.Clone(s.lost)}
	for id, st := range s.steps {
		if st.ended {
			m.ended[id] = st.exit
		} else {
			m.lost[id] = true
		}
	}
	return m
}

func (st *step) openOutput() (*os.File, error) {
	if st.spec.Output == "" {
		return nil, nil
	}
	out, err := os.OpenFile(st.spec.Output, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("step %s: output file: %w", st.spec.ID, err)
	}
	return out, nil
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
	st.oomKills = s.oom.recent(st.exit.StartedAt)
	if startErr == nil {
		startErr = timerslack.Keep(func() (err error) {
			st.pid, err = syscall.ForkExec(path, st.spec.Argv, attr)
			return err
		})
	}
	if startErr != nil {
		st.exit.Code = -1
		st.exit.StartError = startError(path, dir, startErr)
		st.exit.FinishedAt = time.Now()
		return false, nil
	}
	s.leaders[st.pid] = st
	s.setDeadline(st)
	s.setSilence(st)
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

// finish writes the verdict and tells those who wait. Its caller owns st: the
// leader is reaped and nothing of the tree is left.
func (s *supervisor) finish(st *step) {
	if err := st.writeResult(); err != nil {
		s.log.Error("write the result", "step", st.exit.ID, "error", err)
	}
	exit, followers, err := s.end(st)
	if err != nil {
		s.log.Error("note the end", "step", exit.ID, "error", err)
	}
	// gofail: var stepEndUntold struct{}
	for p := range followers {
		p.send(message{Op: opExit, ID: exit.ID, Exit: &exit})
	}
	nudge(s.changed)
}

// end notes that a step is over. The journal is written under the mutex, so
// that a compaction in between cannot lose the verdict.
func (s *supervisor) end(st *step) (Exit, map[*pipe]bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.journal.add(record{Ended: &st.exit})
	// gofail: var stepEndJournalled struct{}
	st.ended = true
	s.active--
	followers := st.followers
	st.followers = nil
	for _, t := range []*time.Timer{st.deadline, st.silence, st.hardKill} {
		if t != nil {
			t.Stop()
		}
	}
	st.spec = Spec{ID: st.spec.ID} // its environment may be large
	return st.exit, followers, err
}

// writeResult replaces the Result file, if there is to be one.
func (st *step) writeResult() error {
	if st.spec.Result == "" {
		return nil
	}
	data, err := json.Marshal(st.exit)
	if err != nil {
		return err
	}
	temp := st.spec.Result + ".part"
	if err := os.WriteFile(temp, data, 0o600); err != nil {
		return err
	}
	return os.Rename(temp, st.spec.Result)
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
