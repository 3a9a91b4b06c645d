package api_test

import (
	"context"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/wright-build/wright/master/api"
	"github.com/wright-build/wright/master/api/apitest"
	"github.com/wright-build/wright/master/api/client"
	"github.com/wright-build/wright/master/state"
)

// drainer notes what is wanted of agents, as dispatch does.
type drainer struct{ *apitest.World }

func (d drainer) Drain(_ context.Context, name string, drain bool, deadline time.Time) error {
	s := state.Standing{Agent: name}
	d.Store.Read(func(f *state.Facts) {
		if old := f.Standings[name]; old != nil {
			s = *old
		}
	})
	s.Drained, s.Deadline = drain, deadline
	d.Put(s.Put())
	return nil
}

func TestAgents(t *testing.T) {
	w := apitest.New(t)
	gone := time.Now().Add(-time.Hour).UTC()
	w.Put(
		(&state.Agent{Name: "b", Slots: 1}).Put(),
		(&state.Standing{Agent: "a", Lost: true, GoneAt: gone}).Put(),
		(&state.Standing{Agent: "c", Drained: true, GoneAt: gone}).Put(),
	)
	cfg := w.Config()
	cfg.Agents = drainer{w}
	server := httptest.NewServer(api.New(cfg))
	t.Cleanup(server.Close)
	c, err := client.New(server.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	all, err := c.Agents(t.Context())
	if err != nil || len(all) != 3 {
		t.Fatalf("got %+v, %v", all, err)
	}
	for i, want := range []string{"a lost not heard of any more; what it built is done elsewhere", "b idle no build waits", "c away drained, and stopped"} {
		if got := all[i].Name + " " + all[i].State + " " + all[i].Why; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	before := time.Now()
	if b, err := c.Drain(t.Context(), "b", true, time.Hour); err != nil || b.Deadline.Sub(before).Round(time.Hour) != time.Hour {
		t.Errorf("drained: %+v, %v", b, err)
	}
	if b, err := c.Drain(t.Context(), "c", false, 0); err != nil || b.Name != "c" || b.State != "away" {
		t.Errorf("given work again while it is away: %+v, %v", b, err)
	}
}
