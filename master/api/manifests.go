package api

import (
	"net/http"

	"github.com/wright-build/wright/master/api/view"
)

// Manifests tells of the git repositories that manifests come from.
type Manifests interface {
	Repos() []view.ManifestRepo
	// Nudge has those at url looked at now, and says whether there are any.
	Nudge(url string) (known bool)
}

// ManifestRepos lists the git repositories of manifests in the order of the
// configuration.
func (q Queries) ManifestRepos() []view.ManifestRepo {
	all := []view.ManifestRepo{}
	if q.manifests != nil {
		all = append(all, q.manifests.Repos()...)
	}
	return all
}

// nudge has the repositories of manifests at url looked at, if there are any.
func (d Deeds) nudge(url string) (known bool) {
	return d.cfg.Manifests != nil && d.cfg.Manifests.Nudge(url)
}

func (s *server) manifestRepos(w http.ResponseWriter, _ *http.Request) error {
	return answer(w, s.q.ManifestRepos())
}
