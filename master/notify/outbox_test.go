package notify

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wright-build/wright/master/logs"
	"github.com/wright-build/wright/master/notify/mail/mailtest"
	"github.com/wright-build/wright/master/notify/outcome"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
)

// TestAnHourDown: while the mail server is away nothing is lost; when it is back
// everybody hears of each failure once, and it was not pestered meanwhile.
func TestAnHourDown(t *testing.T) {
	h := newHouse(t, "127.0.0.1:1", nil) // nobody listens there
	h.manifest("[notify]\non-failure = [\"ann@example.test\", \"ops@example.test\"]\n")
	for range 60 {
		h.ends(state.Failed)
		h.hears()
		h.passes(time.Minute)
	}
	all := h.List()
	if len(all) != 120 || !strings.Contains(all[119].Why, "127.0.0.1:1") || all[119].NextAt.IsZero() || all[119].NextAt.Sub(h.clock) > longestPause {
		t.Fatalf("%d wait, the last %+v", len(all), all[len(all)-1])
	}
	if n := h.lanes.all[mailChannel].troubles; n > 12 {
		t.Errorf("it was tried %d times in an hour", n)
	}
	h.restart()
	if all := h.List(); len(all) != 120 || !all[0].NextAt.IsZero() {
		t.Errorf("after a restart %d wait, the first until %s", len(all), all[0].NextAt)
	}
	back := mailtest.Start(t, mailtest.Config{})
	h.cfg.Mail = mailTo(t, back.Addr)
	h.Notifier.cfg.Mail = h.cfg.Mail
	h.passes(20 * time.Minute)
	got := ids(back)
	for id, n := range got {
		if n != 1 {
			t.Errorf("%s came %d times", id, n)
		}
	}
	if len(got) != 120 || h.waiting() != 0 {
		t.Errorf("%d came, %d wait", len(got), h.waiting())
	}
}

// TestGreylisting: who is asked to come again later does, for each recipient; a
// mailbox that there is not holds nobody up, is given up, shown, and forgotten.
func TestGreylisting(t *testing.T) {
	s := mailtest.Start(t, mailtest.Config{})
	h := newHouse(t, s.Addr, nil)
	var mu sync.Mutex
	first := map[string]time.Time{}
	s.Refuse(func(stage, to string) error {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case stage != "rcpt":
			return nil
		case to == "nobody@example.test":
			return mailtest.Unknown()
		case first[to].IsZero():
			first[to] = h.clock
		}
		if h.clock.Sub(first[to]) < 5*time.Minute {
			return mailtest.Greylisted()
		}
		return nil
	})
	h.manifest("[notify]\non-failure = \"ann@example.test, nobody@example.test, ops@example.test\"\n")
	h.ends(state.Failed)
	h.hears()
	h.sends()
	if h.waiting() != 2 || len(s.Taken()) != 0 {
		t.Fatalf("%d wait, %d came", h.waiting(), len(s.Taken()))
	}
	h.passes(15 * time.Minute)
	if got := ids(s); len(got) != 2 || h.waiting() != 0 {
		t.Errorf("came %v, %d wait", got, h.waiting())
	}
	if all := h.List(); len(all) != 1 || all[0].To != "nobody@example.test" || !strings.Contains(all[0].Why, "550") {
		t.Errorf("given up: %+v", all)
	}
	h.clock = h.clock.Add(8 * 24 * time.Hour)
	h.sends()
	if all := h.List(); len(all) != 0 {
		t.Errorf("after a week: %+v", all)
	}
}

// TestCrashes: wherever the master dies, nothing is lost; what comes twice, since
// it died between the server's word and writing that down, has the same ID.
func TestCrashes(t *testing.T) {
	s := mailtest.Start(t, mailtest.Config{})
	h := newHouse(t, s.Addr, nil)
	h.manifest(mailOnly)
	h.ends(state.Failed)
	h.restart() // before it was taken note of
	h.hears()
	h.restart() // before it was sent
	h.settle(t.Context(), t.Context())
	if res := <-h.results; res.err != nil {
		t.Fatal(res.err)
	}
	h.restart() // after it was sent
	h.ends(state.Succeeded, state.Failed)
	h.hears()
	h.sends()
	got := ids(s)
	if len(got) != 3 || len(s.Taken()) != 4 || h.waiting() != 0 {
		t.Errorf("%d messages, %v, %d wait", len(s.Taken()), got, h.waiting())
	}
	h.restart()
	h.ends(state.Succeeded)
	h.hears()
	h.sends()
	if got = ids(s); len(got) != 4 || len(s.Taken()) != 5 {
		t.Errorf("the recovery: %v", got)
	}
}

// TestManyAtOnce: what follows from builds that end together goes into as many
// transactions as it takes; dying between them changes nothing.
func TestManyAtOnce(t *testing.T) {
	s := mailtest.Start(t, mailtest.Config{})
	h := newHouse(t, s.Addr, nil)
	var addresses []string
	for i := range 50 {
		addresses = append(addresses, fmt.Sprintf("%q", fmt.Sprintf("a%d@example.test", i)))
	}
	h.manifest("[notify]\non-failure = [" + strings.Join(addresses, ", ") + "]\n")
	h.ends(state.Failed, state.Failed, state.Failed, state.Failed)
	h.hears()
	h.sends()
	got := ids(s)
	if len(got) != 200 || len(s.Taken()) != 200 || h.waiting() != 0 {
		t.Errorf("%d messages, %d IDs, %d wait", len(s.Taken()), len(got), h.waiting())
	}
}

// TestDyingBetweenTransactions: of builds that ended together some were taken
// note of before the master died: the others are, and these are not again.
func TestDyingBetweenTransactions(t *testing.T) {
	s := mailtest.Start(t, mailtest.Config{})
	h := newHouse(t, s.Addr, nil)
	h.manifest(mailOnly)
	h.ends(state.Failed, state.Failed, state.Failed)
	ctx, cancel := context.WithCancel(t.Context())
	err := h.store.Ended(ctx, h.heard().Revision, func(_ int64, ends []store.Ending) error {
		defer cancel()
		writes, told := h.endings(ends[:2])
		next := *h.heard()
		next.Told = told
		h.commit(append(writes, next.Put())...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	h.sends()
	h.restart()
	h.hears()
	h.sends()
	if got := ids(s); len(got) != 3 || len(s.Taken()) != 3 || len(h.heard().Told) != 0 {
		t.Errorf("%d messages, %v", len(s.Taken()), got)
	}
}

// TestDeliveredIsDelivered: while it cannot be written down that something was
// delivered, it is not sent.
func TestDeliveredIsDelivered(t *testing.T) {
	s := mailtest.Start(t, mailtest.Config{})
	h := newHouse(t, s.Addr, nil)
	h.manifest(mailOnly)
	h.ends(state.Failed)
	h.hears()
	h.settle(t.Context(), t.Context())
	res := <-h.results
	away, cancel := context.WithCancel(t.Context())
	cancel()
	h.conclude(away, res)
	if due, _, _ := h.due(h.clock); len(due) != 0 {
		t.Errorf("due is %+v", due)
	}
	h.sends()
	if len(s.Taken()) != 1 || h.waiting() != 0 || len(h.delivered) != 0 {
		t.Errorf("%d came, %d wait", len(s.Taken()), h.waiting())
	}
}

// TestOneThatHangs: a far side that hangs holds up nobody else.
func TestOneThatHangs(t *testing.T) {
	s := mailtest.Start(t, mailtest.Config{})
	hang := make(chan struct{})
	h := newHouse(t, s.Addr, posts{webhook: func(ctx context.Context, n *state.Notice) error {
		if strings.Contains(n.To, "hang") {
			<-hang
		}
		return outcome.Far(errors.New("it hangs"))
	}})
	h.manifest(mailOnly + "[[notify.webhook]]\nurl = \"https://hang.example.test/T0K3N\"\nsecret = \"secret:x\"\n")
	for range 30 {
		h.ends(state.Failed)
	}
	h.hears()
	h.settle(t.Context(), t.Context())
	for len(s.Taken()) < 30 {
		h.conclude(t.Context(), <-h.results)
		h.settle(t.Context(), t.Context())
	}
	if n := h.lanes.all["webhook hang.example.test"].flying; n != perLane {
		t.Errorf("%d are under way to one that hangs", n)
	}
	close(hang)
	for len(h.flying) > 0 {
		h.conclude(t.Context(), <-h.results)
	}
	if all := h.List(); len(all) != 30 || all[29].Why != "it hangs" || all[29].Where != "https://hang.example.test/…" {
		t.Errorf("%d wait: %+v", len(all), all[len(all)-1])
	}
	h.clock = h.clock.Add(keepPosting + time.Minute)
	h.sends()
	if h.waiting() != 0 {
		t.Errorf("%d wait after a day", h.waiting())
	}
}

// TestBounds: a channel holds so many notices; that others found no room is shown.
func TestBounds(t *testing.T) {
	f := state.NewFacts()
	b := newBatch(f)
	b.due[mailChannel] = maxDue - 1
	m := manifest(t, mailOnly)
	var tally state.Tally
	for i := range int64(5) {
		var notices []state.Notice
		tally, notices = Ended(ended(i+1, state.Failed, one), m, tally, epoch)
		b.add(f, notices)
	}
	writes := b.writes(f, epoch)
	if len(b.notices) != 1 || len(writes) != 2 {
		t.Fatalf("%d notices, %d writes", len(b.notices), len(writes))
	}
	for _, w := range writes {
		if n, ok := w.Value.(*state.Notice); ok && n.ID == "full.mail" && !strings.HasPrefix(n.Error, "4 were not queued") {
			t.Errorf("it says %s", n.Error)
		}
	}
}

// TestSecretsAreHidden: what a build says that it must not is not in the mail.
func TestSecretsAreHidden(t *testing.T) {
	s := mailtest.Start(t, mailtest.Config{})
	h := newHouse(t, s.Addr, nil)
	h.manifest(mailOnly)
	h.n++
	b := ended(h.n, state.Failed, one)
	b.Error = "the word hunter2-word is wrong"
	at := logs.Attempt{Instance: "shop", Build: b.ID, Attempt: 1}
	if _, err := h.cfg.Logs.Append(at, 1, "test", 0, []byte("it is hunter2-word, I say\n"), true); err != nil {
		t.Fatal(err)
	}
	h.commit(b.Finish()[1])
	h.hears()
	h.sends()
	taken := s.Taken()
	if len(taken) != 1 || strings.Contains(taken[0].Data, "hunter2") || strings.Count(taken[0].Data, "the word *** is wrong") != 2 ||
		!strings.Contains(taken[0].Data, "it is ***, I say") {
		t.Errorf("it says %+v", taken)
	}
}

// TestFirstStart: what was over before anybody could hear of it is no news, nor
// is it after a row of builds that nobody heard of.
func TestFirstStart(t *testing.T) {
	s := mailtest.Start(t, mailtest.Config{})
	h := newHouse(t, s.Addr, nil)
	h.manifest("")
	h.ends(state.Failed)
	h.hears()
	h.catchUp(t.Context(), h.clock.Add(time.Hour))
	h.manifest(mailOnly)
	h.restart()
	h.ends(state.Succeeded)
	h.hears()
	h.sends()
	if len(s.Taken()) != 0 {
		t.Errorf("told: %+v", s.Taken())
	}
}

// TestNoMailServer: what cannot be delivered at all says so where people look.
func TestNoMailServer(t *testing.T) {
	h := newHouse(t, "127.0.0.1:1", nil)
	h.cfg.Mail = nil
	h.restart()
	h.manifest(mailOnly)
	h.ends(state.Failed)
	h.hears()
	h.sends()
	if all := h.List(); len(all) != 1 || all[0].GivenUpAt.IsZero() || !strings.Contains(all[0].Why, "[smtp]") {
		t.Errorf("shown: %+v", all)
	}
	if err := h.Test(t.Context(), "ops@example.test"); err == nil {
		t.Error("a test without a mail server")
	}
}

// TestRun: the loop does by itself what the other tests do by calls; it ends
// when it is told to, and what was delivered is not delivered again.
func TestRun(t *testing.T) {
	s := mailtest.Start(t, mailtest.Config{})
	h := newHouse(t, s.Addr, nil)
	h.cfg.Now = time.Now
	h.manifest(mailOnly)
	for round := range 3 {
		h.restart()
		ctx, stop := context.WithCancel(t.Context())
		ran := make(chan error, 1)
		go func() { ran <- h.Run(ctx) }()
		h.ends(state.Failed, state.Failed)
		wait, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		err := h.store.Await(wait, func(f *state.Facts) bool {
			tally := f.Tallies["shop"]
			return tally != nil && tally.Number == h.n && len(f.Notices) == 0
		})
		cancel()
		stop()
		if err := errors.Join(err, <-ran); err != nil {
			t.Fatal(err)
		}
		if got := ids(s); len(got) != 2*(round+1) || len(s.Taken()) != len(got) {
			t.Errorf("round %d: %v", round, got)
		}
	}
}
