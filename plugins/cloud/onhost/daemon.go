// Package onhost is what cloud providers share whose servers live on the
// provider's own host: each server has a directory with a record of what it is, a
// loopback address, and a small daemon that keeps it alive, free of the provider
// and of the agent. All of it lies in files, so that the provider may die at any
// point. It does not know what the daemon runs.
package onhost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/wright-build/wright/plugins"
)

// The files that every server's directory has.
const (
	RecordFile = "server.json"
	LockFile   = "machine.lock" // locked by the daemon while it lives
	StateFile  = "state"        // one of the states of package cloud
	LogFile    = "machine.log"  // what the daemon itself complains about
)

const (
	flag      = "--machine"
	readyFD   = 3 // the daemon's pipe to whoever started it
	readyWord = "ready"
)

// Daemon is the process of one server: the provider's own binary, in another part.
type Daemon struct {
	Name  string        // the program's, as lists of processes show it
	Dir   string        // the server's
	Env   []string      // beside Environment
	Limit time.Duration // from its start until it is ready
}

// Dir says whether a program with these arguments is a daemon, and of which server.
func Dir(args []string) (dir string, daemon bool) {
	if len(args) == 3 && args[1] == flag {
		return args[2], true
	}
	return "", false
}

// Ensure starts the daemon unless it runs, free of this process: its own session,
// no inherited files, no inherited variables. It returns when the daemon says that
// it is ready. Whoever starts a second one is harmless: the daemon's lock lets
// only one live. While it lives, children waits for it.
func (d Daemon) Ensure(ctx context.Context, children *sync.WaitGroup) error {
	if IsLocked(filepath.Join(d.Dir, LockFile)) {
		return nil
	}
	complaints, err := os.OpenFile(filepath.Join(d.Dir, LogFile), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = complaints.Close() }()
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	// The link is the file that runs now, though another may have its name since.
	cmd := exec.Command("/proc/self/exe", flag, d.Dir)
	cmd.Args[0] = d.Name
	cmd.Dir = d.Dir
	cmd.Env = append(Environment(), d.Env...)
	cmd.Stdout, cmd.Stderr = complaints, complaints
	cmd.ExtraFiles = []*os.File{w}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := errors.Join(cmd.Start(), w.Close()); err != nil {
		return err
	}
	ended := make(chan struct{})
	children.Go(func() {
		_ = cmd.Wait()
		close(ended)
	})
	return d.await(ctx, r, cmd.Process, ended)
}

// Environment is small because of what it leaves out: the agent's secrets.
func Environment() []string {
	var env []string
	for _, name := range []string{"PATH", "LANG", "TMPDIR"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// await waits for the daemon's word.
func (d Daemon) await(ctx context.Context, r *os.File, process *os.Process, ended <-chan struct{}) error {
	if err := r.SetReadDeadline(time.Now().Add(d.Limit)); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = r.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	answer, err := io.ReadAll(io.LimitReader(r, 4096))
	switch said := strings.TrimSpace(string(answer)); {
	case said == readyWord:
		return nil
	case ctx.Err() != nil:
		return ctx.Err() // it lives on; the next call finds it
	case err != nil:
		_ = process.Kill()
		return plugins.Errorf(plugins.Transient, "the machine's daemon did not get ready within %v: %w", d.Limit, err)
	case said == "":
		return d.silent(ctx, ended)
	default:
		return fmt.Errorf("the machine's daemon: %s", said)
	}
}

// silent judges the end of a daemon that said nothing.
func (d Daemon) silent(ctx context.Context, ended <-chan struct{}) error {
	select {
	case <-ended: // and with it its lock
	case <-ctx.Done():
		return ctx.Err()
	}
	if IsLocked(filepath.Join(d.Dir, LockFile)) {
		return nil // another that was started meanwhile has the server, and ended this one
	}
	return plugins.Errorf(plugins.Transient, "the machine's daemon ended at once%s", d.complaint())
}

// complaint is the last line that the daemon complained with, behind a colon.
func (d Daemon) complaint() string {
	text, err := Tail(filepath.Join(d.Dir, LogFile), 300)
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if last := lines[len(lines)-1]; err == nil && last != "" {
		return ": " + strings.ToValidUTF8(last, "?")
	}
	return ", without a word"
}

// Starter is who started this daemon and waits for its word.
type Starter struct{ pipe *os.File }

// NewStarter gives the starter of this process, which must be a daemon.
func NewStarter() *Starter { return &Starter{os.NewFile(readyFD, "ready")} }

// Say tells the starter that the daemon is ready, or why it will not be. Only the
// first word counts.
func (s *Starter) Say(err error) {
	if s.pipe == nil {
		return
	}
	text := readyWord
	if err != nil {
		text = err.Error()
	}
	_, _ = s.pipe.WriteString(text)
	_ = s.pipe.Close()
	s.pipe = nil
}

// Told says whether the starter was told something.
func (s *Starter) Told() bool { return s.pipe == nil }
