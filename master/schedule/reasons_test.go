package schedule_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/wright-build/wright/master/schedule"
	"github.com/wright-build/wright/master/state"
)

// teller says what movements changed: the newest commit's message is what is
// sent for it, and it waits until something is.
type teller struct {
	mu    sync.Mutex // guards all below
	told  map[string]string
	asked int
	news  chan struct{} // closed and made anew when something is told
}

func newTeller() *teller { return &teller{told: map[string]string{}, news: make(chan struct{})} }

func (c *teller) tell(revision, message string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told[revision] = message
	close(c.news)
	c.news = make(chan struct{})
}

func (c *teller) look(revision string) (message string, ok bool, news chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	message, ok = c.told[revision]
	return message, ok, c.news
}

func (c *teller) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked
}

func (c *teller) Compare(ctx context.Context, m schedule.Movement) (schedule.Diff, error) {
	c.mu.Lock()
	c.asked++
	c.mu.Unlock()
	for {
		message, ok, news := c.look(m.New)
		if ok {
			return schedule.Diff{Message: message}, nil
		}
		select {
		case <-news:
		case <-ctx.Done():
			return schedule.Diff{}, ctx.Err()
		}
	}
}

func TestCommitsToBeSkipped(t *testing.T) {
	h := open(t, "shop", "copy")
	c := newTeller()
	_, stop := h.runWith(c)
	h.moves("r1")
	h.remembers("r1")
	h.moves("r2") // nobody says what that is
	stop()        // and then the master dies
	c.tell("r2", "work [skip ci]")
	_, _ = h.runWith(c)
	h.remembers("r2")
	c.tell("r3", "more work")
	h.moves("r3")
	h.until("both are built", func(f *state.Facts) bool { return len(f.Queue()) == 2 })
	if n := c.count(); n > 3 {
		t.Errorf("asked %d times for 2 movements", n)
	}
	h.store.Read(func(f *state.Facts) {
		if b := f.Builds["shop-000001"]; b == nil || len(b.Reason.Changes) != 1 || b.Reason.Changes[0].Old != "r2" {
			t.Errorf("queued %+v", b)
		}
	})
}

// failing cannot tell.
type failing struct{}

func (failing) Compare(context.Context, schedule.Movement) (schedule.Diff, error) {
	return schedule.Diff{}, errors.New("no such commit")
}

func TestWhatCannotBeFoundOutIsBuilt(t *testing.T) {
	h := open(t)
	h.put((&state.InForce{Instance: "shop", File: "shop.toml", Text: []byte("only-if-changed = [\"src/**\"]\n" + text)}).Put())
	h.runWith(failing{})
	h.moves("r1")
	h.remembers("r1")
	h.moves("r2")
	h.until("it is built", func(f *state.Facts) bool { return len(f.Queue()) == 1 })
	h.store.Read(func(f *state.Facts) {
		const want = "change: main of https://h.test/shop.git at r2 (which paths changed is not known: no such commit)"
		if b := f.Queue()[0]; b.Reason.Text != want {
			t.Errorf("because of %q", b.Reason.Text)
		}
	})
}

// succeed ends what is queued of an instance as dispatch does.
func (h *house) succeed(instance string, ends state.BuildState) {
	h.Helper()
	var writes []state.Write
	h.store.Read(func(f *state.Facts) {
		for _, b := range f.OfInstance(instance) {
			next := *b
			next.State, next.EndedAt = ends, time.Now().UTC()
			writes = append(writes, next.Finish()...)
			last := &state.Last{Instance: instance}
			if old := f.Lasts[instance]; old != nil {
				*last = *old
			}
			if last.Finished = next; ends == state.Succeeded {
				last.Success = next.ID
			}
			writes = append(writes, last.Put())
		}
	})
	h.put(writes...)
}

func TestAfterOthers(t *testing.T) {
	h := open(t, "lib")
	h.put((&state.InForce{Instance: "shop", File: "shop.toml", Text: []byte("after = [\"lib\"]\n" + text)}).Put())
	s, stop := h.run()
	build := func() {
		t.Helper()
		if _, err := s.Start(t.Context(), "lib", schedule.Request{}); err != nil {
			t.Fatal(err)
		}
	}
	h.until("the shop knows the lib", func(f *state.Facts) bool {
		i := f.Instances["shop"]
		return i != nil && i.Followed != nil
	})
	build()
	h.succeed("lib", state.Failed)
	build()
	h.succeed("lib", state.Succeeded)
	h.until("the shop is built", func(f *state.Facts) bool { return f.Builds["shop-000001"] != nil })
	build()
	h.succeed("lib", state.Succeeded)
	h.until("that is taken into account", func(f *state.Facts) bool { return f.Instances["shop"].Followed["lib"] == 3 })
	h.store.Read(func(f *state.Facts) {
		if b := f.Builds["shop-000001"]; len(f.OfInstance("shop")) != 1 || b.Reason.Kind != "after" || b.Reason.Text != "after: success of lib-000002" {
			t.Errorf("queued %+v", b)
		}
	})
	h.succeed("shop", state.Succeeded)
	build()
	stop()
	h.succeed("lib", state.Succeeded) // while no scheduler runs
	h.run()
	h.until("the shop is built once more", func(f *state.Facts) bool { return f.Builds["shop-000002"] != nil })
}

func TestOnSchedule(t *testing.T) {
	h := open(t)
	h.put((&state.InForce{Instance: "shop", File: "shop.toml", Text: []byte("[periodic]\ninterval = \"PT2S\"\n" + text)}).Put())
	_, stop := h.run()
	h.until("it is built", func(f *state.Facts) bool { return f.Builds["shop-000001"] != nil })
	stop()
	h.succeed("shop", state.Succeeded)
	var due time.Time
	h.store.Read(func(f *state.Facts) { due = f.Instances["shop"].Timing.Due })
	s, _ := h.run()
	h.until("it is built again", func(f *state.Facts) bool { return f.Builds["shop-000002"] != nil })
	h.store.Read(func(f *state.Facts) {
		b := f.Builds["shop-000002"]
		if late := b.QueuedAt.Sub(due); b.Reason.Kind != "periodic" || late < 0 || late > 10*time.Second { // a slow machine
			t.Errorf("%s after it was due: %+v", late, b)
		}
	})
	if err := s.Archive(t.Context(), "shop", true); err != nil {
		t.Fatal(err)
	}
	h.succeed("shop", state.Succeeded)
	late := time.NewTimer(2500 * time.Millisecond) // longer than the interval
	defer late.Stop()
	<-late.C
	if got := h.queue(); len(got) != 0 {
		t.Errorf("built in spite of being archived: %v", got)
	}
}

func TestAnAppServerByHandRestartsTheWait(t *testing.T) {
	h := open(t)
	h.put((&state.InForce{Instance: "shop", File: "shop.toml", Text: []byte("[periodic]\ninterval = \"P1D\"\n" + text)}).Put())
	s, _ := h.run()
	b, err := s.Start(t.Context(), "shop", schedule.Request{Properties: map[string]string{"A": "b"}})
	if err != nil || b.Properties["A"] != "b" {
		t.Fatal(b, err)
	}
	made := time.Now().UTC().Add(-time.Minute).Truncate(time.Second)
	h.until("it has a time", func(f *state.Facts) bool { return f.Instances["shop"].Timing != nil })
	var i state.Instance
	h.store.Read(func(f *state.Facts) { i = *f.Instances["shop"] })
	i.Timing = &state.Timing{Spec: i.Timing.Spec, Since: made.Add(-time.Hour), Due: made.Add(23 * time.Hour)}
	h.put(i.Put()) // as if it was planned an hour ago
	h.until("that is stored", func(f *state.Facts) bool { return f.Instances["shop"].Timing.Since.Equal(made.Add(-time.Hour)) })
	h.put((&state.AppServer{ID: b.ID + ".1", Instance: "shop", Number: b.Number, State: state.Spawned, CreatedAt: made}).Put())
	h.until("the wait begins anew", func(f *state.Facts) bool {
		timing := f.Instances["shop"].Timing
		return timing.Since.Equal(made) && timing.Due.Equal(made.Add(24*time.Hour))
	})
}
