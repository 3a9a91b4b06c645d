package suite

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wright-build/wright/plugins"
)

// listChecks are about what the list holds, and what is gone.
func (tr trade) listChecks() []Check {
	checks := []Check{
		tr.check("list by tag", tr.listDoc,
			"keep the tags of a thing with it, compare every tag of the call with them, and list a thing only when all are equal", listByTag),
		tr.check("tags are kept", "Tags are written to the thing, so that the list finds it. They come back byte for byte.",
			"write tags where any text fits, escaped as the far side wants it, or refuse what does not fit with plugins.Invalidf(\"tags.KEY\", …); never change them", tagsAreKept),
		tr.check("an empty list", tr.listDoc, "give an empty list, without an error, when nothing is there or nothing has the tags", emptyList),
		tr.check("a long list", tr.listDoc,
			"ask the far side for page after page until there is none, and begin each where the last one ended", longList),
		tr.check("a restart forgets nothing", "A provider must keep what it must remember in Settings.StateDir or at the far side, and never in memory alone.",
			"write everything down before the call returns, and read it again when the process starts", restart),
		tr.check("two processes at once", "An agent that restarts may have the old process of a provider for a moment beside the new one, on the same Settings.StateDir.",
			"lock with the file system (flock) or at the far side, not in memory alone; read again under the lock before you write", twoProcesses),
	}
	if !tr.replaces {
		checks = append(checks, tr.check("tokens that look alike", tr.putDoc, "compare whole tokens, byte for byte; use a hash of all of it where the far side's names are short", lookAlikes))
	}
	if tr.dropDoc == "" {
		return checks
	}
	return append(checks,
		tr.check("delete", tr.dropDoc, "delete the very thing that was asked for, and return when it is gone", deleteOne),
		tr.check("delete the missing", tr.dropDoc, "return no error when there is nothing to delete; a far side's \"not found\" is success", deleteMissing),
		tr.check("delete at the same time", tr.dropDoc, "let two calls that delete the same thing both succeed: who finds it gone already is done", deleteTogether),
		tr.check("nothing is left behind", tr.dropDoc, "remove what was kept of a thing with it, in the provider's directory and at the far side", nothingLeft),
	)
}

func listByTag(b *bench) {
	_, m := b.start()
	both, one := b.name("both"), b.name("one")
	b.put(m, both, 1, b.withTag("color", "red", "size", "big"))
	b.put(m, one, 1, b.withTag("color", "red", "size", "small"))
	did := fmt.Sprintf("%s %q with color=red size=big and %q with color=red size=small", b.trade.verb, both, one)
	for _, tt := range []struct {
		tags  []string
		names []string
	}{
		{nil, []string{both, one}},
		{[]string{"color", "red"}, []string{both, one}},
		{[]string{"size", "big"}, []string{both}},
		{[]string{"color", "red", "size", "small"}, []string{one}},
		{[]string{"color", "blue", "size", "small"}, nil},
		{[]string{"color", "re"}, nil},
		{[]string{"colour", "red"}, nil},
	} {
		b.want(m, b.withTag(tt.tags...), fmt.Sprintf("%s, then ask for the tags %v", did, tt.tags), "", tt.names...)
	}
	b.everything(m, did, both, one)
	for _, other := range b.others() {
		b.want(m, other, fmt.Sprintf("%s, then ask for the things of the installation %q", did, other[plugins.InstallationTag]), "", nil...)
	}
}

// everything lists without tags. Whoever may not show a whole account says so.
func (b *bench) everything(m maker, did string, names ...string) {
	list, err := m.all(b.call(), nil)
	if err != nil {
		return
	}
	for _, name := range names {
		if !slices.ContainsFunc(list, func(t thing) bool { return t.name == name }) {
			b.Report(Finding{
				Did: did + ", then " + b.trade.list + " without tags", Got: fmt.Sprintf("%q is not among the %d that are listed", name, len(list)),
				Want: "No tags at all means everything.", Mend: "select nothing where nothing is asked for",
			})
			return
		}
	}
}

func tagsAreKept(b *bench) {
	_, m := b.start()
	for i, value := range append(hostile(), "", "Red", "CAPITALS and small") {
		name := b.name(fmt.Sprintf("tagged%d", i))
		tags := b.withTag("value", value)
		if _, err := m.put(b.call(), name, 1, tags); err != nil {
			b.refusal(b.did(name, tags), err)
			continue
		}
		got := b.all(m, tags)
		if t, ok := got[name]; !ok {
			b.Report(Finding{Did: b.did(name, tags) + ", accepted, then " + b.trade.list + " with the same tags", Got: "it is not listed"})
		} else if !maps.Equal(t.tags, tags) {
			b.Report(Finding{Did: b.did(name, tags) + ", accepted", Got: fmt.Sprintf("it is listed with %.300q", t.tags)})
		}
		if b.trade.dropDoc != "" {
			b.drop(m, name, tags)
		}
	}
	for i, key := range append(tagNames(), "a b", "a=b", "a:b/c", "ünïcödé", "a.b", "#", `"`, strings.Repeat("k", 200)) {
		name, tags := b.name(fmt.Sprintf("keyed%d", i)), b.withTag(key, "value", "plain", "value")
		if _, err := m.put(b.call(), name, 1, tags); err != nil {
			b.refusal(b.did(name, tags), err)
		} else if t := b.mine(m)[name]; !maps.Equal(t.tags, tags) {
			b.Report(Finding{Did: b.did(name, tags) + ", accepted", Got: fmt.Sprintf("it is listed with %.300q", t.tags)})
		}
	}
	b.onlyState()
}

// refusal fails the check unless the error is a proper refusal of a hostile text.
func (b *bench) refusal(did string, err error) {
	if refused(err) {
		b.namesField(did, "", err)
		return
	}
	if err != nil && strings.Contains(err.Error(), "ended while it was asked") {
		b.Report(Finding{Did: did, Got: "the provider's process died: " + answer(nil, err), Mend: "let no text end the process: the log says where it did"})
		return
	}
	b.Report(Finding{
		Did: did, Got: answer(nil, err),
		Want: "What a provider cannot keep as it is it refuses as invalid, with the field's path.",
		Mend: "check before you begin, and answer with plugins.Invalidf(\"FIELD\", …); an error of another code has the caller try again",
	})
}

func emptyList(b *bench) {
	_, m := b.start()
	b.want(m, b.ownTags(), "start with nothing", "", nil...)
	b.put(m, b.name("other"), 1, b.another())
	b.want(m, b.ownTags(), fmt.Sprintf("%s for another installation", b.trade.verb), "", nil...)
}

// many is how many things a long list has: what is made in some seconds by several
// at once, and best more than a page of a hundred.
func (b *bench) many(took time.Duration) int {
	const most, budget = 150, 8 * time.Second
	least := 45
	if b.trade.dropDoc == "" {
		least = 120 // of receipts all must be kept
	}
	return cmp.Or(b.subject.Many, max(least, min(most, int(budget/took))))
}

func longList(b *bench) {
	_, m := b.start()
	n := b.many(b.took(m))
	names := make([]string, n)
	for i := range n {
		names[i] = b.name(fmt.Sprintf("many%d", i))
	}
	const at = 8
	together(at, func(worker int) {
		for i := worker; i < n; i += at {
			b.put(m, names[i], 1, b.ownTags())
		}
	})
	did := fmt.Sprintf("%s %d of them", b.trade.verb, n)
	if b.trade.dropDoc == "" {
		b.want(m, b.ownTags(), did, "keep every receipt for a day and longer, however many they are; where the far side has them, ask it for page after page until there is none",
			append(names, b.name("measured"))...)
		return
	}
	b.want(m, b.ownTags(), did, "", names...)
	b.wholeList(n, func() (int, error) {
		all, err := m.all(b.within(time.Second), b.ownTags())
		return len(all), err
	})
	if b.trade.replaces {
		b.moving(m, names)
	}
	var left, doomed []string
	for i, name := range names {
		if i%3 == 0 {
			left = append(left, name)
		} else {
			doomed = append(doomed, name)
		}
	}
	b.shrinking(m, doomed, left)
	b.want(m, b.ownTags(), fmt.Sprintf("%s %d of them, then Delete two of each three", b.trade.verb, n), "delete just the thing that was asked for", left...)
}

// shrinking lists while much of a long list is deleted: what stays must be in
// every list.
func (b *bench) shrinking(m maker, doomed, left []string) {
	b.wholeWhile(m, left, Finding{
		Did:  fmt.Sprintf("%s while %d of %d are deleted", b.trade.list, len(doomed), len(doomed)+len(left)),
		Mend: "where pages are numbered or counted from the start, what goes moves the rest forward past the reader: ask for what comes after the last one seen (a cursor), or read all pages until two readings agree",
	}, func() { atOnceMost(8, doomed, func(name string) { b.drop(m, name, b.ownTags()) }) })
}

// moving lists while some of a long list are set anew: they stay, wherever the far
// side puts what has changed.
func (b *bench) moving(m maker, names []string) {
	const most = 30
	var changed []string
	for i := 0; i < len(names); i += max(1, len(names)/most) {
		changed = append(changed, names[i])
	}
	b.wholeWhile(m, names, Finding{
		Did:  fmt.Sprintf("%s while %d of %d are replaced", b.trade.list, len(changed), len(names)),
		Mend: "what is changed may move to another page, past the reader: have the far side sort by what never changes (a name, an ID), or read all pages until two readings agree",
	}, func() { atOnceMost(4, changed, func(name string) { b.put(m, name, 2, b.ownTags()) }) })
}

// wholeWhile lists all the time while something changes: what stays must be in every list.
func (b *bench) wholeWhile(m maker, stay []string, f Finding, change func()) {
	if b.proxy != nil {
		b.proxy.set(&Fault{Delay: 20 * time.Millisecond}) // so that a list takes long enough for something to change
		defer b.proxy.set(nil)
	}
	var over atomic.Bool
	var changing sync.WaitGroup
	changing.Go(func() {
		defer over.Store(true)
		change()
	})
	defer changing.Wait()
	for !over.Load() && !b.Failed() {
		found := b.mine(m)
		for _, name := range stay {
			if _, ok := found[name]; !ok {
				f.Got = fmt.Sprintf("%q, which stays, is not listed: %s", name, names4(found))
				b.Report(f)
				return
			}
		}
	}
}

func restart(b *bench) {
	h, m := b.start()
	name := b.name("kept")
	tags := b.withTag("color", "red")
	what := b.put(m, name, 1, tags)
	b.close(h)
	h, m = b.start()
	b.unchanged(m, name, what, tags, fmt.Sprintf("%s %q, end the provider, start it again", b.trade.verb, name))
	b.kill(h)
	_, m = b.start()
	b.unchanged(m, name, what, tags, fmt.Sprintf("%s %q, kill the provider, start it again", b.trade.verb, name))
	b.survivesSIGTERM()
}

// survivesSIGTERM ends the provider as a service manager does, while there is something.
func (b *bench) survivesSIGTERM() {
	name, what := b.name("signalled"), ""
	for i := range 2 {
		r := b.startRaw()
		if err := r.configure(b.settings()); err != nil {
			b.Fatalf("Configure: %s", errorText(err))
		}
		m := b.trade.on(b.T, r.conn)
		if i == 0 {
			what = b.put(m, name, 1, b.ownTags())
		} else {
			b.unchanged(m, name, what, b.ownTags(), fmt.Sprintf("%s %q, end the provider by SIGTERM, start it again", b.trade.verb, name))
			if b.trade.dropDoc != "" {
				b.drop(m, name, b.ownTags()) // what is in this directory no sweep finds
			}
		}
		terminate(r)
		r.ends(b.grace())
	}
}

func (b *bench) unchanged(m maker, name, what string, tags map[string]string, did string) {
	t, ok := b.all(m, tags)[name]
	switch {
	case !ok:
		b.Report(Finding{Did: did + ", then " + b.trade.list, Got: "it is not listed"})
	case t.what != what || !maps.Equal(t.tags, tags):
		b.Report(Finding{Did: did + ", then " + b.trade.list, Got: fmt.Sprintf("it is now %s with the tags %v, before it was %s with %v", t.what, t.tags, what, tags)})
	}
}

func twoProcesses(b *bench) {
	var makers [2]maker
	for i := range makers {
		_, makers[i] = b.start()
	}
	inTurn := []string{b.name("turn0"), b.name("turn1"), b.name("turn2"), b.name("turn3")}
	for i, name := range inTurn {
		b.put(makers[i%2], name, 1, b.ownTags())
	}
	for i, m := range makers {
		b.want(m, b.ownTags(), fmt.Sprintf("%s %d things through two processes of the provider in turn, then ask process %d", b.trade.verb, len(inTurn), i+1),
			"keep nothing in memory of what another process may change: read it again under the lock before you write, and whenever you are asked", inTurn...)
	}
	const n = 16
	names := make([]string, n)
	for i := range n {
		names[i] = b.name(fmt.Sprintf("of%d", i))
	}
	together(n, func(i int) { b.put(makers[i%2], names[i], 1, b.ownTags()) })
	for i, m := range makers {
		b.want(m, b.ownTags(), fmt.Sprintf("%s %d things at once through two processes of the provider, then ask process %d", b.trade.verb, n, i+1), "", append(names, inTurn...)...)
	}
}

func deleteOne(b *bench) {
	_, m := b.start()
	left, gone, similar := b.name("left"), b.name("gone"), b.name("gone2")
	for _, name := range []string{left, gone, similar} {
		b.put(m, name, 1, b.ownTags())
	}
	b.drop(m, gone, b.ownTags())
	did := fmt.Sprintf("%s %q, %q and %q, then Delete %q", b.trade.verb, left, gone, similar, gone)
	b.want(m, b.ownTags(), did, "delete exactly what the call names, wholly, before you return", left, similar)
	h, m := b.start()
	b.want(m, b.ownTags(), did+", start the provider again", "", left, similar)
	b.close(h)
}

func deleteMissing(b *bench) {
	_, m := b.start()
	name := b.name("never")
	if err := m.drop(b.call(), name, b.ownTags()); err != nil {
		b.Report(Finding{Did: fmt.Sprintf("Delete %q, which was never made", name), Got: answer(nil, err)})
	}
	name = b.name("twice")
	b.put(m, name, 1, b.ownTags())
	for i := range 2 {
		if err := m.drop(b.call(), name, b.ownTags()); err != nil {
			b.Report(Finding{Did: fmt.Sprintf("Delete %q for the %s time", name, []string{"first", "second"}[i]), Got: answer(nil, err)})
		}
	}
}

func deleteTogether(b *bench) {
	_, m := b.start()
	for round := range 3 {
		name := b.name(fmt.Sprintf("round%d", round))
		b.put(m, name, 1, b.ownTags())
		together(6, func(int) {
			if err := m.drop(b.call(), name, b.ownTags()); err != nil {
				b.Report(Finding{Did: fmt.Sprintf("Delete %q six times at once", name), Got: answer(nil, err)})
			}
		})
		b.want(m, b.ownTags(), fmt.Sprintf("Delete %q six times at once", name), "", nil...)
	}
	if b.Failed() {
		return
	}
	name := b.name("again")
	b.put(m, name, 1, b.ownTags())
	b.drop(m, name, b.ownTags())
	if _, err := m.put(b.call(), name, 2, b.ownTags()); err != nil && plugins.CodeOf(err) == plugins.Unknown {
		b.Report(Finding{Did: fmt.Sprintf("%s %q again after its Delete", b.trade.verb, name), Got: answer(nil, err), Want: b.trade.putDoc})
	}
}

// nothingLeft looks at the provider's directory and the backend after everything
// is deleted.
func nothingLeft(b *bench) {
	_, m := b.start()
	const n = 6
	names := make([]string, n)
	b.leftBehind(n, 0, func(word string) {
		for i := range n {
			names[i] = b.name(fmt.Sprintf("%s%d", word, i))
			b.put(m, names[i], 1, b.ownTags())
		}
	}, func(string) {
		for _, name := range names {
			b.drop(m, name, b.ownTags())
		}
	})
}
