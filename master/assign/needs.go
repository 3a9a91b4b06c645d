package assign

import (
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/go-version"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
)

// needs are what builds require of an agent, read once for all builds alike.
type needs struct {
	texts      []string               // as they were written
	names      []string               // of the capability of each text; "" for a plugin
	conditions map[string][]condition // by capability
	never      string                 // a requirement that is none
}

func newNeeds(requires []string) needs {
	n := needs{texts: requires, conditions: map[string][]condition{}}
	for _, text := range requires {
		if strings.HasPrefix(text, "plugin:") {
			n.names = append(n.names, "")
			continue
		}
		r, err := manifests.ParseRequirement(text)
		if err != nil {
			n.names, n.never = append(n.names, ""), text
			continue
		}
		c := condition{Requirement: r}
		if r.Constraint != "" {
			c.versions, _ = version.NewConstraint(r.Constraint) // ParseRequirement has read it
		}
		n.names = append(n.names, r.Name)
		n.conditions[r.Name] = append(n.conditions[r.Name], c)
	}
	return n
}

// lacks lists what an agent that offers o lacks.
func (n needs) lacks(o Offer) []string {
	var lacks []string
	for i, text := range n.texts {
		met := false
		switch name := n.names[i]; {
		case name != "":
			_, met = o.meets(name, n.conditions[name])
		case text != n.never:
			met = o.plugins[text]
		}
		if !met {
			lacks = append(lacks, text)
		}
	}
	return lacks
}

// class is all builds that are alike in what they need of where they run: who
// can take one can take any.
type class struct {
	key    string
	needs  needs
	pool   string
	prefer []needs // each by itself
	locks  []manifests.Lock
	avoid  string // agent that gets such builds only if no other can

	kinds []*kind // agents that can take such builds
	lines lines   // queued builds, the next one first; those held up left out
}

// classKey is the same for builds that are of one class.
func classKey(b *state.Build) string {
	var k strings.Builder
	part := func(s string) { k.WriteString(s); k.WriteByte(0) }
	part(b.Avoid)
	part(b.Where.Pool)
	part(strconv.Itoa(b.Where.Parallel))
	for _, r := range b.Requires {
		part(r)
	}
	part("")
	for _, p := range b.Where.Prefer {
		part(p)
	}
	part("")
	for _, l := range b.Where.Locks {
		part(l.Name)
		part(strconv.Itoa(l.Limit))
		if l.Agent {
			part("agent")
		}
	}
	return k.String()
}

func newClass(key string, b *state.Build) *class {
	c := &class{key: key, needs: newNeeds(b.Requires), pool: b.Where.Pool, locks: b.Where.Locks, avoid: b.Avoid}
	for _, p := range b.Where.Prefer {
		c.prefer = append(c.prefer, newNeeds([]string{p}))
	}
	return c
}

// admits says whether agents that offer o may take builds of the class.
func (c *class) admits(o Offer) bool {
	if c.pool == "" && len(o.pools) > 0 || c.pool != "" && !slices.Contains(o.pools, c.pool) {
		return false
	}
	return len(c.needs.lacks(o)) == 0
}

// likes counts what of the class's preferences o offers.
func (c *class) likes(o Offer) int {
	n := 0
	for _, p := range c.prefer {
		if len(p.lacks(o)) == 0 {
			n++
		}
	}
	return n
}
