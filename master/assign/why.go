package assign

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
)

// maxNamed bounds the agents and builds that a sentence names.
const maxNamed = 5

// Why says in one sentence what a queued build waits for, and so what would let
// it go; "" if nothing holds it up.
func (b *Board) Why(id string) string {
	e := b.entries[id]
	if e == nil || e.line == nil {
		return ""
	}
	l := e.line
	why := []string{b.nobody(l.class), l.first(e.build), b.capped(l), b.locked(l.class), "", ""}
	if why[0] == "" { // else it is not known who takes turns for what
		why[4], why[5] = b.busy(l.class), b.overtaken(l)
	}
	return strings.Join(slices.DeleteFunc(why, func(s string) bool { return s == "" }), "; ")
}

// first names the builds of the same instance that go before one of the line and
// want what it wants.
func (l *line) first(build *state.Build) string {
	var next *state.Build
	ahead := 0
	for c, other := range l.owner.lines {
		if other != l && build.Where.Parallel == 0 && !rival(c, l.class) {
			continue
		}
		n, _ := slices.BinarySearchFunc(other.queue, build, state.Before)
		if n > 0 && (next == nil || state.Before(other.queue[0], next) < 0) {
			next = other.queue[0]
		}
		ahead += n
	}
	switch ahead {
	case 0:
		return ""
	case 1:
		return next.ID + " of the same instance goes before it"
	}
	return fmt.Sprintf("%s and %d more of the same instance go before it", next.ID, ahead-1)
}

// overtaken says whose turn is before the line's.
func (b *Board) overtaken(l *line) string {
	next, more := b.rivals(l)
	switch {
	case next == nil:
		return ""
	case more > 0:
		return fmt.Sprintf("%s and %d of other instances go before it", next.queue[0].ID, more)
	}
	return next.queue[0].ID + " goes before it"
}

// nobody says that no agent will ever take such builds as things are.
func (b *Board) nobody(c *class) string {
	known := b.known()
	if len(known) == 0 {
		return "no agent is connected; start one with `wright agent run`"
	}
	var lacks, shut, full []string
	for _, w := range known {
		switch {
		case !c.admits(w.kind.offer):
			lacks = append(lacks, w.name+" "+c.objection(w.kind.offer))
		case w.shut != "":
			full = append(full, w.name+": "+w.shut)
		case !w.open:
			shut = append(shut, w.name)
		default:
			return ""
		}
	}
	switch {
	case len(shut) > 0 && len(full) > 0:
		return "every agent that could take it is drained, away or takes no more: " + named(append(shut, full...))
	case len(full) > 0:
		return "no agent that could take it takes more: " + named(full)
	case len(shut) > 0:
		return "every agent that could take it is drained or away: " + named(shut) + "; `wright agent drain --undo NAME` gives one work again"
	}
	return "no agent offers what it requires: " + named(lacks)
}

// objection says why agents that offer o cannot take builds of the class.
func (c *class) objection(o Offer) string {
	if c.pool != "" && !slices.Contains(o.pools, c.pool) {
		return "is not of the pool " + c.pool
	}
	if c.pool == "" && len(o.pools) > 0 {
		return "takes only builds for the pool " + o.pools[0]
	}
	return "lacks " + strings.TrimPrefix(c.needs.lacks(o)[0], "plugin:")
}

// known are the agents that there are, by name.
func (b *Board) known() []*worker {
	if b.byName != nil {
		return b.byName
	}
	b.byName = make([]*worker, 0, len(b.workers))
	for _, w := range b.workers {
		if w.kind != nil {
			b.byName = append(b.byName, w)
		}
	}
	slices.SortFunc(b.byName, func(a, b *worker) int { return cmp.Compare(a.name, b.name) })
	return b.byName
}

func (b *Board) capped(l *line) string {
	if !l.full() {
		return ""
	}
	return fmt.Sprintf("%s builds at most %d at a time, and %s under way", l.owner.name, l.queue[0].Where.Parallel, are(l.owner.busy))
}

// locked says which locks the class waits for.
func (b *Board) locked(c *class) string {
	if len(c.locks) == 0 {
		return ""
	}
	var open []string
	for _, w := range b.known() {
		if w.room() > 0 && c.admits(w.kind.offer) {
			open = append(open, w.name)
		}
	}
	for _, l := range c.locks {
		if held := b.held[at(l, "")]; !l.Agent && len(held) >= l.Limit {
			return fmt.Sprintf("%s the lock %s%s", hold(held), l.Name, limit(l))
		}
		held := map[string]*entry{}
		full := func(agent string) bool {
			here := b.held[at(l, agent)]
			maps.Copy(held, here)
			return len(here) >= l.Limit
		}
		if l.Agent && len(open) > 0 && !slices.ContainsFunc(open, func(a string) bool { return !full(a) }) {
			return fmt.Sprintf("%s the lock %s%s on %s", hold(held), l.Name, limit(l), named(open))
		}
	}
	return ""
}

func limit(l manifests.Lock) string {
	if l.Limit == 1 {
		return ""
	}
	return fmt.Sprintf(" (limit %d)", l.Limit)
}

// busy says which agents would have to get a slot free.
func (b *Board) busy(c *class) string {
	var all []string
	for _, w := range b.known() {
		if w.open && c.admits(w.kind.offer) {
			if w.room() > 0 {
				return ""
			}
			all = append(all, fmt.Sprintf("%s with %s", w.name, named(slices.Sorted(maps.Keys(w.busy)))))
		}
	}
	return "every agent that could take it is busy: " + named(all)
}

// rivals are the first build of another instance that has its turn before the
// line and wants an agent or a lock that the line wants, and how many more.
func (b *Board) rivals(l *line) (next *line, more int) {
	for _, o := range b.owners {
		for _, other := range o.lines {
			if other.owner == l.owner || len(other.queue) == 0 || other.full() || !other.before(l) || !rival(other.class, l.class) {
				continue
			}
			if more++; next == nil || other.before(next) {
				next = other
			}
		}
	}
	return next, max(0, more-1)
}

func rival(a, b *class) bool {
	return a == b ||
		slices.ContainsFunc(a.kinds, func(k *kind) bool { return slices.Contains(b.kinds, k) }) ||
		slices.ContainsFunc(a.locks, func(l manifests.Lock) bool {
			return slices.ContainsFunc(b.locks, func(o manifests.Lock) bool { return l.Name == o.Name })
		})
}

func are(builds map[string]*entry) string {
	if len(builds) == 1 {
		return named(slices.Collect(maps.Keys(builds))) + " is"
	}
	return named(slices.Sorted(maps.Keys(builds))) + " are"
}

func hold(builds map[string]*entry) string {
	if len(builds) == 1 {
		return named(slices.Collect(maps.Keys(builds))) + " holds"
	}
	return named(slices.Sorted(maps.Keys(builds))) + " hold"
}

// named joins names, not too many.
func named(all []string) string {
	if len(all) > maxNamed {
		return fmt.Sprintf("%s and %d more", strings.Join(all[:maxNamed], ", "), len(all)-maxNamed)
	}
	return strings.Join(all, ", ")
}
