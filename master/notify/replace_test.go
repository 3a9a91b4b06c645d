package notify

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wright-build/wright/master/notify/outcome"
	"github.com/wright-build/wright/master/state"
)

// TestStatusesAreReplaced: what a commit shows in the end is what its newest
// build came to, however late the forge takes it.
func TestStatusesAreReplaced(t *testing.T) {
	var mu sync.Mutex
	var shown []string
	away := true
	h := newHouse(t, "127.0.0.1:1", posts{status: func(_ context.Context, n *state.Notice) error {
		mu.Lock()
		defer mu.Unlock()
		if away {
			return outcome.Far(errors.New("away"))
		}
		shown = append(shown, n.Build+" "+n.Outcome)
		return nil
	}})
	h.manifest("[notify.status]\nkind = \"gitea\"\ntoken = \"secret:x\"\n")
	running := ended(1, state.Running, one)
	h.n++
	h.commit(running.Put())
	if err := h.starts(t.Context(), nil, true); err != nil {
		t.Fatal(err)
	}
	h.sends()
	if h.waiting() != 1 {
		t.Fatalf("%d wait", h.waiting())
	}
	h.commit(ended(1, state.Failed, one).Finish()[1])
	h.hears()
	h.ends(state.Succeeded)
	h.hears()
	if h.waiting() != 1 {
		t.Errorf("%d wait", h.waiting())
	}
	away = false
	h.passes(time.Hour)
	if got := strings.Join(shown, ", "); got != "shop-000002 succeeded" || h.waiting() != 0 {
		t.Errorf("shown: %s", got)
	}
}

// TestReplacedUnderWay: a notice that is replaced while it is sent is sent again
// with what is newer.
func TestReplacedUnderWay(t *testing.T) {
	var shown []string
	h := newHouse(t, "127.0.0.1:1", posts{status: func(_ context.Context, n *state.Notice) error {
		shown = append(shown, n.Build)
		return nil
	}})
	h.manifest("[notify.status]\nkind = \"gitea\"\ntoken = \"secret:x\"\n")
	h.ends(state.Failed)
	h.hears()
	h.settle(t.Context(), t.Context())
	res := <-h.results
	h.ends(state.Succeeded)
	h.hears()
	h.conclude(t.Context(), res)
	h.sends()
	if got := strings.Join(shown, " "); got != "shop-000001 shop-000002" || h.waiting() != 0 {
		t.Errorf("shown: %s", got)
	}
}
