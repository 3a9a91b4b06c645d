package poll

import (
	"container/heap"
	"time"

	"github.com/wright-build/wright/master/watchlist"
)

// patience is how long a request keeps its place among those that count
// against the concurrency: one that takes longer waits for its remote, and
// costs this machine next to nothing.
const patience = time.Second

// maxSlow bounds the requests that lost patience.
const maxSlow = 1000

// maxBackOff is how many intervals a failing remote is left alone at most.
const maxBackOff = 8

// agenda decides which remote is asked when. It asks nothing and reads no
// clock: times come in, keys come out. Never is one remote asked twice at
// once. It belongs to one goroutine.
type agenda struct {
	interval time.Duration
	places   int
	jitter   func() float64

	items  map[watchlist.RemoteKey]*item
	due    dueHeap  // those that are idle
	urgent []*item  // to be asked first; may hold some that are no longer queued
	ready  []*item  // like urgent, after them
	flying []flight // in a place, the earliest first; may hold some that are back
	fast   int      // places taken
	slow   int      // requests beyond patience
}

type phase int

const (
	idle phase = iota // in due
	queued
	asked
	gone
)

type item struct {
	key     watchlist.RemoteKey
	phase   phase
	urgent  bool // in the urgent queue
	again   bool // ask once more when the answer is there
	slow    bool // gave its place back
	lagging bool // the last request was slow
	fails   int
	at      time.Time // when due
	began   time.Time // when asked
	index   int       // in due
}

// flight is one request; its item may be idle or in another one by now.
type flight struct {
	*item
	began time.Time
}

func newAgenda(interval time.Duration, places int, jitter func() float64) *agenda {
	return &agenda{interval: interval, places: places, jitter: jitter, items: map[watchlist.RemoteKey]*item{}}
}

// add takes up a remote that is to be asked at the time given. One that is
// known already keeps its time.
func (a *agenda) add(key watchlist.RemoteKey, at time.Time) {
	if a.items[key] != nil {
		return
	}
	it := &item{key: key, at: at}
	a.items[key] = it
	heap.Push(&a.due, it)
}

// urge has a remote asked before all others, or once more if it is being
// asked, since that answer may be older than what is to be found out.
func (a *agenda) urge(key watchlist.RemoteKey) {
	it := a.items[key]
	if it == nil {
		it = &item{key: key}
		a.items[key] = it
		heap.Push(&a.due, it)
	}
	switch {
	case it.phase == asked:
		it.again = true
	case !it.urgent:
		a.enqueue(it, true)
	}
}

// drop forgets a remote that is not being asked.
func (a *agenda) drop(key watchlist.RemoteKey) {
	it := a.items[key]
	if it == nil || it.phase == asked {
		return
	}
	if it.phase == idle {
		heap.Remove(&a.due, it.index)
	}
	it.phase = gone
	delete(a.items, key)
}

// start returns the remotes to be asked now.
func (a *agenda) start(now time.Time) []watchlist.RemoteKey {
	for len(a.due) > 0 && !a.due[0].at.After(now) {
		a.enqueue(a.due[0], false)
	}
	var keys []watchlist.RemoteKey
	for {
		it := a.head()
		if it == nil {
			return keys
		}
		a.giveBack(now)
		if !a.place(it, now) {
			return keys
		}
		a.pop(it)
		keys = append(keys, it.key)
	}
}

// next is when start has something to do again, if nothing else happens.
func (a *agenda) next() (time.Time, bool) {
	var next time.Time
	if len(a.due) > 0 {
		next = a.due[0].at
	}
	if a.head() != nil && a.slow < maxSlow {
		if first, ok := a.firstFlying(); ok {
			if back := first.began.Add(patience); next.IsZero() || back.Before(next) {
				next = back
			}
		}
	}
	return next, !next.IsZero()
}

// done takes a request as answered and plans the next one.
func (a *agenda) done(key watchlist.RemoteKey, now time.Time, failed bool) {
	it := a.items[key]
	if it == nil || it.phase != asked {
		return
	}
	if it.slow {
		a.slow--
	} else {
		a.fast--
	}
	it.lagging, it.slow = now.Sub(it.began) > patience, false
	if failed {
		it.fails++
	} else {
		it.fails = 0
	}
	it.phase, it.at = idle, now.Add(a.wait(it.fails))
	heap.Push(&a.due, it)
	a.firstFlying() // lets go of those that are back
	if it.again {
		it.again = false
		a.enqueue(it, true)
	}
}

// wait is the time until the next request after some failed ones.
func (a *agenda) wait(fails int) time.Duration {
	times := min(maxBackOff, 1<<min(fails, 10))
	return time.Duration(float64(a.interval) * float64(times) * a.jitter())
}

// enqueue moves an idle or queued item to the end of a queue.
func (a *agenda) enqueue(it *item, urgent bool) {
	if it.phase == idle {
		heap.Remove(&a.due, it.index)
	}
	it.phase, it.urgent = queued, urgent
	if urgent {
		a.urgent = append(a.urgent, it)
	} else {
		a.ready = append(a.ready, it)
	}
}

// head is the next item to be asked, nil if there is none.
func (a *agenda) head() *item {
	for len(a.urgent) > 0 && (a.urgent[0].phase != queued || !a.urgent[0].urgent) {
		a.urgent = a.urgent[1:]
	}
	if len(a.urgent) > 0 {
		return a.urgent[0]
	}
	for len(a.ready) > 0 && (a.ready[0].phase != queued || a.ready[0].urgent) {
		a.ready = a.ready[1:]
	}
	if len(a.ready) > 0 {
		return a.ready[0]
	}
	return nil
}

// pop takes off what head returned.
func (a *agenda) pop(it *item) {
	if it.urgent {
		a.urgent = a.urgent[1:]
	} else {
		a.ready = a.ready[1:]
	}
	it.urgent = false
}

// place finds room for a request: a remote that was slow the last time is
// expected to be slow again, and takes no place of the others.
func (a *agenda) place(it *item, now time.Time) bool {
	switch {
	case it.lagging && a.slow < maxSlow:
		it.slow = true
		a.slow++
	case a.fast < a.places:
		a.fast++
		a.flying = append(a.flying, flight{it, now})
	default:
		return false
	}
	it.phase, it.began = asked, now
	return true
}

// giveBack frees the places of requests that take too long.
func (a *agenda) giveBack(now time.Time) {
	for a.slow < maxSlow {
		first, ok := a.firstFlying()
		if !ok || now.Before(first.began.Add(patience)) {
			return
		}
		a.flying = a.flying[1:]
		first.slow = true
		a.fast--
		a.slow++
	}
}

// firstFlying is the earliest request that has a place.
func (a *agenda) firstFlying() (flight, bool) {
	for len(a.flying) > 0 {
		f := a.flying[0]
		if f.phase == asked && !f.slow && f.item.began.Equal(f.began) {
			return f, true
		}
		a.flying = a.flying[1:]
	}
	return flight{}, false
}

// dueHeap is the idle items, the earliest first.
type dueHeap []*item

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h dueHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push is heap.Interface's.
func (h *dueHeap) Push(x any) {
	it := x.(*item)
	it.index = len(*h)
	*h = append(*h, it)
}

// Pop is heap.Interface's.
func (h *dueHeap) Pop() any {
	old := *h
	it := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return it
}
