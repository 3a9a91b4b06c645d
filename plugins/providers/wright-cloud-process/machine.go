package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
	"golang.org/x/sys/unix"

	"github.com/wright-build/wright/plugins/cloud"
	"github.com/wright-build/wright/plugins/cloud/onhost"
)

const (
	firstPause = 100 * time.Millisecond // before run is started again
	lastPause  = 5 * time.Second
	stableLife = 10 * time.Second // a run this long forgives earlier ends
	busyPause  = 20 * time.Millisecond
)

// machine is the daemon that is one server. A single goroutine does it all but
// copying output: it starts run, reaps every orphan of the tree (it is their
// subreaper, so none escapes), and ends the tree.
type machine struct {
	dir     string
	record  record
	held    []io.Closer // open for life, and referred to: what is not gets closed
	output  *os.File    // the writing end of the pipe to the log
	pid     int         // of run, 0 while it does not run
	started time.Time
	quick   int // ends in a row after a short life
	state   string
	signals chan os.Signal
	watcher *fsnotify.Watcher // nil unless run is waited for
}

// runMachine is the whole life of the daemon.
func runMachine(dir string) error {
	m, err := newMachine(dir)
	onhost.NewStarter().Say(err)
	if m == nil {
		return err // or another daemon has this server
	}
	return m.run()
}

func newMachine(dir string) (*machine, error) {
	lock, held, err := onhost.TryLock(filepath.Join(dir, onhost.LockFile))
	if err != nil || held {
		return nil, err
	}
	r, err := onhost.Read[record](dir)
	if err != nil {
		return nil, err
	}
	if r.Deleting {
		return nil, errors.New("the server is being deleted")
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return nil, fmt.Errorf("become subreaper: %w", err)
	}
	if readPID(lock.Name()) != 0 {
		endMarked(dir) // the daemon before this one was killed and left its tree
	}
	m := &machine{dir: dir, record: r, signals: make(chan os.Signal, 16)}
	if err := m.prepare(lock); err != nil {
		return nil, err
	}
	return m, nil
}

func (m *machine) prepare(lock *os.File) error {
	// The reservation is held for life. The lock must be gone no sooner than the
	// process, not even while that exits: nothing closes its second descriptor.
	m.held = append(m.held, lock)
	if _, err := unix.FcntlInt(lock.Fd(), unix.F_DUPFD_CLOEXEC, 0); err != nil {
		return fmt.Errorf("hold the lock: %w", err)
	}
	if err := errors.Join(lock.Truncate(0), writeAt(lock, strconv.Itoa(os.Getpid()))); err != nil {
		return fmt.Errorf("write the pid: %w", err)
	}
	if reserved, err := onhost.Reserve(m.record.Address); err == nil {
		m.held = append(m.held, reserved)
	} else {
		fmt.Fprintln(os.Stderr, err) // run will say so if the address is really in use
	}
	signal.Notify(m.signals, unix.SIGTERM, unix.SIGINT, unix.SIGCHLD)
	signal.Ignore(unix.SIGHUP, unix.SIGPIPE)
	var err error
	if m.output, err = startLog(filepath.Join(m.dir, logFile)); err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	m.say(cloud.Starting)
	return nil
}

func writeAt(f *os.File, s string) error {
	_, err := f.WriteAt([]byte(s), 0)
	return err
}

const maxLog = 10 << 20 // bytes; two files of this size are kept

// startLog gives the writing end of a pipe whose other end goes to a rotating
// file. The copying ends with the process.
func startLog(path string) (*os.File, error) {
	l, err := onhost.OpenRotating(path, maxLog)
	if err != nil {
		return nil, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	go func() { _, _ = io.Copy(l, r) }()
	return w, nil
}

// endMarked kills what carries the cookie, for at most a few seconds.
func endMarked(dir string) {
	for range 300 {
		left := marked(dir)
		if len(left) == 0 {
			return
		}
		signalAll(left, unix.SIGKILL)
		_, _ = unix.Wait4(-1, nil, unix.WNOHANG, nil)
		<-time.After(busyPause / 2) // nothing tells when a stranger's process is gone
	}
}

// run starts run when it may and waits for what happens, until it is told to end.
func (m *machine) run() error {
	next := time.NewTimer(0)
	defer next.Stop()
	for {
		select {
		case s := <-m.signals:
			if s != unix.SIGCHLD {
				m.endTree()
				return nil
			}
			if pause, ended := m.reap(); ended {
				next.Reset(pause)
			}
		case <-m.events():
			next.Reset(0)
		case <-next.C:
			if pause := m.start(); pause > 0 {
				next.Reset(pause)
			}
		}
	}
}

// events tells of changes where run is waited for. A user has a limited number
// of watchers, so one is held no longer than that.
func (m *machine) events() <-chan fsnotify.Event {
	if m.watcher == nil {
		return nil
	}
	return m.watcher.Events
}

// wait says when to look for run again: soon, unless the directory is watched.
func (m *machine) wait() time.Duration {
	m.say(cloud.Starting)
	if m.watcher == nil {
		w, err := fsnotify.NewWatcher()
		if err != nil {
			return busyPause
		}
		if err := w.Add(filepath.Join(m.dir, rootDir)); err != nil {
			_ = w.Close()
			return busyPause
		}
		m.watcher = w
		return busyPause // what came before the watch
	}
	return time.Second
}

func (m *machine) unwatch() {
	if m.watcher != nil {
		_ = m.watcher.Close()
		m.watcher = nil
	}
}

// start starts run if it does not run and can; otherwise it says when to try
// again.
func (m *machine) start() time.Duration {
	path := filepath.Join(m.dir, rootDir, runFile)
	if m.pid != 0 {
		return 0
	}
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
		return m.wait()
	}
	m.unwatch()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return m.failed(err)
	}
	defer func() { _ = null.Close() }()
	pid, err := syscall.ForkExec(path, []string{path}, &syscall.ProcAttr{
		Dir: filepath.Dir(path), Env: m.environment(),
		Files: []uintptr{null.Fd(), m.output.Fd(), m.output.Fd()},
		Sys:   &syscall.SysProcAttr{Setpgid: true},
	})
	if errors.Is(err, unix.ETXTBSY) {
		return busyPause // still being written
	}
	if err != nil {
		return m.failed(fmt.Errorf("start %s: %w", path, err))
	}
	m.pid, m.started = pid, time.Now()
	m.say(cloud.Running)
	return 0
}

func (m *machine) failed(err error) time.Duration {
	_, _ = fmt.Fprintf(m.output, "wright: %v\n", err)
	m.say(cloud.Failed)
	m.quick++
	return pauseAfter(m.quick)
}

// environment is what run sees: nothing of the agent's.
func (m *machine) environment() []string {
	path := os.Getenv("PATH")
	if path == "" {
		path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	}
	vars := map[string]string{"PATH": path, "LANG": os.Getenv("LANG"), "HOME": filepath.Join(m.dir, rootDir)}
	if tmp := os.Getenv("TMPDIR"); tmp != "" {
		vars["TMPDIR"] = tmp
	}
	for k, v := range m.record.Env {
		vars[k] = v
	}
	for k, v := range m.record.variables(m.dir) {
		vars[k] = v
	}
	vars[cookieName] = m.dir
	env := make([]string, 0, len(vars))
	for k, v := range vars {
		env = append(env, k+"="+v)
	}
	return env
}

// reap takes every child that has ended. When run was one of them it also ends
// what run left behind, so that the next one finds its port free.
func (m *machine) reap() (pause time.Duration, ended bool) {
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, unix.WNOHANG, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || pid == 0 {
			break
		}
		if pid == m.pid {
			ended = true
			m.pid = 0
			_, _ = fmt.Fprintf(m.output, "wright: %s ended: %s\n", runFile, describe(status))
		}
	}
	if !ended {
		return 0, false
	}
	if time.Since(m.started) > stableLife {
		m.quick = 0
	}
	m.quick++
	m.say(cloud.Failed)
	m.endTree()
	return pauseAfter(m.quick), true
}

func describe(s unix.WaitStatus) string {
	if s.Signaled() {
		return s.Signal().String()
	}
	return "exit status " + strconv.Itoa(s.ExitStatus())
}

// pauseAfter is 100 ms, 200 ms, … up to 5 s.
func pauseAfter(quick int) time.Duration {
	d := firstPause
	for range quick - 1 {
		if d *= 2; d >= lastPause {
			return lastPause
		}
	}
	return d
}

// endTree ends every process below: SIGTERM, time to obey, SIGKILL until none is
// left. Having no children means having no descendants, for a subreaper.
func (m *machine) endTree() {
	if reapAll() {
		return
	}
	signalAll(descendants(os.Getpid()), unix.SIGTERM)
	deadline := time.Now().Add(m.record.StopTimeout)
	for !reapAll() {
		if time.Now().After(deadline) {
			signalAll(descendants(os.Getpid()), unix.SIGKILL)
		}
		<-time.After(5 * time.Millisecond)
	}
	m.pid = 0
}

// reapAll takes what has ended and says whether no child is left.
func reapAll() bool {
	for {
		pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
		switch {
		case errors.Is(err, unix.ECHILD):
			return true
		case errors.Is(err, unix.EINTR):
		case err != nil || pid == 0:
			return false
		}
	}
}

// say writes the state down for the provider.
func (m *machine) say(state string) {
	if m.state == state {
		return
	}
	m.state = state
	if err := onhost.WriteState(m.dir, state); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}
