package suite

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/wright-build/wright/plugins"
)

// callChecks are about single calls and calls at the same time.
func (tr trade) callChecks() []Check {
	checks := []Check{
		tr.check("the same again", tr.putDoc,
			"look for what is there under a lock before you make anything; give what is there back as it is", sameAgain),
		tr.check("the same at the same time", tr.putDoc,
			"hold one lock from looking whether it is there until it is written down", sameTogether),
		tr.check("others at the same time", tr.putDoc,
			"lock from reading to writing what several calls share, or each overwrites what the other wrote", othersTogether),
		tr.check("hostile names", "Hostile text is kept as it is or refused as invalid, and does nothing to anything else.",
			"never put a name or token into a path, a command line or a file as it stands: hash it, escape it or pass it as one argument", hostileNames),
		tr.check("wrong configuration is refused", "An unknown key of the provider's table of a manifest and a value of the wrong type are invalid, with the path of the field (config.KEY), and nothing is made.",
			"check the table with the schema; package plugins does it for Go when Plugin.Config is set", wrongConfig),
		tr.check("quota", "When there is no room the error is plugins.Quota: a person must make some. Nothing is left of the call.",
			"map what the far side says when its quota is used up to plugins.Quota, and take back what was begun", quota),
		tr.check("no time left", "Every call has a deadline and can be cancelled; one whose time is over fails at once, and does nothing later.",
			"pass the call's context on to everything that waits", noTimeLeft),
		tr.check("nothing grows", "A provider runs for months: what a call opens it closes.",
			"close connections, files and processes when the call ends, and forget what it was about", nothingGrows),
	}
	if tr.replaces {
		checks = append(checks, tr.check("never gone while it is replaced", momentDoc, momentMend, neverWithout),
			tr.check("tags of the last set", "Set replaces all that the installation in the tags has of the name, and its other tags; the list selects by the tags of the last Set.",
				"what is set belongs to its installation (plugins.InstallationTag): find it by that and by its name, and replace its other tags too, also where all else is as it was", lastTags))
	}
	return checks
}

func sameAgain(b *bench) {
	h, m := b.start()
	name := b.name("same")
	first := b.put(m, name, 1, b.ownTags())
	did := fmt.Sprintf("%s %q twice with the same arguments", b.trade.verb, name)
	b.equal(did, first, b.put(m, name, 1, b.ownTags()))
	b.want(m, b.ownTags(), did, "", name)
	b.kill(h)
	b.close(h)
	_, m = b.start()
	did += ", kill the provider, once more"
	b.equal(did, first, b.put(m, name, 1, b.ownTags()))
	b.want(m, b.ownTags(), did, "", name)
	b.equal(did+", then "+b.trade.list, first, b.mine(m)[name].what)
}

func (b *bench) equal(did, first, then string) {
	if first != then {
		b.Report(Finding{Did: did, Got: fmt.Sprintf("first %s, then %s", short(first), short(then))})
	}
}

func sameTogether(b *bench) {
	_, m := b.start()
	const calls = 16
	for round := range 3 {
		name := b.name(fmt.Sprintf("round%d", round))
		var whats [calls]string
		together(calls, func(i int) { whats[i] = b.put(m, name, 1, b.ownTags()) })
		if b.Failed() {
			return
		}
		did := fmt.Sprintf("%s %q %d times at once", b.trade.verb, name, calls)
		for _, w := range whats[1:] {
			b.equal(did, whats[0], w)
		}
		b.equal(did+", then "+b.trade.list, whats[0], b.mine(m)[name].what)
	}
}

func othersTogether(b *bench) {
	_, m := b.start()
	const n, calls = 12, 3
	names := make([]string, n)
	var whats [n][calls]string
	for i := range n {
		names[i] = b.name(fmt.Sprintf("of%d", i))
	}
	together(n*calls, func(k int) { whats[k/calls][k%calls] = b.put(m, names[k/calls], 1+k/calls, b.ownTags()) })
	if b.Failed() {
		return
	}
	did := fmt.Sprintf("%s %d different things at once, each %d times", b.trade.verb, n, calls)
	b.want(m, b.ownTags(), did, "", names...)
	found := b.mine(m)
	for i, name := range names {
		for _, w := range whats[i] {
			b.equal(fmt.Sprintf("%s, then look at %q", did, name), w, found[name].what)
		}
	}
}

func hostileNames(b *bench) {
	_, m := b.start()
	good := b.name("good")
	what := b.put(m, good, 1, b.ownTags())
	for _, text := range hostile() {
		names := []string{text, b.name("x") + text}
		if b.trade.replaces { // names are domains
			names = []string{text, text + "." + b.name("x")}
		}
		for _, name := range names {
			b.hostileName(m, name)
		}
	}
	b.want(m, b.ownTags(), "use and delete many hostile names", "", b.leftOf(m, good)...)
	b.equal(fmt.Sprintf("%s %q, then use many hostile names", b.trade.verb, good), what, b.mine(m)[good].what)
	b.onlyState()
}

// leftOf gives what may still be there after everything but good was deleted.
func (b *bench) leftOf(m maker, good string) []string {
	if b.trade.dropDoc != "" {
		return []string{good}
	}
	return sortedKeys(b.mine(m))
}

func (b *bench) hostileName(m maker, name string) {
	did := b.did(name, b.ownTags())
	if _, err := m.put(b.call(), name, 1, b.ownTags()); err != nil {
		elsewhere := b.trade.replaces && !strings.HasSuffix(name, b.zone())
		if code := plugins.CodeOf(err); !elsewhere || code != plugins.NotFound && code != plugins.Denied {
			b.refusal(did, err)
		}
		return
	}
	found := b.mine(m)
	if _, ok := found[name]; !ok && !b.listedAs(found, name) {
		b.Report(Finding{Did: did + ", accepted, then " + b.trade.list, Got: "it is not listed under its name: " + names4(found)})
	}
	if b.trade.dropDoc == "" {
		return
	}
	b.drop(m, name, b.ownTags())
	if n := len(b.mine(m)); n > 1 {
		b.Report(Finding{Did: fmt.Sprintf("%s and then Delete %.80q", b.trade.verb, name), Got: fmt.Sprintf("%d more things are listed than before", n-1)})
	}
}

// listedAs says whether a domain name is listed in another spelling.
func (b *bench) listedAs(found map[string]thing, name string) bool {
	for n := range found {
		if strings.EqualFold(strings.TrimSuffix(n, "."), strings.TrimSuffix(name, ".")) {
			return b.trade.replaces
		}
	}
	return false
}

func noTimeLeft(b *bench) {
	_, m := b.start()
	ctx, cancel := context.WithCancel(b.Context())
	cancel()
	late := b.name("late")
	if _, err := m.put(ctx, late, 1, b.ownTags()); !errors.Is(err, context.Canceled) {
		b.Report(Finding{Did: b.trade.verb + " with a context that is cancelled already", Got: answer(nil, err)})
	}
	if _, err := m.all(b.within(time.Microsecond), b.ownTags()); !cancelled(err) {
		b.Report(Finding{Did: b.trade.list + " with a deadline of a microsecond", Got: answer(nil, err)})
	}
	b.want(m, b.ownTags(), b.trade.verb+" with a context that is cancelled already", "", nil...)
}

func wrongConfig(b *bench) {
	_, m := b.start()
	bad := []badValue{{"wright-conformance-unknown", 1, "an unknown key"}}
	if b.about != nil {
		bad = append(bad, badValues(b.about.Config)...)
	}
	right := b.subject.Config
	for i, v := range bad {
		field := "config." + v.field
		if i == 0 {
			field = "" // that of an unknown key is said in several ways
		}
		b.subject.Config = over(right, map[string]any{v.field: v.value})
		_, err := m.put(b.call(), b.name(fmt.Sprintf("wrong%d", i)), 1, b.ownTags())
		b.T.refusal(b.seen(err), fmt.Sprintf("%s with config.%s = %v, which is %s", b.trade.verb, v.field, v.value, v.why), "config", field)
	}
	b.subject.Config = right
	b.want(m, b.ownTags(), b.trade.verb+" with wrong configurations", "check the table before you begin", nil...)
}

func quota(b *bench) {
	if len(b.subject.Full) == 0 && len(b.subject.FullConfig) == 0 {
		b.Skipf("no settings with a full quota are given: add a table [full] or [full-config] (Subject.Full, Subject.FullConfig) if the provider has quotas")
	}
	_, m := b.start()
	there, name := b.name("there"), b.name("full")
	what := b.put(m, there, 1, b.ownTags())
	right, config := b.subject.Settings, b.subject.Config
	b.subject.Settings = over(b.subject.Settings, b.subject.Full)
	b.subject.Config = over(b.subject.Config, b.subject.FullConfig)
	_, m = b.start()
	if _, err := m.put(b.call(), name, 1, b.ownTags()); b.seen(err) == nil || plugins.CodeOf(err) != plugins.Quota {
		b.Report(Finding{Did: b.did(name, b.ownTags()) + ", with a full quota", Got: answer("no error", err)})
	}
	b.want(m, b.ownTags(), b.trade.verb+" with a full quota", "", b.thereWhereFull(m, there, what)...)
	b.subject.Settings, b.subject.Config = right, config
	_, m = b.start()
	if _, err := m.put(b.call(), name, 1, b.ownTags()); b.seen(err) != nil {
		b.Report(Finding{Did: b.did(name, b.ownTags()) + ", with a full quota, then the same with room", Got: answer(nil, err), Want: b.trade.putDoc, Mend: "remember no failure: the same call may work when a person has made room"})
	}
}

// thereWhereFull repeats the call for what was there before there was no room, and
// gives its name. It is elsewhere where a full quota is that of another account.
func (b *bench) thereWhereFull(m maker, name, what string) []string {
	if _, listed := b.mine(m)[name]; !listed {
		return nil
	}
	again, err := m.put(b.call(), name, 1, b.ownTags())
	if b.seen(err) != nil || again != what {
		b.Report(Finding{
			Did: fmt.Sprintf("%s %q, then the same call again with a full quota", b.trade.verb, name), Got: answer(again, err), Want: b.trade.putDoc, Mend: thereMend,
		})
	}
	return []string{name}
}

// thereMend is for who counts before he looks.
const thereMend = "look for what is there before you ask whether there is room: a call that is repeated takes none"

// nothingGrows makes and deletes things for a while; what the process holds must
// not grow with each.
func nothingGrows(b *bench) {
	h, m := b.start()
	half, tags, filler := b.took(m)/2, b.fillerTags(), 0
	if _, err := m.put(b.call(), b.name("filler"), 1, tags); err != nil || b.trade.dropDoc == "" {
		tags = b.ownTags()
	} else {
		b.drop(m, b.name("filler"), tags)
		filler = fillers * len(tags["filler-0"])
	}
	b.grows(h, b.trade.verb+" and Delete, with calls that fail in between,", filler, func(i int) {
		name := b.name(fmt.Sprintf("grows%d", i))
		b.put(m, name, 1, tags)
		b.drop(m, name, b.ownTags())
		b.fails(i, half, func(ctx context.Context, word string) {
			_, err := m.put(ctx, b.name(word), 1, tags)
			_ = b.seen(err)
		}, func(word string) { b.drop(m, b.name(word), b.ownTags()) })
	})
}
