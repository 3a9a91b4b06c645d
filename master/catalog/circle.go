package catalog

import (
	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
)

// breakCircle refuses the manifests whose instances would follow each other in a
// circle, and says whether there were any. Their last good versions stay, so
// that what is in force never is one.
func (m merged) breakCircle(f *state.Facts) (broken bool) {
	all := make(map[string]*manifests.Manifest, len(m.good))
	for name, in := range f.Manifests {
		all[name] = in.Manifest
	}
	for name, said := range m.good {
		all[name] = said.Manifests[name]
	}
	for name, errs := range manifests.Cycles(all) {
		if said := m.good[name]; said != nil {
			m.add(name, errs, said.Origins[name])
			delete(m.good, name)
			broken = true
		}
	}
	return broken
}
