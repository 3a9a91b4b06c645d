package build

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/wright-build/wright/agent/process"
	"github.com/wright-build/wright/agent/workspace"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// failure is a verdict: a step or the AppServer said no.
type failure struct{ text string }

func (f *failure) Error() string { return f.text }

func failed(format string, args ...any) error { return &failure{fmt.Sprintf(format, args...)} }

func (a *Attempt) path(name string) string { return filepath.Join(a.dir, name) }

// carry carries the work out, phase by phase. Each may be begun again by a
// restarted agent: what was done is found done.
func (a *Attempt) carry(ctx context.Context) error {
	a.output.Begin(0, "wright")
	if err := a.say(func(r *record) { r.begin() }); err != nil {
		return err
	}
	if err := a.fetch(ctx); err != nil {
		return err
	}
	env := a.environment()
	if a.work.GetAppserver() == nil && len(a.work.GetDatabases()) > 0 {
		vars, err := a.databases(ctx, a.owner())
		defer a.dropDatabases(ctx)
		if err != nil {
			return err
		}
		maps.Copy(env, vars)
	}
	err := a.steps(ctx, env)
	a.report(ctx, err == nil)
	if err != nil || a.work.GetAppserver() == nil {
		return err
	}
	return a.appserver(ctx, env)
}

func (r *record) begin() {
	r.State = agentv1.State_STATE_RUNNING
	if r.StartedAt.IsZero() {
		r.StartedAt = time.Now().UTC()
	}
}

// fetchLimit ends a fetch from a remote that hangs.
const fetchLimit = time.Hour

// fetch lays the sources open, then says what they follow.
func (a *Attempt) fetch(ctx context.Context) error {
	src := a.work.GetSource()
	ws := a.path("workspace")
	if src == nil {
		return os.MkdirAll(ws, 0o700)
	}
	if a.record.Fetched {
		a.report(ctx, false)
		return nil
	}
	if err := a.phase("fetch"); err != nil {
		return err
	}
	if err := workspace.Remove(ws); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, fetchLimit)
	defer cancel()
	got, err := workspace.Fetch(limited, ws, workspace.Source{
		VCS: src.GetVcs(), URL: src.GetUrl(), Branch: src.GetBranch(), Revision: src.GetRevision(),
		Pinned: src.GetFrozen(), Submodules: src.GetSubmodules(),
	}, a.notes)
	switch {
	case limited.Err() != nil && ctx.Err() == nil:
		return fmt.Errorf("fetch %s: it took longer than %s", src.GetUrl(), fetchLimit)
	case err != nil:
		return err
	}
	a.note("fetched %s at %s with %s", src.GetUrl(), got.Revision, tool(got))
	revisions := map[string]string{src.GetUrl(): got.Revision}
	for _, m := range got.Submodules {
		a.note("submodule %s: %s at %s", m.Path, m.URL, m.Revision)
		revisions[m.URL] = m.Revision
	}
	if err := a.say(func(r *record) { r.Fetched, r.Revisions = true, revisions }); err != nil {
		return err
	}
	a.report(ctx, false)
	return nil
}

func tool(r *workspace.Result) string {
	if r.Why == "" {
		return r.Tool
	}
	return r.Tool + " (" + r.Why + ")"
}

// environment is what every command of the build sees: the agent's own
// environment without what is Wright's, and the build's variables.
func (a *Attempt) environment() map[string]string {
	env := map[string]string{}
	for _, kv := range os.Environ() {
		if name, value, _ := strings.Cut(kv, "="); !strings.HasPrefix(name, "WRIGHT_") {
			env[name] = value
		}
	}
	maps.Copy(env, map[string]string{
		"CI": "true", "GIT_TERMINAL_PROMPT": "0",
		"WRIGHT_BUILD": a.Build(), "WRIGHT_ATTEMPT": fmt.Sprint(a.Number()),
		"WRIGHT_INSTANCE": a.work.GetInstance(), "WRIGHT_NUMBER": fmt.Sprint(a.work.GetNumber()),
		"WRIGHT_WORKSPACE": a.path("workspace"), "WRIGHT_WATCH_FILE": a.path("watch"),
	})
	if src := a.work.GetSource(); src != nil {
		env["WRIGHT_REVISION"] = a.Update().GetRevisions()[src.GetUrl()]
		env["WRIGHT_BRANCH"] = src.GetBranch()
	}
	return env
}

// steps runs the steps, one after the other, until one fails.
func (a *Attempt) steps(ctx context.Context, env map[string]string) error {
	for i, s := range a.work.GetSteps() {
		c := command{part: i + 1, name: s.GetName(), run: s.GetRun(), dir: s.GetDir(), timeout: s.GetTimeout().AsDuration(), env: maps.Clone(env)}
		maps.Copy(c.env, s.GetEnv())
		if err := a.run(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// command is a shell command of the build: a step, or the provisioning.
type command struct {
	part    int
	name    string
	run     string
	dir     string
	timeout time.Duration
	env     map[string]string
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
	id := a.stepID(c.part)
	err := a.Supervisor.Start(ctx, process.Spec{
		ID: id, Argv: []string{"/bin/sh", "-ec", c.run}, Env: list(c.env),
		Dir: filepath.Join(a.path("workspace"), c.dir), Output: a.output.Begin(c.part, c.name),
		Deadline: time.Now().Add(c.timeout),
	})
	if err != nil {
		return fmt.Errorf("start step %s: %w", c.name, err)
	}
	exit, err := a.await(ctx, id)
	a.output.End(c.part)
	if err != nil {
		return err
	}
	return verdict(c, exit)
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

func verdict(c command, e process.Exit) error {
	switch {
	case e.Succeeded():
		return nil
	case e.StartError != "":
		return failed("step %s could not be started: %s", c.name, e.StartError)
	case e.TimedOut:
		return failed("step %s was ended after its timeout of %s", c.name, c.timeout)
	case e.Killed:
		return failed("step %s was ended: %s", c.name, e.Reason)
	case e.Signal != "":
		return failed("step %s was ended by signal %s", c.name, e.Signal)
	}
	return failed("step %s failed with exit status %d", c.name, e.Code)
}

func list(env map[string]string) []string {
	out := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		out = append(out, name+"="+env[name])
	}
	return out
}
