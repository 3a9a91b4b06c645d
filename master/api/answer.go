package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"

	"github.com/wright-build/wright/master/api/view"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
)

// maxBody bounds the body of a request, in bytes.
const maxBody = 64 << 10

// Failure is an error with the HTTP status and the hint it is answered with.
type Failure struct {
	Status int
	Hint   string
	Again  bool // it is worth asking again in a moment
	err    error
}

func (f *Failure) Error() string { return f.err.Error() }

// Unwrap gives the cause.
func (f *Failure) Unwrap() error { return f.err }

func fail(status int, hint, format string, args ...any) error {
	return &Failure{Status: status, Hint: hint, err: fmt.Errorf(format, args...)}
}

// ErrTermOver is why requests end with the term of the master that leads: the
// cause of the end of their context.
var ErrTermOver = errors.New("this master leads no more")

// unsure is the hint to who wrote, and does not know whether it was done.
const unsure = "look whether it was done before you try again"

// AsFailure finds the status and hint for any error of this package or of the
// rooms it asks.
func AsFailure(err error) *Failure {
	var f *Failure
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &tooLarge):
		return &Failure{Status: http.StatusRequestEntityTooLarge, err: err}
	case errors.Is(err, store.ErrNotFound):
		return &Failure{Status: http.StatusNotFound, err: err}
	case errors.Is(err, state.ErrFinal), errors.Is(err, state.ErrMove), errors.Is(err, state.ErrStale), errors.Is(err, state.ErrLives):
		return &Failure{Status: http.StatusConflict, err: err}
	case errors.Is(err, store.ErrNoRoom):
		return &Failure{Status: http.StatusInsufficientStorage, Hint: "make room on that disk: all goes on by itself then; nothing is lost", err: err}
	case errors.Is(err, store.ErrFull):
		return &Failure{Status: http.StatusInsufficientStorage, Hint: "docs/masters.md says how to make room in etcd; nothing is lost", err: err}
	case errors.Is(err, store.ErrDeposed), errors.Is(err, store.ErrUnsure), errors.Is(err, ErrTermOver):
		return &Failure{Status: http.StatusBadGateway, Hint: unsure, err: err}
	case errors.Is(err, store.ErrConflict):
		return &Failure{Status: http.StatusConflict, Hint: "try again", err: err}
	}
	return &Failure{Status: http.StatusInternalServerError, Hint: "the master's log may say more", err: err}
}

// endpoint turns the error of a handler into an answer.
type endpoint struct {
	handle handler
	log    *slog.Logger
}

func (e endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	sent := &sentinel{ResponseWriter: w}
	err := e.handle(sent, r)
	if err == nil {
		return
	}
	over := errors.Is(context.Cause(r.Context()), ErrTermOver)
	if sent.begun || r.Context().Err() != nil && !over {
		panic(http.ErrAbortHandler) // the client must not take for whole what is not
	}
	if over {
		err = ErrTermOver
	}
	if over && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		Leaderless(w)
		return
	}
	f := AsFailure(err)
	if f.Again {
		w.Header().Set("Retry-After", "1")
	} else if f.Status >= http.StatusInternalServerError && e.log != nil {
		level := slog.LevelError
		if over {
			level = slog.LevelWarn // a change of leaders is no fault
		}
		e.log.Log(r.Context(), level, "answering a request", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	writeJSON(w, f.Status, view.Failure{Error: f.Error(), Hint: f.Hint})
}

// Leaderless says that there is no master to ask.
func Leaderless(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "1")
	Refuse(w, http.StatusServiceUnavailable, "no master leads at the moment", "one will in some seconds: try again")
}

// sentinel knows whether an answer has begun.
type sentinel struct {
	http.ResponseWriter
	begun bool
}

func (s *sentinel) WriteHeader(status int) {
	s.begun = true
	s.ResponseWriter.WriteHeader(status)
}

func (s *sentinel) Write(data []byte) (int, error) {
	s.begun = true
	return s.ResponseWriter.Write(data)
}

// Unwrap is how net/http finds Flush.
func (s *sentinel) Unwrap() http.ResponseWriter { return s.ResponseWriter }

func answer(w http.ResponseWriter, v any) error {
	writeJSON(w, http.StatusOK, v)
	return nil
}

// Refuse answers with an error as the API does, for who stands before it.
func Refuse(w http.ResponseWriter, status int, why, hint string) {
	writeJSON(w, status, view.Failure{Error: why, Hint: hint})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // the status is sent; a client that is gone needs no answer
}

// body reads the JSON object of a request into v. No body at all is {}.
func body(r *http.Request, v any) error {
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	err := dec.Decode(v)
	if err == nil && dec.More() {
		err = errors.New("more than one JSON value")
	}
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil || errors.Is(err, io.EOF):
		return nil
	case errors.As(err, &tooLarge):
		return fail(http.StatusRequestEntityTooLarge, "", "the request has more than %d bytes", maxBody)
	}
	return fail(http.StatusBadRequest, "send one JSON object", "read the request: %w", err)
}

func (s *server) unknown(_ http.ResponseWriter, r *http.Request) error {
	return fail(http.StatusNotFound, "the API begins at "+Prefix, "no such place: %s %s", r.Method, r.URL.Path)
}
