package schedule_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/wright-build/wright/master/schedule"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
	"github.com/wright-build/wright/master/store/storetest"
)

const text = "[source]\ngit = \"https://h.test/shop.git\"\nbranch = \"main\"\n[[step]]\nname = \"test\"\nrun = \"true\"\n"

// house is a store with instances in force, and schedulers that come and go.
type house struct {
	*testing.T
	store *store.Store
}

func open(t *testing.T, instances ...string) *house {
	h := &house{t, storetest.Embedded(t)}
	for _, name := range instances {
		h.put((&state.InForce{Instance: name, File: name + ".toml", Text: []byte(text)}).Put())
	}
	return h
}

// run starts a scheduler; stop ends it as a crash would.
func (h *house) run() (s *schedule.Scheduler, stop func()) {
	return h.runWith(nil)
}

func (h *house) runWith(c schedule.Comparer) (s *schedule.Scheduler, stop func()) {
	s = schedule.New(h.store, c, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(h.Context())
	var all sync.WaitGroup
	all.Go(func() { _ = s.Run(ctx) })
	stop = sync.OnceFunc(func() { cancel(); all.Wait() })
	h.Cleanup(stop)
	return s, stop
}

func (h *house) put(writes ...state.Write) {
	h.Helper()
	if err := h.store.CommitSeen(h.Context(), writes...); err != nil {
		h.Fatal(err)
	}
}

// moves observes the source at a revision.
func (h *house) moves(revision string) {
	h.Helper()
	ref := &state.Ref{VCS: "git", URL: "https://h.test/shop.git", Ref: "refs/heads/main", MovedAt: time.Now().UTC()}
	h.store.Read(func(f *state.Facts) {
		if old := f.Refs[state.RefName(ref.Key())]; old != nil {
			ref.Meta, ref.Previous = old.Meta, old.Revision
		}
	})
	ref.Revision = revision
	h.put(ref.Put(ref.Key()))
}

func (h *house) until(what string, holds func(f *state.Facts) bool) {
	h.Helper()
	ctx, cancel := context.WithTimeout(h.Context(), 2*time.Minute)
	defer cancel()
	if err := h.store.Await(ctx, holds); err != nil {
		h.Fatalf("waited in vain until %s", what)
	}
}

// remembers waits until the instance has taken a revision into account.
func (h *house) remembers(revision string) {
	h.Helper()
	h.until("the shop remembers "+revision, func(f *state.Facts) bool {
		if i := f.Instances["shop"]; i != nil {
			for _, s := range i.Seen {
				return s.Revision == revision
			}
		}
		return false
	})
}

func (h *house) queue() (ids []string) {
	h.store.Read(func(f *state.Facts) {
		for _, b := range f.Queue() {
			ids = append(ids, b.ID)
		}
	})
	return ids
}

func TestStartNumbersConsecutively(t *testing.T) {
	h := open(t, "shop", "blog")
	s, _ := h.run()
	const each = 150
	var all sync.WaitGroup
	var many []state.Build
	all.Go(func() {
		var err error
		if many, err = s.StartMany(t.Context(), "shop", schedule.Request{Text: "many"}, each); err != nil {
			t.Error(err)
		}
	})
	for range 20 {
		all.Go(func() {
			if _, err := s.Start(t.Context(), "blog", schedule.Request{}); err != nil {
				t.Error(err)
			}
			if _, err := s.Start(t.Context(), "nobody", schedule.Request{}); !errors.Is(err, schedule.ErrNoInstance) {
				t.Errorf("built what is not in force: %v", err)
			}
		})
	}
	all.Wait()
	for i, b := range many {
		if b.Number != int64(i+1) || b.State != state.Queued || b.Attempt != 1 || b.Reason.Kind != "person" || b.ID != fmt.Sprintf("shop-%06d", i+1) {
			t.Fatalf("build %d of many is %+v", i+1, b)
		}
	}
	h.store.Read(func(f *state.Facts) {
		if len(many) != each || len(f.OfInstance("shop")) != each || len(f.OfInstance("blog")) != 20 || f.Instances["blog"].LastNumber != 20 {
			t.Errorf("%d were answered; %d and %d are queued", len(many), len(f.OfInstance("shop")), len(f.OfInstance("blog")))
		}
	})
}

func TestNumbersGoOnAfterACrash(t *testing.T) {
	h := open(t, "shop")
	for want := int64(1); want <= 3; want++ {
		s, stop := h.run()
		b, err := s.Start(t.Context(), "shop", schedule.Request{Revision: "abc", Kind: "retry"})
		if err != nil || b.Number != want || b.Revision != "abc" || b.Reason.Kind != "retry" {
			t.Fatalf("build %+v, %v; want number %d", b, err, want)
		}
		stop()
	}
}

func TestAChangeWhileNoSchedulerRanIsBuilt(t *testing.T) {
	h := open(t, "shop")
	_, stop := h.run()
	h.moves("r1")
	h.remembers("r1")
	if got := h.queue(); len(got) != 0 {
		t.Errorf("discovering is not moving, and yet %v", got)
	}
	stop()
	h.moves("r2")
	h.moves("r3")
	_, stop = h.run()
	h.remembers("r3")
	h.store.Read(func(f *state.Facts) {
		b := f.Builds["shop-000001"]
		if len(f.Queue()) != 1 || b == nil || b.Reason.Kind != "change" || len(b.Reason.Changes) != 1 || b.Reason.Changes[0].Old != "r1" || b.Reason.Changes[0].New != "r3" {
			t.Errorf("queued %+v", b)
		}
	})
	stop()
	_, stop = h.run() // nothing is new
	stop()
	if got := h.queue(); len(got) != 1 {
		t.Errorf("queued %v after nothing happened", got)
	}
}

func TestChangesJoinWhatWaits(t *testing.T) {
	h := open(t, "shop")
	s, _ := h.run()
	h.moves("r1")
	h.remembers("r1")
	if _, err := s.Start(t.Context(), "shop", schedule.Request{Text: "please"}); err != nil {
		t.Fatal(err)
	}
	for _, r := range []string{"r2", "r3"} {
		h.moves(r)
		h.remembers(r)
	}
	h.store.Read(func(f *state.Facts) {
		b := f.Builds["shop-000001"]
		if len(f.Queue()) != 1 || b.Reason.Text != "please" || len(b.Reason.Changes) != 1 || b.Reason.Changes[0].Old != "r1" || b.Reason.Changes[0].New != "r3" {
			t.Errorf("queued %+v", b)
		}
	})
	if _, err := s.Start(t.Context(), "shop", schedule.Request{Revision: "r1"}); err != nil {
		t.Fatal(err)
	}
	h.moves("r4") // the newest that waits is to be built at r1
	h.remembers("r4")
	if got := h.queue(); !slices.Contains(got, "shop-000003") {
		t.Errorf("queued %v, want one for the change", got)
	}
}

func TestACancelledBuildTakesNothingIn(t *testing.T) {
	h := open(t, "shop")
	s, _ := h.run()
	h.moves("r1")
	h.remembers("r1")
	b, err := s.Start(t.Context(), "shop", schedule.Request{})
	if err != nil {
		t.Fatal(err)
	}
	var cancelled state.Build
	h.store.Read(func(f *state.Facts) { cancelled = *f.Builds[b.ID] })
	cancelled.Cancel = "enough"
	h.put(cancelled.Put())
	h.moves("r2")
	h.until("a build for the change waits", func(f *state.Facts) bool { return f.Builds["shop-000002"] != nil })
}

func TestQuietTimeEnds(t *testing.T) {
	h := open(t)
	h.put((&state.InForce{Instance: "shop", File: "shop.toml", Text: []byte("tree-stable-timer = \"300ms\"\n" + text)}).Put())
	h.run()
	h.moves("r1")
	h.remembers("r1")
	began := time.Now()
	h.moves("r2")
	h.until("it is built", func(f *state.Facts) bool { return len(f.Queue()) == 1 })
	if took := time.Since(began); took < 300*time.Millisecond {
		t.Errorf("built after %s", took)
	}
}

func TestArchive(t *testing.T) {
	h := open(t, "shop")
	s, _ := h.run()
	h.moves("r1")
	h.remembers("r1")
	if err := s.Archive(t.Context(), "nobody", true); !errors.Is(err, schedule.ErrNoInstance) {
		t.Errorf("archived what is not there: %v", err)
	}
	for range 2 {
		if err := s.Archive(t.Context(), "shop", true); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Start(t.Context(), "shop", schedule.Request{}); !errors.Is(err, schedule.ErrArchived) {
		t.Errorf("built what is archived: %v", err)
	}
	h.moves("r2")
	if err := s.Archive(t.Context(), "shop", false); err != nil {
		t.Fatal(err)
	}
	h.until("the change is built", func(f *state.Facts) bool { return len(f.Queue()) == 1 })
}

// Builds are handed out, from facts that may be older, while changes join
// them: the newest build always gets the newest revision.
func TestNoChangeIsLostToAHandOut(t *testing.T) {
	h := open(t, "shop")
	h.run()
	h.moves("r0")
	h.remembers("r0")
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() { handOut(ctx, h.store) })
	const last = 300
	for n := range last {
		h.moves(fmt.Sprintf("r%d", n+1))
	}
	want := fmt.Sprintf("r%d", last)
	h.remembers(want)
	h.until("nothing waits", func(f *state.Facts) bool { return len(f.Queue()) == 0 })
	cancel()
	all.Wait()
	h.store.Read(func(f *state.Facts) {
		var newest *state.Build
		for _, b := range f.OfInstance("shop") {
			if newest == nil || b.Number > newest.Number {
				newest = b
			}
		}
		if got := newest.Revisions["https://h.test/shop.git"]; got != want {
			t.Errorf("of %d builds the newest, %s, is at %s, want %s", len(f.Builds), newest.ID, got, want)
		}
	})
}

// handOut assigns what is queued, as dispatch does, but slowly.
func handOut(ctx context.Context, st *store.Store) {
	for st.Await(ctx, func(f *state.Facts) bool { return len(f.Queue()) > 0 }) == nil {
		var next state.Build
		st.Read(func(f *state.Facts) {
			for _, ref := range f.Refs {
				next, _ = f.Queue()[0].Assign("agent", ref.URL, ref.Revision, f.Revision)
			}
		})
		_ = st.CatchUp(ctx) // time in which much can happen
		if err := st.CommitSeen(ctx, next.Put()); errors.Is(err, store.ErrConflict) {
			_ = st.CatchUp(ctx)
		}
	}
}
