package web_test

import (
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/master/api/apitest"
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
