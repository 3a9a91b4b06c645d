package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wright-build/wright/plugins"
)

// works brings changes into force: files that HAProxy finds right, and a reload.
type works struct {
	folder  folder
	master  master
	program string
	config  []string // the main configuration
}

// do carries out changes together, with one reload, and gives the error of each.
// One that HAProxy refuses does not keep the others.
func (w works) do(ctx context.Context, changes []change) []error {
	lock, err := w.folder.lock(ctx, changeLock, unix.LOCK_EX)
	if err == nil {
		defer func() { _ = lock.Close() }()
		err = w.folder.sweep()
	}
	if err == nil {
		_, err = w.master.processes(ctx) // nothing is begun while it is away
	}
	if err != nil {
		return all(changes, err)
	}
	edits, errs := w.decide(changes)
	results := w.together(ctx, edits)
	for i, c := range changes {
		if errs[i] == nil {
			errs[i] = results[c.name]
		}
	}
	return errs
}

func all(changes []change, err error) []error {
	errs := make([]error, len(changes))
	for i := range errs {
		errs[i] = err
	}
	return errs
}

// decide says what becomes of the files. The last change of a name counts.
func (w works) decide(changes []change) ([]edit, []error) {
	var edits []edit
	at := map[string]int{}
	errs := make([]error, len(changes))
	for i, c := range changes {
		before, err := w.folder.read(c.name)
		if err != nil {
			errs[i] = err
			continue
		}
		now := before
		if k, ok := at[c.name]; ok {
			now = nil
			if edits[k].after != nil {
				now = []byte(edits[k].after.text)
			}
		}
		e, ours, err := decide(now, c)
		errs[i] = err
		if !ours {
			continue
		}
		e.before = before
		if k, ok := at[c.name]; ok {
			edits[k] = e
			continue
		}
		at[c.name] = len(edits)
		edits = append(edits, e)
	}
	return edits, errs
}

// together carries out edits at once, or one by one where HAProxy refuses them
// together.
func (w works) together(ctx context.Context, edits []edit) map[string]error {
	results := map[string]error{}
	err := w.carry(ctx, edits)
	if err == nil || len(edits) == 1 || plugins.CodeOf(err) != plugins.Invalid {
		for _, e := range edits {
			results[e.name] = err
		}
		return results
	}
	for _, e := range edits {
		results[e.name] = w.carry(ctx, []edit{e})
	}
	return results
}

// carry carries out edits: all of them are in force then, or none.
func (w works) carry(ctx context.Context, edits []edit) error {
	var changed []edit
	for _, e := range edits {
		if e.changes() {
			changed = append(changed, e)
		}
	}
	if len(changed) == 0 {
		p, err := w.master.processes(ctx)
		if err != nil {
			return err
		}
		if missing, err := w.missing(ctx, p, edits); err != nil || missing == nil {
			return cmp.Or(err, w.master.left(ctx, p))
		}
	}
	if err := w.put(ctx, changed); err != nil {
		return err
	}
	err := w.load(ctx, edits)
	if refused := plugins.CodeOf(err) == plugins.Invalid; refused && len(changed) > 0 {
		return w.takeBack(ctx, changed, err)
	}
	return err
}

// put gives files their places once HAProxy has found the whole right.
func (w works) put(ctx context.Context, changed []edit) error {
	if len(changed) == 0 {
		return nil
	}
	paths, err := w.folder.stage(changed)
	if err == nil {
		err = w.check(ctx, paths)
	}
	if plugins.CodeOf(err) == plugins.Invalid {
		err = w.blame(ctx, err)
	}
	if err != nil {
		return errors.Join(err, w.folder.sweep())
	}
	return w.folder.place(ctx, changed)
}

// check asks HAProxy whether it could run with the files.
func (w works) check(ctx context.Context, paths []string) error {
	args := []string{"-c"}
	for _, path := range append(append([]string(nil), w.config...), paths...) {
		args = append(args, "-f", path)
	}
	cmd := exec.CommandContext(ctx, w.program, args...)
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return fmt.Errorf("check HAProxy's configuration: %w", ctx.Err())
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() > 0 {
		return plugins.Errorf(plugins.Invalid, "HAProxy refuses the configuration: %s", words(out))
	}
	if err != nil {
		return plugins.Errorf(plugins.Transient, "run %s to check the configuration: %w", w.program, err)
	}
	return nil
}

// blame looks whose fault a refusal is: what is in place may be wrong already,
// and then the change is not.
func (w works) blame(ctx context.Context, refusal error) error {
	paths, err := w.folder.stage(nil)
	if err == nil {
		err = w.check(ctx, paths)
	}
	switch {
	case err == nil:
		return refusal
	case plugins.CodeOf(err) == plugins.Invalid:
		return plugins.Errorf(plugins.Transient, "HAProxy's configuration is wrong already, without this change: %w", errors.Unwrap(err))
	}
	return err
}

// load has HAProxy reload, and sees that it serves what the edits want.
func (w works) load(ctx context.Context, edits []edit) error {
	p, err := w.master.reload(ctx)
	if errors.Is(err, errReload) {
		return plugins.Errorf(plugins.Invalid, "%w", err)
	}
	if err != nil {
		return err
	}
	missing, err := w.missing(ctx, p, edits)
	if err == nil && missing != nil {
		err = plugins.Errorf(plugins.Invalid, "HAProxy has reloaded, and does not follow the route of %s: does it run with -f %s?", missing.name, w.folder.dir)
	}
	return err
}

// missing gives an edit that is not in force in the worker that takes new connections.
func (w works) missing(ctx context.Context, p processes, edits []edit) (*edit, error) {
	for _, e := range edits {
		servers, there, err := w.master.servers(ctx, p.current, backendOf(e.name))
		if err != nil {
			return nil, err
		}
		asWanted := !there
		if e.after != nil {
			asWanted = len(servers) > 0 && strings.HasPrefix(servers[0], e.after.version+"-")
		}
		if !asWanted {
			return &e, nil
		}
	}
	return nil, nil
}

// takeBack puts the files back that HAProxy does not run with.
func (w works) takeBack(ctx context.Context, changed []edit, refusal error) error {
	if err := w.folder.putBack(ctx, changed); err != nil {
		return errors.Join(refusal, fmt.Errorf("put the files back: %w", err))
	}
	if _, err := w.master.reload(ctx); err != nil {
		return plugins.Errorf(plugins.Transient, "%w (nor without this change: %w)", errors.Unwrap(refusal), err)
	}
	return refusal
}

// words are what a program said, cut to what an error may hold.
func words(out []byte) string {
	const most = 2000
	return strings.ToValidUTF8(strings.TrimSpace(string(out[:min(len(out), most)])), "?")
}
