package api

import (
	"context"
	"net/http"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/api/view"
)

// Notices tells who is still to hear of what.
type Notices interface {
	Notices() []view.Notice
	// Test sends a mail to an address and waits for the server's word.
	Test(ctx context.Context, to string) error
}

func (s *server) notices(w http.ResponseWriter, _ *http.Request) error {
	all := []view.Notice{}
	if s.cfg.Notices != nil {
		all = append(all, s.cfg.Notices.Notices()...)
	}
	return answer(w, all)
}

func (s *server) testNotice(w http.ResponseWriter, r *http.Request) error {
	if s.cfg.Notices == nil {
		return fail(http.StatusNotImplemented, "", "this master tells nobody")
	}
	var want struct {
		Address string `json:"address"`
	}
	if err := body(r, &want); err != nil {
		return err
	}
	if err := manifests.CheckMailAddress(want.Address); err != nil {
		return &Failure{Status: http.StatusBadRequest, err: err}
	}
	if err := s.cfg.Notices.Test(r.Context(), want.Address); err != nil {
		return &Failure{Status: http.StatusBadGateway, Hint: "look at [smtp] in the master's configuration", err: err}
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
