package suite

import (
	"fmt"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
)

const (
	crowdDoc  = "A call that was given up must not take effect after one that came later. No failure is remembered: the same call may work later."
	crowdMend = "look at the context once more when the lock is there, before you write or ask for anything, and remember no error of a call for the next one"
)

// cloudGivenUp gives up many creates at once, so that most of them are still waiting
// for each other. Of each second token a Delete comes next, of the others the same
// call again.
func cloudGivenUp(b *cloudBench) {
	_, p := b.start()
	took := b.took(p)
	const patience = 700 * time.Millisecond
	if took > patience {
		b.Skipf("a create takes %v; so many at once would take too long", took.Round(time.Millisecond))
	}
	specs := b.crowd()
	atOnce(len(specs), func(i int) {
		_, err := p.Create(b.within(took>>(i/2%8)), specs[i])
		_ = b.seen(err)
		if i%2 == 0 {
			b.settle()
			b.delete(p, specs[i].Token)
		}
	})
	b.sleep(300*time.Millisecond + took) // for what appears late
	listed, did := b.own(p), fmt.Sprintf("Create %d servers at once, each with a deadline of %v or less", len(specs), took.Round(time.Millisecond))
	for i := 0; i < len(specs); i += 2 {
		if s, ok := listed[specs[i].Token]; ok {
			b.Report(Finding{Did: did + "; Delete each second one as soon as its Create came back; List a moment later", Got: "it is there: " + about(s)})
			break
		}
	}
	b.againAll(p, did, specs)
}

func (b *cloudBench) crowd() []cloud.Spec {
	const most = 24
	n := most
	if b.subject.Many > 0 {
		n = min(n, b.subject.Many)
	}
	specs := make([]cloud.Spec, n)
	for i := range specs {
		specs[i] = b.spec(fmt.Sprintf("crowd-%d", i))
	}
	return specs
}

// againAll repeats the creates that nobody deleted.
func (b *cloudBench) againAll(p cloud.Provider, did string, specs []cloud.Spec) {
	for i := 1; i < len(specs); i += 2 {
		_, err := p.Create(b.call(), specs[i])
		if b.seen(err) != nil && plugins.CodeOf(err) != plugins.Quota {
			b.Report(Finding{Did: fmt.Sprintf("%s; then Create of token %q once more, alone", did, specs[i].Token), Got: answer(nil, err)})
			break
		}
	}
	for _, s := range specs {
		b.delete(p, s.Token)
	}
}
