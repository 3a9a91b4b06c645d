package build

import (
	"context"
	"errors"
	"os"

	"github.com/wright-build/wright/agent/workspace"
)

// clear removes all that is kept of the attempt.
func (a *Attempt) clear(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), LastWords)
	defer cancel()
	for i := range a.commands() {
		if err := a.Supervisor.Forget(ctx, a.stepID(i+1)); err != nil {
			a.Log.Debug("forgetting a step", "error", err) // it may never have run
		}
	}
	// gofail: var stepsForgotten struct{}
	err := a.empty()
	// gofail: var attemptEmptied struct{}
	if err == nil {
		err = a.Spares.give(a.dir, a.journal)
	} else { // it must serve no other attempt, and no agent is to take it up
		err = errors.Join(err, os.Remove(a.path(journal)))
	}
	if err != nil {
		a.Log.Error("removing the attempt's directory", "dir", a.dir, "error", err)
	}
}

// empty removes all but the journal, which stays for the next agent process to
// find should this one die meanwhile, directories that were never used, and files
// of output, which it empties.
func (a *Attempt) empty() error {
	entries, err := os.ReadDir(a.dir)
	for _, e := range entries {
		name := e.Name()
		if name == journal || a.untouched(name) || isOutput(name) && recycle(a.path(name)) {
			continue
		}
		err = errors.Join(err, workspace.Remove(a.path(name)))
	}
	return err
}

// untouched says whether it is the workspace or that of temporary files, and as
// it was made.
func (a *Attempt) untouched(name string) bool {
	if name != "workspace" && name != temporary {
		return false
	}
	info, err := os.Lstat(a.path(name))
	if err != nil || info.Mode() != os.ModeDir|0o700 {
		return false
	}
	inside, err := os.ReadDir(a.path(name))
	return err == nil && len(inside) == 0
}
