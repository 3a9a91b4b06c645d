// Package retain removes output and artifacts of builds that were kept long
// enough, as manifests and the operator say. Of the builds themselves nothing is
// forgotten. It looks at what is there and removes what should not be, again and
// again, so it may die anywhere; it does not know how output and artifacts lie on
// the disk.
package retain

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
)

// Output is what builds wrote.
type Output interface {
	Instances() ([]string, error)
	Builds(instance string) ([]string, error) // the newest first
	Written(instance, build string) (time.Time, error)
	Size(instance, build string) (int64, error)
	Expire(instance, build string) error
}

// Artifacts are the files that builds kept.
type Artifacts interface {
	Size(instance, build string) (int64, error)
	Remove(instance, build string) error
}

// Config is what the room is made from.
type Config struct {
	Store     *store.Store
	Output    Output
	Artifacts Artifacts
	Rule      manifests.Retention            // where a manifest does not say it
	MinFree   int64                          // bytes; below it nothing waits for its time; 0: none
	Disk      func() (free int64, err error) // of the master's data
	Log       *slog.Logger
}

const (
	lookEvery  = time.Minute      // the disk is looked at
	roundEvery = 10 * time.Minute // everything is looked through
	atOnce     = 200              // builds whose output goes without a pause
)

// Retainer is the room.
type Retainer struct {
	cfg  Config
	full bool // the disk was, when it was looked at last
}

// New makes the room.
func New(cfg Config) *Retainer { return &Retainer{cfg: cfg} }

// Run does what is due until ctx ends.
func (r *Retainer) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	now, last := time.Now(), time.Time{}
	for {
		if r.look() || now.Sub(last) >= roundEvery {
			last = now
			if err := r.Round(ctx, now); err != nil && ctx.Err() == nil {
				r.cfg.Log.Error("removing what was kept long enough", "error", err)
			}
			r.look()
		}
		select {
		case now = <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// look says whether the disk is nearly full, and to the log when that changes.
func (r *Retainer) look() bool {
	if r.cfg.MinFree <= 0 {
		return false
	}
	free, err := r.cfg.Disk()
	if err != nil {
		r.cfg.Log.Error("looking at the disk", "error", err)
		return false
	}
	full := free < r.cfg.MinFree
	switch {
	case full && !r.full:
		r.cfg.Log.Warn("the disk of the master's data is nearly full: removing what was kept long enough; shorter [retention] in manifests makes more room",
			"free_mib", free>>20, "min_free_mib", r.cfg.MinFree>>20)
	case !full && r.full:
		r.cfg.Log.Info("the disk of the master's data has room again", "free_mib", free>>20)
	}
	r.full = full
	return full
}

// Round looks through all instances once. Trouble with one is no other's.
func (r *Retainer) Round(ctx context.Context, now time.Time) error {
	all, err := r.cfg.Output.Instances()
	for _, instance := range all {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if trouble := r.instance(ctx, instance, now); trouble != nil {
			err = errors.Join(err, fmt.Errorf("instance %s: %w", instance, trouble))
		}
	}
	return err
}

// instance removes what is due of one.
func (r *Retainer) instance(ctx context.Context, instance string, now time.Time) error {
	rule, ok := r.rule(instance)
	if !ok {
		return nil
	}
	builds, err := r.cfg.Output.Builds(instance)
	if err != nil || rule.MaxMiB == 0 && len(builds) <= rule.Builds {
		return err
	}
	all, err := r.kept(instance, builds, now, rule)
	if err != nil {
		return err
	}
	gone := Decide(all, now, rule)
	slices.Reverse(gone) // the oldest first, so that a round that ends early has done right
	pause := time.NewTicker(10 * time.Millisecond)
	defer pause.Stop()
	for i, build := range gone {
		if i%atOnce == atOnce-1 {
			<-pause.C
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if held := r.held(instance); held[build] {
			continue // it has been started meanwhile
		}
		err := r.cfg.Artifacts.Remove(instance, build)
		// gofail: var artifactsRemoved struct{}
		if err = errors.Join(err, r.cfg.Output.Expire(instance, build)); err != nil {
			return err
		}
	}
	if len(gone) > 0 {
		r.cfg.Log.Info("removed output and artifacts that were kept long enough", "instance", instance, "builds", len(gone), "up_to", gone[len(gone)-1])
	}
	return nil
}

// rule is that of an instance; not ok where this release cannot read it.
func (r *Retainer) rule(instance string) (rule manifests.Retention, ok bool) {
	rule, ok = r.cfg.Rule, true
	r.cfg.Store.Read(func(f *state.Facts) {
		if in := f.Manifests[instance]; in != nil && in.Manifest.Retention != nil {
			rule = *in.Manifest.Retention
		}
		_, unreadable := f.Unreadable[instance]
		ok = !unreadable
	})
	return rule, ok
}

// held are the builds that somebody needs: those under way, those whose AppServer
// lives, the last one and the last success, and those that somebody is still to be
// told of.
func (r *Retainer) held(instance string) map[string]bool {
	held := map[string]bool{}
	r.cfg.Store.Read(func(f *state.Facts) {
		for id := range f.OfInstance(instance) {
			held[id] = true
		}
		for _, a := range f.Servers(instance) {
			held[a.Build] = true
		}
		if l := f.Lasts[instance]; l != nil {
			held[l.Finished.ID], held[l.Success] = true, true
		}
		for _, n := range f.Notices {
			if n.Instance == instance && n.GivenUpAt.IsZero() {
				held[n.Build] = true
			}
		}
	})
	return held
}

// kept finds out of each build what the decision needs, and not more: there may
// be many, and most stay. From the oldest on, what comes after one that is young
// enough is so too.
func (r *Retainer) kept(instance string, builds []string, now time.Time, rule manifests.Retention) ([]Kept, error) {
	held := r.held(instance)
	all := make([]Kept, len(builds))
	young := false
	for i, build := range slices.Backward(builds) {
		k := Kept{Build: build, Held: held[build], At: now}
		var err error
		if i >= rule.Builds && !young {
			k.At, err = r.cfg.Output.Written(instance, build)
			young = now.Sub(k.At) < rule.Age
		}
		if rule.MaxMiB > 0 && err == nil {
			k.Bytes, err = r.size(instance, build)
		}
		if err != nil {
			return nil, err
		}
		all[i] = k
	}
	return all, nil
}

func (r *Retainer) size(instance, build string) (int64, error) {
	output, err := r.cfg.Output.Size(instance, build)
	if err != nil {
		return 0, err
	}
	files, err := r.cfg.Artifacts.Size(instance, build)
	return output + files, err
}
