package build

import (
	"context"
	"slices"

	"github.com/wright-build/wright/agent/sandbox"
	"github.com/wright-build/wright/plugins/runner"
)

func (a *Attempt) sandboxID() sandbox.ID {
	return sandbox.ID{Provider: a.work.GetRunner().GetProvider(), Token: a.owner()}
}

// makeSandbox makes what the steps run in; nil is the agent's own host. It is
// found again by a restarted agent.
func (a *Attempt) makeSandbox(ctx context.Context) (*sandbox.Sandbox, error) {
	r := a.work.GetRunner()
	if r == nil || len(a.work.GetSteps()) == 0 {
		return nil, nil
	}
	if err := a.phase("sandbox"); err != nil {
		return nil, err
	}
	k, err := a.Sandboxes(ctx)
	if err != nil {
		return nil, err
	}
	return k.Make(a.reporting(ctx, r.GetProvider()), sandbox.Spec{
		ID: a.sandboxID(), Workspace: a.path("workspace"), Instance: a.work.GetInstance(), Build: a.Build(), Config: r.GetConfig().AsMap(),
	})
}

// endSandbox ends the sandbox with all that is left in it, if there may be one.
// When the agent stops the next one does it. What fails is tried again later.
func (a *Attempt) endSandbox(ctx context.Context) {
	var c *cancelled
	if a.work.GetRunner() == nil || ctx.Err() != nil && !asCancelled(ctx, &c) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropTime)
	defer cancel()
	k, err := a.Sandboxes(ctx)
	if err == nil && k.Made(a.sandboxID()) {
		err = k.End(a.reporting(ctx, a.work.GetRunner().GetProvider()), a.sandboxID())
	}
	if err != nil {
		a.Log.Error("ending the build's sandbox", "error", err)
		a.note("warning: %v", err)
	}
}

// wrapped is the command line of a command where it runs: in the sandbox, if
// there is one.
func (c command) wrapped(ctx context.Context, dir string) (runner.Command, error) {
	shell := c.shell
	if len(shell) == 0 {
		shell = []string{"/bin/sh", "-ec"}
	}
	plain := runner.Command{Args: append(slices.Clone(shell), c.run), Env: c.env, Dir: dir}
	if c.inside == nil {
		return plain, nil
	}
	return c.inside.Wrap(ctx, plain)
}
