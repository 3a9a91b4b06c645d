package api_test

import (
	"testing"
	"time"

	"github.com/wright-build/wright/master/state"
)

// Of many that wait, those that are asked for are the newest.
func TestFewOfManyAreListed(t *testing.T) {
	const many = 500
	w, c, _ := serve(t)
	began := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for n := int64(1); n <= many; n++ {
		id := state.BuildID{Instance: "shop", Number: n}
		b := state.Build{
			ID: id.String(), Instance: "shop", Number: n, State: state.Queued, Attempt: 1,
			QueuedAt: began.Add(time.Duration(n*7919%many) * time.Second), // in no order, each its own time
		}
		w.Put(b.Put())
	}
	for _, limit := range []int{1, 3, 120, 1000} {
		all, err := c.Builds(t.Context(), "shop", "queued", limit)
		if err != nil || len(all) != min(limit, many) {
			t.Fatalf("limit %d: %d builds, %v", limit, len(all), err)
		}
		for i, b := range all {
			if want := began.Add(time.Duration(many-1-i) * time.Second); !b.QueuedAt.Equal(want) {
				t.Fatalf("limit %d: number %d was queued at %s, want %s", limit, i, b.QueuedAt, want)
			}
		}
	}
}
