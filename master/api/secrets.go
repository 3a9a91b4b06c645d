package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/wright-build/wright/master/api/view"
	"github.com/wright-build/wright/master/secrets"
)

// Secrets keeps secrets. There is no way to read one back.
type Secrets interface {
	Names() []secrets.Name
	Put(ctx context.Context, name string, value []byte, instances []string, now time.Time) error
	Delete(ctx context.Context, name string) error
}

var errNoSecrets = fail(http.StatusNotImplemented, "", "this master keeps no secrets")

func (s *server) secrets(w http.ResponseWriter, _ *http.Request) error {
	all := []view.Secret{}
	if s.cfg.Secrets != nil {
		for _, n := range s.cfg.Secrets.Names() {
			all = append(all, view.Secret(n))
		}
	}
	return answer(w, all)
}

func (s *server) setSecret(w http.ResponseWriter, r *http.Request) error {
	if s.cfg.Secrets == nil {
		return errNoSecrets
	}
	var want struct {
		Value     string   `json:"value"`
		Instances []string `json:"instances"` // null leaves them as they are
	}
	if err := body(r, &want); err != nil {
		return err
	}
	v := view.Secret{Name: r.PathValue("name"), Instances: want.Instances, CreatedAt: time.Now().UTC()}
	err := s.cfg.Secrets.Put(r.Context(), v.Name, []byte(want.Value), want.Instances, v.CreatedAt)
	switch {
	case errors.Is(err, secrets.ErrName), errors.Is(err, secrets.ErrValue), errors.Is(err, secrets.ErrInstances):
		return &Failure{Status: http.StatusBadRequest, err: err}
	case err != nil:
		return err
	}
	return answer(w, v)
}

func (s *server) deleteSecret(w http.ResponseWriter, r *http.Request) error {
	if s.cfg.Secrets == nil {
		return errNoSecrets
	}
	if err := s.cfg.Secrets.Delete(r.Context(), r.PathValue("name")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
