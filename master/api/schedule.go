package api

import (
	"net/http"

	"github.com/wright-build/wright/master/api/view"
)

// Schedule tells when instances are built next.
type Schedule interface {
	// Starts lists them, or the one of that name, those that start next first.
	Starts(instance string) []view.Start
}

func (s *server) schedule(w http.ResponseWriter, r *http.Request) error {
	name := r.FormValue("instance")
	if name != "" {
		if _, err := s.q.Facts(name); err != nil {
			return err
		}
	}
	all := []view.Start{}
	if s.cfg.Schedule != nil {
		all = append(all, s.cfg.Schedule.Starts(name)...)
	}
	return answer(w, all)
}
