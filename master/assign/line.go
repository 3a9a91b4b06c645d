package assign

import (
	"cmp"
	"container/heap"
	"slices"
	"time"

	"github.com/wright-build/wright/master/state"
)

// line is the queued builds of one instance that are of one class, in order.
// Only the first of a line is ever assigned.
type line struct {
	owner *owner
	class *class
	queue []*state.Build
	at    int // in class.lines; -1: it is not there
}

// owner is an instance, as far as its builds take turns with those of others.
type owner struct {
	name   string
	lines  map[*class]*line
	busy   map[string]*entry // its builds in agents' hands
	served time.Time         // when one of its builds was last assigned
	turn   uint64            // counts assignments: who was served at one moment still takes turns
}

// due is when the line would have its turn if nobody else were there: when its
// first build was queued, or its instance last had its turn, and earlier by
// Ageing for each point of priority.
func (l *line) due() time.Time {
	b := l.queue[0]
	at := b.QueuedAt
	if l.owner.served.After(at) {
		at = l.owner.served
	}
	return at.Add(-time.Duration(b.Priority) * Ageing)
}

// before orders lines by their turn. It is a total order.
func (l *line) before(o *line) bool {
	return cmp.Or(
		l.due().Compare(o.due()),
		cmp.Compare(l.owner.turn, o.owner.turn),
		cmp.Compare(l.owner.name, o.owner.name),
		l.queue[0].QueuedAt.Compare(o.queue[0].QueuedAt),
		cmp.Compare(l.queue[0].Number, o.queue[0].Number),
	) < 0
}

// full says whether as many builds of the instance run as may.
func (l *line) full() bool {
	most := l.queue[0].Where.Parallel
	return most > 0 && len(l.owner.busy) >= most
}

func (l *line) insert(b *state.Build) {
	at, _ := slices.BinarySearchFunc(l.queue, b, state.Before)
	l.queue = slices.Insert(l.queue, at, b)
}

func (l *line) remove(b *state.Build) {
	at, found := slices.BinarySearchFunc(l.queue, b, state.Before)
	switch {
	case found && at == 0: // nearly always: the others are not moved up
		l.queue[0], l.queue = nil, l.queue[1:]
	case found:
		l.queue = slices.Delete(l.queue, at, at+1)
	}
}

// settle puts the line where it belongs after it, or its instance, has changed.
func (l *line) settle() {
	waits := len(l.queue) > 0 && !l.full()
	switch {
	case waits && l.at < 0:
		heap.Push(&l.class.lines, l)
	case waits:
		heap.Fix(&l.class.lines, l.at)
	case l.at >= 0:
		heap.Remove(&l.class.lines, l.at)
	}
}

// lines is a heap, the line that is next on top.
type lines []*line

func (h lines) Len() int           { return len(h) }
func (h lines) Less(i, j int) bool { return h[i].before(h[j]) }
func (h lines) Swap(i, j int)      { h[i], h[j] = h[j], h[i]; h[i].at, h[j].at = i, j }

func (h *lines) Push(x any) {
	l := x.(*line)
	l.at = len(*h)
	*h = append(*h, l)
}

func (h *lines) Pop() any {
	last := len(*h) - 1
	l := (*h)[last]
	(*h)[last], *h = nil, (*h)[:last]
	l.at = -1
	return l
}
