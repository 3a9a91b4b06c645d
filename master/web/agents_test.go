package web_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/master/api/apitest"
	"github.com/wright-build/wright/master/api/view"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/web"
)

// TestAgentsSayWhy: the page of agents says why one is idle, and which are gone.
func TestAgentsSayWhy(t *testing.T) {
	w := apitest.New(t)
	w.Put(
		(&state.Agent{Name: "free", Slots: 1}).Put(),
		(&state.Agent{Name: "spent", Slots: 1, Drained: true}).Put(),
		(&state.Standing{Agent: "asleep", Lost: true, GoneAt: time.Now().Add(-time.Hour).UTC()}).Put(),
	)
	_, page := get(t, web.New(w.Config()), "/agents")
	for _, want := range []string{"no build waits", "drained, and has nothing left to build", "asleep", "lost", "not heard of any more", "gone <time", "1 h ago"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q:\n%s", want, page)
		}
	}
	if n := strings.Count(page, "of 1 slot"); n != 2 {
		t.Errorf("%d agents have slots, want 2:\n%s", n, page)
	}
}

// nobodys is a Reaper that knows what nobody owns.
type nobodys []view.Unowned

func (nobodys) Reap(context.Context, string, bool) error { return nil }
func (n nobodys) Unowned() []view.Unowned                { return n }
func (nobodys) Places() []view.ReapPlace                 { return nil }

// TestUnownedIsShown: the page of agents shows what providers hold and nobody owns,
// when it ends, and what a person is to do.
func TestUnownedIsShown(t *testing.T) {
	w := apitest.New(t)
	config := w.Config()
	if _, page := get(t, web.New(config), "/agents"); strings.Contains(page, "nobody's") {
		t.Errorf("something is nobody's where nothing is held:\n%s", page)
	}
	due := time.Date(2026, 11, 22, 12, 34, 56, 0, time.UTC)
	config.Reaper = nobodys{
		{Kind: "cloud", Provider: "process", Token: "shop-1<b>", Instance: "shop", State: "waiting", Since: time.Now().Add(-time.Hour), DueAt: due},
		{Kind: "dns", Provider: "hosts", Token: "shop.example.test", State: "held back"},
		{Kind: "database", Provider: "mysql", Token: "shop-2", State: "failing", Error: "no route to host"},
	}
	_, page := get(t, web.New(config), "/agents")
	for _, want := range []string{"shop-1&lt;b&gt;", `href="/instances/shop"`, "12:34:56", "1 h ago", "shop.example.test", "wright reap run --force", "no route to host"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q:\n%s", want, page)
		}
	}
}

// TestAppServerSaysWhatItWaitsFor: an operation whose agent is away is no riddle.
func TestAppServerSaysWhatItWaitsFor(t *testing.T) {
	w := apitest.New(t)
	w.Manifest("shop", "")
	w.Put((&state.AppServer{ID: "shop-1-1", Instance: "shop", Build: "shop-1", State: state.Terminating, Agent: "away", Operation: &state.Operation{}}).Put())
	if _, page := get(t, web.New(w.Config()), "/instances/shop"); !strings.Contains(page, "waits: for agent away, which is not connected") {
		t.Errorf("the page does not say what the AppServer waits for:\n%s", page)
	}
}
