package suite

import (
	"fmt"
	"strings"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/balancer"
)

func target(address string) balancer.Target { return balancer.Target{Address: address, Port: 9} }

func balancerLife(b *balancerBench) {
	name, beside := b.domain("life"), b.domain("beside")
	one, two, three := target("127.1.0.1"), target("127.1.0.2"), target("127.1.0.3")
	b.set(beside, three)
	b.set(name, one)
	b.leads("Set one target", name, one)
	b.set(name, one)
	b.leads("Set the same target twice", name, one)
	b.set(name, two, three)
	b.leads("Set one target, then two others", name, two, three)
	b.set(name, three, two)
	b.leads("Set the same two targets in another order", name, two, three)
	b.set(name, three)
	b.leads("Set two targets, then one of them", name, three)
	b.set(name, balancer.Target{Address: "127.1.0.3", Port: 65535})
	b.leads("Set the same address with another port", name, balancer.Target{Address: "127.1.0.3", Port: 65535})
	b.drop(b.m, name, b.ownTags())
	b.leads("Delete a route", name)
	b.set(name, one)
	b.leads("Set a route again after its Delete", name, one)
	b.leads("Set and Delete another route", beside, three)
}

func balancerSpelling(b *balancerBench) {
	name := b.domain("spelling")
	b.set(name, target("127.1.0.1"))
	for i, spelling := range []string{strings.ToUpper(name), name + "."} {
		to := target(fmt.Sprintf("127.1.0.%d", 10+i))
		b.set(spelling, to)
		found := b.mine(b.m)
		if len(found) != 1 || found[name].what != targetsText([]balancer.Target{to}) {
			b.Report(Finding{
				Did:  fmt.Sprintf("Set %s, then Set %s to another target, then List", name, spelling),
				Got:  fmt.Sprintf("%d routes %q; there must be one, %s, with the new target", len(found), sortedKeys(found), name),
				Mend: "compare and write names in one form: lower case, without the dot behind; List gives them in this form",
			})
		}
	}
	b.drop(b.m, strings.ToUpper(name)+".", b.ownTags())
	b.leads(fmt.Sprintf("Set %s, then Delete %s.", name, strings.ToUpper(name)), name)
}

func balancerOthers(b *balancerBench) {
	name := b.domain("shared")
	b.set(name, target("127.1.0.1"))
	for _, other := range b.others() {
		who := fmt.Sprintf("for the installation %q (its own is %q)", other[plugins.InstallationTag], b.installation())
		for _, spelling := range []string{name, strings.ToUpper(name), name + "."} {
			spec := b.spec(spelling, target("127.1.0.2"))
			spec.Tags = other
			if err := b.p.Set(b.call(), spec); plugins.CodeOf(err) != plugins.Exists {
				b.Report(Finding{Did: fmt.Sprintf("Set the route %s, which another installation has, %s", spelling, who), Got: answer("no error", err)})
			}
		}
		b.leads("Set a route, then Set it "+who, name, target("127.1.0.1"))
		b.drop(b.m, name, other)
		b.leads("Set a route, then Delete it "+who, name, target("127.1.0.1"))
		b.want(b.m, other, "Set and Delete a route "+who, "", nil...)
	}
	b.drop(b.m, name, b.ownTags())
	if _, err := b.m.put(b.call(), name, 1, b.another()); err != nil {
		b.Report(Finding{Did: "Set a route that another installation had and deleted", Got: answer(nil, err)})
	}
}

func balancerOwnerless(b *balancerBench) {
	name := b.domain("owner")
	b.set(name, target("127.1.0.1"))
	tags := map[string]string{"color": "red"}
	for _, n := range []string{name, b.domain("free")} {
		spec := b.spec(n, target("127.1.0.3"))
		spec.Tags = tags
		if err := b.p.Set(b.call(), spec); plugins.CodeOf(err) != plugins.Invalid {
			b.Report(Finding{Did: "Set a route without " + plugins.InstallationTag + " among the tags", Got: answer("no error", err)})
		}
	}
	if err := b.p.Delete(b.call(), name, nil); plugins.CodeOf(err) != plugins.Invalid {
		b.Report(Finding{Did: "Delete a route without " + plugins.InstallationTag + " among the tags", Got: answer("no error", err)})
	}
	b.leads("Set and Delete it without an owner", name, target("127.1.0.1"))
	_ = b.p.Delete(b.call(), b.domain("free"), tags) // what no sweep finds
}

func balancerForms(b *balancerBench) {
	forms := []balancer.Target{
		{Address: "127.1.0.1", Port: 1}, {Address: "127.1.0.1", Port: 65535}, {Address: "::1", Port: 8080},
		{Address: "2001:db8:0:0:0:0:0:1", Port: 80}, {Address: "::ffff:127.1.0.1", Port: 80}, {Address: "localhost", Port: 8080},
		{Address: "app-1.internal.example.test", Port: 8080}, {Address: "under_score.example.test", Port: 443}, {Address: "127.1.0.1", Port: 443},
	}
	var accepted []balancer.Target
	for i, form := range forms {
		name := b.domain(fmt.Sprintf("form%d", i))
		did := fmt.Sprintf("Set a route to the address %q, port %d", form.Address, form.Port)
		if err := b.p.Set(b.call(), b.spec(name, form)); err != nil {
			b.refusal(did, err)
			continue
		}
		b.leads(did, name, form)
		accepted = append(accepted, form)
	}
	name := b.domain("mixed")
	if len(accepted) == 0 {
		b.Report(Finding{Did: "Set routes to targets of many forms", Got: "every one is refused"})
		return
	}
	if err := b.p.Set(b.call(), b.spec(name, accepted...)); err != nil {
		b.refusal("Set one route to targets of many forms", err)
		b.leads("Set one route to targets of many forms (refused)", name)
		return
	}
	b.leads("Set one route to targets of many forms", name, accepted...)
}

func manyTargets() []balancer.Target {
	var targets []balancer.Target
	for i := range balancer.MaxTargets {
		targets = append(targets, balancer.Target{Address: fmt.Sprintf("127.1.%d.%d", i/250, 1+i%250), Port: 1000 + i})
	}
	return targets
}

func balancerMany(b *balancerBench) {
	targets := manyTargets()
	name := b.domain("many")
	b.set(name, target("127.1.0.1"))
	did := fmt.Sprintf("Set a route to %d targets", len(targets))
	err := b.p.Set(b.call(), b.spec(name, targets...))
	switch code := plugins.CodeOf(err); {
	case err == nil:
		b.leads(did, name, targets...)
		b.set(name, target("127.1.0.2"))
		b.leads(did+", then to one", name, target("127.1.0.2"))
	case code == plugins.Quota || code == plugins.Invalid:
		b.leads(did+" (refused)", name, target("127.1.0.1"))
	default:
		b.Report(Finding{Did: did, Got: answer(nil, err)})
	}
}

func balancerWildcard(b *balancerBench) {
	name := b.domain("wild")
	b.set(name, target("127.1.0.1"))
	err := b.p.Set(b.call(), b.spec("*."+name, target("127.1.0.2")))
	switch {
	case err == nil:
		b.leads("Set *."+name, "*."+name, target("127.1.0.2"))
		b.drop(b.m, "*."+name, b.ownTags())
		b.leads("Set and Delete *."+name, "*."+name)
	case plugins.CodeOf(err) != plugins.Unsupported:
		b.Report(Finding{Did: "Set *." + name, Got: answer(nil, err)})
	}
	b.leads(fmt.Sprintf("Set %s, then Set *.%[1]s to another target", name), name, target("127.1.0.1"))
}

func balancerBelow(b *balancerBench) {
	name := b.domain("name")
	below, like := "below."+name, "like-"+name
	b.set(below, target("127.1.0.1"))
	b.set(like, target("127.1.0.2"))
	b.set(name, target("127.1.0.3"))
	b.leads("Set a name below a name, then this name", below, target("127.1.0.1"))
	b.drop(b.m, name, b.ownTags())
	b.leads("Delete a name", below, target("127.1.0.1"))
	b.leads("Delete a name", like, target("127.1.0.2"))
}
