package poll

import (
	"container/heap"
	"time"

	"github.com/wright-build/wright/master/watchlist"
)

// A request that takes patienceTimes as long as its host's usually do gives its
// place to others, since from then on it waits for its remote, and costs this
// machine next to nothing; but not before minPatience, and always after
// maxPatience. One that took longer than maxPatience takes no place the next
// time.
const (
	patienceTimes = 4
	minPatience   = 50 * time.Millisecond
	maxPatience   = time.Second
)

// unknown is what requests usually take before any was answered.
const unknown = 60 * time.Millisecond

// maxSlow bounds the requests that lost patience.
const maxSlow = 2000

// agenda decides which remote is asked when. It asks nothing and reads no
// clock: times come in, keys come out. Never is one remote asked twice at
// once, hosts take turns, and none of them is asked more often at once than it
// has places. It belongs to one goroutine.
type agenda struct {
	places  int // of all hosts together
	perHost int
	jitter  func() float64

	items  map[watchlist.RemoteKey]*item
	hosts  map[string]*host
	due    dueHeap    // items that are idle
	lanes  [2][]*host // hosts with something queued, in turn: urgent, ready; may hold some that have not
	queued int
	flying flightHeap // requests with a place, by when they lose it; may hold some that are back
	fast   int        // places taken
	slow   int        // requests without a place
	usual  time.Duration
}

type phase int

const (
	idle phase = iota // in due
	queued
	asked
	gone
)

// The lanes: what is urgent comes first.
const (
	urgent = iota
	ready
)

type item struct {
	key     watchlist.RemoteKey
	host    *host
	phase   phase
	lane    int       // when queued
	again   bool      // ask once more when the answer is there
	slow    bool      // gave its place back, or took none
	lagging bool      // the last request took longer than maxPatience
	at      time.Time // when due
	began   time.Time // when asked
	index   int       // in due
}

func newAgenda(places, perHost int, jitter func() float64) *agenda {
	return &agenda{places: places, perHost: perHost, jitter: jitter, usual: unknown,
		items: map[watchlist.RemoteKey]*item{}, hosts: map[string]*host{}}
}

// add takes up a remote of a host that is to be asked at the time given. One
// that is known already keeps its time.
func (a *agenda) add(key watchlist.RemoteKey, host string, at time.Time) {
	if a.items[key] != nil {
		return
	}
	it := &item{key: key, at: at, host: a.host(host)}
	it.host.items++
	a.items[key] = it
	heap.Push(&a.due, it)
}

// urge has a remote asked before all others, or once more if it is being
// asked, since that answer may be older than what is to be found out.
func (a *agenda) urge(key watchlist.RemoteKey) {
	it := a.items[key]
	switch {
	case it == nil:
	case it.phase == asked:
		it.again = true
	case it.phase != queued || it.lane != urgent:
		a.enqueue(it, urgent)
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
	} else {
		a.queued--
	}
	it.phase = gone
	delete(a.items, key)
	a.leave(it.host)
}

// start returns the remotes to be asked now.
func (a *agenda) start(now time.Time) []watchlist.RemoteKey {
	for len(a.due) > 0 && !a.due[0].at.After(now) {
		a.enqueue(a.due[0], ready)
	}
	a.giveBack(now)
	var keys []watchlist.RemoteKey
	for {
		it := a.take()
		if it == nil {
			return keys
		}
		a.place(it, now)
		keys = append(keys, it.key)
	}
}

// next is when start has something to do again, if nothing else happens.
func (a *agenda) next() (time.Time, bool) {
	var next time.Time
	if len(a.due) > 0 {
		next = a.due[0].at
	}
	if a.queued > 0 && a.slow < maxSlow {
		if first, ok := a.firstFlying(); ok && (next.IsZero() || first.until.Before(next)) {
			next = first.until
		}
	}
	return next, !next.IsZero()
}

// done takes a request as answered or failed and plans the next one: a rest
// after this one began, or failed. At least half of the rest is one.
func (a *agenda) done(key watchlist.RemoteKey, now time.Time, rest time.Duration, failed bool) {
	it := a.items[key]
	if it == nil || it.phase != asked {
		return
	}
	took := now.Sub(it.began)
	if !failed && !it.lagging {
		a.learn(it.host, took)
	}
	a.free(it)
	it.lagging, it.slow = took > maxPatience, false
	rest = time.Duration(float64(rest) * a.jitter())
	it.phase, it.at = idle, it.began.Add(rest)
	if failed {
		it.at = now.Add(rest)
	} else if soonest := now.Add(rest / 2); it.at.Before(soonest) {
		it.at = soonest
	}
	heap.Push(&a.due, it)
	if it.again {
		it.again = false
		a.enqueue(it, urgent)
	}
}

// enqueue moves an idle or queued item to the end of a queue of its host.
func (a *agenda) enqueue(it *item, lane int) {
	if it.phase == idle {
		heap.Remove(&a.due, it.index)
		a.queued++
	}
	it.phase, it.lane = queued, lane
	it.host.queues[lane] = append(it.host.queues[lane], it)
	a.line(it.host, lane)
}

// place begins a request: a remote that was slow the last time is expected to
// be slow again, and takes no place of the others.
func (a *agenda) place(it *item, now time.Time) {
	it.phase, it.began = asked, now
	a.queued--
	if it.lagging && a.slow < maxSlow {
		it.slow = true
		a.slow++
		return
	}
	a.fast++
	it.host.fast++
	heap.Push(&a.flying, flight{it, now, now.Add(a.patience(it.host))})
}

// free takes a request off the books.
func (a *agenda) free(it *item) {
	if it.slow {
		a.slow--
		return
	}
	a.fast--
	it.host.fast--
	a.lineUp(it.host)
}

// giveBack frees the places of requests that take too long.
func (a *agenda) giveBack(now time.Time) {
	for a.slow < maxSlow {
		first, ok := a.firstFlying()
		if !ok || now.Before(first.until) {
			return
		}
		heap.Pop(&a.flying)
		a.free(first.item)
		first.slow = true
		a.slow++
	}
}

// firstFlying is the request that is the first to lose its place.
func (a *agenda) firstFlying() (flight, bool) {
	for len(a.flying) > 0 {
		f := a.flying[0]
		if f.phase == asked && !f.slow && f.item.began.Equal(f.began) {
			return f, true
		}
		heap.Pop(&a.flying)
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

// flight is one request; its item may be idle or in another one by now.
type flight struct {
	*item
	began, until time.Time
}

// flightHeap is requests, the one first that loses its place first.
type flightHeap []flight

func (h flightHeap) Len() int           { return len(h) }
func (h flightHeap) Less(i, j int) bool { return h[i].until.Before(h[j].until) }
func (h flightHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push is heap.Interface's.
func (h *flightHeap) Push(x any) { *h = append(*h, x.(flight)) }

// Pop is heap.Interface's.
func (h *flightHeap) Pop() any {
	old := *h
	f := old[len(old)-1]
	old[len(old)-1] = flight{}
	*h = old[:len(old)-1]
	return f
}
