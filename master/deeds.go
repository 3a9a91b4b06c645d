package master

import (
	"context"
	"errors"
	"time"

	"github.com/wright-build/wright/master/api"
	"github.com/wright-build/wright/master/api/view"
	"github.com/wright-build/wright/master/artifacts"
	"github.com/wright-build/wright/master/catalog/repos"
	"github.com/wright-build/wright/master/dispatch"
	"github.com/wright-build/wright/master/hook"
	"github.com/wright-build/wright/master/logs"
	"github.com/wright-build/wright/master/poll"
	"github.com/wright-build/wright/master/poll/ask"
	"github.com/wright-build/wright/master/schedule"
	"github.com/wright-build/wright/master/secrets"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
	"github.com/wright-build/wright/master/watchlist"
)

// builds is what the faces may do to builds: schedule starts them, dispatch
// ends them.
type builds struct {
	schedule *schedule.Scheduler
	dispatch *dispatch.Dispatcher
}

func (b builds) Start(ctx context.Context, instance string, r api.Request) (state.Build, error) {
	return b.schedule.Start(ctx, instance, schedule.Request(r))
}

func (b builds) StartMany(ctx context.Context, instance string, r api.Request, count int) ([]state.Build, error) {
	return b.schedule.StartMany(ctx, instance, schedule.Request(r), count)
}

func (b builds) Cancel(ctx context.Context, id state.BuildID, why string) error {
	return b.dispatch.Cancel(ctx, id, why)
}

// instances is what the faces may do to instances.
type instances struct {
	*schedule.Scheduler
	logs      *logs.Logs
	artifacts *artifacts.Store
}

func (i instances) Delete(ctx context.Context, instance string) error {
	if err := i.Deletable(instance); err != nil {
		return err
	}
	if err := errors.Join(i.logs.RemoveAll(instance), i.artifacts.Remove(instance, "")); err != nil {
		return err
	}
	return i.Scheduler.Delete(ctx, instance)
}

// repositories tells the faces how the repositories of manifests are doing.
type repositories struct{ all *repos.Repos }

func (r repositories) Nudge(url string) bool { return r.all.Nudge(url) }

func (r repositories) Repos() []view.ManifestRepo {
	all := []view.ManifestRepo{}
	for _, s := range r.all.Status() {
		all = append(all, view.ManifestRepo{
			URL: s.URL, Branch: s.Branch, Directory: s.Directory, Commit: s.Head.ID, Author: s.Head.Author, CommittedAt: s.Head.At,
			CheckedAt: s.CheckedAt, Error: s.Error,
		})
	}
	return all
}

// polls tells the faces how remotes are doing.
type polls struct{ *poll.Poller }

func (p polls) Status(vcs, url string) (checkedAt time.Time, err string) {
	s := p.Poller.Status(vcs, url)
	return s.CheckedAt, s.Error
}

// Head is the ref that a remote's HEAD leads to, "" if that is not known.
func (p polls) Head(vcs, url string) string { return p.Poller.Status(vcs, url).Head }

func (p polls) CheckNow(url string) { p.Poller.CheckNow(url) }

// Observe is what people tell.
func (p polls) Observe(ctx context.Context, vcs string, c api.Change) (bool, error) {
	m := poll.Movement{VCS: vcs, URL: c.URL, Ref: c.Ref, Before: *c.Before, After: *c.After}
	if c.Message != nil {
		m.Said = &state.Said{Message: *c.Message}
	}
	return p.observe(ctx, m)
}

// observe takes what is watched only since a moment, or no more, as asked.
func (p polls) observe(ctx context.Context, m poll.Movement) (bool, error) {
	recorded, err := p.Poller.Observe(ctx, m)
	if errors.Is(err, poll.ErrNotWatched) {
		return false, nil
	}
	return recorded, err
}

// Compare finds out what a movement changed, which decides whether it counts.
func (p polls) Compare(ctx context.Context, m schedule.Movement) (schedule.Diff, error) {
	c, err := p.Poller.Compare(ctx, m.URL, m.Trusted, m.Old, m.New)
	return schedule.Diff{Message: c.Message, Paths: c.Paths, Unknown: c.Unknown}, err
}

// told is what hooks know of watches, and of the repositories of manifests.
type told struct {
	polls
	store *store.Store
	repos *repos.Repos
}

// Watched looks for the fact that every watched ref has once its remote was
// asked; of a remote that cannot be asked anything may be watched.
func (t told) Watched(vcs, url, ref string) (yes bool) {
	key := watchlist.KeyOf(vcs, url)
	t.store.Read(func(f *state.Facts) { yes = f.Refs[state.RefName(key.Watch(ref))] != nil })
	return yes || t.Poller.Status(vcs, url).Error != "" || vcs == "git" && t.repos.Concerns(url, ref)
}

func (t told) Told(url string, c hook.Change) {
	t.repos.Nudge(url)
	t.Poller.Told(movement(url, c))
}

func (t told) Observe(ctx context.Context, url string, c hook.Change) (bool, error) {
	t.repos.Nudge(url)
	return t.observe(ctx, movement(url, c))
}

func movement(url string, c hook.Change) poll.Movement {
	m := poll.Movement{VCS: c.VCS, URL: url, Ref: c.Ref, Before: c.Before, After: c.After}
	if c.Said != nil {
		m.Said = &state.Said{Message: c.Said.Message, Paths: c.Said.Paths}
	}
	return m
}

// hooks tells the faces how hooks are doing.
type hooks struct{ all *hook.Hooks }

func (h hooks) Hooks() []view.Hook {
	all := []view.Hook{}
	for _, s := range h.all.List() {
		all = append(all, view.Hook{
			Name: s.Name, Kind: s.Kind, Address: hook.Prefix + s.Name, Deliveries: s.Deliveries, Refused: s.Refused,
			LastDeliveryAt: s.LastAt, LastError: s.LastError, LastErrorAt: s.LastErrorAt,
		})
	}
	return all
}

// starts tells the faces when instances are built next.
type starts struct{ *schedule.Scheduler }

func (s starts) Starts(instance string) []view.Start {
	all := []view.Start{}
	for _, o := range s.Outlook(instance) {
		all = append(all, view.Start{
			Instance: o.Instance, NextAt: o.Next, Kind: o.Kind, Why: o.Why, Schedule: o.Schedule, Since: o.Last, After: append([]string{}, o.After...),
		})
	}
	return all
}

// pollLogins are the logins for the remotes that are asked.
type pollLogins struct{ *secrets.Logins }

func (l pollLogins) For(url string) (ask.Login, error) {
	login, err := l.Logins.For(url)
	return ask.Login{User: login.User, Password: login.Password, Key: login.Key, KnownHosts: login.KnownHostsFile}, err
}

// repoLogins are the logins for the repositories of manifests.
type repoLogins struct{ *secrets.Logins }

func (l repoLogins) For(url string) (repos.Login, error) {
	login, err := l.Logins.For(url)
	return repos.Login{User: login.User, Password: login.Password, Key: login.Key, KnownHosts: login.KnownHosts}, err
}
