package schedule_test

import (
	"errors"
	"testing"
	"time"

	"github.com/wright-build/wright/master/schedule"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
)

// An instance is deleted only when it is over with it, and then leaves nothing
// but its numbers.
func TestDelete(t *testing.T) {
	h := open(t, "shop", "shop-2")
	s, _ := h.run()
	refused := func(why error) {
		t.Helper()
		if err := s.Delete(t.Context(), "shop"); !errors.Is(err, why) {
			t.Fatalf("delete gave %v, want %v", err, why)
		}
	}
	for _, name := range []string{"shop", "shop-2"} {
		b, err := s.Start(t.Context(), name, schedule.Request{})
		if err != nil {
			t.Fatal(err)
		}
		h.end(b)
	}
	live, err := s.Start(t.Context(), "shop", schedule.Request{})
	if err != nil {
		t.Fatal(err)
	}
	refused(state.ErrLives) // in force
	var manifest state.Write
	h.store.Read(func(f *state.Facts) { manifest = f.Manifests["shop"].Put() })
	h.put(manifest.Drop(), (&state.Report{Instance: "shop"}).Put(), (&state.Active{Instance: "shop"}).Put())
	refused(state.ErrLives) // a build
	h.end(live)
	h.put((&state.AppServer{ID: "shop-000001.1", Instance: "shop", State: state.Healthy}).Put())
	refused(state.ErrLives) // an AppServer
	var gone []state.Write
	h.store.Read(func(f *state.Facts) { gone = f.AppServers["shop-000001.1"].Finish() })
	h.put(gone...)

	if err := s.Delete(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	refused(schedule.ErrNoInstance)
	h.store.Read(func(f *state.Facts) {
		if f.Reports["shop"] != nil || f.Actives["shop"] != nil || f.Lasts["shop"] != nil {
			t.Error("facts of the instance are left")
		}
	})
	if done, err := h.store.Finished(t.Context(), "shop", 0, 10); len(done) != 0 || err != nil {
		t.Errorf("history is left: %v, %v", done, err)
	}
	if _, err := h.store.GoneAppServer(t.Context(), "shop-000001.1"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the terminated AppServer is left: %v", err)
	}
	if done, _ := h.store.Finished(t.Context(), "shop-2", 0, 10); len(done) != 1 {
		t.Error("another instance's history has gone too")
	}
	h.put((&state.InForce{Instance: "shop", File: "shop.toml", Text: []byte(text)}).Put())
	if b, err := s.Start(t.Context(), "shop", schedule.Request{}); err != nil || b.Number != 3 {
		t.Errorf("the next build has number %d, %v; want 3", b.Number, err)
	}
}

// end ends a build and remembers it as the last.
func (h *house) end(b state.Build) {
	h.Helper()
	h.store.Read(func(f *state.Facts) { b = *f.Builds[b.ID] })
	ended, err := b.End(state.Cancelled, "enough", time.Now().UTC())
	if err != nil {
		h.Fatal(err)
	}
	last := state.Last{Instance: b.Instance}
	h.store.Read(func(f *state.Facts) {
		if l := f.Lasts[b.Instance]; l != nil {
			last = *l
		}
	})
	last.Finished = ended
	h.put(append(ended.Finish(), last.Put())...)
}
