package suite

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/grpc"

	"github.com/wright-build/wright/plugins/balancer"
	"github.com/wright-build/wright/plugins/host"
)

const (
	balancerSetDoc = "Set makes the name of s lead to exactly its targets, all or nothing, and returns when new requests go there. " +
		"A route of another installation is plugins.Exists and stays as it is. One bad route never disturbs another."
	balancerListDoc   = "List gives every route that carries all of tags."
	balancerDeleteDoc = "Delete takes away the route of the name that the installation in tags owns. Deleting the missing is fine."
)

func balancerTrade() trade {
	return trade{
		noun: "route", verb: "Set", list: "List", putDoc: balancerSetDoc, listDoc: balancerListDoc, dropDoc: balancerDeleteDoc,
		replaces: true, called: (*T).domain,
		at: func(t *T, h *host.Host) (maker, error) {
			p, err := h.Balancer(t.call(), t.name)
			return balancerMaker{t, p}, err
		},
		on: func(t *T, c grpc.ClientConnInterface) maker { return balancerMaker{t, balancer.NewClient(c)} },
	}
}

func balancerKind() kindChecks {
	check := func(name, doc, mend string, run func(*balancerBench)) Check {
		return Check{Name: name, Doc: doc, Mend: mend, run: func(t *T) { run(newBalancerBench(t)) }}
	}
	return balancerTrade().kind(
		check("set, replace, delete", balancerSetDoc, "let the name have exactly the targets of the last Set: take the old ones away and put the new ones in place in one step", balancerLife),
		check("one name in any spelling", "Names differing only in case or in a dot behind are the same.",
			"compare and write names in one form: lower case, without the dot behind", balancerSpelling),
		check("other installations", balancerSetDoc,
			"keep the installation (plugins.InstallationTag) with every route; answer plugins.Errorf(plugins.Exists, …) to a Set of another's, and let Delete leave it alone", balancerOthers),
		check("an owner is needed", "Tags must hold plugins.InstallationTag.",
			"refuse a Set and a Delete without it: plugins.Invalidf(\"tags.\"+plugins.InstallationTag, …)", balancerOwnerless),
		check("targets of any form", "A target is a host name or IP address and a port; what is accepted is listed and served as it was given.",
			"keep address and port as they are (net.JoinHostPort writes IPv6 addresses right), or refuse with plugins.Invalid or plugins.Unsupported", balancerForms),
		check("many targets", fmt.Sprintf("A route may have %d targets.", balancer.MaxTargets),
			"write and list them all, or refuse the Set with plugins.Quota or plugins.Invalid", balancerMany),
		check("a wildcard", "A name may begin with \"*.\": it is a name of its own. Who has no wildcards answers plugins.Unsupported.",
			"keep the *. as it is, or refuse it with plugins.Unsupported", balancerWildcard),
		check("a name below another", "A route is that of its very name; names below it are others.",
			"compare whole names, not their ends", balancerBelow),
		check("requests arrive", balancerSetDoc, "return from Set and Delete when the change is in effect: wait for the reload, and ask whether it worked", balancerRequests),
		check("requests of others go on", "One bad route never disturbs another; nor does a change of one.",
			"reload without dropping what is served meanwhile", balancerUndisturbed),
	)
}

// balancerMaker sees a balancer as all kinds are seen.
type balancerMaker struct {
	t *T
	p balancer.Provider
}

func (m balancerMaker) put(ctx context.Context, name string, version int, tags map[string]string) (string, error) {
	targets := versionTargets(version)
	return targetsText(targets), m.p.Set(ctx, balancer.Spec{Name: name, Targets: targets, Tags: tags, Config: m.t.subject.Config})
}

func (m balancerMaker) all(ctx context.Context, tags map[string]string) ([]thing, error) {
	list, err := m.p.List(ctx, tags)
	things := make([]thing, 0, len(list))
	for _, r := range list {
		things = append(things, thing{r.Name, targetsText(r.Targets), r.Tags})
	}
	return things, err
}

func (m balancerMaker) drop(ctx context.Context, name string, tags map[string]string) error {
	return m.p.Delete(ctx, name, tags)
}

// versionTargets are two targets that tell versions from each other. Nobody is there.
func versionTargets(version int) []balancer.Target {
	if version == largest {
		return manyTargets()
	}
	a, b := version/200%200, version%200
	return []balancer.Target{{Address: fmt.Sprintf("127.1.%d.%d", a, b), Port: 9}, {Address: fmt.Sprintf("127.2.%d.%d", a, b), Port: 9}}
}

// targetsText shows targets in one form, whatever their order.
func targetsText(targets []balancer.Target) string {
	var all []string
	for _, t := range targets {
		address := strings.ToLower(strings.TrimSuffix(t.Address, "."))
		if a, err := netip.ParseAddr(address); err == nil {
			address = a.String()
		}
		all = append(all, net.JoinHostPort(address, strconv.Itoa(t.Port)))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// balancerBench is a balancer that runs.
type balancerBench struct {
	bench
	m maker
	p balancer.Provider
}

func newBalancerBench(t *T) *balancerBench {
	b := &balancerBench{bench: bench{t, balancerTrade()}}
	_, b.m = b.start()
	b.p = b.m.(patientMaker).maker.(balancerMaker).p
	return b
}

func (b *balancerBench) spec(name string, targets ...balancer.Target) balancer.Spec {
	return balancer.Spec{Name: name, Targets: targets, Tags: b.ownTags(), Config: b.subject.Config}
}

// set calls Set, which must work.
func (b *balancerBench) set(name string, targets ...balancer.Target) {
	if err := b.p.Set(b.call(), b.spec(name, targets...)); err != nil {
		b.Report(Finding{Did: fmt.Sprintf("Set %s to %s", name, targetsText(targets)), Got: answer(nil, err), Want: balancerSetDoc})
		b.stopNow()
	}
}

// leads fails the check unless the name leads to these targets.
func (b *balancerBench) leads(did, name string, targets ...balancer.Target) {
	got := b.mine(b.m)[name].what
	if want := targetsText(targets); got != want {
		b.Report(Finding{Did: did + ", then List", Got: fmt.Sprintf("%s leads to %q, it must lead to %q", name, short(got), short(want))})
	}
}
