package notify

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/wright-build/wright/master/notify/mail/mailtest"
	"github.com/wright-build/wright/master/state"
)

// walk is what may happen, in any order.
type walk struct {
	*house
	server *mailtest.Server
	random *rand.Rand
	tally  state.Tally     // as it must be
	want   map[string]bool // notices that must come
	unsure int             // tries of which a crash took the result
}

// step does one thing.
func (w *walk) step() {
	switch w.random.IntN(8) {
	case 0, 1, 2:
		states := []state.BuildState{state.Succeeded, state.Failed, state.Errored, state.Cancelled}
		for range 1 + w.random.IntN(3) {
			s := states[w.random.IntN(len(states))]
			w.expect(ended(w.n+1, s, one))
			w.ends(s)
		}
	case 3:
		w.hears()
	case 4:
		w.settle(w.t.Context(), w.t.Context())
	case 5:
		for len(w.flying) > 0 {
			w.conclude(w.t.Context(), <-w.results)
		}
	case 6:
		w.clock = w.clock.Add(time.Duration(w.random.IntN(20)) * time.Minute)
	case 7: // dies
		for range w.flying {
			<-w.results // what was on the wire stays there
			w.unsure++
		}
		w.restart()
	}
}

// expect notes what must follow from the end of a build.
func (w *walk) expect(b *state.Build) {
	var notices []state.Notice
	w.tally, notices = Ended(b, w.Notifier.manifest("shop"), w.tally, w.clock)
	for _, n := range notices {
		w.want[n.ID] = true
	}
}

// TestRandomWalk: builds end, the mail server has its moods, time passes and the
// master dies, in any order: in the end everybody heard of everything, and only
// of what a crash made unsure twice.
func TestRandomWalk(t *testing.T) {
	for seed := range uint64(4) {
		s := mailtest.Start(t, mailtest.Config{})
		w := &walk{house: newHouse(t, s.Addr, nil), server: s, random: rand.New(rand.NewPCG(seed, 1)), want: map[string]bool{}}
		w.manifest("[notify]\non-failure = \"ann@example.test, ops@example.test\"\n")
		moods := rand.New(rand.NewPCG(seed, 2))
		lock := make(chan struct{}, 1)
		s.Refuse(func(stage, _ string) error {
			lock <- struct{}{}
			defer func() { <-lock }()
			if stage != "taken" && moods.IntN(6) == 0 {
				return mailtest.Greylisted()
			}
			return nil
		})
		for range 120 {
			w.step()
		}
		for len(w.flying) > 0 {
			w.conclude(t.Context(), <-w.results)
		}
		w.hears()
		s.Refuse(nil)
		w.passes(40 * time.Minute)
		got := ids(s)
		if len(got) != len(w.want) || len(s.Taken()) > len(got)+w.unsure || w.waiting() != 0 {
			t.Errorf("seed %d: %d messages, want %d; %d mails, %d unsure, %d wait", seed, len(got), len(w.want), len(s.Taken()), w.unsure, w.waiting())
		}
		t.Logf("seed %d: %d messages in %d mails", seed, len(got), len(s.Taken()))
	}
}
