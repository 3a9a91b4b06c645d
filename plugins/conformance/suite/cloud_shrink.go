package suite

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wright-build/wright/plugins/cloud"
)

// shrinking lists many servers while some of them, spread over all pages, are
// deleted: what stays must be in every list. Pages that are numbered, or counted
// from the start, move forward under whoever reads them one after the other.
func (b *cloudBench) shrinking(p cloud.Provider, tokens []string) {
	doomed, stay := spread(tokens)
	if b.proxy != nil {
		b.proxy.set(&Fault{Delay: 20 * time.Millisecond}) // so that a list takes long enough for something to go
		defer b.proxy.set(nil)
	}
	var over atomic.Bool
	var deleting sync.WaitGroup
	deleting.Go(func() {
		defer over.Store(true)
		atOnceMost(4, doomed, func(token string) { b.delete(p, token) })
	})
	defer deleting.Wait()
	did := fmt.Sprintf("make %d servers, then List while %d of them are deleted", len(tokens), len(doomed))
	for !over.Load() && !b.Failed() {
		all := b.own(p)
		for _, token := range stay {
			if _, ok := all[token]; !ok {
				b.Report(Finding{
					Did: did, Got: fmt.Sprintf("the server of token %q, which stays, is missing; listed are %s", token, namesOf(all)),
					Mend: "where pages are numbered or counted from the start, what goes moves the rest forward past the reader: ask for what comes after the last one seen (a cursor), or read all pages until two readings agree",
				})
				return
			}
		}
	}
}

// spread tells those that are deleted from those that stay: every second one, 40
// at most, all over the list.
func spread(tokens []string) (doomed, stay []string) {
	const most = 40
	every := max(2, (len(tokens)+most-1)/most)
	for i, token := range tokens {
		if i%every == 0 {
			doomed = append(doomed, token)
		} else {
			stay = append(stay, token)
		}
	}
	return doomed, stay
}
