package assign

import (
	"cmp"
	"slices"

	"github.com/wright-build/wright/master/state"
)

// Workers are the agents by name, those that get nothing new left out, for who
// wants to know why builds wait.
func Workers(f *state.Facts) []Worker {
	var all []Worker
	for name, a := range f.Agents {
		if !a.Draining && !a.Drained {
			all = append(all, Worker{Name: name, Free: a.Slots - len(f.OfAgent(name)), Offers: NewOffer(a.Capabilities, a.Plugins)})
		}
	}
	slices.SortFunc(all, func(a, b Worker) int { return cmp.Compare(a.Name, b.Name) })
	return all
}
