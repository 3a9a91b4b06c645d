package schedule

import (
	"context"
	"sync"
	"time"
)

// Comparer finds out what a movement changed. It must come back when ctx ends;
// its errors hold no secrets.
type Comparer interface {
	Compare(ctx context.Context, m Movement) (Diff, error)
}

const (
	// maxDiffs bounds how many answers are remembered.
	maxDiffs = 256
	// maxAsking bounds how many movements are looked into at a time.
	maxAsking = 16
	// markTime is how long a build waits to hear whether a commit is to be
	// skipped, which nearly none is; pathTime how long to hear what changed.
	markTime = 5 * time.Second
	pathTime = time.Minute
)

// diffs remembers what movements changed, and asks for what it does not know.
// What it forgets is asked again.
type diffs struct {
	comparer Comparer // nil: nobody can tell
	found    chan found
	asking   chan struct{} // full when enough is asked at a time
	running  sync.WaitGroup

	// owned by Run
	known map[Movement]Diff
	order []Movement                   // of known, the oldest first
	open  map[Movement]map[string]bool // asked, and the instances that wait for it
}

// found is the answer to a movement.
type found struct {
	movement Movement
	diff     Diff
}

func newDiffs(c Comparer) *diffs {
	return &diffs{
		comparer: c, found: make(chan found), asking: make(chan struct{}, maxAsking),
		known: map[Movement]Diff{}, open: map[Movement]map[string]bool{},
	}
}

// of is what is known of a movement.
func (d *diffs) of(m Movement) (Diff, bool) {
	diff, ok := d.known[m]
	return diff, ok
}

// ask looks into movements for an instance.
func (d *diffs) ask(ctx context.Context, instance string, all []Movement) {
	for _, m := range all {
		if d.open[m] == nil {
			d.open[m] = map[string]bool{}
			d.running.Go(func() { d.look(ctx, m) })
		}
		d.open[m][instance] = true
	}
}

func (d *diffs) look(ctx context.Context, m Movement) {
	limit := markTime
	if m.Old != "" {
		limit = pathTime
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	diff := Diff{Unknown: "too much else is being looked into"}
	select {
	case d.asking <- struct{}{}:
		var err error
		if diff, err = d.comparer.Compare(limited, m); err != nil {
			diff.Unknown = err.Error()
		}
		<-d.asking
	case <-limited.Done():
	}
	select {
	case d.found <- found{m, diff}:
	case <-ctx.Done():
	}
}

// take takes an answer in and names the instances that wait for it.
func (d *diffs) take(f found) map[string]bool {
	waiting := d.open[f.movement]
	delete(d.open, f.movement)
	d.known[f.movement] = f.diff
	if d.order = append(d.order, f.movement); len(d.order) > maxDiffs {
		delete(d.known, d.order[0])
		d.order = d.order[1:]
	}
	return waiting
}
