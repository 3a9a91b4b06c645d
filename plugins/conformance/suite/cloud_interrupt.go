package suite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
)

func cloudInterruptChecks(check cloudCheck) []Check {
	const mend = "write down what is being made, with its token and tags, before it is made, and let List and Delete see it from then on; or undo it before Create returns"
	return []Check{
		check("cancel at every point of create", cloudHalf+" A cancelled call ends soon.", mend, cloudCancelCreate),
		check("deadline at every point of create", cloudHalf+" A call ends when its deadline has passed.", mend, cloudDeadlineCreate),
		check("a cancelled create stops", "Each call ends when it is cancelled: what appears afterwards, nobody looks for.",
			"give the context to everything that waits, and look at it before the server is made", cloudStops),
		check("many given up at once", crowdDoc, crowdMend, cloudGivenUp),
		check("kill at every point of create", cloudHalf, mend+". Be ready for your own half-written files: write to a temporary name and rename", cloudKillCreate),
		check("what an interrupted create left is listed", cloudHalf, mend, cloudOrphans),
		check("kill at every point of delete", cloudDelete+" "+cloudHalf, "mark the server as being deleted first, list it with that mark until nothing is left of it, and go on where the last call stopped", cloudKillDelete),
		check("cancel at every point of delete", cloudDelete+" "+cloudHalf, "keep the server listed until it is gone, and let the next Delete go on", cloudCancelDelete),
		check("delete of the half-made", cloudDelete+" "+cloudHalf, "where the backend refuses to delete what is being built, wait and ask again until it is gone", cloudHalfDelete),
		check("create after an interrupted delete", cloudCreate+" "+cloudReady, "give no server back that is being deleted: wait for its end, then make another", cloudBackAgain),
		check("no time left", "Each call ends when its context has ended, with its error.", "look at the context before anything is done", cloudNoTime),
	}
}

const interruptions = 24 // moments of a call at which it is interrupted

func cloudCancelCreate(b *cloudBench) {
	b.interruptCreates(func(delay time.Duration) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(b.call())
		timer := time.AfterFunc(delay, cancel)
		return ctx, func() { timer.Stop(); cancel() }
	}, "cancelled", context.Canceled)
}

func cloudDeadlineCreate(b *cloudBench) {
	b.interruptCreates(func(delay time.Duration) (context.Context, context.CancelFunc) {
		return context.WithTimeout(b.call(), delay)
	}, "given a deadline", context.DeadlineExceeded)
}

// interruptCreates ends creates at many moments, and at each report of progress.
func (b *cloudBench) interruptCreates(end func(time.Duration) (context.Context, context.CancelFunc), how string, want error) {
	_, p := b.start()
	sorts := b.learn(p)
	took := b.took(p)
	files := len(filesBelow(b.state()))
	moments := points(interruptions, took)
	b.lanes(len(moments), took, func(b *cloudBench, i int) {
		ctx, done := end(moments[i])
		defer done()
		s := b.spec(fmt.Sprintf("interrupted-%d", i))
		did := fmt.Sprintf("Create token %q, %s after %v", s.Token, how, moments[i].Round(10*time.Microsecond))
		b.interrupted(p, ctx, s, did, want)
	})
	b.cancelAtReports(p, took, want)
	b.sleep(300 * time.Millisecond) // for what appears late
	b.expect(p, Finding{
		Did: fmt.Sprintf("Create many times, each %s at another moment, Delete all, and List a moment later", how), Want: cloudDelete + " " + cloudHalf,
		Mend: "the call that was given up still went on and made a server: end it with its context, look at the context once more under the lock, and let Delete wait for it",
	})
	b.grown(fmt.Sprintf("Create many times, each %s at another moment, and Delete all", how), files, 0)
	b.forgotten(sorts)
}

// cancelAtReports cancels creates at each report of progress.
func (b *cloudBench) cancelAtReports(p cloud.Provider, took time.Duration, want error) {
	if !errors.Is(want, context.Canceled) {
		return
	}
	n := b.reports(p)
	b.lanes(min(n, 12), took, func(b *cloudBench, i int) {
		s := b.spec(fmt.Sprintf("reported-%d", i))
		ctx, cancel := context.WithCancel(b.call())
		seen := 0
		reporting := plugins.WithReporter(ctx, func(plugins.Progress) {
			if seen++; seen == i+1 {
				cancel()
			}
		})
		b.interrupted(p, reporting, s, fmt.Sprintf("Create token %q, cancelled at its progress report %d of %d", s.Token, i+1, n), want)
		cancel()
	})
}

// reports counts the progress reports of a create.
func (b *cloudBench) reports(p cloud.Provider) int {
	s, n := b.spec("reports"), 0
	if _, err := p.Create(plugins.WithReporter(b.call(), func(plugins.Progress) { n++ }), s); err != nil {
		b.Fatalf("Create with a listener for progress: %s", answer(nil, err))
	}
	b.delete(p, s.Token)
	return n
}

// interrupted makes one create that is ended before its time, and looks at what is left.
func (b *cloudBench) interrupted(p cloud.Provider, ctx context.Context, s cloud.Spec, did string, want error) {
	var over atomic.Pointer[time.Time] // when the call was given up
	defer context.AfterFunc(ctx, func() { now := time.Now(); over.CompareAndSwap(nil, &now) })()
	made, err := p.Create(ctx, s)
	ended := time.Now()
	if b.seen(err) != nil {
		const grace = 7 * time.Second // 5 of the contract, and a little for busy machines
		if gave := over.Load(); gave != nil && ended.Sub(*gave) > grace {
			b.Report(Finding{Did: did, Got: fmt.Sprintf("the call came back %v later", ended.Sub(*gave).Round(time.Second)), Mend: "give the call's context to everything that waits"})
		}
		if !errors.Is(err, want) && plugins.CodeOf(err) != plugins.Transient {
			b.Report(Finding{Did: did, Got: answer(nil, err), Want: fmt.Sprintf("the error of the context (%v).", want), Mend: "return ctx.Err(), wrapped with %w, when the context has ended"})
		}
	}
	b.after(p, s, made, err, did)
}

// after looks at what an interrupted create left: nothing, or something that
// List finds, that the next Create gives and that Delete removes.
func (b *cloudBench) after(p cloud.Provider, s cloud.Spec, made *cloud.Server, err error, did string) {
	found, listed := b.own(p)[s.Token]
	if err == nil && (!listed || !same(found, *made)) {
		b.Report(Finding{Did: did + ": Create was faster and gave a server; List", Got: "it is not listed as Create gave it: " + about(found), Want: cloudList})
	}
	if !listed {
		found, listed = b.unlisted(p, s, did)
	}
	again := b.create(p, s)
	if listed && found.Address != "" && !became(found, again) {
		b.Report(Finding{Did: did + ", List, Create again", Got: fmt.Sprintf("listed was: %s\nthen:       %s", about(found), about(again)), Want: cloudCreate})
	}
	b.expect(p, Finding{Did: did + ", Create again, List"}, s.Token)
	b.delete(p, s.Token)
	b.gone(p, s, did+", Create again, Delete")
}

// unlisted looks at a server that List did not give: Get must not give it either.
func (b *cloudBench) unlisted(p cloud.Provider, s cloud.Spec, did string) (found cloud.Server, listed bool) {
	got, err := p.Get(b.call(), s.Token)
	if err != nil {
		return found, false
	}
	if found, listed = b.own(p)[s.Token]; listed {
		return found, true // it came a moment late
	}
	if again, err := p.Get(b.call(), s.Token); err == nil { // nor did it go meanwhile
		b.Report(Finding{Did: did + ", List, Get, List, Get", Got: "List does not give it, and Get does: " + about(*got) + "\n" + about(*again), Want: cloudHalf + " " + cloudList})
	}
	return found, false
}

func cloudKillCreate(b *cloudBench) {
	_, p := b.start()
	sorts := b.learn(p)
	took := b.took(p)
	moments := points(interruptions, took)
	b.lanes(len(moments), took, func(b *cloudBench, i int) {
		delay := moments[i]
		h, p := b.start()
		s := b.spec(fmt.Sprintf("killed-%d", i))
		type result struct {
			made *cloud.Server
			err  error
		}
		created := make(chan result, 1)
		go func() {
			made, err := p.Create(b.call(), s)
			created <- result{made, err}
		}()
		b.sleep(delay)
		b.kill(h)
		r := <-created
		b.close(h)
		did := fmt.Sprintf("Create token %q, kill the provider with SIGKILL %v later, start it again", s.Token, delay.Round(10*time.Microsecond))
		_, p = b.start() // as an agent that was started again
		b.after(p, s, r.made, r.err, did)
	})
	b.forgotten(sorts)
}

// cloudOrphans interrupts creates and does not repeat them: nobody but List knows
// of what they left.
func cloudOrphans(b *cloudBench) {
	h, p := b.start()
	sorts := b.learn(p)
	took := b.took(p)
	b.close(h)
	files := len(filesBelow(b.state()))
	moments := points(interruptions*3/2, took)
	extra := make([]int, len(moments))
	b.lanes(len(moments), took, func(b *cloudBench, i int) {
		b.orphan(i, moments[i], took)
		if b.lane != "" {
			extra[i] = max(0, len(filesBelow(filepath.Join(b.state(), b.lane)))-files)
		}
	})
	h, p = b.start()
	b.sleep(100*time.Millisecond + min(took, 5*time.Second)) // for what a call that was given up still does
	for _, token := range sortedKeys(b.list(p, b.ownTags())) {
		b.delete(p, token)
	}
	did := fmt.Sprintf("interrupt %d Creates at many moments (deadlines and SIGKILL), Delete all that List finds", len(moments))
	b.expect(p, Finding{Did: did + ", List"})
	b.close(h)
	_, p = b.start() // whatever it tidies up at its start, it does now
	b.own(p)
	b.grown(did+", start the provider again", files, sum(extra))
	b.forgotten(sorts)
}

// grown fails the check if the provider's directory holds more files than before;
// extra are those in the directories of lanes. A few may be chance.
func (b *cloudBench) grown(did string, before, extra int) {
	const chance = 2
	now := filesBelow(b.state())
	more := extra
	if len(b.laneDirs()) == 0 {
		more = len(now) - before
	}
	if more > chance {
		b.Report(Finding{
			Did: did, Got: fmt.Sprintf("its directory held %d files before and now %d more: %.300s", before, more, strings.Join(now[max(0, len(now)-3):], ", ")),
			Mend: "when a call ends, remove what it needed beside the server: temporary files, disks, a lock file of the token (lock ranges of one file instead); and write down what is being made, with its token and tags, before it is made",
		})
	}
}

func sum(list []int) int {
	n := 0
	for _, e := range list {
		n += e
	}
	return n
}

// orphan interrupts one create, by a deadline or a kill, and leaves it alone.
func (b *cloudBench) orphan(i int, moment, took time.Duration) {
	h, p := b.start()
	s := b.spec(fmt.Sprintf("orphan-%d", i))
	if i%2 == 0 {
		_, _ = p.Create(b.within(moment), s)
		b.sleep(20 * time.Millisecond) // the provider hears of it a moment later
		b.settle()
	} else {
		killed := make(chan struct{})
		time.AfterFunc(moment, func() { b.kill(h); close(killed) })
		_, _ = p.Create(b.call(), s)
		<-killed
	}
	b.close(h)
	if b.lane == "" {
		return
	}
	h, p = b.start() // nobody else looks into this lane's directory
	defer b.close(h)
	b.sleep(min(took, 5*time.Second))
	for _, token := range sortedKeys(b.own(p)) {
		b.delete(p, token)
	}
}

// cloudStops looks whether a call that was given up makes something later. One
// such server may be chance, as when the provider heard late that it was given
// up; most of them are not.
func cloudStops(b *cloudBench) {
	_, p := b.start()
	took := b.took(p)
	if took < 30*time.Millisecond {
		b.Skipf("a create takes %v only, too short to tell", took.Round(time.Millisecond))
	}
	tries, settle := 6, min(max(took/5, 10*time.Millisecond), 250*time.Millisecond)
	if took > 2*time.Second {
		tries = 2
	}
	late := make([]*cloud.Server, tries)
	for i := range late {
		s := b.spec(fmt.Sprintf("stops-%d", i))
		_, _ = p.Create(b.within(took/time.Duration(20+10*i)), s)
		b.sleep(settle)
		if _, before := b.own(p)[s.Token]; before {
			continue
		}
		b.sleep(min(took+settle, 20*time.Second))
		if now, after := b.own(p)[s.Token]; after {
			late[i] = &now
		}
	}
	late = slices.DeleteFunc(late, func(s *cloud.Server) bool { return s == nil })
	if len(late)*2 > tries {
		b.Report(Finding{
			Did: fmt.Sprintf("Create, which takes %v, with a deadline of %v; List %v later: nothing; List after another %v",
				took.Round(time.Millisecond), (took / 20).Round(time.Millisecond), settle.Round(time.Millisecond), took.Round(time.Millisecond)),
			Got: fmt.Sprintf("in %d of %d tries now there is a server: %s", len(late), tries, about(*late[0])),
		})
	}
}

func cloudNoTime(b *cloudBench) {
	_, p := b.start()
	ctx, cancel := context.WithCancel(b.call())
	cancel()
	s := b.spec("late")
	if _, err := p.Create(ctx, s); !errors.Is(err, context.Canceled) {
		b.Report(Finding{Did: "Create with a context that was cancelled before", Got: answer("a server", err)})
	}
	late, cancel := context.WithTimeout(b.call(), time.Microsecond)
	defer cancel()
	if _, err := p.List(late, b.ownTags()); !errors.Is(err, context.DeadlineExceeded) {
		b.Report(Finding{Did: "List with a deadline of a microsecond", Got: answer("a list", err)})
	}
	b.delete(p, s.Token)
	b.gone(p, s, "Create with a cancelled context, Delete")
}

// learn makes and deletes a server, and gives what the backend was asked for
// meanwhile; nil where it cannot be seen.
func (b *cloudBench) learn(p cloud.Provider) map[string]bool {
	if b.proxy == nil {
		return nil
	}
	b.proxy.audit.learn()
	s := b.spec("learn")
	b.create(p, s)
	b.delete(p, s.Token)
	return b.proxy.audit.learn()
}

// forgotten fails the check if the backend was asked to make something and never
// to remove it.
func (b *cloudBench) forgotten(sorts map[string]bool) {
	if b.proxy == nil || b.Failed() {
		return
	}
	for _, left := range b.proxy.audit.left(sorts) {
		b.Report(Finding{
			Did: "interrupt calls at many moments, repeat them and Delete all that List finds; watch what the backend is asked for",
			Got: left + ", and nobody asked to remove it: it is there, is paid for, and List does not find it", Want: cloudHalf,
			Mend: "send token and tags with the very request that makes the server and let List ask the backend by tag; do not trust notes that are written after the request",
		})
	}
}
