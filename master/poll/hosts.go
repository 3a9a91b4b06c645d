package poll

import "time"

// host is a server as far as its remotes wait for it.
type host struct {
	name   string
	items  int // remotes it has
	fast   int // places they take
	usual  time.Duration
	queues [2][]*item // by lane; may hold some that are no longer queued there
	lined  [2]bool    // stands in a lane
}

// host is the host called name; the disk of this machine is called "".
func (a *agenda) host(name string) *host {
	h := a.hosts[name]
	if h == nil {
		h = &host{name: name}
		a.hosts[name] = h
	}
	return h
}

// leave takes one remote of a host away.
func (a *agenda) leave(h *host) {
	if h.items--; h.items == 0 {
		delete(a.hosts, h.name)
	}
}

// full tells whether a host is asked as often at once as it may be.
func (a *agenda) full(h *host) bool { return h.name != "" && h.fast >= a.perHost }

// line puts a host at the end of a lane, unless it stands there.
func (a *agenda) line(h *host, lane int) {
	if !h.lined[lane] {
		h.lined[lane] = true
		a.lanes[lane] = append(a.lanes[lane], h)
	}
}

// lineUp puts a host that has a place again where it has something queued.
func (a *agenda) lineUp(h *host) {
	for lane, queue := range h.queues {
		if len(queue) > 0 {
			a.line(h, lane)
		}
	}
}

// take takes the next item that may be asked off its queue; nil: there is none.
// Hosts take turns. One that is full leaves its lane until it has a place.
func (a *agenda) take() *item {
	for lane := range a.lanes {
		for n := len(a.lanes[lane]); n > 0; n-- {
			h := a.lanes[lane][0]
			it := h.first(lane)
			if it != nil && !(it.lagging && a.slow < maxSlow) {
				if a.fast >= a.places {
					return nil // it goes first when there is one
				}
				if a.full(h) {
					it = nil
				}
			}
			a.lanes[lane] = a.lanes[lane][1:]
			h.lined[lane] = false
			if it == nil {
				continue
			}
			if h.queues[lane] = h.queues[lane][1:]; len(h.queues[lane]) > 0 {
				a.line(h, lane)
			}
			return it
		}
	}
	return nil
}

// first is the first item that is queued in a lane, nil if none is.
func (h *host) first(lane int) *item {
	for len(h.queues[lane]) > 0 {
		if it := h.queues[lane][0]; it.phase == queued && it.lane == lane {
			return it
		}
		h.queues[lane] = h.queues[lane][1:]
	}
	return nil
}

// patience is how long a request to a host keeps its place.
func (a *agenda) patience(h *host) time.Duration {
	usual := h.usual
	if usual == 0 {
		usual = a.usual
	}
	return min(max(patienceTimes*usual, minPatience), maxPatience)
}

// learn takes in how long a request took. One that took very long counts as a
// bit more than usual.
func (a *agenda) learn(h *host, took time.Duration) {
	took = min(took, 2*a.patience(h))
	if h.usual == 0 {
		h.usual = took
	}
	h.usual += (took - h.usual) / 8
	a.usual += (took - a.usual) / 8
}
