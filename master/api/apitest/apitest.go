// Package apitest is a small made-up world for tests of what people see: a real
// store and real logs with facts in them, and rooms that do as they are told
// by writing facts at once.
package apitest

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/wright-build/wright/master/api"
	"github.com/wright-build/wright/master/logs"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
	"github.com/wright-build/wright/master/store/storetest"
	"github.com/wright-build/wright/master/watchlist"
)

// World is a store, logs, and the rooms beside them.
type World struct {
	T     testing.TB
	Store *store.Store
	Logs  *logs.Logs
	Now   time.Time // of the next fact; every one is a second later

	mu      sync.Mutex // guards all below
	wanted  []string
	checked []string
}

// New makes a world without facts.
func New(t testing.TB) *World {
	t.Helper()
	l, err := logs.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return &World{T: t, Store: storetest.Embedded(t), Logs: l, Now: time.Now().Add(-time.Hour).Truncate(time.Second).UTC()}
}

// Config has the world's rooms.
func (w *World) Config() api.Config {
	return api.Config{
		Store: w.Store, Logs: w.Logs, Builds: w, Instances: w, AppServers: w, Polls: w,
		Version: "test", Log: slog.New(slog.DiscardHandler),
	}
}

// Put writes facts and waits until they are live.
func (w *World) Put(writes ...state.Write) {
	w.T.Helper()
	if err := w.Store.CommitSeen(w.T.Context(), writes...); err != nil {
		w.T.Fatal(err)
	}
}

func (w *World) now() time.Time {
	w.Now = w.Now.Add(time.Second)
	return w.Now
}

// Manifest puts a manifest in force.
func (w *World) Manifest(instance, text string) {
	w.T.Helper()
	m := state.InForce{Instance: instance, File: "/etc/wright/" + instance + ".toml", Text: []byte(text), Since: w.now()}
	w.Put(m.Put())
}

// Live returns a live build, or nil.
func (w *World) Live(id string) (b *state.Build) {
	w.Store.Read(func(f *state.Facts) { b = f.Builds[id] })
	return b
}

// Begin hands a queued build to an agent.
func (w *World) Begin(id, phase string) *state.Build {
	w.T.Helper()
	b, err := w.Live(id).Assign("dev-1", "", "", w.Store.Revision())
	if err == nil {
		b, err = b.Advance(state.Update{Attempt: b.Attempt, Version: 1, State: state.Running, Phase: phase, StartedAt: w.now()})
	}
	if err != nil {
		w.T.Fatal(err)
	}
	w.Put(b.Put())
	return w.Live(id)
}

// End finishes a build that runs, with its logs.
func (w *World) End(id string, to state.BuildState, why string) {
	w.T.Helper()
	b := w.Live(id)
	if err := w.Logs.Finish(logs.Attempt{Instance: b.Instance, Build: id, Attempt: b.Attempt}); err != nil {
		w.T.Fatal(err)
	}
	w.EndElsewhere(id, to, why, 0)
}

// EndElsewhere finishes a build that runs and wrote so many bytes, which another
// master took.
func (w *World) EndElsewhere(id string, to state.BuildState, why string, output int64) {
	w.T.Helper()
	b := w.Live(id)
	ended, err := b.Advance(state.Update{
		Attempt: b.Attempt, Version: b.Version + 1, State: to, Error: why, StartedAt: b.StartedAt, EndedAt: w.now(), Output: output,
	})
	if err != nil {
		w.T.Fatal(err)
	}
	last := &state.Last{Instance: b.Instance}
	w.Store.Read(func(f *state.Facts) {
		if l := f.Lasts[b.Instance]; l != nil {
			c := *l
			last = &c
		}
	})
	last.Finished = ended
	if to == state.Succeeded {
		last.Success = id
	}
	w.Put(append(ended.Finish(), last.Put())...)
}

// Output appends to a part of a live build's log.
func (w *World) Output(id string, part int, name string, data []byte, end bool) {
	w.T.Helper()
	b := w.Live(id)
	at := logs.Attempt{Instance: b.Instance, Build: id, Attempt: b.Attempt}
	sizes, err := w.Logs.Sizes(at)
	if err == nil {
		_, err = w.Logs.Append(at, part, name, sizes[part], data, end)
	}
	if err != nil {
		w.T.Fatal(err)
	}
}

// Start is api.Builds.
func (w *World) Start(ctx context.Context, instance string, r api.Request) (state.Build, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	next := state.Instance{Name: instance}
	w.Store.Read(func(f *state.Facts) {
		if i := f.Instances[instance]; i != nil {
			next = *i
		}
	})
	next.LastNumber++
	b := state.Build{
		ID: state.BuildID{Instance: instance, Number: next.LastNumber}.String(), Instance: instance, Number: next.LastNumber,
		State: state.Queued, Attempt: 1, Revision: r.Revision, Reason: state.Reason{Kind: r.Kind, Text: r.Text}, QueuedAt: w.now(),
	}
	return b, w.Store.CommitSeen(ctx, next.Put(), b.Put())
}

// Cancel is api.Builds.
func (w *World) Cancel(ctx context.Context, id state.BuildID, why string) error {
	b, err := w.Live(id.String()).End(state.Cancelled, why, w.now())
	if err != nil {
		return err
	}
	return w.Store.CommitSeen(ctx, append(b.Finish(), (&state.Last{Instance: b.Instance, Finished: b}).Put())...)
}

// Archive is api.Instances.
func (w *World) Archive(ctx context.Context, instance string, archived bool) error {
	next := state.Instance{Name: instance}
	w.Store.Read(func(f *state.Facts) {
		if i := f.Instances[instance]; i != nil {
			next = *i
		}
	})
	next.Archived = archived
	return w.Store.CommitSeen(ctx, next.Put())
}

// Delete is api.Instances; it forgets nothing but the instance itself.
func (w *World) Delete(ctx context.Context, instance string) error {
	var drop state.Write
	w.Store.Read(func(f *state.Facts) { drop = f.Instances[instance].Put().Drop() })
	return w.Store.CommitSeen(ctx, drop)
}

// Want is api.AppServers; it only remembers.
func (w *World) Want(_ context.Context, id string, doing state.Doing) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wanted = append(w.wanted, string(doing)+" "+id)
	return nil
}

// Forget is api.AppServers; it only remembers.
func (w *World) Forget(ctx context.Context, id string) error { return w.Want(ctx, id, "forget") }

// Wanted is what was wanted of AppServers.
func (w *World) Wanted() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.wanted
}

// Status is api.Polls: everything git was looked at a minute ago.
func (w *World) Status(vcs, url string) (time.Time, string) {
	switch {
	case url == "https://git.example.test/gone.git":
		return w.Now, "repository not found"
	case url == "https://git.example.test/unknown.git" || vcs != "git":
		return time.Time{}, ""
	}
	return w.Now.Add(-time.Minute), ""
}

// CheckNow is api.Polls; it only remembers.
func (w *World) CheckNow(url string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.checked = append(w.checked, url)
}

// Observe is api.Polls: a movement is recorded if its ref's fact is where it
// begins.
func (w *World) Observe(ctx context.Context, vcs string, c api.Change) (bool, error) {
	name := state.RefName(watchlist.KeyOf(vcs, c.URL).Watch(c.Ref))
	var fact *state.Ref
	w.Store.Read(func(f *state.Facts) { fact = f.Refs[name] })
	if fact == nil || fact.Revision != *c.Before {
		w.CheckNow(c.URL)
		return false, nil
	}
	next := *fact
	next.Previous, next.Revision = *c.Before, *c.After
	return true, w.Store.CommitSeen(ctx, next.Put(next.Key()))
}

// Checked is what was to be looked at.
func (w *World) Checked() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.checked
}
