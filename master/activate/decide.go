package activate

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/wright-build/wright/master/state"
)

// drainTime is how long an AppServer that was replaced still answers what was
// under way.
const drainTime = 15 * time.Second

// retryAfter is the pause before the first repetition of a failed operation;
// it doubles with every try, up to maxRetryAfter.
const (
	retryAfter    = 2 * time.Second
	maxRetryAfter = 5 * time.Minute
)

// Situation is everything that decides about the AppServers of one instance.
type Situation struct {
	Instance string
	Active   *state.Active // nil: never had one
	Servers  []*state.AppServer
}

// Verdict is what follows: facts to write. They hold together.
type Verdict struct {
	Active  *state.Active // nil: as it is
	Servers []state.AppServer
	Gone    []state.AppServer // terminated: leave the live facts
	Wake    time.Time         // decide again then; zero: when a fact changes
}

// decision is a verdict in the making.
type decision struct {
	Verdict
	now     time.Time
	active  state.Active
	changed map[string]bool
	servers []*state.AppServer // the newest build first; copies that may be changed
	nextID  func() string
}

// Decide says which AppServer of an instance becomes active, which are ended,
// and which operations that takes. Only the newest AppServer that came up well
// is activated by itself; a person may choose any. The active one is never
// ended but by a person.
func Decide(s Situation, now time.Time, nextID func() string) Verdict {
	d := &decision{now: now, changed: map[string]bool{}, nextID: nextID, active: state.Active{Instance: s.Instance}}
	if s.Active != nil {
		d.active = *s.Active
	}
	for _, a := range s.Servers {
		server := *a
		d.servers = append(d.servers, &server)
	}
	slices.SortFunc(d.servers, func(a, b *state.AppServer) int {
		return cmp.Or(cmp.Compare(b.Number, a.Number), cmp.Compare(b.Attempt, a.Attempt))
	})
	d.obey()
	d.promote()
	d.retire()
	d.end()
	for _, a := range d.servers {
		if d.changed[a.ID] {
			d.Servers = append(d.Servers, *a)
		}
	}
	return d.Verdict
}

func (d *decision) touch(a *state.AppServer) { d.changed[a.ID] = true }

func (d *decision) wakeAt(at time.Time) {
	if d.Wake.IsZero() || at.Before(d.Wake) {
		d.Wake = at
	}
}

// obey does what people asked for, except activation.
func (d *decision) obey() {
	for _, a := range d.servers {
		switch {
		case a.Wanted == state.Terminate && a.State != state.Terminating:
			if d.active.AppServer == a.ID {
				d.setActive(nil) // what a newer build is just bringing up still takes its place
			}
			d.doom(a, "")
		case a.Wanted == state.Activate && d.active.AppServer == a.ID, a.Wanted == state.Deactivate && d.active.AppServer != a.ID:
			a.Wanted, a.Operation = "", nil // it is so; an operation to the contrary would undo it
			d.touch(a)
		case a.Wanted == state.Activate && a.GivenUp(): // it must not stand in the way of newer ones
			a.Wanted, a.Error = "", "could not be activated: "+a.Operation.Error
			d.touch(a)
		case a.Wanted == state.Deactivate && d.operate(a, state.Deactivate, a.Named()):
			a.Wanted = ""
			d.setActive(nil)
			d.stand(nil)
		}
	}
}

// promote makes the AppServer active that should be, once its operation, if it
// takes one, is done.
func (d *decision) promote() {
	best := d.candidate()
	for _, a := range d.servers { // an overtaken one gives up, and so it does when a person wants none
		if a != best && a.Operation != nil && a.Operation.Doing == state.Activate && !a.GivenUp() {
			a.Operation = nil
			d.touch(a)
		}
	}
	if best != nil && d.operate(best, state.Activate, best.Named()) {
		best.Wanted = ""
		d.setActive(best)
		d.stand(best)
	}
}

func (d *decision) candidate() *state.AppServer {
	for _, a := range d.servers {
		if a.State == state.Healthy && a.Wanted == state.Activate && d.active.AppServer != a.ID {
			return a
		}
	}
	for _, a := range d.servers {
		if a.State == state.Healthy && !a.Manually && a.Wanted == "" && a.Number > d.active.Highest {
			if !a.GivenUp() {
				return a
			}
		}
	}
	return nil
}

// operate says whether the operation that the move takes is done; if it is
// not, it is begun or, after a failure, repeated.
func (d *decision) operate(a *state.AppServer, doing state.Doing, takesOne bool) bool {
	op := a.Operation
	switch {
	case !takesOne:
		a.Operation = nil
		return true
	case op != nil && op.Doing == doing && op.Done:
		a.Operation = nil
		d.touch(a)
		return true
	case op == nil || op.Doing != doing:
		a.Operation = &state.Operation{ID: d.nextID(), Doing: doing}
		d.touch(a)
	case op.Error == "": // under way
	case d.early(op.NotBefore, maxRetryAfter):
		d.wakeAt(op.NotBefore)
	default:
		a.Operation = &state.Operation{ID: d.nextID(), Doing: doing, Tries: op.Tries}
		d.touch(a)
	}
	return false
}

// early says that a moment is still to come which was at most so far off when it was
// written down. What is farther off by now was written before the clock was put back.
func (d *decision) early(at time.Time, most time.Duration) bool {
	const skew = time.Minute // of another master's clock
	return d.now.Before(at) && at.Sub(d.now) <= most+skew
}

func (d *decision) setActive(a *state.AppServer) {
	for _, old := range d.servers {
		if old.ID == d.active.AppServer {
			old.IdleSince = d.now
			d.touch(old)
		}
	}
	d.active.AppServer, d.active.Since = "", d.now
	if a != nil {
		d.active.AppServer, a.IdleSince, a.Operation = a.ID, time.Time{}, nil
		d.touch(a)
	}
	active := d.active
	d.Active = &active
}

// stand makes the choice of a, or of none, stand until a newer build succeeds:
// what is up by now does not activate by itself any more.
func (d *decision) stand(a *state.AppServer) {
	for _, other := range d.servers {
		if other == a || other.State == state.Healthy && !other.Manually {
			d.active.Highest = max(d.active.Highest, other.Number)
		}
	}
	d.Active.Highest = d.active.Highest
}

// retire ends what is beyond the number to keep: the active one, and of the
// others those that were active last, because to them a person may want to
// return; after them the newest. As many may wait for a person.
func (d *decision) retire() {
	kept, waiting := 0, 0
	for _, a := range d.servers {
		if d.active.AppServer == a.ID {
			kept++
		}
	}
	others := slices.SortedStableFunc(slices.Values(d.servers), func(a, b *state.AppServer) int { return b.IdleSince.Compare(a.IdleSince) })
	for _, a := range others {
		if !a.Good || a.State != state.Healthy || a.ID == d.active.AppServer || a.Wanted != "" {
			continue
		}
		rank := &kept
		if a.Number > d.active.Highest && a.Manually {
			rank = &waiting
		} else if a.Number > d.active.Highest && !a.GivenUp() {
			continue // it is to be activated
		}
		if *rank++; *rank <= a.Keep {
			continue
		}
		if until := a.IdleSince.Add(drainTime); d.early(until, drainTime) {
			d.wakeAt(until)
			continue
		}
		if d.full() {
			return
		}
		d.doom(a, "")
	}
}

// mostWrites is how much one verdict brings about: its facts are written in one
// transaction, which takes 127.
const mostWrites = 100

// full says that the rest is for the next decision, which comes at once.
func (d *decision) full() bool {
	if len(d.changed)+2*len(d.Gone) < mostWrites {
		return false
	}
	d.wakeAt(d.now)
	return true
}

func (d *decision) doom(a *state.AppServer, why string) {
	if doomed, err := a.Doom(why); err == nil {
		*a = doomed
		d.touch(a)
	}
}

// end sees those that are terminating to their end.
func (d *decision) end() {
	for _, a := range d.servers {
		if a.State != state.Terminating {
			continue
		}
		if d.full() {
			return
		}
		if a.Forgotten && (a.Operation == nil || !a.Operation.Done) {
			d.operate(a, "", false)
		} else if !d.operate(a, state.Terminate, true) {
			continue
		}
		gone := a.Advance(state.Terminated, "")
		gone.EndedAt, gone.Operation = d.now, nil
		d.Gone = append(d.Gone, gone)
		delete(d.changed, a.ID)
	}
}

// Failed records that a try of an operation failed.
func Failed(op state.Operation, why string, now time.Time) state.Operation {
	wait := retryAfter << min(op.Tries, 10)
	op.Tries++
	op.Error, op.NotBefore = why, now.Add(min(wait, maxRetryAfter))
	return op
}

// Wish records what a person asks for. Of an activation that has failed for good
// it is a new beginning.
func Wish(a state.AppServer, doing state.Doing) (state.AppServer, error) {
	if err := Allowed(&a, doing); err != nil {
		return a, err
	}
	if a.GivenUp() && doing == state.Activate {
		a.Operation, a.Error = nil, ""
	}
	a.Wanted = doing
	return a, nil
}

// Forget records that a person gives up what is left of an AppServer that cannot
// be ended: its agent is gone for good, or its provider is.
func Forget(a state.AppServer) (state.AppServer, error) {
	if a.State != state.Terminating {
		return a, fmt.Errorf("forget AppServer %s, which is %s: only a terminating one can be given up: %w", a.ID, a.State, state.ErrMove)
	}
	if a.Forgotten {
		return a, nil
	}
	left := "a person gave it up; what is left of it with " + a.Provider + " of agent " + a.Agent + " was not ended"
	if op := a.Operation; op != nil && op.Error != "" {
		left += ": " + op.Error
	}
	a.Forgotten, a.Error = true, left
	return a, nil
}

// Allowed says whether a person may ask for this now.
func Allowed(a *state.AppServer, doing state.Doing) error {
	switch {
	case a.State == state.Terminating || a.State == state.Terminated:
		return fmt.Errorf("AppServer %s is %s", a.ID, a.State)
	case doing == state.Activate && a.State != state.Healthy:
		return fmt.Errorf("AppServer %s is %s: only a healthy one can be activated", a.ID, a.State)
	}
	return nil
}
