//go:build linux

package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

const (
	// connectTime bounds one attempt to get a supervisor. A fresh one first kills
	// what a dead one left.
	connectTime = 2 * leftoverTime
	helloTime   = 5 * time.Second
	redialMin   = 2 * time.Millisecond
	redialMax   = 50 * time.Millisecond
	// foreignTries is how often a supervisor of another release is asked to go.
	foreignTries = 20
)

// link is one connection to a supervisor.
type link struct {
	*pipe
	down    chan struct{} // closed when the connection is gone
	writing sync.WaitGroup

	mu      sync.Mutex // guards replies
	replies map[uint64]chan message
}

func newLink(p *pipe) *link {
	l := &link{pipe: p, down: make(chan struct{}), replies: map[uint64]chan message{}}
	l.writing.Go(p.write)
	return l
}

// expect announces a request; ok is false when the connection is gone.
func (l *link) expect(seq uint64) (reply <-chan message, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.replies == nil {
		return nil, false
	}
	c := make(chan message, 1)
	l.replies[seq] = c
	return c, true
}

func (l *link) forget(seq uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.replies, seq)
}

func (l *link) answer(m message) {
	l.mu.Lock()
	c := l.replies[m.Seq]
	delete(l.replies, m.Seq)
	l.mu.Unlock()
	if c != nil {
		c <- m
	}
}

// shut ends the connection and waits for its writer.
func (l *link) shut() {
	l.mu.Lock()
	if l.replies != nil {
		l.replies = nil
		close(l.down)
	}
	l.mu.Unlock()
	l.close()
	l.writing.Wait()
}

// dialer finds the supervisor of a directory or starts one.
type dialer struct {
	dir     string
	command []string
	log     *slog.Logger
	child   int // the supervisor we started and have not seen end; 0 for none
}

// connect dials, starting supervisors as it takes, for at most connectTime.
func (d *dialer) connect(ctx context.Context) (*link, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	wait := redialMin
	var spawnErr error
	for foreign := 0; ; {
		l, err := d.dial(ctx)
		if err == nil {
			return l, nil
		}
		if errors.Is(err, ErrForeign) {
			if foreign++; foreign == foreignTries {
				return nil, err
			}
		}
		if d.reap(); d.child == 0 {
			spawnErr = d.spawn()
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), spawnErr, err)
		case <-time.After(wait):
			wait = min(2*wait, redialMax)
		}
	}
}

// dial connects and waits for the supervisor's greeting: one that is about to
// end accepts nobody.
func (d *dialer) dial(ctx context.Context) (*link, error) {
	nc, err := dialSocket(d.dir, helloTime)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { nc.Close() })
	defer stop()
	_ = nc.SetReadDeadline(time.Now().Add(helloTime))
	p := newPipe(nc)
	m, err := p.receive()
	if err != nil || m.Op != opHello {
		nc.Close()
		return nil, fmt.Errorf("no greeting from the supervisor: %w", errors.Join(err, ctx.Err()))
	}
	if err := understood(m); err != nil {
		dismiss(p)
		return nil, err
	}
	_ = nc.SetReadDeadline(time.Time{})
	return newLink(p), nil
}

// dismiss has a supervisor that cannot be worked with end, unless it has steps.
func dismiss(p *pipe) {
	p.send(message{Seq: 1, Op: opLeave})
	written := make(chan struct{})
	go func() {
		defer close(written)
		p.write()
	}()
	_, _ = p.receive() // its answer, or that it hangs up
	p.close()
	<-written
}

// spawn starts a detached supervisor: its own session, none of our files, and
// of our environment only what says whose step we are ourselves.
func (d *dialer) spawn() error {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	logFile, err := openLog(filepath.Join(d.dir, logName))
	if err != nil {
		return err
	}
	defer logFile.Close()
	env := []string{"PATH=" + os.Getenv("PATH")}
	for _, name := range []string{cookieStep, cookieSupervisor} {
		if v := os.Getenv(name); v != "" {
			env = append(env, name+"="+v)
		}
	}
	// gofail: var supervisorFailpoints string
	// env = append(env, "GOFAIL_HTTP="+supervisorFailpoints)

	program, err := filepath.Abs(d.command[0])
	if err != nil {
		return err
	}
	pid, err := syscall.ForkExec(program, d.command, &syscall.ProcAttr{
		Dir: "/", Env: env,
		Files: []uintptr{null.Fd(), null.Fd(), logFile.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return fmt.Errorf("start the supervisor %s: %w", program, err)
	}
	// gofail: var supervisorStarted struct{}
	d.child = pid
	d.log.Info("started a supervisor", "dir", d.dir, "pid", pid)
	return nil
}

// openLog opens the supervisor's log, emptying one that has grown too large.
func openLog(path string) (*os.File, error) {
	flags := os.O_WRONLY | os.O_CREATE | os.O_APPEND
	if fi, err := os.Stat(path); err == nil && fi.Size() > logLimit {
		flags |= os.O_TRUNC
	}
	return os.OpenFile(path, flags, 0o600)
}

// reap collects the supervisor that we started, if it has ended.
func (d *dialer) reap() {
	if d.child == 0 {
		return
	}
	pid, err := syscall.Wait4(d.child, nil, syscall.WNOHANG, nil)
	if pid == d.child || err == syscall.ECHILD {
		d.child = 0
	}
}
