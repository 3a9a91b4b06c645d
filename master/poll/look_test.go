package poll

import (
	"fmt"
	"testing"
	"time"

	"github.com/wright-build/wright/master/watchlist"
)

// Looks take the places of their host, whoever has them: the next one begins
// when one is over, or is given up before it began.
func TestLooksTakePlaces(t *testing.T) {
	now := time.Unix(1000, 0)
	l := &loop{agenda: newAgenda(10, 2, func() float64 { return 1 }), looks: map[watchlist.RemoteKey]*look{}}
	var all []lookNews
	for i := range 5 {
		host := "h.test:443"
		if i == 4 {
			host = "other.test:443"
		}
		all = append(all, lookNews{look: &look{key: watchlist.RemoteKey(fmt.Sprint(i)), host: host, granted: make(chan struct{})}})
	}
	begun := func() (which string) {
		l.start(t.Context(), now)
		for _, n := range all {
			select {
			case <-n.granted:
				which += string(n.key)
			default:
			}
		}
		return which
	}
	over := func(i int) { l.arrange([]lookNews{{all[i].look, true}}, now) }
	l.arrange(all, now)
	if got := begun(); got != "014" {
		t.Errorf("at first %s begin, want two of one host and one of another", got)
	}
	over(2) // given up
	if got := begun(); got != "014" {
		t.Errorf("with one fewer that waits %s begin", got)
	}
	over(0)
	if got := begun(); got != "0134" {
		t.Errorf("when one is over %s have begun", got)
	}
	for _, i := range []int{1, 3, 4} {
		over(i)
	}
	if a := l.agenda; len(l.looks) != 0 || len(a.items) != 0 || len(a.hosts) != 0 || a.fast != 0 || a.queued != 0 || len(a.due) != 0 {
		t.Errorf("in the end %d looks and %d items of %d hosts are left, %d places taken, %d queued, %d due",
			len(l.looks), len(a.items), len(a.hosts), a.fast, a.queued, len(a.due))
	}
}
