package suite

import (
	"context"
	"fmt"
	"time"

	"github.com/wright-build/wright/plugins"
)

// backendChecks are about an HTTP backend that misbehaves.
func (tr trade) backendChecks() []Check {
	doc := "Where the backend fails, a call succeeds after retries of its own or fails as transient; it never says what nobody knows. " + tr.putDoc
	faulty := func(name, mend string, faults func() []Fault) Check {
		return tr.check(name, doc, mend, func(b *bench) { b.faulty(faults()) })
	}
	return []Check{
		faulty("backend: errors before the request is carried out", "answer with plugins.Transient for 5xx and lost connections, or retry; never take an error for an answer", errorsBefore),
		faulty("backend: errors after the request was carried out", "look for what is there before you repeat a request that makes something; never take an error for an answer", errorsAfter),
		faulty("backend: broken answers", "check the status and parse the whole answer before believing it; an answer that is cut off, empty or of another kind is an error, no empty list ({} too: look whether it has the field that holds the list)", brokenAnswers),
		tr.check("backend: a gateway that lost its way", lostWayDoc, lostWayMend, lostWay),
		tr.check("backend: throttling", doc+" With Retry-After, the transient error carries it.", "map 429 and 503 to plugins.RetryAfter with the time of the header Retry-After, or wait so long and retry", throttled),
		tr.check("backend: slow", doc, "give requests the time that the call has", slow),
		tr.check("backend: hanging", doc+" Each call ends at its deadline.", "give the call's context to every request (http.NewRequestWithContext), or a timeout; hold no lock that others cannot wait for", hanging),
	}
}

// mediated wants a proxy in between.
func (b *bench) mediated() {
	if b.proxy == nil {
		b.Skipf("no HTTP backend is known: name the setting that holds its URL as endpoint in verify.toml (Subject.Endpoint)")
	}
}

// faulty runs every call into every fault, at each of the first requests that it sends.
func (b *bench) faulty(faults []Fault) {
	b.mediated()
	_, m := b.start()
	b.took(m) // connections and logins are made
	for _, call := range []string{b.trade.verb, b.trade.list, "Delete"} {
		n := b.requestsOf(m, call)
		for i, f := range faults {
			for request := 1; request <= min(n, 3) && !b.Failed(); request++ {
				f.Request = request
				b.meet(m, call, f, fmt.Sprintf("met-%s-%d-%d", call, i, request))
			}
		}
	}
}

// requestsOf counts the requests of a call.
func (b *bench) requestsOf(m maker, call string) int {
	name := b.name("count-" + call)
	if call != b.trade.verb {
		b.put(m, name, 1, b.ownTags())
	}
	b.proxy.set(nil)
	_, _, err := b.do(b.call(), m, call, name)
	n, _, _ := b.proxy.requests()
	if err != nil {
		b.Report(Finding{Did: call, Got: answer(nil, err)})
	}
	b.drop(m, name, b.ownTags())
	return n
}

// do makes one of the calls.
func (b *bench) do(ctx context.Context, m maker, call, name string) (what string, list map[string]thing, err error) {
	switch call {
	case b.trade.verb:
		what, err = m.put(ctx, name, 2, b.ownTags())
	case b.trade.list:
		var all []thing
		all, err = m.all(ctx, b.ownTags())
		list = map[string]thing{}
		for _, t := range all {
			list[t.name] = t
		}
	default:
		err = m.drop(ctx, name, b.ownTags())
	}
	return what, list, b.seen(err)
}

// meet has one call meet a fault, and looks whether what it says is true.
func (b *bench) meet(m maker, call string, f Fault, word string) {
	name, before := b.name(word), ""
	if call != b.trade.verb || b.trade.replaces {
		before = b.put(m, name, 1, b.ownTags())
	}
	did := fmt.Sprintf("%s, whose request %d to the backend meets: %s", call, f.Request, f.Name)
	b.proxy.set(&f)
	what, list, err := b.do(b.within(min(b.subject.Limit, 20*time.Second)), m, call, name)
	b.proxy.set(nil)
	b.believable(f, did, err)
	found, there := b.mine(m)[name]
	switch {
	case call == b.trade.verb:
		b.afterFault(m, did, name, before, what, err)
	case call == b.trade.list && err == nil && list[name].what != before:
		b.Report(Finding{Did: did, Got: fmt.Sprintf("a list without what there is, or with something else of its name: %s", names4(list)), Want: b.trade.listDoc})
	case call == "Delete" && err == nil && there:
		b.Report(Finding{Did: did + ", which said that all is well", Got: "it is still listed: " + short(found.what), Want: b.trade.dropDoc})
	case call == "Delete" && there && found.what != before:
		b.Report(Finding{Did: did, Got: fmt.Sprintf("half of it is left: %s", short(found.what)), Want: b.trade.dropDoc})
	}
	b.drop(m, name, b.ownTags())
	if _, there := b.mine(m)[name]; there {
		b.Report(Finding{Did: did + ", then Delete", Got: "it is still listed", Want: b.trade.dropDoc})
	}
}

// afterFault looks at what a put that met a fault left, and repeats it.
func (b *bench) afterFault(m maker, did, name, before, what string, err error) {
	found, there := b.mine(m)[name]
	if err == nil && (!there || found.what != what) {
		b.Report(Finding{Did: did + ", which said that all is well; then " + b.trade.list, Got: fmt.Sprintf("%q, it must be %q", short(found.what), short(what))})
	}
	again, err := m.put(b.call(), name, 2, b.ownTags())
	if err != nil {
		b.Report(Finding{Did: did + ", then the same call when the backend works", Got: answer(nil, err)})
		return
	}
	if found.what != before && found.what != again {
		b.Report(Finding{
			Did: did + ", then " + b.trade.list, Got: fmt.Sprintf("half of it: %q. Before the call it was %q, after a repetition it is %q", short(found.what), short(before), short(again)),
			Mend: "put the whole in place with one request, or take back what was begun",
		})
	}
	if now := b.mine(m)[name].what; now != again {
		b.Report(Finding{Did: did + ", then the same call when the backend works, then " + b.trade.list, Got: fmt.Sprintf("%q, the call gave %q", short(now), short(again))})
	}
}

// believable fails the check if the error of a call that met a fault tells more
// than anybody can know.
func (b *bench) believable(f Fault, did string, err error) {
	code := plugins.CodeOf(err)
	if err == nil || code == plugins.Transient || f.Vague && code == plugins.Unknown {
		return
	}
	b.Report(Finding{Did: did, Got: answer(nil, err), Want: "the code transient: the same call may work later."})
}

func throttled(b *bench) {
	b.mediated()
	_, m := b.start()
	for i, f := range throttling() {
		name := b.name(fmt.Sprintf("busy%d", i))
		b.proxy.set(&f)
		_, err := m.put(b.within(min(b.subject.Limit, 6*time.Second)), name, 2, b.ownTags())
		b.proxy.set(nil)
		did := fmt.Sprintf("%s, all of whose requests meet: %s", b.trade.verb, f.Name)
		b.believable(f, did, b.seen(err))
		if e, ok := asError(err); err == nil || ok && e.Code == plugins.Transient && !f.patient(e) && !cancelled(err) {
			b.Report(Finding{Did: did, Got: answer("no error", err), Want: "Error.RetryAfter is what the backend asked for."})
		}
		b.put(m, name, 2, b.ownTags())
	}
}

func slow(b *bench) {
	b.mediated()
	_, m := b.start()
	name := b.name("slow")
	const did = " with a backend that takes 300 ms for each answer"
	b.proxy.set(&Fault{Delay: 300 * time.Millisecond})
	what := b.put(m, name, 2, b.ownTags())
	b.equal(b.trade.verb+did+", then "+b.trade.list, what, b.mine(m)[name].what)
	b.drop(m, name, b.ownTags())
	b.proxy.set(nil)
	b.want(m, b.ownTags(), "Delete"+did, "", nil...)
}

// hanging gives many calls up while the backend does not answer: they end, what
// they hold is let go, and the provider works again when the backend does.
func hanging(b *bench) {
	b.mediated()
	_, m := b.start()
	const limit = time.Second
	did := fmt.Sprintf("12 calls at once with a deadline of %v while the backend never answers", limit)
	b.proxy.set(&Fault{Name: "no answer", Mode: Hang})
	start := time.Now()
	together(12, func(i int) {
		call := []string{b.trade.verb, b.trade.list, "Delete"}[i%3]
		if _, _, err := b.do(b.within(limit), m, call, b.name("hanging")); err == nil && i%3 != 2 {
			b.Report(Finding{Did: did, Got: call + " gave no error"})
		}
	})
	if took := time.Since(start); took > limit+b.grace() {
		b.Report(Finding{Did: did, Got: fmt.Sprintf("they came back after %v", took.Round(time.Second))})
	}
	patience := b.soon(time.Since(start) - limit)
	over := b.silent(patience)
	b.proxy.set(nil)
	if !over {
		b.Report(Finding{Did: did, Got: fmt.Sprintf("requests still wait for the backend %v after the calls have ended", patience.Round(time.Second))})
		return
	}
	name := b.name("hanging")
	what, err := m.put(b.within(min(b.subject.Limit, b.grace())), name, 2, b.ownTags())
	if err != nil {
		b.Report(Finding{Did: did + "; then the backend works again, and " + b.trade.verb, Got: answer(nil, err), Mend: "let calls that were given up keep no lock and no thread"})
		return
	}
	b.equal(did+"; then the backend works again, "+b.trade.verb+", "+b.trade.list, what, b.mine(m)[name].what)
}
