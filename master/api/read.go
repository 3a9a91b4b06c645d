package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/wright-build/wright/master/api/view"
	"github.com/wright-build/wright/master/state"
)

func (s *server) info(w http.ResponseWriter, _ *http.Request) error {
	return answer(w, s.q.Info(s.cfg.Version))
}

func (s *server) instances(w http.ResponseWriter, _ *http.Request) error {
	return answer(w, s.q.Instances())
}

func (s *server) instance(w http.ResponseWriter, r *http.Request) error {
	v, err := s.q.Instance(r.PathValue("name"))
	if err != nil {
		return err
	}
	return answer(w, v)
}

func (s *server) builds(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	f := Filter{Instance: q.Get("instance"), State: state.BuildState(q.Get("state"))}
	switch f.State {
	case "", state.Queued, state.Assigned, state.Running, state.Succeeded, state.Failed, state.Errored, state.Cancelled:
	default:
		return fail(http.StatusBadRequest, "use queued, assigned, running, succeeded, failed, errored or cancelled",
			"%.80q is no state of a build", f.State)
	}
	limit, err := number(q.Get("limit"), defaultLimit, 1, maxLimit)
	if err != nil {
		return err
	}
	f.Limit = int(limit)
	all, err := s.q.Builds(r.Context(), f)
	if err != nil {
		return err
	}
	return answer(w, all)
}

// number reads a parameter between least and most.
func number(given string, absent, least, most int64) (int64, error) {
	if given == "" {
		return absent, nil
	}
	n, err := strconv.ParseInt(given, 10, 64)
	if err != nil || n < least || n > most {
		return 0, fail(http.StatusBadRequest, "", "%.80q is no number between %d and %d", given, least, most)
	}
	return n, nil
}

// build answers with one build: at once, or with wait=1 when it has ended, or
// with wait=change when its state, attempt or phase are not those in seen any
// more; in both cases within a minute.
func (s *server) build(w http.ResponseWriter, r *http.Request) error {
	b, err := s.q.Build(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	if wait := r.FormValue("wait"); wait != "" && wait != "0" {
		wanted := func(*state.Build) bool { return false }
		if wait == "change" {
			seen := r.FormValue("seen")
			wanted = func(b *state.Build) bool { return Seen(view.OfBuild(b)) != seen }
		}
		ctx, cancel := context.WithTimeout(r.Context(), longest)
		defer cancel()
		if b, err = s.q.AwaitBuild(ctx, b, wanted); err != nil {
			return err
		}
	}
	return answer(w, s.q.View(b)[0])
}

// Seen is what of a build matters to somebody who waits for it to move on.
func Seen(b view.Build) string {
	return strings.Join([]string{b.State, strconv.Itoa(b.Attempt), b.Phase}, "/")
}

func (s *server) appServers(w http.ResponseWriter, r *http.Request) error {
	all, err := s.q.AppServers(r.Context(), r.FormValue("instance"), r.FormValue("all") == "1")
	if err != nil {
		return err
	}
	return answer(w, all)
}

func (s *server) appServer(w http.ResponseWriter, r *http.Request) error {
	v, err := s.q.AppServer(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return answer(w, v)
}

func (s *server) agents(w http.ResponseWriter, _ *http.Request) error {
	return answer(w, s.q.Agents())
}

func (s *server) problems(w http.ResponseWriter, _ *http.Request) error {
	return answer(w, s.q.Problems())
}

func (s *server) hooks(w http.ResponseWriter, _ *http.Request) error {
	all := []view.Hook{}
	if s.cfg.Hooks != nil {
		all = append(all, s.cfg.Hooks.Hooks()...)
	}
	return answer(w, all)
}
