package api

import (
	"context"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/api/view"
	"github.com/wright-build/wright/master/state"
)

const (
	maxCount    = 10000
	maxReason   = 1000 // bytes
	maxRevision = 255  // bytes
)

// Deeds asks the rooms of a Config for what people want done. The API and the
// pages share it.
type Deeds struct {
	cfg     Config
	queries Queries
}

// NewDeeds makes deeds over the rooms of cfg.
func NewDeeds(cfg Config) Deeds { return Deeds{cfg: cfg, queries: NewQueries(cfg)} }

// Start requests count builds of an instance in force.
func (d Deeds) Start(ctx context.Context, instance string, r Request, count int) ([]view.Build, error) {
	if d.cfg.Builds == nil {
		return nil, fail(http.StatusNotImplemented, "", "this master starts no builds")
	}
	if err := d.mayStart(instance, r, count); err != nil {
		return nil, err
	}
	started, err := d.start(ctx, instance, r, count)
	builds := make([]*state.Build, len(started))
	for i := range started {
		builds[i] = &started[i]
	}
	return d.queries.View(builds...), err
}

func (d Deeds) mayStart(instance string, r Request, count int) error {
	i, err := d.queries.Facts(instance)
	switch {
	case err != nil:
		return err
	case i.InForce == nil:
		return fail(http.StatusConflict, "wright manifest list shows what is wrong with it",
			"no manifest of instance %s is in force", instance)
	case i.Memory != nil && i.Memory.Archived:
		return fail(http.StatusConflict, "bring it back with: wright instance archive --undo "+instance,
			"instance %s is archived", instance)
	case count < 1 || count > maxCount:
		return fail(http.StatusBadRequest, "", "count is %d: want 1 to %d", count, maxCount)
	case len(r.Text) > maxReason || !utf8.ValidString(r.Text):
		return fail(http.StatusBadRequest, "", "the reason is not UTF-8 or has more than %d bytes", maxReason)
	case !isRevision(r.Revision):
		return fail(http.StatusBadRequest, "give a commit, a tag or a branch", "%.80q is no revision", r.Revision)
	case r.Revision != "" && i.Manifest().Source == nil:
		return fail(http.StatusConflict, "", "instance %s has no source that could be built at a revision", instance)
	}
	return checkProperties(r.Properties)
}

// isRevision refuses what git could take for an option or a range.
func isRevision(s string) bool {
	bad := func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r) || strings.ContainsRune(`~^:?*[\`, r)
	}
	return len(s) <= maxRevision && utf8.ValidString(s) && !strings.HasPrefix(s, "-") &&
		!strings.Contains(s, "..") && strings.IndexFunc(s, bad) < 0
}

func (d Deeds) start(ctx context.Context, instance string, r Request, count int) ([]state.Build, error) {
	if batch, ok := d.cfg.Builds.(Batch); ok && count > 1 {
		return batch.StartMany(ctx, instance, r, count)
	}
	var all []state.Build
	for range count {
		b, err := d.cfg.Builds.Start(ctx, instance, r)
		if err != nil {
			return all, err
		}
		all = append(all, b)
	}
	return all, nil
}

// Retry requests the build again that id names, at the same revision of its
// source.
func (d Deeds) Retry(ctx context.Context, id string) (view.Build, error) {
	b, err := d.queries.Build(ctx, id)
	if err != nil {
		return view.Build{}, err
	}
	return d.again(ctx, b, Request{Kind: "retry", Text: "retry of " + b.ID})
}

// Redeploy builds anew what an instance has active, or else its last success.
func (d Deeds) Redeploy(ctx context.Context, instance string) (view.Build, error) {
	i, err := d.queries.Facts(instance)
	if err != nil {
		return view.Build{}, err
	}
	id := ""
	if i.Last != nil {
		id = i.Last.Success
	}
	if i.Server != nil {
		id = i.Server.Build
	}
	if id == "" {
		return view.Build{}, fail(http.StatusConflict, "start one with: wright build start "+instance,
			"instance %s has no successful build to deploy again", instance)
	}
	b, err := d.queries.Build(ctx, id)
	if err != nil {
		return view.Build{}, err
	}
	return d.again(ctx, b, Request{Kind: "person", Text: "redeploy of " + b.ID})
}

func (d Deeds) again(ctx context.Context, b *state.Build, r Request) (view.Build, error) {
	r.Properties = b.Properties
	i, err := d.queries.Facts(b.Instance)
	if err != nil {
		return view.Build{}, err
	}
	if m := i.Manifest(); m != nil && m.Source != nil {
		r.Revision = b.Revision
		for url, revision := range b.Revisions {
			if manifests.SameRemote(url, m.Source.URL) {
				r.Revision = revision
			}
		}
	}
	started, err := d.Start(ctx, b.Instance, r, 1)
	if err != nil {
		return view.Build{}, err
	}
	return started[0], nil
}

// Cancel wants a build ended.
func (d Deeds) Cancel(ctx context.Context, id, why string) (view.Build, error) {
	if d.cfg.Builds == nil {
		return view.Build{}, fail(http.StatusNotImplemented, "", "this master cancels no builds")
	}
	b, err := d.queries.Build(ctx, id)
	if err != nil {
		return view.Build{}, err
	}
	if len(why) > maxReason || !utf8.ValidString(why) {
		return view.Build{}, fail(http.StatusBadRequest, "", "the reason is not UTF-8 or has more than %d bytes", maxReason)
	}
	if b.State.Final() {
		return view.Build{}, fail(http.StatusConflict, "", "build %s has ended already: it is %s", b.ID, b.State)
	}
	if err := d.cfg.Builds.Cancel(ctx, b.BuildID(), why); err != nil {
		return view.Build{}, err
	}
	b, err = d.queries.store.Build(ctx, b.BuildID())
	if err != nil {
		return view.Build{}, err
	}
	return view.OfBuild(b), nil
}

// Want has something done to an AppServer.
func (d Deeds) Want(ctx context.Context, id string, doing state.Doing) (view.AppServer, error) {
	if d.cfg.AppServers == nil {
		return view.AppServer{}, fail(http.StatusNotImplemented, "", "this master does nothing to AppServers")
	}
	a, err := d.queries.AppServer(ctx, id)
	if err != nil {
		return a, err
	}
	switch s := state.AppServerState(a.State); {
	case s == state.Terminating || s == state.Terminated:
		return a, fail(http.StatusConflict, "", "AppServer %s is %s", id, s)
	case doing == state.Activate && s != state.Healthy:
		return a, fail(http.StatusConflict, "only a healthy one can be activated", "AppServer %s is %s", id, s)
	case doing == state.Deactivate && !a.Active:
		return a, fail(http.StatusConflict, "", "AppServer %s is not active", id)
	}
	if err := d.cfg.AppServers.Want(ctx, id, doing); err != nil {
		return a, err
	}
	return d.queries.AppServer(ctx, id)
}

// Forget gives up what is left of an AppServer that cannot be ended.
func (d Deeds) Forget(ctx context.Context, id string) (view.AppServer, error) {
	if d.cfg.AppServers == nil {
		return view.AppServer{}, fail(http.StatusNotImplemented, "", "this master does nothing to AppServers")
	}
	a, err := d.queries.AppServer(ctx, id)
	if err != nil {
		return a, err
	}
	if a.State != string(state.Terminating) {
		return a, fail(http.StatusConflict, "only one that is terminating and cannot be ended can be given up: wright appserver terminate "+id,
			"AppServer %s is %s", id, a.State)
	}
	if err := d.cfg.AppServers.Forget(ctx, id); err != nil {
		return a, err
	}
	return d.queries.AppServer(ctx, id)
}

// Archive puts an instance away, or takes it out again.
func (d Deeds) Archive(ctx context.Context, instance string, archived bool) error {
	if _, err := d.queries.Facts(instance); err != nil {
		return err
	}
	if d.cfg.Instances == nil {
		return fail(http.StatusNotImplemented, "", "this master archives nothing")
	}
	return d.cfg.Instances.Archive(ctx, instance, archived)
}

// Delete forgets an instance, with its history and its logs.
func (d Deeds) Delete(ctx context.Context, instance string) error {
	if _, err := d.queries.Facts(instance); err != nil {
		return err
	}
	if d.cfg.Instances == nil {
		return fail(http.StatusNotImplemented, "", "this master deletes nothing")
	}
	return d.cfg.Instances.Delete(ctx, instance)
}

// Drain says whether an agent is to get no more work. What it still builds at
// the deadline is done elsewhere; zero: it may take as long as it likes.
func (d Deeds) Drain(ctx context.Context, name string, drain bool, deadline time.Time) (view.Agent, error) {
	if d.cfg.Agents == nil {
		return view.Agent{}, fail(http.StatusNotImplemented, "stop the agent instead: its steps go on", "this master drains no agents")
	}
	if _, err := d.agent(name); err != nil {
		return view.Agent{}, err
	}
	if err := d.cfg.Agents.Drain(ctx, name, drain, deadline); err != nil {
		return view.Agent{}, err
	}
	if a, err := d.agent(name); err == nil {
		return a, nil
	}
	return view.Agent{Name: name, State: "away", Capabilities: []string{}, Plugins: []string{}, Pools: []string{}}, nil // there is nothing to say of it any more
}

func (d Deeds) agent(name string) (view.Agent, error) {
	for _, a := range d.queries.Agents() {
		if a.Name == name {
			return a, nil
		}
	}
	return view.Agent{}, fail(http.StatusNotFound, "wright agent list shows those that are known", "no agent is called %.80q", name)
}
