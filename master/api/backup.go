package api

import (
	"errors"
	"net/http"
	"time"

	"github.com/wright-build/wright/master/backup"
)

// backup sends an archive of what this master keeps. It is a POST, since it may hold
// the key of the secrets: no page of another origin can ask for it.
func (s *server) backup(w http.ResponseWriter, r *http.Request) error {
	var want struct {
		WithoutOutput bool     `json:"without_output"`
		Recipients    []string `json:"recipients"`
		ClearKey      bool     `json:"clear_key"`
	}
	if err := body(r, &want); err != nil {
		return err
	}
	if s.cfg.Backup.Snapshot == nil {
		return fail(http.StatusNotImplemented, "", "this master cannot be backed up")
	}
	if !s.backing.TryLock() {
		return fail(http.StatusConflict, "try again when it has ended", "another backup is being made")
	}
	defer s.backing.Unlock()
	from := s.cfg.Backup
	from.Header.CreatedAt = time.Now().UTC()
	b, err := backup.Begin(r.Context(), from, backup.Options{Output: !want.WithoutOutput, Recipients: want.Recipients, ClearKey: want.ClearKey})
	switch {
	case errors.Is(err, backup.ErrKey):
		return &Failure{Status: http.StatusConflict, Hint: "encrypt it with --recipient age1…, or say --with-secrets-key and guard the archive like the key", err: err}
	case errors.Is(err, backup.ErrRecipient):
		return &Failure{Status: http.StatusBadRequest, err: err}
	case err != nil:
		return err
	}
	defer b.Close()
	w.Header().Set("Content-Type", "application/zstd")
	w.Header().Set("Cache-Control", "no-store")
	err = b.WriteArchive(r.Context(), w)
	if err != nil && r.Context().Err() == nil && s.cfg.Log != nil {
		s.cfg.Log.Error("sending a backup", "error", err) // it is too late to tell the other side
	}
	return err
}
