package assign

import (
	"cmp"
	"maps"
	"slices"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
)

// maxCombinations bounds what one request is multiplied by.
const maxCombinations = 100

// Combinations is what each build of an instance with build-for requires: for
// each entry the versions that some agent of the pool offers and that fit, and
// every combination of them that one agent offers together. What no agent offers
// stays as it was written, so that the build waits and says for what.
func Combinations(entries []string, pool string, agents map[string]*state.Agent) [][]string {
	all := [][]string{nil}
	var offers []Offer
	for _, name := range slices.Sorted(maps.Keys(agents)) {
		a := agents[name]
		probe := class{pool: pool}
		if o := NewOffer(a.Capabilities, a.Plugins, a.Pools); probe.admits(o) {
			offers = append(offers, o)
		}
	}
	for _, entry := range entries {
		var next [][]string
		for _, pins := range all {
			for _, pin := range pinned(entry, offers) {
				next = append(next, append(slices.Clone(pins), pin))
			}
		}
		all = next[:min(len(next), maxCombinations)]
	}
	return possible(all, offers)
}

// possible leaves out the combinations that no agent offers together, unless
// that leaves none.
func possible(all [][]string, offers []Offer) [][]string {
	var some [][]string
	for _, pins := range all {
		n := newNeeds(pins)
		if slices.ContainsFunc(offers, func(o Offer) bool { return len(n.lacks(o)) == 0 }) {
			some = append(some, pins)
		}
	}
	if len(some) == 0 {
		return all
	}
	return some
}

// pinned are the versions of an entry that are offered, the oldest first, each
// as a requirement of just that version.
func pinned(entry string, offers []Offer) []string {
	n := newNeeds([]string{entry})
	name := n.names[0]
	var fitting []capability
	for _, o := range offers {
		for _, c := range o.capabilities[name] {
			known := slices.ContainsFunc(fitting, func(f capability) bool { return f.value == c.value })
			if !known && c.value != "" && c.meets(n.conditions[name]) {
				fitting = append(fitting, c)
			}
		}
	}
	slices.SortFunc(fitting, func(a, b capability) int {
		if a.version != nil && b.version != nil {
			return a.version.Compare(b.version)
		}
		return cmp.Compare(a.value, b.value)
	})
	var pins []string
	for _, c := range fitting {
		pin := name + " == \"" + c.value + "\""
		if _, err := manifests.ParseRequirement(pin); err == nil {
			pins = append(pins, pin)
		}
	}
	if len(pins) == 0 {
		return []string{entry}
	}
	return pins
}
