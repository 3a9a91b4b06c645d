package dispatch

import (
	"fmt"
	"time"

	"github.com/wright-build/wright/master/state"
)

// putBuild puts a build on the board, but not into the queue while it has no place
// there: it must not hold up others.
func (d *Dispatcher) putBuild(f *state.Facts, b *state.Build) {
	delete(d.paused, b.ID)
	switch {
	case b.State == state.Queued && f.Manifests[b.Instance] == nil: // this release does not understand it
		d.board.Drop(b.ID)
	case b.Pauses(time.Now()):
		d.board.Drop(b.ID)
		d.paused[b.ID] = b
	default:
		d.board.Put(b)
	}
}

// dropBuild forgets a build that has ended.
func (d *Dispatcher) dropBuild(id string) {
	delete(d.paused, id)
	d.board.Drop(id)
}

// resume puts back those whose pause is over.
func (d *Dispatcher) resume(f *state.Facts) {
	now := time.Now()
	for id, b := range d.paused {
		if b.Pauses(now) {
			continue
		}
		delete(d.paused, id)
		if b = f.Builds[id]; b != nil {
			d.putBuild(f, b)
		}
	}
}

// wind has Run do a round when something is due.
func (d *Dispatcher) wind(late *time.Timer) {
	due := d.due
	d.queue.Lock()
	for _, b := range d.paused {
		if due.IsZero() || b.RetryAt.Before(due) {
			due = b.RetryAt
		}
	}
	d.queue.Unlock()
	if due.IsZero() {
		late.Stop()
		return
	}
	late.Reset(max(time.Until(due), time.Second)) // what is over and could not be stored must not be tried all the time
}

// pause is what a build that pauses waits for.
func pause(b *state.Build) string {
	return fmt.Sprintf("it was lost %d times, the last because %s: the next attempt is at %s UTC", b.Attempt-1, b.Lost, b.RetryAt.UTC().Format(time.TimeOnly))
}
