package assign

import (
	"cmp"
	"container/heap"
	"slices"
	"strings"

	"github.com/wright-build/wright/master/state"
)

// kind is all agents that offer the same. Large fleets have few.
type kind struct {
	key     string
	offer   Offer
	members int
	free    workers // those with a free slot, the freest first
}

// worker is an agent.
type worker struct {
	name    string
	kind    *kind
	slots   int
	open    bool              // it gets new builds
	shut    string            // why it is not by its own word, such as a full disk
	drained bool              // by a person's word, or since it leaves
	busy    map[string]*entry // builds in its hands
	at      int               // in kind.free; -1: it is not there
}

func (w *worker) room() int {
	if !w.open {
		return 0
	}
	return w.slots - len(w.busy)
}

// settle puts the worker where it belongs after its room has changed.
func (w *worker) settle() {
	if w.kind == nil {
		return
	}
	switch free := w.room() > 0; {
	case free && w.at < 0:
		heap.Push(&w.kind.free, w)
	case free:
		heap.Fix(&w.kind.free, w.at)
	case w.at >= 0:
		heap.Remove(&w.kind.free, w.at)
	}
}

// workers is a heap, the one with most free slots on top.
type workers []*worker

func freest(a, b *worker) int {
	return cmp.Or(cmp.Compare(b.room(), a.room()), cmp.Compare(a.name, b.name))
}

func (h workers) Len() int           { return len(h) }
func (h workers) Less(i, j int) bool { return freest(h[i], h[j]) < 0 }
func (h workers) Swap(i, j int)      { h[i], h[j] = h[j], h[i]; h[i].at, h[j].at = i, j }

func (h *workers) Push(x any) {
	w := x.(*worker)
	w.at = len(*h)
	*h = append(*h, w)
}

func (h *workers) Pop() any {
	last := len(*h) - 1
	w := (*h)[last]
	(*h)[last], *h = nil, (*h)[:last]
	w.at = -1
	return w
}

// kindKey is the same for agents that offer the same.
func kindKey(a *state.Agent) string {
	var k strings.Builder
	for _, list := range [][]string{a.Capabilities, a.Plugins, a.Pools} {
		for _, s := range slices.Sorted(slices.Values(list)) {
			k.WriteString(s)
			k.WriteByte(0)
		}
		k.WriteByte(1)
	}
	return k.String()
}

// SetAgent says what an agent is now; open, that it gets new builds. A nil
// agent is gone.
func (b *Board) SetAgent(name string, a *state.Agent, open bool) {
	w := b.worker(name)
	b.leaveKind(w)
	w.drained = a != nil && (a.Draining || a.Drained)
	w.open, w.shut = open && a != nil && !w.drained && a.Closed == "", ""
	if a == nil {
		w.slots = 0
		b.forgetWorker(w)
		return
	}
	w.slots = a.Slots
	if open && !w.drained {
		w.shut = a.Closed
	}
	b.joinKind(w, a)
	w.settle()
}

func (b *Board) worker(name string) *worker {
	w := b.workers[name]
	if w == nil {
		w = &worker{name: name, busy: map[string]*entry{}, at: -1}
		b.workers[name] = w
	}
	return w
}

// forgetWorker forgets an agent that is gone and holds nothing.
func (b *Board) forgetWorker(w *worker) {
	if w.kind == nil && len(w.busy) == 0 {
		delete(b.workers, w.name)
	}
}

func (b *Board) joinKind(w *worker, a *state.Agent) {
	b.byName = nil
	key := kindKey(a)
	k := b.kinds[key]
	if k == nil {
		k = &kind{key: key, offer: NewOffer(a.Capabilities, a.Plugins, a.Pools)}
		b.kinds[key] = k
		for _, c := range b.classes {
			if c.admits(k.offer) {
				c.kinds = append(c.kinds, k)
			}
		}
	}
	k.members++
	w.kind = k
}

func (b *Board) leaveKind(w *worker) {
	b.byName = nil
	k := w.kind
	if k == nil {
		return
	}
	if w.at >= 0 {
		heap.Remove(&k.free, w.at)
	}
	w.kind = nil
	if k.members--; k.members > 0 {
		return
	}
	delete(b.kinds, k.key)
	for _, c := range b.classes {
		c.kinds = slices.DeleteFunc(c.kinds, func(o *kind) bool { return o == k })
	}
}
