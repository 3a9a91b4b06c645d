//go:build linux

package process

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/wright-build/wright/agent/rest"
)

// DefaultLinger is how long a supervisor without steps waits for an agent.
const DefaultLinger = 10 * time.Second

// leftoverTime bounds the hunt for what a dead supervisor of the same directory left.
const leftoverTime = 10 * time.Second

// ballast is as much of memory as a supervisor at work may well take, in bytes.
const ballast = 8 << 20

// restAfter is how long no step has ended when a supervisor gives memory back.
const restAfter = 2 * time.Second

// Supervise is the whole life of a supervisor: it serves dir until no step runs
// and no agent has been connected for linger (0 means DefaultLinger), or until
// SIGTERM, which ends every step first. It reaps every child of the calling
// process, so it must have that process to itself. There is one per dir: a
// second one returns nil at once. It logs to standard error, at most 1 MiB.
func Supervise(dir string, linger time.Duration) error {
	if linger <= 0 {
		linger = DefaultLinger
	}
	dir, err := canonicalDir(dir)
	if err != nil {
		return fmt.Errorf("supervise: %w", err)
	}
	lock, ok, err := takeLock(dir)
	if err != nil {
		return fmt.Errorf("supervise %s: %w", dir, err)
	}
	if !ok {
		return nil
	}
	defer lock.Close()
	// One thread waits in the kernel for children, and the runtime must not lose a
	// processor to it.
	runtime.GOMAXPROCS(max(4, runtime.GOMAXPROCS(0)))
	rest.Ballast(ballast)
	keepFromSteps()
	if err := becomeSubreaper(); err != nil {
		return fmt.Errorf("supervise %s: %w", dir, err)
	}
	log := slog.New(slog.NewTextHandler(&boundedWriter{w: os.Stderr, left: logLimit}, nil))
	if n := killLeftovers(dir, time.Now().Add(leftoverTime)); n > 0 {
		log.Warn("killed what a dead supervisor left", "processes", n)
	}
	s, err := newSupervisor(dir, log)
	if err != nil {
		return fmt.Errorf("supervise %s: %w", dir, err)
	}
	if err := s.serve(linger); err != nil {
		return fmt.Errorf("supervise %s: %w", dir, err)
	}
	return nil
}

// canonicalDir makes dir if need be and returns the one path that names it.
func canonicalDir(dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(dir)
}

// boundedWriter drops what comes after its limit.
type boundedWriter struct {
	w    io.Writer
	left int
}

func (b *boundedWriter) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return len(p), nil
	}
	return b.w.Write(p)
}

// supervisor owns the steps of one directory.
type supervisor struct {
	dir     string
	pid     int
	log     *slog.Logger
	null    *os.File
	journal *journal
	adopted *adoptees     // nil where the kernel cannot list children
	forked  chan struct{} // capacity 1: there is a child to wait for
	changed chan struct{} // capacity 1: a step ended or an agent went
	tasks   sync.WaitGroup
	starts  sync.Mutex // one start at a time, so that a repeated one finds the first

	mu       sync.Mutex // guards all below; held over fork, so that no child is reaped before it is known
	steps    map[string]*step
	lost     map[string]bool // started by a supervisor that died
	leaders  map[int]*step   // by process ID, not yet reaped
	guests   map[int]*step   // orphans that a running step may keep, not yet reaped
	pipes    map[*pipe]bool  // connected agents
	draining map[*step]bool  // leader gone, tree not yet
	oom      oomWatch
	active   int  // steps that have not ended
	left     bool // the last agent said that it needs us no more
	stopping bool // no more agents, no more steps
}

func newSupervisor(dir string, log *slog.Logger) (*supervisor, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	adopted, err := openAdoptees()
	if err != nil {
		log.Info("looking for orphans the slow way", "error", err)
	}
	j, past, err := openJournal(dir)
	if err != nil {
		return nil, err
	}
	s := &supervisor{
		journal: j, lost: past.lost,
		dir: dir, pid: os.Getpid(), log: log, null: null, adopted: adopted,
		forked: make(chan struct{}, 1), changed: make(chan struct{}, 1),
		steps: map[string]*step{}, leaders: map[int]*step{}, guests: map[int]*step{},
		pipes: map[*pipe]bool{}, draining: map[*step]bool{},
	}
	for id, exit := range past.ended {
		s.steps[id] = endedStep(exit)
	}
	return s, nil
}

// serve accepts agents until the supervisor is no longer needed.
func (s *supervisor) serve(linger time.Duration) error {
	listener, err := listenSocket(s.dir)
	if err != nil {
		return err
	}
	// Notified, not ignored: an ignored signal stays ignored in every step.
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer signal.Stop(signals)

	stop := make(chan struct{})
	s.tasks.Go(func() { s.accept(listener) })
	reaped := make(chan struct{})
	go func() {
		defer close(reaped)
		s.reap(stop)
	}()
	s.awaitIdle(linger, signals)
	os.Remove(filepath.Join(s.dir, socketName))
	listener.Close()
	close(stop)
	s.closePipes()
	s.tasks.Wait()
	select {
	case <-reaped:
	case <-time.After(time.Second): // it waits for a process that does not die
	}
	return nil
}

// awaitIdle returns when nothing runs and nobody has been connected for linger.
func (s *supervisor) awaitIdle(linger time.Duration, signals <-chan os.Signal) {
	timer, calm := time.NewTimer(linger), time.NewTimer(restAfter)
	defer timer.Stop()
	defer calm.Stop()
	for {
		select {
		case <-s.changed:
			timer.Reset(linger)
			calm.Reset(restAfter)
			if s.stopIf(func() bool { return s.active == 0 && (s.stopping || s.left && len(s.pipes) == 0) }) {
				return
			}
		case <-timer.C:
			if s.stopIf(func() bool { return s.active == 0 && len(s.pipes) == 0 }) {
				return
			}
			timer.Reset(linger)
		case <-calm.C: // also while steps run: it is they who work
			if err := rest.Now(); err != nil {
				s.log.Info("giving memory back", "error", err)
			}
		case sig := <-signals:
			if sig == syscall.SIGTERM {
				s.terminateAll()
			}
		}
	}
}

func (s *supervisor) stopIf(idle func() bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if idle() {
		s.stopping = true
		return true
	}
	return false
}

func (s *supervisor) terminateAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopping = true
	for _, st := range s.steps {
		s.kill(st, "the supervisor was told to stop")
	}
	nudge(s.changed)
}

func (s *supervisor) closePipes() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p := range s.pipes {
		p.close()
	}
}

func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (s *supervisor) accept(l *net.UnixListener) {
	for {
		nc, err := l.AcceptUnix()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			s.log.Error("accept an agent", "error", err)
			nudgeLater := time.NewTimer(100 * time.Millisecond) // out of descriptors, most likely
			<-nudgeLater.C
			continue
		}
		if err := checkPeer(nc); err != nil {
			s.log.Warn("refused a connection", "error", err)
			nc.Close()
			continue
		}
		p := newPipe(nc)
		if !s.admit(p) {
			nc.Close()
			return
		}
		s.tasks.Go(p.write)
		s.tasks.Go(func() { s.converse(p) })
	}
}

func (s *supervisor) admit(p *pipe) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return false
	}
	s.pipes[p], s.left = true, false
	return true
}

// converse answers one agent until it goes.
func (s *supervisor) converse(p *pipe) {
	p.send(message{Op: opHello, Version: wireVersion, Oldest: wireOldest})
	for {
		m, err := p.receive()
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
				s.log.Warn("connection to the agent", "error", err)
			}
			break
		}
		s.answer(p, m)
	}
	p.close()
	s.mu.Lock()
	delete(s.pipes, p)
	for _, st := range s.steps {
		delete(st.followers, p)
	}
	s.mu.Unlock()
	nudge(s.changed)
}

func (s *supervisor) answer(p *pipe, m message) {
	switch m.Op {
	case opStart:
		s.onStart(p, m)
	case opWait:
		p.send(s.attach(p, m))
	case opKill:
		p.send(s.onKill(m))
	case opForget:
		p.send(s.onForget(m))
	case opLeave:
		p.send(s.onLeave(m))
	default:
		p.send(failure(m, kindFailed, "unknown operation %q", m.Op))
	}
}
