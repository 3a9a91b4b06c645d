package build

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/wright-build/wright/agent/process"
	"github.com/wright-build/wright/agent/sandbox"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// alwaysTime bounds what a build still runs after it was cancelled.
const alwaysTime = 5 * time.Minute

// steps runs the steps that are due, one after the other. The first that fails
// is the verdict. outer ends with the agent only: what runs always runs after a
// cancel, too.
func (a *Attempt) steps(ctx, outer context.Context, env map[string]string) error {
	inside, err := a.makeSandbox(ctx)
	if err != nil {
		return err
	}
	var first error
	for i, s := range a.work.GetSteps() {
		var c *cancelled
		ended := asCancelled(ctx, &c)
		if ctx.Err() != nil && !ended {
			return ctx.Err()
		}
		if !due(s.GetWhen(), first != nil, ended) {
			continue
		}
		err := a.step(ctx, outer, ended, commandOf(i+1, s, env, sofar(first, ended), inside))
		switch {
		case err == nil:
		case isLost(err):
			return err
		case first == nil:
			first = err
		default:
			a.note("warning: %v", err)
		}
	}
	return first
}

// step runs one step, also when the build has been cancelled before it.
func (a *Attempt) step(ctx, outer context.Context, ended bool, c command) error {
	if !ended {
		return a.run(ctx, c)
	}
	ctx, cancel := a.afterwards(outer)
	defer cancel()
	a.endStepsBefore(ctx, c.part)
	return a.run(ctx, c)
}

// endStepsBefore ends what a former agent process may have left running of the
// steps that the cancel was meant for.
func (a *Attempt) endStepsBefore(ctx context.Context, part int) {
	for i, s := range a.work.GetSteps()[:part-1] {
		id := a.stepID(i + 1)
		if s.GetWhen() == agentv1.Condition_CONDITION_ALWAYS || a.Supervisor.Kill(ctx, id, "the build was cancelled") != nil {
			continue // it is not meant, or never ran
		}
		if _, err := a.Supervisor.Wait(ctx, id); err != nil {
			a.Log.Warn("ending a step", "step", id, "error", err)
		}
	}
}

// due says whether a step runs after what went before.
func due(when agentv1.Condition, failed, cancelled bool) bool {
	switch when {
	case agentv1.Condition_CONDITION_ALWAYS:
		return true
	case agentv1.Condition_CONDITION_ON_FAILURE:
		return failed && !cancelled
	}
	return !failed && !cancelled
}

// sofar is what a step is told of what went before.
func sofar(first error, cancelled bool) string {
	switch {
	case cancelled:
		return "cancelled"
	case first != nil:
		return "failed"
	}
	return "succeeded"
}

// afterwards is the time that is left to a build that was cancelled: until it is
// cancelled again, nobody wants it any more, or it takes too long.
func (a *Attempt) afterwards(outer context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(outer)
	late := time.NewTimer(alwaysTime)
	watcher := make(chan struct{})
	go func() {
		defer close(watcher)
		defer late.Stop()
		select {
		case <-a.forget:
			cancel(&cancelled{reason: "nobody wants it any more"})
		case <-a.enough:
			cancel(&cancelled{reason: "it was cancelled again"})
		case <-late.C:
			cancel(&cancelled{reason: fmt.Sprintf("%s after the build was cancelled", alwaysTime)})
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		cancel(nil)
		<-watcher
	}
}

// commandOf is the command of a step.
func commandOf(part int, s *agentv1.Step, env map[string]string, status string, inside *sandbox.Sandbox) command {
	c := command{
		part: part, name: s.GetName(), run: s.GetRun(), dir: s.GetDir(), shell: s.GetShell(), env: maps.Clone(env), inside: inside,
		timeout: s.GetTimeout().AsDuration(), silence: s.GetSilence().AsDuration(),
	}
	c.env["WRIGHT_STATUS"] = status
	if inside != nil {
		delete(c.env, "TMPDIR")
	}
	maps.Copy(c.env, s.GetEnv())
	return c
}

// command is a shell command of the build: a step, or the provisioning.
type command struct {
	part    int
	name    string
	run     string
	dir     string
	shell   []string // nil: /bin/sh -ec
	timeout time.Duration
	silence time.Duration // 0: any
	env     map[string]string
	inside  *sandbox.Sandbox // nil: it runs on the agent's host
}

func (a *Attempt) stepID(part int) string {
	return fmt.Sprintf("%s.%d.%d", a.Build(), a.Number(), part)
}

// commands are the names of all commands that the attempt may have run, in the
// order of their parts, which begin with 1.
func (a *Attempt) commands() []string {
	var names []string
	for _, s := range a.work.GetSteps() {
		names = append(names, s.GetName())
	}
	if a.work.GetAppserver().GetProvision() != "" {
		names = append(names, provision)
	}
	return names
}

// endSteps ends what may still run of an attempt that came to its end before it
// came to that step: a former agent process may have started it, or this one
// when it was just told to give up.
func (a *Attempt) endSteps(ctx context.Context, why error) {
	for i, name := range a.commands() {
		id := a.stepID(i + 1)
		if a.Supervisor.Kill(ctx, id, why.Error()) != nil {
			continue // it never ran
		}
		a.output.Begin(i+1, name)
		if _, err := a.Supervisor.Wait(ctx, id); err != nil {
			a.Log.Warn("ending a step", "step", id, "error", err)
		}
	}
}

// run runs one command to its end, or takes up the one that a former agent
// process started.
func (a *Attempt) run(ctx context.Context, c command) error {
	if err := a.phase("step " + c.name); err != nil {
		return err
	}
	line, err := c.wrapped(ctx, filepath.Join(a.path("workspace"), c.dir))
	if err != nil {
		return fmt.Errorf("start step %s: %w", c.name, err)
	}
	if err := os.MkdirAll(a.path(temporary), 0o700); err != nil {
		return fmt.Errorf("start step %s: %w", c.name, err)
	}
	id := a.stepID(c.part)
	output := a.output.Begin(c.part, c.name)
	// gofail: var stepUnstarted struct{}
	err = a.Supervisor.Start(ctx, process.Spec{
		ID: id, Argv: line.Args, Env: list(line.Env), Dir: line.Dir, Output: output,
		Deadline: time.Now().Add(c.timeout), Silence: c.silence,
	})
	if err != nil {
		return fmt.Errorf("start step %s: %w", c.name, err)
	}
	// gofail: var stepStarted struct{}
	exit, err := a.await(ctx, id)
	// gofail: var stepEnded struct{}
	if err != nil {
		return err // it may run on, and write: the next agent process waits for it
	}
	a.output.End(c.part)
	a.countWarnings(c.part, output)
	return a.judge(c, exit)
}

// await waits for a command; when the build is cancelled it ends the command
// first and waits until nothing of it is left.
func (a *Attempt) await(ctx context.Context, id string) (process.Exit, error) {
	exit, err := a.Supervisor.Wait(ctx, id)
	if err == nil {
		return exit, nil
	}
	var c *cancelled
	if asCancelled(ctx, &c) {
		free := context.WithoutCancel(ctx)
		if err := a.Supervisor.Kill(free, id, c.reason); err != nil {
			return exit, err
		}
		return a.Supervisor.Wait(free, id)
	}
	if ctx.Err() == nil {
		err = fmt.Errorf("%w: %w", ErrLost, err)
	}
	return exit, err
}

func list(env map[string]string) []string {
	out := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		out = append(out, name+"="+env[name])
	}
	return out
}
