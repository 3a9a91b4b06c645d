package suite

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/wright-build/wright/plugins/cloud"
)

func cloudCreateChecks(check cloudCheck) []Check {
	return []Check{
		check("create gives what was asked for", cloudCreate+" "+cloudReady, "answer with what was asked for, as it was asked for", cloudGives),
		check("create again gives the same server", cloudCreate,
			"look for a server with this token before making one; keep token, address and time with the server, not in memory", cloudAgain),
		check("create at the same time makes one server", cloudCreate,
			"let calls with one token wait for each other (a lock per token), or have the backend refuse the second; a look before the making is not enough", cloudAtOnce),
		check("create from two processes at the same time makes one server", cloudCreate,
			"when an agent is restarted, two processes of the provider run for a moment: lock a file, or let the backend keep the token unique", cloudTwoProcesses),
		check("who gives up stops nobody else", cloudCreate+" A cancelled call ends; another with the same token goes on.",
			"where calls with one token share the work, let it end only when the last of them gave up: never hand on the context of the first, and let who gives up take nothing back that another waits for", cloudCompany),
		check("running when it runs", cloudReady+" Until then its state is starting, for everybody.",
			"say running only of what can be provisioned: read the state from the backend, do not assume it", cloudStates),
		check("the token alone decides", cloudCreate, "look the server up by its token, not by its name, image or anything else, and answer with what was made, nothing of it from the present call", cloudTokenDecides),
		check("different tokens are different servers", "A token is unique for one server. Names need not be unique.",
			"never look a server up by its name; give each its own address; lock per token and not across", cloudDifferent),
	}
}

func cloudGives(b *cloudBench) {
	_, p := b.start()
	s := b.spec("gives")
	s.Tags = b.withTag("Owner", "Ünï Cödé", "empty", "", "UPPER", "MiXed", "spaces", " a  b ", "long", strings.Repeat("v", 200))
	before := time.Now()
	made := b.create(p, s)
	did := fmt.Sprintf("Create with token %q, name %q and tags %q", s.Token, s.Name, s.Tags)
	b.whole(did, s, made, before)
	b.tooEarly(p, did, made, time.Since(before))
	got, err := p.Get(b.call(), s.Token)
	if err != nil {
		b.Report(Finding{Did: did + ", then Get", Got: answer(nil, err), Want: cloudGet, Mend: "find the server by its token"})
		return
	}
	b.whole(did+", then Get", s, *got, before)
	listed := b.own(p)[s.Token]
	b.whole(did+", then List", s, listed, before)
	for how, other := range map[string]cloud.Server{"Get": *got, "List": listed} {
		if !same(made, other) || made.State == cloud.Running && other.State == cloud.Starting {
			b.Report(Finding{
				Did: did + ", then " + how, Got: fmt.Sprintf("first: %s\nthen:  %s", about(made), about(other)),
				Want: "A server keeps its token, its address and its time, and does not go back from running to starting.",
				Mend: "store them with the server when it is made, or read them from the backend each time; say running only when it is",
			})
		}
		b.sameVariables(did+", then "+how, made, other)
	}
}

// tooEarly fails the check if a server that Create gave as starting comes to run
// by itself: only the provisioning of what can be provisioned may do that.
func (b *cloudBench) tooEarly(p cloud.Provider, did string, made cloud.Server, took time.Duration) {
	if made.State == cloud.Running {
		return
	}
	runs := func() bool {
		got, err := p.Get(b.call(), made.Token)
		return err == nil && got.State == cloud.Running
	}
	if b.eventually(min(b.grace(), max(time.Second, 2*took)), runs) {
		b.Report(Finding{
			Did: did + ", and wait", Got: fmt.Sprintf("first the state %q, and a moment later, with nothing done to it, %q", made.State, cloud.Running), Want: cloudReady,
			Mend: "wait in Create, with the call's context, until it can be provisioned, and only then answer",
		})
	}
}

// whole fails the check unless the server is as asked for.
func (b *cloudBench) whole(did string, s cloud.Spec, made cloud.Server, before time.Time) {
	if made.Name != s.Name {
		b.Report(Finding{Did: did, Got: fmt.Sprintf("the name %q", made.Name), Want: "Server.Name is Spec.Name, as it is.", Mend: "where the backend cannot have the name, keep it in a tag of yours or refuse it as invalid; never change it"})
	}
	for k, v := range s.Tags {
		if got, ok := made.Tags[k]; !ok || got != v {
			b.Report(Finding{
				Did: did, Got: fmt.Sprintf("the tag %q is %q (there: %v)", k, got, ok), Want: "Spec.Tags are written to the server, so that List finds it; byte for byte.",
				Mend: "store tags as they are; where the backend's have other rules, encode them or refuse them as invalid",
			})
		}
	}
	if made.State != cloud.Starting && made.State != cloud.Running {
		b.Report(Finding{Did: did, Got: fmt.Sprintf("the state %q", made.State), Want: cloudReady, Mend: "wait until it is there, or fail"})
	}
	if made.Address == "" {
		b.Report(Finding{Did: did, Got: "no address", Want: cloudReady, Mend: "wait until the backend has given it an address"})
	}
	if made.CreatedAt.IsZero() || made.CreatedAt.Before(before.Add(-5*time.Minute)) || made.CreatedAt.After(time.Now().Add(5*time.Minute)) {
		b.Report(Finding{
			Did: did, Got: fmt.Sprintf("created_at is %v", made.CreatedAt), Want: "CreatedAt is when the server was made; it was asked for at " + before.Format(time.RFC3339) + ".",
			Mend: "keep the time with the server, in UTC, or take the backend's",
		})
	}
	for k := range made.Variables {
		if !strings.HasPrefix(k, "WRIGHT_APPSERVER_") {
			b.Report(Finding{Did: did, Got: "the variable " + k, Want: "Server.Variables are WRIGHT_APPSERVER_*: the environment of the provisioning.", Mend: "give it that prefix"})
		}
	}
}

func cloudAgain(b *cloudBench) {
	h, p := b.start()
	s := b.spec("again")
	first := b.create(p, s)
	b.sleep(10 * time.Millisecond) // so that a new time is another time
	b.still(p, s, first, "Create, then Create with the same token")
	b.close(h)
	h, p = b.start()
	b.still(p, s, first, "Create, restart the provider, Create with the same token")
	b.kill(h)
	_, p = b.start()
	b.still(p, s, first, "Create, kill the provider with SIGKILL, start it, Create with the same token")
	got, err := p.Get(b.call(), s.Token)
	if err != nil || !same(*got, first) {
		b.Report(Finding{Did: "Create, restart the provider, Get", Got: answer(got, err), Want: cloudGet, Mend: "keep nothing in memory only: what the provider knows must be in the backend or below StateDir"})
	}
}

// still creates once more and wants the server of before, and no other.
func (b *cloudBench) still(p cloud.Provider, s cloud.Spec, first cloud.Server, did string) {
	again := b.create(p, s)
	if !same(first, again) {
		b.Report(Finding{Did: did, Got: fmt.Sprintf("first: %s\nthen:  %s", about(first), about(again))})
	}
	b.sameVariables(did, first, again)
	b.expect(p, Finding{Did: did + ", then List"}, s.Token)
}

// sameVariables wants what the provisioning is told to be told by every answer: an
// agent that was restarted has only the later ones. Values may be secret.
func (b *cloudBench) sameVariables(did string, first, then cloud.Server) {
	if first.State != cloud.Running || then.State != cloud.Running {
		return // not all may be known yet
	}
	for _, k := range slices.Compact(slices.Sorted(slices.Values(append(sortedKeys(first.Variables), sortedKeys(then.Variables)...)))) {
		was, before := first.Variables[k]
		is, now := then.Variables[k]
		if was == is && before == now {
			continue
		}
		b.Report(Finding{
			Did: did, Got: fmt.Sprintf("the variable %s is another than Create gave first (there before: %t, now: %t, of %d bytes, then %d)", k, before, now, len(was), len(is)),
			Want: "A server has variables for who provisions it: the same in every answer once it runs.",
			Mend: "make the variables of what is kept of the server, in one place for Create, Get and List, and not of the call",
		})
		return
	}
}

func cloudAtOnce(b *cloudBench) {
	_, p := b.start()
	b.race("makes-one", 3, func(int) cloud.Provider { return p })
}

func cloudTwoProcesses(b *cloudBench) {
	_, p := b.start()
	_, q := b.start()
	b.inTurn(p, q)
	b.race("two-processes", 3, func(i int) cloud.Provider {
		if i%2 == 0 {
			return p
		}
		return q
	})
	s := b.spec("seen-by-both")
	made := b.create(p, s)
	for i, o := range []cloud.Provider{p, q} {
		if got, err := o.Get(b.call(), s.Token); err != nil || !same(*got, made) {
			b.Report(Finding{Did: fmt.Sprintf("Create through one process, Get through process %d of two", i+1), Got: answer(got, err), Want: cloudGet})
			return
		}
	}
	b.own(p)
	b.delete(q, s.Token)
	b.gone(p, s, "Create and Get through one process, Delete through another; through the first:")
}

// inTurn makes servers through one process and the other in turn: what one of them
// remembers of before the other forgets.
func (b *cloudBench) inTurn(p, q cloud.Provider) {
	tokens := []string{b.token("turn-0"), b.token("turn-1"), b.token("turn-2"), b.token("turn-3")}
	for i := range tokens {
		b.create([]cloud.Provider{p, q}[i%2], b.spec(fmt.Sprintf("turn-%d", i)))
	}
	for i, o := range []cloud.Provider{p, q} {
		b.expect(o, Finding{
			Did: fmt.Sprintf("Create %d servers through two processes in turn, List through process %d", len(tokens), i+1), Want: cloudList,
			Mend: "keep nothing in memory of what another process may change: read it again under the lock before you write, and whenever you are asked",
		}, tokens...)
	}
	for _, token := range tokens {
		b.delete(p, token)
	}
}

// race creates the server of one token 16 times at once, in several rounds.
func (b *cloudBench) race(word string, rounds int, provider func(i int) cloud.Provider) {
	const calls = 16
	// What is made quickly is made twice rarely: it gets more rounds.
	const most, enough = 60, 4 * time.Second
	for round, start := 0, time.Now(); round < rounds || round < most && time.Since(start) < enough; round++ {
		s := b.spec(fmt.Sprintf("%s-%d", word, round))
		did := fmt.Sprintf("Create %d times at once with token %q", calls, s.Token)
		made, errs := make([]*cloud.Server, calls), make([]error, calls)
		atOnce(calls, func(i int) { made[i], errs[i] = provider(i).Create(b.call(), s) })
		var first *cloud.Server
		for i, err := range errs {
			if b.seen(err) != nil {
				b.Report(Finding{Did: did, Got: fmt.Sprintf("call %d came back with %s", i+1, answer(nil, err)), Mend: b.check.Mend + ". No call may fail because of another: files that others read are written beside and put in place with a rename, each under a name of its own"})
				return
			}
			if first = cmp.Or(first, made[i]); !same(*first, *made[i]) {
				b.Report(Finding{Did: did, Got: fmt.Sprintf("different servers:\n%s\n%s", about(*first), about(*made[i]))})
				return
			}
		}
		if !b.expect(provider(0), Finding{Did: did + ", then List"}, s.Token) {
			return
		}
		if found := b.own(provider(1))[s.Token]; !same(found, *first) {
			b.Report(Finding{Did: did + ", then List", Got: fmt.Sprintf("Create gave: %s\nlisted is:   %s", about(*first), about(found))})
			return
		}
		b.delete(provider(0), s.Token)
		b.expect(provider(1), Finding{Did: did + ", Delete once, then List", Want: cloudCreate + " " + cloudDelete})
	}
}

// cloudStates looks at a server while it is made.
func cloudStates(b *cloudBench) {
	_, p := b.start()
	took := b.took(p)
	s := b.spec("states")
	done := make(chan *cloud.Server, 1)
	go func() {
		made, _ := p.Create(b.call(), s)
		done <- made
	}()
	var early *cloud.Server // the first that was said to run
	for {
		select {
		case made := <-done:
			if made == nil || early == nil {
				return
			}
			if !same(*early, *made) {
				b.Report(Finding{Did: fmt.Sprintf("Create, which takes %v, and Get meanwhile", took.Round(time.Millisecond)), Got: fmt.Sprintf("Get said it runs: %s\nCreate gave:     %s", about(*early), about(*made))})
			}
			return
		default:
		}
		got, err := p.Get(b.call(), s.Token)
		if err == nil && got.State == cloud.Running && early == nil {
			early = got
		}
		for _, l := range b.own(p) {
			if l.State == cloud.Running && early == nil {
				early = &l
			}
		}
		b.sleep(max(5*time.Millisecond, took/50))
	}
}

func cloudTokenDecides(b *cloudBench) {
	_, p := b.start()
	s := b.spec("decides")
	first := b.create(p, s)
	other := s
	other.Name, other.Tags, other.Env = "another name", b.withTag("another", "tag"), map[string]string{"OTHER": "1"}
	other.Config = over(s.Config, b.otherConfig())
	did := fmt.Sprintf("Create with token %q, then Create with the same token, another name, tags, environment and configuration %v", s.Token, other.Config)
	again := b.create(p, other)
	b.still(p, other, first, did)
	got, err := p.Get(b.call(), s.Token)
	if err != nil {
		b.Report(Finding{Did: did + ", then Get", Got: answer(nil, err), Want: cloudGet})
		return
	}
	for how, then := range map[string]cloud.Server{"the second Create": again, "Get": *got, "List": b.own(p)[s.Token]} {
		if then.Name != first.Name || !maps.Equal(then.Tags, first.Tags) {
			b.Report(Finding{
				Did: did, Got: fmt.Sprintf("first the name %q and the tags %v, then, by %s, %q and %v", first.Name, first.Tags, how, then.Name, then.Tags),
				Want: "Other attributes with a known token change nothing.", Mend: "answer with the server as it is; write names and tags only when it is made",
			})
		}
	}
}

func cloudDifferent(b *cloudBench) {
	_, p := b.start()
	specs := make([]cloud.Spec, 8)
	for i := range specs {
		specs[i] = b.spec(fmt.Sprintf("d-%d", i%4)) // the second four begin as the first four do
		if i >= 4 {
			specs[i].Token += "-more"
		}
		specs[i].Name = "conformance " + b.id // of all
	}
	made, errs := make([]*cloud.Server, len(specs)), make([]error, len(specs))
	atOnce(len(specs), func(i int) { made[i], errs[i] = p.Create(b.call(), specs[i]) })
	did := fmt.Sprintf("Create %d servers at once, with different tokens and the same name", len(specs))
	places := map[string]string{}
	var tokens []string
	for i, s := range specs {
		if b.seen(errs[i]) != nil {
			b.Report(Finding{Did: did, Got: fmt.Sprintf("token %q: %s", s.Token, answer(nil, errs[i]))})
			return
		}
		at := fmt.Sprint(made[i].Address, " port ", made[i].Port)
		if other, taken := places[at]; taken {
			b.Report(Finding{Did: did, Got: fmt.Sprintf("the tokens %q and %q both have %s", other, s.Token, at)})
		}
		places[at] = s.Token
		tokens = append(tokens, s.Token)
	}
	if !b.expect(p, Finding{Did: did + ", then List"}, tokens...) {
		return
	}
	for i, s := range specs {
		if got, err := p.Get(b.call(), s.Token); err != nil || !same(*got, *made[i]) {
			b.Report(Finding{Did: did + fmt.Sprintf(", then Get token %q", s.Token), Got: answer(got, err) + "\nCreate gave: " + about(*made[i])})
		}
	}
	b.delete(p, tokens[0])
	b.expect(p, Finding{
		Did: fmt.Sprintf("Delete token %q, one of %d servers with the same name, then List", tokens[0], len(tokens)), Want: cloudDelete,
		Mend: "delete by token: the other servers have the same name and tokens that begin alike",
	}, tokens[1:]...)
}
