package main

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// desk takes changes in and has those that wait carried out together, so that
// many at once cost one reload. Later ones never overtake earlier ones.
type desk struct {
	mu      sync.Mutex // guards all below
	work    works
	waiting []call
	busy    bool // somebody carries changes out, and looks again afterwards
}

// call is a change that somebody waits for.
type call struct {
	change change
	left   <-chan struct{} // closed when nobody waits any more
	done   chan error      // takes one value
}

// roundLimit bounds one check, one reload and what belongs to them.
const roundLimit = time.Minute

func (d *desk) use(w works) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.work = w
}

func (d *desk) works() works {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.work
}

// submit returns when the change is in force, or refused, or ctx has ended.
func (d *desk) submit(ctx context.Context, c change) error {
	if ctx.Err() != nil {
		return fmt.Errorf("change the route of %s: %w", c.name, ctx.Err())
	}
	mine := call{change: c, left: ctx.Done(), done: make(chan error, 1)}
	d.mu.Lock()
	d.waiting = append(d.waiting, mine)
	if !d.busy {
		d.busy = true
		go d.rounds(context.WithoutCancel(ctx)) // ends when nothing waits
	}
	d.mu.Unlock()
	select {
	case err := <-mine.done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("change the route of %s: %w", c.name, ctx.Err())
	}
}

func (d *desk) rounds(ctx context.Context) {
	for {
		d.mu.Lock()
		calls, work := wanted(d.waiting), d.work
		d.waiting = nil
		d.busy = len(calls) > 0
		d.mu.Unlock()
		if len(calls) == 0 {
			return
		}
		round(ctx, work, calls)
	}
}

// wanted leaves out whom nobody waits for any more.
func wanted(calls []call) []call {
	var list []call
	for _, c := range calls {
		select {
		case <-c.left:
		default:
			list = append(list, c)
		}
	}
	return list
}

// round carries out the changes of calls. It is given up when nobody waits for
// any of them, and before files get their places.
func round(ctx context.Context, w works, calls []call) {
	ctx, cancel := context.WithTimeout(ctx, roundLimit)
	defer cancel()
	go func() {
		defer cancel()
		for _, c := range calls {
			select {
			case <-c.left:
			case <-ctx.Done():
				return
			}
		}
	}()
	changes := make([]change, 0, len(calls))
	for _, c := range calls {
		changes = append(changes, c.change)
	}
	for i, err := range w.do(ctx, changes) {
		calls[i].done <- err
	}
}
