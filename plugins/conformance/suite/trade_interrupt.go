package suite

import (
	"context"
	"fmt"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/host"
)

// largest is the version of a thing, of a kind that replaces, that has as much as
// there may be.
const largest = -1

// moments is at how many moments a call is interrupted.
const moments = 24

// interruptChecks are about calls that do not come to their end.
func (tr trade) interruptChecks() []Check {
	lower := tr.word()
	checks := []Check{
		tr.check("killed in the middle of "+lower, tr.putDoc+" A call may be repeated after a crash, and must then have the same effect as once.",
			"write down what you are about to make before you make it, let the list read what was written down, and put files in place with a rename", killedInPut),
		tr.check("cancelled in the middle of "+lower, tr.putDoc+" What a cancelled call leaves must be found by the list, or be nothing.",
			"look at the context once more under the lock before you write; start nothing in the background that outlives the call", cancelledInPut),
	}
	if tr.dropDoc == "" {
		return checks
	}
	return append(checks, tr.check("killed in the middle of delete", tr.dropDoc+" A call may be repeated after a crash, and must then have the same effect as once.",
		"forget a thing only after it is gone, so that a Delete that died can be repeated", killedInDrop))
}

// word is the verb in the middle of a sentence.
func (tr trade) word() string {
	return map[string]string{"Create": "create", "Set": "set", "Notify": "notify"}[tr.verb]
}

// interrupted is one call that something happened to.
type interrupted struct {
	name    string
	version int
	after   time.Duration
	what    string // what the call gave
	err     error
}

func (i interrupted) did(verb, how string) string {
	name := fmt.Sprintf("%q", i.name)
	if i.version == largest {
		name += " to as much as there may be"
	}
	return fmt.Sprintf("%s %s, %s after %v (it gave %s)", verb, name, how, i.after, i.outcome())
}

func (i interrupted) outcome() string {
	if i.err == nil {
		return "no error"
	}
	return "an " + answer(nil, i.err)
}

// killedInPut makes one thing for each moment. Where the kind replaces, every
// second one is a thing that is there already.
func killedInPut(b *bench) {
	h, m := b.start()
	took := b.took(m)
	old, was := b.name("killed"), "" // what is replaced, and what it was
	for i, after := range points(moments, took) {
		name, before := old, was
		anew := !b.trade.replaces || i%2 == 1
		if anew {
			name, before = b.name(fmt.Sprintf("killed%d", i)), ""
		}
		call := b.killed(h, m, name, i+1, after)
		b.close(h)
		h, m = b.start() // as an agent that was started again
		now := b.afterPut(m, call, before, "killed")
		if b.Failed() {
			return
		}
		if !anew {
			was = now
		}
	}
}

// killed makes a call and kills the provider meanwhile.
func (b *bench) killed(h *host.Host, m maker, name string, version int, after time.Duration) interrupted {
	call := interrupted{name: name, version: version, after: after}
	done := make(chan struct{})
	go func() {
		defer close(done)
		call.what, call.err = m.put(b.call(), name, version, b.ownTags())
	}()
	b.sleep(after)
	b.kill(h)
	<-done
	if code := plugins.CodeOf(call.err); call.err != nil && code != plugins.Transient {
		b.Report(Finding{
			Did: call.did(b.trade.verb, "kill the provider"), Got: fmt.Sprintf("the code %q", code),
			Want: "A call whose provider died fails as transient.", Mend: "pass errors on as they are",
		})
	}
	return call
}

// afterPut looks at what an interrupted call left and repeats it. It gives what
// is there then.
func (b *bench) afterPut(m maker, call interrupted, before, how string) string {
	did := call.did(b.trade.verb, how)
	found, listed := b.mine(m)[call.name]
	if call.err == nil && (!listed || found.what != call.what) {
		b.Report(Finding{Did: did + ", then " + b.trade.list, Got: "what the call gave is not listed: " + found.what, Mend: "write everything down before the call returns"})
	}
	again, err := m.put(b.call(), call.name, call.version, b.ownTags())
	if err != nil {
		b.Report(Finding{Did: did + ", then the same call again", Got: answer(nil, err)})
		return ""
	}
	if found.what != before && found.what != again {
		b.Report(Finding{
			Did:  did + ", then " + b.trade.list,
			Got:  fmt.Sprintf("half of it: %q. Before the call it was %q, after a repetition it is %q", found.what, before, again),
			Mend: "put the whole in place in one step: a file by writing another and renaming it, a far side by one request",
		})
	}
	all := b.mine(m)
	if all[call.name].what != again {
		b.Report(Finding{Did: did + ", then the same call again, then " + b.trade.list, Got: fmt.Sprintf("%q, the call gave %q", all[call.name].what, again)})
	}
	return again
}

// cancelledInPut cancels calls at many moments and has another follow at once,
// which must win.
func cancelledInPut(b *bench) {
	_, m := b.start()
	took := b.took(m)
	var calls []interrupted
	for i, after := range points(moments, took) {
		call := b.cancelled(m, b.name(fmt.Sprintf("cancelled%d", i)), 1, after)
		if b.trade.replaces {
			call.what = b.put(m, call.name, 2, b.ownTags())
		}
		calls = append(calls, call)
	}
	if b.trade.replaces {
		var large []interrupted
		large, took = b.overtaken(m, took)
		calls = append(calls, large...)
	}
	b.sleep(min(10*time.Second, max(200*time.Millisecond, 3*took))) // for what goes on in the background
	for _, call := range calls {
		if b.trade.replaces {
			b.equal(call.did(b.trade.verb, "cancelled")+", then replace it, then wait", call.what, b.mine(m)[call.name].what)
			continue
		}
		b.afterPut(m, call, "", "cancelled")
	}
	if b.trade.dropDoc == "" || b.Failed() {
		return
	}
	for _, call := range calls {
		b.drop(m, call.name, b.ownTags())
	}
	b.want(m, b.ownTags(), "cancel many calls, then Delete what they may have made", "", nil...)
}

func (b *bench) cancelled(m maker, name string, version int, after time.Duration) interrupted {
	call := interrupted{name: name, version: version, after: after}
	ctx, cancel := context.WithCancel(b.call())
	defer cancel()
	timer := time.AfterFunc(after, cancel)
	defer timer.Stop()
	start := time.Now()
	call.what, call.err = m.put(ctx, name, version, b.ownTags())
	if over := time.Since(start) - after; call.err != nil && over > b.grace() {
		b.Report(Finding{Did: call.did(b.trade.verb, "cancelled"), Got: fmt.Sprintf("it came back %v later", over)})
	}
	if call.err != nil && !cancelled(call.err) {
		b.Report(Finding{Did: call.did(b.trade.verb, "cancelled"), Got: answer(nil, call.err), Want: "A call that is cancelled fails with context.Canceled, or has come to its end."})
	}
	return call
}

// overtaken gives up calls that have as much to write as there may be, each before
// one that has little and is soon done. It gives the longer time of a call, too.
func (b *bench) overtaken(m maker, took time.Duration) ([]interrupted, time.Duration) {
	first, start := interrupted{name: b.name("large"), version: largest}, time.Now()
	if _, err := m.put(b.call(), first.name, largest, b.ownTags()); err != nil {
		return nil, took // it takes less; others look at that
	}
	took = max(took, time.Since(start))
	first.after, first.what = took, b.put(m, first.name, 2, b.ownTags())
	calls := []interrupted{first}
	for i, after := range points(4, took) {
		call := b.cancelled(m, b.name(fmt.Sprintf("large%d", i)), largest, after)
		call.what = b.put(m, call.name, 2, b.ownTags())
		calls = append(calls, call)
	}
	return calls, took
}

func killedInDrop(b *bench) {
	h, m := b.start()
	name := b.name("measured")
	b.put(m, name, 1, b.ownTags())
	start := time.Now()
	b.drop(m, name, b.ownTags())
	took := max(time.Since(start), time.Millisecond)
	left := b.name("left")
	b.put(m, left, 1, b.ownTags())
	for i, after := range points(moments, took) {
		name := b.name(fmt.Sprintf("killed%d", i))
		b.put(m, name, 1, b.ownTags())
		err := b.killedDrop(h, m, name, after)
		b.close(h)
		h, m = b.start()
		did := fmt.Sprintf("Delete %q, kill the provider after %v (it gave %s)", name, after, interrupted{err: err}.outcome())
		if _, listed := b.mine(m)[name]; err == nil && listed {
			b.Report(Finding{Did: did, Got: "it is still listed", Mend: "return when it is gone for good, not before"})
		}
		if err := m.drop(b.call(), name, b.ownTags()); err != nil {
			b.Report(Finding{Did: did + ", then Delete it again", Got: answer(nil, err)})
		}
		b.want(m, b.ownTags(), did+", then Delete it again", "", left)
		if b.Failed() {
			return
		}
	}
}

func (b *bench) killedDrop(h *host.Host, m maker, name string, after time.Duration) error {
	done := make(chan error, 1)
	go func() { done <- m.drop(b.call(), name, b.ownTags()) }()
	b.sleep(after)
	b.kill(h)
	return <-done
}
