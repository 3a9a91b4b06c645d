package wrighttest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Process is a wright that runs: dev, a master or an agent; or a member of etcd.
type Process struct {
	Name   string
	Ready  string // what followed "ready " on its standard output
	t      testing.TB
	cmd    *exec.Cmd
	log    string
	from   int64         // where in the log what it says begins
	ended  chan struct{} // closed when err is set
	asleep bool
	cut    bool
	slow   bool
	err    error

	network *network // nil: the machine's
}

// start starts wright in the house. ready says whether it tells when it serves.
func (h *House) start(name string, ready bool, args ...string) *Process {
	h.t.Helper()
	cmd := h.command(name, filepath.Join(h.programs(), "wright"), h.admitted(args)...)
	cmd.Env = append(h.environment(), h.failpoints...)
	p := h.launch(name, ready, cmd)
	h.processes = append(h.processes, p)
	return p
}

// admitted gives a command of wright the token, if there is one.
func (h *House) admitted(args []string) []string {
	if h.token == "" {
		return args
	}
	return append(slices.Clone(args), "--token-file", h.tokenFile())
}

// launch starts a process in the house.
func (h *House) launch(name string, ready bool, cmd *exec.Cmd) *Process {
	h.t.Helper()
	p := &Process{Name: name, t: h.t, network: h.network, cmd: cmd, log: filepath.Join(h.Dir, name+".log"), ended: make(chan struct{})}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		h.t.Fatal(err)
	}
	defer log.Close()
	if fi, err := log.Stat(); err == nil {
		p.from = fi.Size()
	}
	p.cmd.Dir, p.cmd.Stderr = h.Dir, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		h.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	said := make(chan string, 1)
	go func() {
		defer close(p.ended)
		defer close(said)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if address, ok := strings.CutPrefix(lines.Text(), "ready "); ok && len(said) == 0 {
				said <- address
			}
		}
		p.err = p.cmd.Wait()
	}()
	if ready {
		p.awaitReady(said)
	}
	return p
}

func (p *Process) awaitReady(said <-chan string) {
	p.t.Helper()
	select {
	case address, ok := <-said:
		if !ok {
			p.t.Fatalf("%s did not get ready:\n%s", p.Name, p.Log())
		}
		p.Ready = address
	case <-time.After(patience):
		p.t.Fatalf("%s was not ready within %s:\n%s", p.Name, patience, p.Log())
	}
}

// Log is what the process wrote to standard error, with what earlier processes
// of the same name wrote.
func (p *Process) Log() string {
	text, _ := os.ReadFile(p.log)
	return string(text)
}

// Kill ends the process as kill -9 does, it alone, and waits until it is gone.
func (p *Process) Kill() {
	p.t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		p.t.Fatalf("kill %s: %v", p.Name, err)
	}
	<-p.ended
}

// Signal sends a signal, like SIGSTOP.
func (p *Process) Signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatalf("send %s to %s: %v", s, p.Name, err)
	}
}

// Sleep stops the process where it is, until Wake.
func (p *Process) Sleep() {
	p.t.Helper()
	p.Signal(syscall.SIGSTOP)
	p.asleep = true
}

// Wake lets a process that sleeps go on.
func (p *Process) Wake() {
	p.t.Helper()
	p.Signal(syscall.SIGCONT)
	p.asleep = false
}

// Suffers says whether the process sleeps, is cut off or slowed, or has ended.
func (p *Process) Suffers() bool { return p.asleep || p.cut || p.slow || !p.running() }

// Stop ends the process as Ctrl-C does; it must end well, unless it had not yet
// begun to listen for that.
func (p *Process) Stop() {
	p.t.Helper()
	if err := p.stop(); err != nil && !p.interruptedEarly(err) {
		p.t.Errorf("%s did not stop in good order: %v", p.Name, err)
	}
}

// interruptedEarly tells whether the signal itself has ended a process that had
// neither said anything nor got ready.
func (p *Process) interruptedEarly(err error) bool {
	var exit *exec.ExitError
	if !errors.As(err, &exit) || p.Ready != "" {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGINT && int64(len(p.Log())) == p.from
}

func (p *Process) stop() error {
	select {
	case <-p.ended:
		return nil
	default:
	}
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		return err
	}
	select {
	case <-p.ended:
		return p.err
	case <-time.After(patience):
		err := errors.Join(fmt.Errorf("it still runs after %s", patience), p.cmd.Process.Signal(syscall.SIGQUIT))
		<-p.ended
		p.t.Logf("what %s was doing:\n%s", p.Name, tail(p.Log(), 1500))
		return err
	}
}

// running says whether the process has not ended.
func (p *Process) running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// Memory is the process's resident memory now and at its highest, in bytes.
func (p *Process) Memory() (now, highest int64) {
	p.t.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid), "status"))
	if err != nil {
		p.t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		fields := strings.Fields(string(line))
		if len(fields) < 2 {
			continue
		}
		kib, _ := strconv.ParseInt(fields[1], 10, 64)
		switch fields[0] {
		case "VmRSS:":
			now = kib << 10
		case "VmHWM:":
			highest = kib << 10
		}
	}
	return now, highest
}

// CPU is the processor time of the process and of the children it has waited for.
func (p *Process) CPU() time.Duration {
	p.t.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid), "stat"))
	if err != nil {
		p.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), ") ") // what comes before may hold spaces
	fields := strings.Fields(rest)
	var ticks int64
	for _, field := range fields[11:15] { // utime, stime, cutime, cstime
		n, _ := strconv.ParseInt(field, 10, 64)
		ticks += n
	}
	const tick = 10 * time.Millisecond // on every Linux
	return time.Duration(ticks) * tick
}
