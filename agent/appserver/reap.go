package appserver

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/balancer"
	"github.com/wright-build/wright/plugins/dns"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// reapTime bounds the answer to one Reap.
const reapTime = 10 * time.Minute

// Reap gives what a provider holds under the installation's tag or, where there
// is something to end, what of it could not be ended. What is to end must be in
// a list made now: nothing else is touched, whatever the master says.
func (k *Keeper) Reap(ctx context.Context, r *agentv1.Reap) ([]*agentv1.Holding, error) {
	ctx, cancel := context.WithTimeout(ctx, reapTime)
	defer cancel()
	h, err := k.holder(ctx, plugins.Kind(r.GetKind()), r.GetProvider())
	if err != nil {
		return nil, err
	}
	all, err := h.list(ctx, map[string]string{plugins.InstallationTag: k.Installation})
	if err != nil {
		return nil, fmt.Errorf("list what %s/%s holds: %w", r.GetKind(), r.GetProvider(), err)
	}
	if len(r.GetEnd()) == 0 {
		return all, nil
	}
	return k.endAll(ctx, h, all, r.GetEnd()), nil
}

// endsAtOnce is how many things are ended at the same time.
const endsAtOnce = 4

// endAll ends those of all that are to end, and gives those that it could not end.
func (k *Keeper) endAll(ctx context.Context, h holder, all []*agentv1.Holding, tokens []string) (failed []*agentv1.Holding) {
	doomed := map[string]bool{}
	for _, t := range tokens {
		doomed[t] = true
	}
	var tries errgroup.Group
	tries.SetLimit(endsAtOnce)
	for _, one := range all {
		if !doomed[one.GetToken()] || one.GetPersistent() || one.GetTags()[plugins.InstallationTag] != k.Installation {
			continue
		}
		delete(doomed, one.GetToken())
		failed = append(failed, one)
		tries.Go(func() error {
			if err := h.end(ctx, one.GetToken()); err != nil {
				one.Error = err.Error()
			}
			return nil
		})
	}
	_ = tries.Wait()
	left := failed[:0]
	for _, one := range failed {
		if one.GetError() != "" {
			left = append(left, one)
		}
	}
	return left
}

// holder is a provider of any kind, as far as reaping goes.
type holder struct {
	list func(ctx context.Context, tags map[string]string) ([]*agentv1.Holding, error)
	end  func(ctx context.Context, token string) error
}

func (k *Keeper) holder(ctx context.Context, kind plugins.Kind, name string) (holder, error) {
	switch kind {
	case plugins.Cloud:
		return k.servers(ctx, name)
	case plugins.Database:
		return k.databases(ctx, name)
	case plugins.DNS:
		return k.records(ctx, name)
	case plugins.Balancer:
		return k.routes(ctx, name)
	}
	return holder{}, fmt.Errorf("this agent cannot list what providers of kind %.80q hold; upgrade it", kind)
}

func (k *Keeper) servers(ctx context.Context, name string) (holder, error) {
	p, err := k.Providers.Cloud(ctx, name)
	return holder{func(ctx context.Context, tags map[string]string) (all []*agentv1.Holding, err error) {
		list, err := p.List(ctx, tags)
		for _, s := range list {
			one := &agentv1.Holding{Token: s.Token, Tags: ourTags(s.Tags)}
			if !s.CreatedAt.IsZero() {
				one.CreatedAt = timestamppb.New(s.CreatedAt)
			}
			all = append(all, one)
		}
		return all, err
	}, func(ctx context.Context, token string) error { return p.Delete(ctx, token) }}, err
}

func (k *Keeper) databases(ctx context.Context, name string) (holder, error) {
	p, err := k.Providers.Database(ctx, name)
	return holder{func(ctx context.Context, tags map[string]string) (all []*agentv1.Holding, err error) {
		list, err := p.List(ctx, tags)
		for _, d := range list {
			all = append(all, &agentv1.Holding{Token: d.Token, Tags: ourTags(d.Tags), Persistent: d.Persistent})
		}
		return all, err
	}, func(ctx context.Context, token string) error { return p.Delete(ctx, token) }}, err
}

// records ends a name only while it leads where it led when it was listed:
// whoever set it meanwhile owns it.
func (k *Keeper) records(ctx context.Context, name string) (holder, error) {
	p, err := k.Providers.DNS(ctx, name)
	var listed []dns.Entry
	return holder{func(ctx context.Context, tags map[string]string) (all []*agentv1.Holding, err error) {
		listed, err = p.List(ctx, tags)
		for _, e := range listed {
			all = append(all, &agentv1.Holding{Token: e.Domain, Tags: ourTags(e.Tags)})
		}
		return all, err
	}, func(ctx context.Context, domain string) error {
		defer k.hold(plugins.DNS, domain)()
		tags := map[string]string{plugins.InstallationTag: k.Installation}
		now, err := p.List(ctx, tags)
		same := func(a, b dns.Entry) bool {
			return a.Domain == domain && b.Domain == domain && slices.Equal(a.Records, b.Records)
		}
		if err == nil && common(listed, now, same) {
			err = p.Delete(ctx, domain, tags)
		}
		return err
	}}, err
}

// routes does the same with routes.
func (k *Keeper) routes(ctx context.Context, name string) (holder, error) {
	p, err := k.Providers.Balancer(ctx, name)
	var listed []balancer.Route
	return holder{func(ctx context.Context, tags map[string]string) (all []*agentv1.Holding, err error) {
		listed, err = p.List(ctx, tags)
		for _, r := range listed {
			all = append(all, &agentv1.Holding{Token: r.Name, Tags: ourTags(r.Tags)})
		}
		return all, err
	}, func(ctx context.Context, route string) error {
		defer k.hold(plugins.Balancer, route)()
		tags := map[string]string{plugins.InstallationTag: k.Installation}
		now, err := p.List(ctx, tags)
		same := func(a, b balancer.Route) bool {
			return a.Name == route && b.Name == route && slices.Equal(a.Targets, b.Targets)
		}
		if err == nil && common(listed, now, same) {
			err = p.Delete(ctx, route, tags)
		}
		return err
	}}, err
}

// ourTags are those that Wright gives; a provider may have added others.
func ourTags(tags map[string]string) map[string]string {
	ours := map[string]string{}
	for _, name := range []string{plugins.InstallationTag, "wright-instance", "wright-build"} {
		if value, is := tags[name]; is {
			ours[name] = value
		}
	}
	return ours
}

// common says whether two lists have something in common.
func common[T any](a, b []T, same func(T, T) bool) bool {
	return slices.ContainsFunc(a, func(x T) bool { return slices.ContainsFunc(b, func(y T) bool { return same(x, y) }) })
}
