// Package assign decides which queued build runs next, and on which agent. It
// is pure: builds and agents in, assignments out; it does not know how work
// reaches an agent.
//
// The Board is told of every change and answers at once, however many builds
// wait and agents there are. Builds that are alike in what they need are one
// class, agents that offer the same one kind, and which kinds suit which class
// is worked out once.
package assign

import (
	"maps"
	"slices"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
)

// Ageing is how long a build waits to make up for one point of priority.
const Ageing = 10 * time.Minute

// maxClasses is how many classes are remembered while no build is of them.
const maxClasses = 1000

// Assignment gives a build to an agent.
type Assignment struct {
	Build *state.Build
	Agent string
	Offer Offer
}

// Board knows the queue and the agents. It is not safe for concurrent use.
type Board struct {
	workers map[string]*worker
	kinds   map[string]*kind
	classes map[string]*class
	owners  map[string]*owner
	entries map[string]*entry // live builds by ID
	held    map[lockAt]map[string]*entry
	turns   uint64
	byName  []*worker // that are known; nil: to be sorted again
}

// entry is a build on the board: in a line, or in an agent's hands.
type entry struct {
	build  *state.Build
	line   *line   // nil: it does not wait
	worker *worker // nil: it waits
}

// lockAt is what a lock is counted by.
type lockAt struct{ name, agent string }

func at(l manifests.Lock, agent string) lockAt {
	if l.Agent {
		return lockAt{l.Name, agent}
	}
	return lockAt{l.Name, ""}
}

// NewBoard returns a board with nothing on it.
func NewBoard() *Board {
	return &Board{
		workers: map[string]*worker{}, kinds: map[string]*kind{}, classes: map[string]*class{},
		owners: map[string]*owner{}, entries: map[string]*entry{}, held: map[lockAt]map[string]*entry{},
	}
}

// Retain drops the builds, by ID, and agents, by name, that there are no more.
func (b *Board) Retain(build, agent func(string) bool) {
	for _, id := range slices.Collect(maps.Keys(b.entries)) {
		if !build(id) {
			b.Drop(id)
		}
	}
	for _, name := range slices.Collect(maps.Keys(b.workers)) {
		if !agent(name) {
			b.SetAgent(name, nil, false)
		}
	}
}

// Put says how a build stands now.
func (b *Board) Put(build *state.Build) {
	b.lift(build.ID)
	switch {
	case build.State == state.Queued:
		b.enqueue(build)
	case build.Agent != "" && !build.State.Final():
		b.occupy(&entry{build: build}, b.worker(build.Agent))
	}
	b.tidy(b.owner(build.Instance))
}

// Knows says whether a build is on the board.
func (b *Board) Knows(id string) bool { return b.entries[id] != nil }

// Drop forgets a build that has ended, or that nobody may have now.
func (b *Board) Drop(id string) {
	if e := b.lift(id); e != nil {
		b.tidy(b.owner(e.build.Instance))
	}
}

// lift takes a build off the board.
func (b *Board) lift(id string) *entry {
	e := b.entries[id]
	switch {
	case e == nil:
		return nil
	case e.worker != nil:
		b.release(e)
	default:
		e.line.remove(e.build)
		e.line.settle()
	}
	delete(b.entries, id)
	return e
}

func (b *Board) enqueue(build *state.Build) {
	c, o := b.class(build), b.owner(build.Instance)
	l := o.lines[c]
	if l == nil {
		l = &line{owner: o, class: c, at: -1}
		o.lines[c] = l
	}
	l.insert(build)
	b.entries[build.ID] = &entry{build: build, line: l}
	l.settle()
}

// occupy puts a build into an agent's hands.
func (b *Board) occupy(e *entry, w *worker) {
	id, o := e.build.ID, b.owner(e.build.Instance)
	e.worker, e.line, b.entries[id] = w, nil, e
	w.busy[id], o.busy[id] = e, e
	for _, l := range e.build.Where.Locks {
		k := at(l, w.name)
		if b.held[k] == nil {
			b.held[k] = map[string]*entry{}
		}
		b.held[k][id] = e
	}
	w.settle()
	o.settle()
}

// release is occupy undone.
func (b *Board) release(e *entry) {
	id, w, o := e.build.ID, e.worker, b.owner(e.build.Instance)
	delete(w.busy, id)
	delete(o.busy, id)
	for _, l := range e.build.Where.Locks {
		k := at(l, w.name)
		if delete(b.held[k], id); len(b.held[k]) == 0 {
			delete(b.held, k)
		}
	}
	w.settle()
	b.forgetWorker(w)
	o.settle()
}

func (b *Board) class(build *state.Build) *class {
	key := classKey(build)
	c := b.classes[key]
	if c != nil {
		return c
	}
	if len(b.classes) >= maxClasses {
		b.forgetClasses()
	}
	c = newClass(key, build)
	for _, k := range b.kinds {
		if c.admits(k.offer) {
			c.kinds = append(c.kinds, k)
		}
	}
	b.classes[key] = c
	return c
}

// forgetClasses forgets those that no queued build is of.
func (b *Board) forgetClasses() {
	used := map[*class]bool{}
	for _, o := range b.owners {
		for c, l := range o.lines {
			used[c] = len(l.queue) > 0
		}
	}
	maps.DeleteFunc(b.classes, func(_ string, c *class) bool { return !used[c] })
}

func (b *Board) owner(name string) *owner {
	o := b.owners[name]
	if o == nil {
		o = &owner{name: name, lines: map[*class]*line{}, busy: map[string]*entry{}}
		b.owners[name] = o
	}
	return o
}

func (o *owner) settle() {
	for _, l := range o.lines {
		l.settle()
	}
}

// tidy forgets what is empty. What comes later was queued later than an instance
// without builds was last served.
func (b *Board) tidy(o *owner) {
	maps.DeleteFunc(o.lines, func(_ *class, l *line) bool { return len(l.queue) == 0 })
	if len(o.lines) == 0 && len(o.busy) == 0 {
		delete(b.owners, o.name)
	}
}

// Next assigns up to most builds and takes them for assigned; Put says what
// became of them. It ends when nothing more can be assigned.
func (b *Board) Next(now time.Time, most int) []Assignment {
	var out []Assignment
	for len(out) < most {
		l, w := b.first()
		if l == nil {
			break
		}
		out = append(out, Assignment{l.queue[0], w.name, w.kind.offer})
		b.give(l, w, now)
	}
	return out
}

// first is the line whose turn it is among those that can go, and where to.
func (b *Board) first() (best *line, to *worker) {
	for _, c := range b.classes {
		if len(c.lines) == 0 || best != nil && !c.lines[0].before(best) {
			continue
		}
		if w := b.pick(c); w != nil {
			best, to = c.lines[0], w
		}
	}
	return best, to
}

// pick is the agent that a build of the class would get: of those with a free
// slot and free locks the one that is preferred, then the freest.
func (b *Board) pick(c *class) *worker {
	if !b.unlocked(c, "", false) {
		return nil
	}
	if w := b.pickBut(c, c.avoid); w != nil || c.avoid == "" {
		return w
	}
	return b.pickBut(c, "")
}

// pickBut is pick that leaves one agent out.
func (b *Board) pickBut(c *class, avoid string) *worker {
	var best *worker
	likes := 0
	for _, k := range c.kinds {
		w := b.freestOf(k, c, avoid)
		if w == nil {
			continue
		}
		if n := c.likes(k.offer); best == nil || n > likes || n == likes && freest(w, best) < 0 {
			best, likes = w, n
		}
	}
	return best
}

func (b *Board) freestOf(k *kind, c *class, avoid string) *worker {
	if len(k.free) == 0 {
		return nil
	}
	if avoid == "" && !slices.ContainsFunc(c.locks, func(l manifests.Lock) bool { return l.Agent }) {
		return k.free[0]
	}
	var best *worker
	for _, w := range k.free {
		if w.name != avoid && b.unlocked(c, w.name, true) && (best == nil || freest(w, best) < 0) {
			best = w
		}
	}
	return best
}

// unlocked says whether the locks of one scope are free.
func (b *Board) unlocked(c *class, agent string, onAgent bool) bool {
	return !slices.ContainsFunc(c.locks, func(l manifests.Lock) bool {
		return l.Agent == onAgent && len(b.held[at(l, agent)]) >= l.Limit
	})
}

func (b *Board) give(l *line, w *worker, now time.Time) {
	e := b.entries[l.queue[0].ID]
	o := l.owner
	b.turns++
	o.served, o.turn = now, b.turns
	l.remove(e.build)
	b.occupy(e, w)
	b.tidy(o)
}

// Of returns the board of facts, as one sees it who does not hand out: every
// agent there is gets builds unless it is drained.
func Of(f *state.Facts) *Board {
	b := NewBoard()
	for name, a := range f.Agents {
		b.SetAgent(name, a, true)
	}
	for _, build := range f.Builds {
		b.Put(build)
	}
	return b
}
