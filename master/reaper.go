package master

import (
	"context"
	"errors"
	"fmt"

	"github.com/wright-build/wright/master/api/view"
	"github.com/wright-build/wright/master/reap"
	"github.com/wright-build/wright/master/store"
)

// reaper tells the faces what providers hold that nobody owns.
type reaper struct{ all *reap.Reaper }

func (r reaper) Reap(ctx context.Context, provider string, force bool) error {
	err := r.all.Now(ctx, provider, force)
	if errors.Is(err, reap.ErrNowhere) {
		return fmt.Errorf("%w: %w", store.ErrNotFound, err)
	}
	return err
}

func (r reaper) Places() []view.ReapPlace {
	all := []view.ReapPlace{}
	for _, p := range r.all.Reports() {
		all = append(all, view.ReapPlace{
			Kind: p.Kind, Provider: p.Provider, Agent: p.Agent, CheckedAt: p.CheckedAt, Listed: p.Listed, Unowned: len(p.Unowned),
			HeldBack: p.HeldBack, Error: p.Error,
		})
	}
	return all
}

// Unowned lists a thing once, however many agents see it.
func (r reaper) Unowned() []view.Unowned {
	all := []view.Unowned{}
	index := map[[3]string]int{}
	for _, p := range r.all.Reports() {
		for _, u := range p.Unowned {
			k := [3]string{p.Kind, p.Provider, u.Token}
			if i, seen := index[k]; seen {
				all[i].Agents = append(all[i].Agents, p.Agent)
				continue
			}
			index[k] = len(all)
			all = append(all, unowned(p, u, r.all))
		}
	}
	return all
}

func unowned(p reap.Report, u reap.Unowned, all *reap.Reaper) view.Unowned {
	v := view.Unowned{
		Kind: p.Kind, Provider: p.Provider, Token: u.Token, Agents: []string{p.Agent}, State: "waiting",
		Instance: u.Tags["wright-instance"], CreatedAt: u.CreatedAt, Since: u.Since, DueAt: all.DueAt(u), Error: u.Error,
	}
	switch {
	case p.HeldBack:
		v.State = "held back"
	case u.Error != "":
		v.State = "failing"
	case !u.Ended.IsZero():
		v.State = "ended"
	}
	return v
}
