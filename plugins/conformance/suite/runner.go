package suite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"google.golang.org/grpc"

	"github.com/wright-build/wright/plugins/host"
	"github.com/wright-build/wright/plugins/runner"
)

const (
	runnerCreateDoc = "Create makes a sandbox, or gives the one that s.Token made before, also when both calls run at the same time. " +
		"A call that fails or dies half way leaves either nothing or something that List finds and Delete removes."
	runnerCommandDoc = "Command wraps a command, so that what comes back, started on the agent's host, runs it in the sandbox, with its environment and directory, " +
		"passes on its output and exit status, and ends when it is killed."
	runnerListDoc   = "List gives every sandbox that carries all of tags, half-made ones too."
	runnerDeleteDoc = "Delete ends the sandbox of a token with all that runs in it and returns when nothing is left. Deleting the missing is fine."
)

func runnerTrade() trade {
	return trade{
		noun: "sandbox", verb: "Create", list: "List", putDoc: runnerCreateDoc, listDoc: runnerListDoc, dropDoc: runnerDeleteDoc,
		called: (*T).token,
		at: func(t *T, h *host.Host) (maker, error) {
			p, err := h.Runner(t.call(), t.name)
			return runnerMaker{t, p}, err
		},
		on: func(t *T, c grpc.ClientConnInterface) maker { return runnerMaker{t, runner.NewClient(c)} },
	}
}

func runnerKind() kindChecks {
	check := func(name, doc, mend string, run func(*runnerBench)) Check {
		return Check{Name: name, Doc: doc, Mend: mend, run: func(t *T) { run(newRunnerBench(t)) }}
	}
	command := func(name, mend string, run func(*runnerBench)) Check { return check(name, runnerCommandDoc, mend, run) }
	return runnerTrade().kind(
		check("create gives what was asked for", runnerCreateDoc, "fill in every field of the answer: token, tags, created_at", runnerLife),
		command("arguments arrive", "put the arguments into the list as they are; where a shell is in between, pass them as \"$@\" and never as text of its script", runnerArguments),
		command("the environment arrives", "hand on every variable as it is, and none of the provider's own", runnerEnvironment),
		command("the directory is right", "start the command in Command.Dir", runnerDirectory),
		command("the exit status arrives", "let the last thing that you do be the command (exec), or exit with its status", runnerStatus),
		command("all output arrives", "let the command have the output and error output of what you give back, with nothing in between", runnerOutput),
		command("the input is empty", "let the command have the input of what you give back, which is empty", runnerInput),
		command("killing it ends it", "keep the command in the process group of what you give back, or end it when that is ended", runnerKilled),
		command("commands at the same time", "hold no lock while a command runs", runnerParallel),
		command("commands outlive the provider", "let the command depend on nothing in the provider's process", runnerOutlives),
		command("no command without a sandbox", "look the token up, and answer plugins.Errorf(plugins.NotFound, …)", runnerMissing),
		check("the workspace is the same", "Spec.Workspace is the directory of the sources on the agent's host; what a step changes there is changed for the host.",
			"use the workspace itself, or mount it; copy nothing", runnerWorkspace),
		check("delete ends what runs", runnerDeleteDoc, "find every process of the sandbox, also those that left their group and session, end them with SIGKILL, which none can ignore, and look again until there is none", runnerDelete),
		check("delete ends nothing else", runnerDeleteDoc, "end only what runs in this very sandbox", runnerOthers),
	)
}

// runnerMaker sees a runner as all kinds are seen.
type runnerMaker struct {
	t *T
	p runner.Provider
}

func (m runnerMaker) put(ctx context.Context, name string, _ int, tags map[string]string) (string, error) {
	made, err := m.p.Create(ctx, runner.Spec{Token: name, Workspace: m.t.workspace(), Tags: tags, Config: m.t.subject.Config})
	if err != nil {
		return "", err
	}
	return shownTime(made.CreatedAt), nil
}

func (m runnerMaker) all(ctx context.Context, tags map[string]string) ([]thing, error) {
	list, err := m.p.List(ctx, tags)
	things := make([]thing, 0, len(list))
	for _, s := range list {
		things = append(things, thing{s.Token, shownTime(s.CreatedAt), s.Tags})
	}
	return things, err
}

func (m runnerMaker) drop(ctx context.Context, name string, _ map[string]string) error {
	return m.p.Delete(ctx, name)
}

func shownTime(at time.Time) string { return "made at " + at.UTC().Format(time.RFC3339Nano) }

// workspace is the directory of the sources of all sandboxes of a check.
func (t *T) workspace() string {
	dir := filepath.Join(t.state(), "workspace")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatalf("the suite cannot make a workspace: %v", err)
	}
	return dir
}

// runnerBench is a runner that runs, with one sandbox.
type runnerBench struct {
	bench
	host  *host.Host
	m     maker
	p     runner.Provider
	token string // of the sandbox
}

func newRunnerBench(t *T) *runnerBench {
	b := &runnerBench{bench: bench{t, runnerTrade()}, token: t.token("box")}
	b.host, b.m = b.start()
	b.p = b.m.(patientMaker).maker.(runnerMaker).p
	b.put(b.m, b.token, 1, b.ownTags())
	return b
}

// script is a command that runs a shell script in the workspace.
func (b *runnerBench) script(text string, args ...string) runner.Command {
	return runner.Command{
		Args: append([]string{"/bin/sh", "-c", text, "sh"}, args...),
		Env:  map[string]string{"PATH": "/usr/local/bin:/usr/bin:/bin"}, Dir: b.workspace(),
	}
}

// process is a command that was wrapped and started as an agent does it.
type process struct {
	cmd            *exec.Cmd
	stdout, stderr bytes.Buffer // read after done is closed
	done           chan struct{}
	err            error
}

// begin wraps a command for a sandbox and starts what comes back.
func (b *runnerBench) begin(token string, c runner.Command) *process {
	w, err := b.p.Command(b.call(), token, c)
	if err != nil {
		b.Report(Finding{Did: fmt.Sprintf("Command with the arguments %.100q", c.Args), Got: answer(nil, err)})
		b.stopNow()
	}
	p := &process{cmd: exec.CommandContext(b.call(), w.Args[0]), done: make(chan struct{})}
	p.cmd.Args, p.cmd.Dir, p.cmd.Env = w.Args, w.Dir, []string{}
	for k, v := range w.Env {
		p.cmd.Env = append(p.cmd.Env, k+"="+v)
	}
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.cmd.WaitDelay = 5 * time.Second // what it left may hold the output open
	if err := p.cmd.Start(); err != nil {
		b.Report(Finding{Did: fmt.Sprintf("start what Command gave for the arguments %.100q: %.200q", c.Args, w.Args), Got: err.Error()})
		b.stopNow()
	}
	go func() {
		defer close(p.done)
		p.err = p.cmd.Wait()
	}()
	b.Cleanup(func() {
		if !p.ended() {
			p.signal(syscall.SIGKILL)
		}
		<-p.done
	})
	return p
}

// signal sends a signal to the group, as an agent does. Who has ended must get
// none: its ID may be another's by now.
func (p *process) signal(s syscall.Signal) { _ = syscall.Kill(-p.cmd.Process.Pid, s) }

// ends says whether the command ends within a time.
func (p *process) ends(limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-p.done:
		return true
	case <-timer.C:
		return p.ended()
	}
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// status is what a shell would call its exit status.
func (p *process) status() int {
	exit, ok := errors.AsType[*exec.ExitError](p.err)
	switch {
	case p.err == nil, errors.Is(p.err, exec.ErrWaitDelay):
		return 0
	case !ok:
		return -1
	}
	if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return exit.ExitCode()
}

// run runs a command in the sandbox to its end.
func (b *runnerBench) run(what string, c runner.Command) *process {
	p := b.begin(b.token, c)
	if limit := max(30*time.Second, b.subject.Limit); !p.ends(limit) {
		p.signal(syscall.SIGKILL)
		b.Report(Finding{Did: "run " + what, Got: fmt.Sprintf("it did not end within %v", limit)})
		b.stopNow()
	}
	return p
}

// prints runs a command and wants its output.
func (b *runnerBench) prints(what string, c runner.Command, want string) {
	p := b.run(what, c)
	if got := p.stdout.String(); got != want || p.status() != 0 {
		b.Report(Finding{
			Did: "run " + what, Got: fmt.Sprintf("the output %q, status %d, errors %q", short(got), p.status(), short(p.stderr.String())),
			Want: runnerCommandDoc + fmt.Sprintf(" Here the output must be %q.", short(want)),
		})
	}
}
