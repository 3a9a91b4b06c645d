package host

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/go-plugin/runner"
	"golang.org/x/sys/unix"

	"github.com/wright-build/wright/plugins/timerslack"
)

// process is the operating system's side of a plugin's life, as go-plugin wants
// it. It differs from go-plugin's own runner in four things: the process leads
// a group that ends with it, its standard input is the pipe whose end tells it
// that the host is gone, its end is noticed though a grandchild keeps its output
// open, and its output is read here: go-plugin's reader panics on lines of the
// standard error that are almost its own, and takes anything for a handshake.
type process struct {
	cmd       *exec.Cmd // Path may lead through /proc; Args[0] is the plugin's
	env       []string
	socketDir string // go-plugin's; it forgets it when the start fails
	limits    Limits
	errors    *lineLogger // takes its standard error
	prints    *lineLogger // takes what else it writes
	hello     *io.PipeReader
	greeting  *io.PipeWriter // brings its handshake to hello
	pid       int

	exited chan struct{} // closed when it has ended, before it is reaped
	reaped chan struct{} // closed when its group is killed and it is reaped
	err    error         // of its end; set before reaped is closed

	mu      sync.Mutex // guards all below
	running bool       // between start and reaping: the pid is ours
	doomed  bool       // killed, perhaps before it was started
	verdict error      // why it was killed, or cannot be used; nil if nobody knows
}

var _ runner.Runner = (*process)(nil)

func newProcess(binary *admitted, dir string, limits Limits, log *slog.Logger) *process {
	cmd := exec.Command(binary.executable())
	cmd.Args[0] = binary.path
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	hello, greeting := io.Pipe()
	return &process{
		cmd: cmd, limits: limits, errors: newLineLogger(log), prints: newLineLogger(log), hello: hello, greeting: greeting,
		exited: make(chan struct{}), reaped: make(chan struct{}),
	}
}

// Start implements runner.Runner.
func (p *process) Start(context.Context) error {
	p.cmd.Env = p.env
	var childs, ours [3]*os.File
	var err error
	for i := range ours {
		if ours[i], childs[i], err = os.Pipe(); err != nil {
			closeFiles(ours[:i], childs[:i])
			return fmt.Errorf("make pipes for %s: %w", p.Name(), err)
		}
	}
	ours[0], childs[0] = childs[0], ours[0] // the child reads its input, we hold the other end
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = childs[0], childs[1], childs[2]
	err = timerslack.Keep(p.cmd.Start)
	closeFiles(childs[:])
	if err != nil {
		closeFiles(ours[:])
		return err
	}
	// gofail: var pluginStarted struct{}
	p.mu.Lock()
	p.pid, p.running = p.cmd.Process.Pid, true
	doomed := p.doomed
	p.mu.Unlock()
	go p.supervise(ours[0], ours[1], ours[2])
	if doomed {
		p.kill()
	}
	return nil
}

// supervise is owned by whoever waits for reaped.
func (p *process) supervise(lifeline, stdout, stderr *os.File) {
	defer close(p.reaped)
	var watchers sync.WaitGroup
	watchers.Go(func() { p.listen(stdout) })
	watchers.Go(func() { _, _ = io.Copy(p.errors, p.bounded(stderr)) })
	watchers.Go(func() { p.guard(p.limits) })
	awaitExit(p.pid)
	close(p.exited)
	_ = lifeline.Close()
	// The group goes while the process is not yet reaped, so its ID is still ours.
	p.kill()
	p.mu.Lock()
	p.running = false
	p.mu.Unlock()
	p.err = p.cmd.Wait()
	// Only a grandchild that left the group can still hold the output open.
	soon := time.Now().Add(200 * time.Millisecond)
	_ = stdout.SetReadDeadline(soon)
	_ = stderr.SetReadDeadline(soon)
	watchers.Wait()
	p.errors.flush()
	p.prints.flush()
	closeFiles([]*os.File{stdout, stderr})
}

// listen passes the handshake on to go-plugin, and what the plugin prints after
// it to the log.
func (p *process) listen(stdout *os.File) {
	in := bufio.NewReaderSize(p.bounded(stdout), maxHandshake)
	line, err := readHandshake(in)
	if err != nil {
		p.condemn(err)
	} else {
		_, _ = p.greeting.Write(line)
	}
	_ = p.greeting.Close()
	_, _ = io.Copy(p.prints, in)
}

// bounded reads what the plugin writes, but no faster than anybody can want: a
// flood slows down the plugin and not the host.
func (p *process) bounded(r io.Reader) io.Reader { return &boundedReader{from: r, exited: p.exited} }

// awaitExit returns when the child has ended and leaves it to be reaped.
func awaitExit(pid int) {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

func (p *process) started() bool { return p.pid != 0 }

// kill kills the whole group.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.doomed = true
	if p.running {
		_ = syscall.Kill(-p.pid, syscall.SIGKILL)
	}
}

// condemn kills the group and keeps the first reason for it.
func (p *process) condemn(why error) {
	p.mu.Lock()
	if p.verdict == nil {
		p.verdict = why
	}
	p.mu.Unlock()
	p.kill()
}

// cause is why the process was ended here, or err.
func (p *process) cause(err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.verdict != nil {
		return p.verdict
	}
	return err
}

func (p *process) status() string {
	select {
	case <-p.reaped:
		return p.cmd.ProcessState.String()
	default:
		return "running"
	}
}

// Wait implements runner.Runner.
func (p *process) Wait(context.Context) error {
	<-p.reaped
	return p.err
}

// Kill implements runner.Runner.
func (p *process) Kill(context.Context) error {
	p.kill()
	return nil
}

// Stdout implements runner.Runner. It gives the handshake and nothing more.
func (p *process) Stdout() io.ReadCloser { return p.hello }

// Stderr implements runner.Runner. It is read by supervise instead.
func (p *process) Stderr() io.ReadCloser { return io.NopCloser(strings.NewReader("")) }

// Name implements runner.Runner.
func (p *process) Name() string { return p.cmd.Args[0] }

// ID implements runner.Runner.
func (p *process) ID() string {
	if p.pid == 0 {
		return ""
	}
	return strconv.Itoa(p.pid)
}

// Diagnose implements runner.Runner.
func (p *process) Diagnose(context.Context) string {
	return "it is no plugin of Wright, or made for another machine; its standard error is in the log"
}

// PluginToHost implements runner.Runner: both see the same addresses.
func (p *process) PluginToHost(network, addr string) (string, string, error) {
	if network != "unix" {
		return "", "", fmt.Errorf("plugin listens at network %.20q, not at a unix socket", network)
	}
	return network, addr, nil
}

// HostToPlugin implements runner.Runner.
func (p *process) HostToPlugin(network, addr string) (string, string, error) {
	return network, addr, nil
}

func closeFiles(lists ...[]*os.File) {
	for _, files := range lists {
		for _, f := range files {
			_ = f.Close()
		}
	}
}
