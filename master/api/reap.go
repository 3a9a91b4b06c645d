package api

import (
	"context"
	"net/http"
	"time"

	"github.com/wright-build/wright/master/api/view"
)

// Reaper ends what providers hold and nobody owns.
type Reaper interface {
	// Reap looks at all providers now, or at the one given as KIND/NAME; with
	// force what Unowned lists ends whatever it is.
	Reap(ctx context.Context, provider string, force bool) error
	Unowned() []view.Unowned
	Places() []view.ReapPlace
}

// reapTime is how long an answer waits for providers. What they were told to end
// they end nevertheless.
const reapTime = 75 * time.Second

func (s *server) forget(w http.ResponseWriter, r *http.Request) error {
	a, err := s.deeds.Forget(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return answer(w, a)
}

func (s *server) unowned(w http.ResponseWriter, _ *http.Request) error {
	if s.cfg.Reaper == nil {
		return answer(w, []view.Unowned{})
	}
	return answer(w, s.cfg.Reaper.Unowned())
}

func (s *server) reapPlaces(w http.ResponseWriter, _ *http.Request) error {
	if s.cfg.Reaper == nil {
		return answer(w, []view.ReapPlace{})
	}
	return answer(w, s.cfg.Reaper.Places())
}

func (s *server) reap(w http.ResponseWriter, r *http.Request) error {
	if s.cfg.Reaper == nil {
		return fail(http.StatusNotImplemented, "", "this master reaps nothing")
	}
	var want struct {
		Provider string `json:"provider"` // KIND/NAME; "" is all that are in use
		Force    bool   `json:"force"`
	}
	if err := body(r, &want); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), reapTime)
	defer cancel()
	if err := s.cfg.Reaper.Reap(ctx, want.Provider, want.Force); err != nil {
		return err
	}
	return answer(w, s.cfg.Reaper.Unowned())
}
