package api

import (
	"fmt"
	"net/http"
	"time"

	"github.com/wright-build/wright/master/state"
)

// startBuilds starts one build and answers with it, or, where the request has
// a count, so many and answers with an array.
func (s *server) startBuilds(w http.ResponseWriter, r *http.Request) error {
	var want struct {
		Instance string `json:"instance"`
		Revision string `json:"revision"`
		Reason   string `json:"reason"`
		Count    *int   `json:"count"`

		Properties map[string]string `json:"properties"`
	}
	if err := body(r, &want); err != nil {
		return err
	}
	count := 1
	if want.Count != nil {
		count = *want.Count
	}
	if want.Reason == "" {
		want.Reason = "asked for"
	}
	request := Request{Revision: want.Revision, Text: want.Reason, Kind: "person", Properties: want.Properties}
	started, err := s.deeds.Start(r.Context(), want.Instance, request, count)
	switch {
	case err != nil && len(started) > 0:
		return fmt.Errorf("only %d of %d builds were started: %w", len(started), count, err)
	case err != nil:
		return err
	case want.Count != nil:
		writeJSON(w, http.StatusCreated, started)
	default:
		writeJSON(w, http.StatusCreated, started[0])
	}
	return nil
}

func (s *server) cancel(w http.ResponseWriter, r *http.Request) error {
	var want struct {
		Reason string `json:"reason"`
	}
	if err := body(r, &want); err != nil {
		return err
	}
	if want.Reason == "" {
		want.Reason = "cancelled by a person"
	}
	b, err := s.deeds.Cancel(r.Context(), r.PathValue("id"), want.Reason)
	if err != nil {
		return err
	}
	return answer(w, b)
}

func (s *server) retry(w http.ResponseWriter, r *http.Request) error {
	b, err := s.deeds.Retry(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusCreated, b)
	return nil
}

func (s *server) redeploy(w http.ResponseWriter, r *http.Request) error {
	b, err := s.deeds.Redeploy(r.Context(), r.PathValue("name"))
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusCreated, b)
	return nil
}

func (s *server) archive(w http.ResponseWriter, r *http.Request) error {
	want := struct {
		Archived bool `json:"archived"`
	}{Archived: true}
	if err := body(r, &want); err != nil {
		return err
	}
	if err := s.deeds.Archive(r.Context(), r.PathValue("name"), want.Archived); err != nil {
		return err
	}
	return s.instance(w, r)
}

func (s *server) delete(w http.ResponseWriter, r *http.Request) error {
	if err := s.deeds.Delete(r.Context(), r.PathValue("name")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *server) want(doing state.Doing) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		a, err := s.deeds.Want(r.Context(), r.PathValue("id"), doing)
		if err != nil {
			return err
		}
		return answer(w, a)
	}
}

func (s *server) drain(w http.ResponseWriter, r *http.Request) error {
	want := struct {
		Drain    bool   `json:"drain"`
		Deadline string `json:"deadline"` // from now, such as 30m
	}{Drain: true}
	if err := body(r, &want); err != nil {
		return err
	}
	deadline, err := fromNow(want.Deadline, time.Now())
	if err != nil {
		return err
	}
	a, err := s.deeds.Drain(r.Context(), r.PathValue("name"), want.Drain, deadline)
	if err != nil {
		return err
	}
	return answer(w, a)
}

// maxDeadline bounds how far off the deadline of a drained agent may be.
const maxDeadline = 30 * 24 * time.Hour

// fromNow reads how long something may take; zero: as long as it likes.
func fromNow(given string, now time.Time) (time.Time, error) {
	if given == "" {
		return time.Time{}, nil
	}
	d, err := time.ParseDuration(given)
	if err != nil || d < 0 || d > maxDeadline {
		return time.Time{}, fail(http.StatusBadRequest, "write 30m or 2h, at most 720h", "%.80q is no deadline", given)
	}
	return now.Add(d), nil
}

// changes is told of a movement, or has the poller look for one.
func (s *server) changes(w http.ResponseWriter, r *http.Request) error {
	var want Change
	if err := body(r, &want); err != nil {
		return err
	}
	sent, err := s.deeds.SendChange(r.Context(), want)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusAccepted, sent)
	return nil
}
