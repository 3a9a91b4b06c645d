package schedule

import (
	"slices"

	"github.com/wright-build/wright/master/assign"
	"github.com/wright-build/wright/master/state"
)

// family is all builds that a request for one comes to: one for each combination
// of the versions that its manifest's build-for names and agents offer now.
func (s *Scheduler) family(i *state.Instance, b *state.Build) []*state.Build {
	if len(b.Where.For) == 0 {
		return []*state.Build{b}
	}
	var combinations [][]string
	s.store.Read(func(f *state.Facts) {
		combinations = assign.Combinations(b.Where.For, b.Where.Pool, f.Agents)
	})
	return multiply(i, b, combinations)
}

// multiply makes one build of each combination; b is the first.
func multiply(i *state.Instance, b *state.Build, combinations [][]string) []*state.Build {
	requires := b.Requires
	all := []*state.Build{b}
	for len(all) < len(combinations) {
		next := *b
		i.LastNumber++
		next.Number = i.LastNumber
		next.ID = next.BuildID().String()
		all = append(all, &next)
	}
	for n, b := range all {
		b.Matrix, b.Requires = combinations[n], slices.Concat(requires, combinations[n])
		if len(all) > 1 {
			b.Group = all[0].Number
		}
	}
	return all
}
