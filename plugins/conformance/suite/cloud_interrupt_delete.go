package suite

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
)

func cloudKillDelete(b *cloudBench) {
	created, deleted, sorts := b.tookDelete()
	moments := points(interruptions/2, deleted)
	b.lanes(len(moments), created+deleted, func(b *cloudBench, i int) {
		delay := moments[i]
		h, p := b.start()
		s := b.spec(fmt.Sprintf("killed-%d", i))
		b.create(p, s)
		done := make(chan error, 1)
		go func() { done <- p.Delete(b.call(), s.Token) }()
		b.sleep(delay)
		b.kill(h)
		err := <-done
		b.close(h)
		_, p = b.start()
		did := fmt.Sprintf("Delete token %q, kill the provider with SIGKILL %v later, start it again", s.Token, delay.Round(10*time.Microsecond))
		if err == nil {
			b.gone(p, s, did+" (Delete was faster):")
		}
		b.halfDeleted(p, s, i, did)
	})
	b.forgotten(sorts)
}

// tookDelete measures a create and a delete, and learns what they ask the backend for.
func (b *cloudBench) tookDelete() (created, deleted time.Duration, sorts map[string]bool) {
	h, p := b.start()
	defer b.close(h)
	sorts = b.learn(p)
	s, start := b.spec("measured"), time.Now()
	b.create(p, s)
	created = time.Since(start)
	b.delete(p, s.Token)
	return created, max(time.Since(start)-created, time.Millisecond), sorts
}

func cloudCancelDelete(b *cloudBench) {
	created, deleted, sorts := b.tookDelete()
	_, p := b.start()
	moments := points(interruptions/2, deleted)
	b.lanes(len(moments), created+deleted, func(b *cloudBench, i int) {
		delay := moments[i]
		s := b.spec(fmt.Sprintf("cancelled-%d", i))
		b.create(p, s)
		ctx, cancel := context.WithTimeout(b.call(), delay)
		err := p.Delete(ctx, s.Token)
		cancel()
		did := fmt.Sprintf("Delete token %q with a deadline of %v", s.Token, delay.Round(10*time.Microsecond))
		if err == nil {
			b.gone(p, s, did+", which was enough:")
		}
		b.halfDeleted(p, s, i, did)
	})
	b.forgotten(sorts)
}

// halfDeleted looks at what an interrupted delete left: nothing, or something that
// List finds and the next Delete removes. Every second time nobody deletes again
// but what is listed.
func (b *cloudBench) halfDeleted(p cloud.Provider, s cloud.Spec, i int, did string) {
	_, listed := b.own(p)[s.Token]
	if !listed {
		_, listed = b.unlisted(p, s, did)
	}
	if listed || i%2 == 0 {
		b.delete(p, s.Token)
		did += ", Delete again"
	}
	b.gone(p, s, did)
}

// cloudBackAgain asks for a server whose Delete was given up: what it gets must stay.
func cloudBackAgain(b *cloudBench) {
	created, deleted, _ := b.tookDelete()
	h, p := b.start()
	moments := points(interruptions/3, deleted)
	for i, delay := range moments {
		if b.Failed() {
			return
		}
		s := b.spec(fmt.Sprintf("back-%d", i))
		b.create(p, s)
		_ = p.Delete(b.within(delay), s.Token)
		b.settle()
		if i%2 == 1 {
			b.kill(h)
			b.close(h)
			h, p = b.start()
		}
		did := fmt.Sprintf("Delete token %q with a deadline of %v, Create again", s.Token, delay.Round(10*time.Microsecond))
		made, err := hasty(p).Create(b.call(), s)
		if plugins.CodeOf(b.seen(err)) == plugins.Transient { // it may wait for the one who ends what was begun
			b.delete(p, s.Token)
			made, err = p.Create(b.call(), s)
			did += " (transient), Delete, Create"
		}
		if err != nil {
			b.Report(Finding{Did: did, Got: answer(nil, err)})
			return
		}
		if made.State != cloud.Starting && made.State != cloud.Running || made.Address == "" {
			b.Report(Finding{Did: did, Got: about(*made), Want: cloudReady, Mend: "a server that is being deleted is none that can be provisioned: wait until it is gone, and make another"})
		}
		b.sleep(min(created+deleted, 5*time.Second))
		if got, err := p.Get(b.call(), s.Token); err != nil || !same(*got, *made) {
			b.Report(Finding{Did: did + ", Get a moment later", Got: answer(got, err) + "\nCreate gave: " + about(*made), Want: cloudReady, Mend: "a server that is being deleted is none that can be provisioned: wait until it is gone, and make another"})
		}
		b.delete(p, s.Token)
	}
}

// cloudHalfDelete deletes what a create that was given up left, at once: there are
// backends that refuse it while they still build. One may be chance.
func cloudHalfDelete(b *cloudBench) {
	_, p := b.start()
	took := b.took(p)
	var left []string
	var specs []cloud.Spec
	for i, delay := range points(interruptions/2, took) {
		s := b.spec(fmt.Sprintf("half-%d", i))
		_, err := p.Create(b.within(max(delay, time.Millisecond)), s)
		if err == nil {
			b.delete(p, s.Token)
			continue
		}
		b.delete(p, s.Token)
		specs = append(specs, s)
		if _, listed := b.own(p)[s.Token]; listed {
			left = append(left, s.Token)
		}
	}
	b.sleep(min(took, 10*time.Second) + 200*time.Millisecond)
	all := b.own(p)
	for _, s := range specs {
		if _, listed := all[s.Token]; listed && !slices.Contains(left, s.Token) {
			left = append(left, s.Token)
		}
	}
	if len(left) > 1 {
		b.Report(Finding{Did: fmt.Sprintf("Create with %d deadlines, each followed at once by a Delete that said all is well, then List", len(specs)), Got: fmt.Sprintf("%d servers are there: %.200q", len(left), left)})
	}
}
