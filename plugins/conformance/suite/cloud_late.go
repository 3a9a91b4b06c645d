package suite

import (
	"fmt"
	"time"

	"github.com/wright-build/wright/plugins/cloud"
)

const (
	lateDoc  = "A request whose answer was lost may still be carried out, later than the one that repeats it. There is one server of a token all the same: List gives it once, each Create gives the same one, and Delete leaves nothing."
	lateMend = "give the token as a key that the backend keeps unique; where it keeps none, look some seconds later once more for what an unanswered request made, before you make another; of two with one token the older one counts, for Create, Get and List alike, and Delete removes all of them"
)

// cloudLate has each write of a create carried out after its answer was lost.
func cloudLate(b *cloudBench) {
	b.mediated()
	_, p := b.start()
	sorts := b.learn(p)
	for n := 1; n <= min(b.writesOf(p), 3) && !b.Failed(); n++ {
		b.comesLate(p, b.spec(fmt.Sprintf("late-%d", n)), carriedOutLate(n))
	}
	b.forgotten(sorts)
}

// writesOf counts the requests of a create that change something.
func (b *cloudBench) writesOf(p cloud.Provider) int {
	s := b.spec("count")
	b.proxy.set(&Fault{Writes: true})
	b.create(p, s)
	n, _, _ := b.proxy.requests()
	b.proxy.set(nil)
	b.delete(p, s.Token)
	return n
}

func (b *cloudBench) comesLate(p cloud.Provider, s cloud.Spec, f Fault) {
	m := b.meet(p, "Create", s, f)
	if m.err != nil {
		again := b.create(p, s)
		m.made, m.did = &again, m.did+"; then Create again"
	}
	b.eventually(settling, func() bool { return b.proxy.overdue() == 0 })
	did := m.did + "; wait until both requests were carried out"
	b.only(p, s, did)
	if got, err := p.Get(b.call(), s.Token); err != nil || !same(*got, *m.made) {
		b.Report(Finding{Did: did + ", then Get", Got: answer(got, err) + "\nCreate gave: " + about(*m.made)})
	}
	if again := b.create(p, s); !same(again, *m.made) {
		b.Report(Finding{Did: did + ", then Create", Got: fmt.Sprintf("first: %s\nthen:  %s", about(*m.made), about(again))})
	}
	b.delete(p, s.Token)
	b.sleep(100 * time.Millisecond) // for what appears when the first is gone
	b.gone(p, s, did+", then Delete")
}

// only wants the token once in the list.
func (b *cloudBench) only(p cloud.Provider, s cloud.Spec, did string) {
	all, err := p.List(b.call(), b.tags())
	if b.seen(err) != nil || len(all) != 1 || all[0].Token != s.Token {
		b.Report(Finding{Did: did + ", then List", Got: answer(fmt.Sprintf("%d servers: %+v", len(all), all), err)})
	}
}
