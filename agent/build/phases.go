package build

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/wright-build/wright/agent/autowatch/gittrace"
	"github.com/wright-build/wright/agent/workspace"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// failure is a verdict: a step or the AppServer said no.
type failure struct{ text string }

func (f *failure) Error() string { return f.text }

func failed(format string, args ...any) error { return &failure{fmt.Sprintf(format, args...)} }

// temporary is the directory for the temporary files of commands: what they leave
// goes with the attempt. A sandbox has its own.
const temporary = "tmp"

func (a *Attempt) path(name string) string { return filepath.Join(a.dir, name) }

// carry carries the work out, phase by phase. Each may be begun again by a
// restarted agent: what was done is found done.
func (a *Attempt) carry(ctx, outer context.Context) error {
	a.output.Begin(0, "wright")
	if err := a.say(func(r *record) { r.begin() }); err != nil {
		return err
	}
	if a.unrevealed != nil {
		return a.unrevealed
	}
	for _, problem := range a.access.Problems() {
		a.note("warning: %s", problem)
	}
	defer a.stopAsking()
	if err := a.fetch(ctx); err != nil {
		return err
	}
	if err := a.check(ctx); err != nil {
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
	err := a.steps(ctx, outer, env)
	a.endSandbox(ctx)
	if kept := a.keep(ctx, outer, err); err == nil {
		err = kept
	}
	a.reportDone(ctx, err == nil)
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
		a.reportFetched(ctx)
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
		Pinned: src.GetFrozen(), Submodules: src.GetSubmodules(), Access: a.access, Cache: a.Cache,
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
	// gofail: var sourcesFetched struct{}
	if err := a.say(func(r *record) { r.Fetched, r.Revisions = true, revisions }); err != nil {
		return err
	}
	a.reportFetched(ctx)
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
	maps.Copy(env, a.access.Variables(env))
	maps.Copy(env, map[string]string{
		"CI": "true", "GIT_TERMINAL_PROMPT": "0", "TMPDIR": a.path(temporary),
		"WRIGHT_BUILD": a.Build(), "WRIGHT_ATTEMPT": fmt.Sprint(a.Number()),
		"WRIGHT_INSTANCE": a.work.GetInstance(), "WRIGHT_NUMBER": fmt.Sprint(a.work.GetNumber()),
		"WRIGHT_WORKSPACE": a.path("workspace"), "WRIGHT_WATCH_FILE": a.path("watch"),
	})
	if a.work.GetAutoWatch() {
		maps.Copy(env, gittrace.Variables(a.path(gitRecord)))
	}
	for name, value := range a.work.GetProperties() {
		env["WRIGHT_PROPERTY_"+name] = value
	}
	maps.Copy(env, a.work.GetCapabilities())
	if src := a.work.GetSource(); src != nil {
		env["WRIGHT_REVISION"] = a.Update().GetRevisions()[src.GetUrl()]
		env["WRIGHT_BRANCH"] = src.GetBranch()
	}
	return env
}
