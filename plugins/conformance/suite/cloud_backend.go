package suite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
)

func cloudBackendChecks(check cloudCheck) []Check {
	const doc = "Where the backend fails, a call succeeds after retries of its own or fails as transient; it never makes a second server, forgets one, or says that something is gone or missing when nobody knows."
	faulty := func(name, mend string, faults func() []Fault) Check {
		return check(name, doc, mend, func(b *cloudBench) { b.faulty(faults()) })
	}
	return []Check{
		faulty("backend: errors before the request is carried out", "answer with plugins.Transient for 5xx and lost connections, or retry; never take an error for an answer", errorsBefore),
		faulty("backend: errors after the request was carried out", "before a request is repeated that makes something, look for what it made (by token); or send the token as an idempotency key", errorsAfter),
		faulty("backend: broken answers", "check the status and parse the whole answer before believing it; an answer that is cut off, empty or of another kind is an error, no empty list ({} too: look whether it has the field that holds the list)", brokenAnswers),
		check("backend: requests that are carried out late", lateDoc, lateMend, cloudLate),
		check("backend: a gateway that lost its way", lostWayDoc, lostWayMend, cloudLostWay),
		check("backend: throttling", doc+" With Retry-After, the transient error carries it.", "map 429 and 503 to plugins.RetryAfter with the time of the header Retry-After, or wait so long and retry", cloudThrottled),
		check("backend: down in the midst of a call", midstDoc, midstMend, cloudMidst),
		check("backend: slow", doc, "give requests the time that the call has", cloudSlow),
		check("backend: down for good", doc, "answer with plugins.Transient; retry no longer than the call's context lasts", cloudDown),
		check("backend: asked no more", "Each call ends when it is cancelled, within 5 s: the host answers at once, and nobody sees what the provider still does.",
			"give the call's context to every request and to every wait between them; nothing goes on in the background", cloudAskedNoMore),
		check("backend: hanging", doc+" Each call ends at its deadline.", "give the call's context to every request (http.NewRequestWithContext), or a timeout; count on being cancelled", cloudHanging),
	}
}

// mediated wants a proxy in between.
func (b *cloudBench) mediated() {
	if b.proxy == nil {
		b.Skipf("no HTTP backend is known: name the setting that holds its URL as endpoint in verify.toml (Subject.Endpoint)")
	}
}

// faulty runs every call into every fault, at each of the first requests that it
// sends. Servers may take long to make: those that a fault need not make stand
// ready.
func (b *cloudBench) faulty(faults []Fault) {
	b.mediated()
	_, p := b.start()
	b.took(p) // connections and logins are made
	sorts := b.learn(p)
	counts := b.requestsOf(p)
	for i := 0; i < len(faults) && !b.Failed(); i++ {
		for _, f := range atEachRequest(faults[i:i+1], counts["Create"]) {
			b.makes(p, b.spec(fmt.Sprintf("Create-%d-%d", i, f.Request)), f)
		}
	}
	b.faultyWithout(p, faults, counts)
	b.forgotten(sorts)
}

// faultyWithout is about the calls that make nothing.
func (b *cloudBench) faultyWithout(p cloud.Provider, faults []Fault, requests map[string]int) {
	stands := b.spec("stands")
	b.create(p, stands)
	for _, call := range []string{"Get", "List"} {
		for _, f := range atEachRequest(faults, requests[call]) {
			b.reads(p, stands, call, f)
		}
	}
	b.delete(p, stands.Token)
	b.deletes(p, atEachRequest(faults, requests["Delete"]))
}

// atEachRequest has each fault hit each of the first of n requests.
func atEachRequest(faults []Fault, n int) []Fault {
	var all []Fault
	for _, f := range faults {
		for f.Request = 1; f.Request <= min(n, 3); f.Request++ {
			all = append(all, f)
		}
	}
	return all
}

// requestsOf counts the requests of each call.
func (b *cloudBench) requestsOf(p cloud.Provider) map[string]int {
	s := b.spec("count")
	counts := map[string]int{}
	count := func(call string, f func()) {
		b.proxy.set(nil)
		f()
		counts[call], _, _ = b.proxy.requests()
	}
	count("Create", func() { b.create(p, s) })
	count("Get", func() { _, _ = p.Get(b.call(), s.Token) })
	count("List", func() { b.own(p) })
	count("Delete", func() { b.delete(p, s.Token) })
	return counts
}

// meeting is a call that met a fault.
type meeting struct {
	did    string
	made   *cloud.Server
	listed map[string]cloud.Server
	err    error
}

// meet has one call meet a fault.
func (b *cloudBench) meet(p cloud.Provider, call string, s cloud.Spec, f Fault) meeting {
	m := meeting{did: fmt.Sprintf("%s, whose request %d to the backend meets: %s", call, f.Request, f.Name)}
	b.proxy.set(&f)
	m.made, m.listed, m.err = b.callOf(p, call, s, b.within(min(b.subject.Limit, 20*time.Second)))
	b.proxy.set(nil)
	b.believable(f, m.did, m.err)
	return m
}

// makes has Create meet a fault, and looks at what it left.
func (b *cloudBench) makes(p cloud.Provider, s cloud.Spec, f Fault) {
	m := b.meet(p, "Create", s, f)
	if f.After && m.err != nil && f.Request%2 == 1 {
		// Nobody repeats this one. What it made List must find, or it is forgotten; see faulty.
		if _, listed := b.own(p)[s.Token]; listed {
			b.delete(p, s.Token)
		}
		return
	}
	b.after(p, s, m.made, m.err, m.did+fmt.Sprintf(" (%s)", answer("a server", m.err)))
}

// reads has Get or List meet a fault, while there is a server.
func (b *cloudBench) reads(p cloud.Provider, s cloud.Spec, call string, f Fault) {
	m := b.meet(p, call, s, f)
	if m.err != nil {
		return
	}
	if call == "Get" && m.made.Token != s.Token {
		b.Report(Finding{Did: m.did, Got: answer(m.made, nil), Want: cloudGet})
	}
	if _, ok := m.listed[s.Token]; call == "List" && !ok {
		b.Report(Finding{Did: m.did, Got: "a list without the server that there is: " + namesOf(m.listed), Want: cloudList})
	}
}

// deletes has Delete meet each of some faults, with a server for each.
func (b *cloudBench) deletes(p cloud.Provider, faults []Fault) {
	var tokens []string
	specs := map[string]cloud.Spec{}
	for i := range faults {
		s := b.spec(fmt.Sprintf("Delete-%d", i))
		tokens, specs[s.Token] = append(tokens, s.Token), s
	}
	atOnceMost(8, tokens, func(token string) { b.create(p, specs[token]) })
	for i, f := range faults {
		if b.Failed() {
			break
		}
		s, others := specs[tokens[i]], tokens[i+1:]
		m := b.meet(p, "Delete", s, f)
		if m.err == nil {
			b.gone(p, s, m.did+", which said that all is well:", others...)
		}
		b.delete(p, s.Token)
		b.gone(p, s, m.did+", then Delete", others...)
	}
}

func (b *cloudBench) callOf(p cloud.Provider, call string, s cloud.Spec, ctx context.Context) (*cloud.Server, map[string]cloud.Server, error) {
	switch call {
	case "Create":
		made, err := p.Create(ctx, s)
		return made, nil, b.seen(err)
	case "Get":
		got, err := p.Get(ctx, s.Token)
		return got, nil, b.seen(err)
	case "List":
		all, err := p.List(ctx, b.ownTags())
		found := map[string]cloud.Server{}
		for _, s := range all {
			found[s.Token] = s
		}
		return nil, found, b.seen(err)
	}
	return nil, nil, b.seen(p.Delete(ctx, s.Token))
}

// believable fails the check if the error of a call that met a fault tells more
// than anybody can know.
func (b *cloudBench) believable(f Fault, did string, err error) {
	if err == nil {
		return
	}
	code := plugins.CodeOf(err)
	if code == plugins.Transient || f.Vague && code == plugins.Unknown {
		return
	}
	b.Report(Finding{Did: did, Got: answer(nil, err), Want: "the code transient: the same call may work later."})
}

func cloudThrottled(b *cloudBench) {
	b.mediated()
	_, p := b.start()
	once := throttling()[0]
	once.Request = 1
	b.makes(p, b.spec("throttled-Create"), once)
	b.faultyWithout(p, []Fault{once}, map[string]int{"Get": 1, "List": 1, "Delete": 1})
	for _, f := range throttling() {
		s := b.spec("throttled-" + newID())
		b.proxy.set(&f)
		_, err := p.Create(b.within(min(b.subject.Limit, 6*time.Second)), s)
		b.proxy.set(nil)
		did := fmt.Sprintf("Create, all of whose requests meet: %s", f.Name)
		b.believable(f, did, b.seen(err))
		e, ok := asError(err)
		if ok && e.Code == plugins.Transient && !f.patient(e) && !errors.Is(err, context.DeadlineExceeded) {
			b.Report(Finding{Did: did, Got: answer(nil, err), Want: "Error.RetryAfter is what the backend asked for."})
		}
		b.after(p, s, nil, errors.Join(err, errThrottled), did)
	}
}

// errThrottled marks a call whose answer does not count.
var errThrottled = errors.New("throttled")

func cloudSlow(b *cloudBench) {
	b.mediated()
	_, p := b.start()
	b.proxy.set(&Fault{Delay: 300 * time.Millisecond})
	s := b.spec("slow")
	b.create(p, s)
	b.expect(p, Finding{Did: "Create and List with a backend that takes 300 ms for each answer"}, s.Token)
	b.delete(p, s.Token)
	b.proxy.set(nil)
	b.gone(p, s, "Delete with a backend that takes 300 ms for each answer,")
}

func cloudDown(b *cloudBench) {
	b.mediated()
	_, p := b.start()
	for _, f := range []Fault{{Name: "503", Status: 503}, {Name: "a connection that is reset", Mode: Reset}, {Name: "500 after the request was carried out", Status: 500, After: true, Writes: true},
		{Name: "200 with HTML instead of an answer", Mode: Garbage, Vague: true}, {Name: "200 with an empty answer", Mode: Empty, Vague: true},
		{Name: "200 with {}, without what the answer always holds", Mode: Hollow, After: true, Vague: true}} {
		for _, call := range []string{"Get", "List", "Create", "Delete"} {
			if f.Vague && call == "Create" {
				break // what was not carried out and has such an answer nobody can know
			}
			s := b.spec("down-" + newID())
			if call != "Create" {
				b.create(p, s)
			}
			did := fmt.Sprintf("%s with a deadline of 2 s, all of whose requests meet: %s", call, f.Name)
			b.proxy.set(&f)
			made, _, err := b.callOf(p, call, s, b.within(2*time.Second))
			b.proxy.set(nil)
			b.believable(f, did, err)
			switch {
			case call == "Create":
				b.after(p, s, made, err, did)
				continue
			case call == "Delete" && err == nil:
				b.gone(p, s, did+", which said that all is well:")
			case call == "List" && err == nil && !f.Writes:
				b.Report(Finding{Did: did, Got: "a list", Want: cloudList, Mend: "check the status and parse the whole answer before believing it: what is no answer is an error, no empty list ({} too: look whether it has the field that holds the list)"})
			}
			b.delete(p, s.Token)
		}
	}
}

// cloudAskedNoMore gives calls up in their midst and watches what the backend is
// still asked for.
func cloudAskedNoMore(b *cloudBench) {
	b.mediated()
	_, p := b.start()
	n := b.requestsOf(p)["Create"]
	var specs []cloud.Spec
	b.proxy.set(nil)
	b.sleep(2 * time.Second)
	idle, _, _ := b.proxy.requests() // what it asks for of itself
	for from := 2; from <= min(n, 4) && !b.Failed(); from++ {
		s := b.spec(fmt.Sprintf("no-more-%d", from))
		specs = append(specs, s)
		b.proxy.set(&Fault{Name: "no answer", Mode: Hang, From: from})
		_, _ = p.Create(b.within(time.Second), s)
		var waiting, came int
		quiet := b.eventually(b.grace(), func() bool {
			before, _, _ := b.proxy.requests()
			b.sleep(2 * time.Second)
			var after int
			after, _, waiting = b.proxy.requests()
			came = after - before
			return waiting == 0 && came <= idle
		})
		if !quiet {
			b.Report(Finding{
				Did: fmt.Sprintf("Create with a deadline of 1 s and a backend that never answers from request %d on; wait %v", from, b.grace()),
				Got: fmt.Sprintf("%d requests still wait for the backend, and %d came in the last 2 s (%d when nothing is to be done)", waiting, came, idle),
			})
		}
	}
	b.proxy.set(nil)
	for _, s := range specs {
		b.delete(p, s.Token)
	}
}

// cloudHanging gives many calls up while the backend does not answer: they end,
// what they hold is let go, and the provider works again when the backend does.
func cloudHanging(b *cloudBench) {
	b.mediated()
	_, p := b.start()
	s := b.spec("hanging")
	b.proxy.set(&Fault{Name: "no answer", Mode: Hang})
	did := "24 Creates, Lists and Deletes at once with a deadline of 1 s and a backend that never answers"
	start := time.Now()
	atOnce(24, func(i int) {
		_, _, err := b.callOf(p, []string{"Create", "List", "Delete"}[i%3], s, b.within(time.Second))
		if err == nil && i%3 != 2 {
			b.Report(Finding{Did: did, Got: "no error"})
		}
	})
	if took := time.Since(start); took > b.grace() {
		b.Report(Finding{Did: did, Got: fmt.Sprintf("they came back after %v", took.Round(time.Second))})
	}
	if patience := b.soon(time.Since(start) - time.Second); !b.silent(patience) {
		_, _, waiting := b.proxy.requests()
		b.Report(Finding{Did: did, Got: fmt.Sprintf("%d requests still wait for the backend %v after the calls have ended", waiting, patience.Round(time.Second))})
	}
	b.proxy.set(nil)
	got, err := p.Create(b.call(), s)
	if err != nil {
		b.Report(Finding{Did: did + "; then the backend works again, and Create", Got: answer(got, err), Mend: "let calls that were given up keep no lock and no thread"})
	}
	b.expect(p, Finding{Did: did + "; then the backend works again, Create, List", Want: cloudCreate}, s.Token)
}
