package api

import (
	"context"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"path"
	"time"

	"github.com/wright-build/wright/master/api/view"
	"github.com/wright-build/wright/master/artifacts"
	"github.com/wright-build/wright/master/logs"
	"github.com/wright-build/wright/master/state"
)

// testsName is what dispatch attaches the tests of a build as.
const testsName = "tests.json"

// Artifacts lists what a build has kept.
func (o Output) Artifacts(b *state.Build) ([]view.Artifact, error) {
	all := []view.Artifact{}
	if o.artifacts == nil {
		return all, nil
	}
	kept, err := o.artifacts.List(artifacts.Attempt{Instance: b.Instance, Build: b.ID, Attempt: b.Attempt})
	if err != nil {
		return nil, err
	}
	for _, f := range kept {
		all = append(all, view.Artifact(f))
	}
	return all, nil
}

// Tests lists the tests of a build that did not pass, as far as they are kept.
func (o Output) Tests(b *state.Build) ([]view.Test, error) {
	all := []view.Test{}
	if o.logs == nil || b.Tests == nil {
		return all, nil
	}
	text, err := o.logs.Attached(b.Instance, b.ID, testsName)
	if errors.Is(err, logs.ErrNotFound) {
		return all, nil
	}
	if err != nil {
		return nil, err
	}
	return all, json.Unmarshal(text, &all)
}

func (s *server) artifacts(w http.ResponseWriter, r *http.Request) error {
	b, err := s.q.Build(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	all, err := s.output.Artifacts(b)
	if err != nil {
		return err
	}
	return answer(w, all)
}

func (s *server) tests(w http.ResponseWriter, r *http.Request) error {
	b, err := s.q.Build(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	all, err := s.output.Tests(b)
	if err != nil {
		return err
	}
	report := view.Tests{Cases: all}
	if b.Tests != nil {
		report.Passed, report.Failed, report.Errored, report.Skipped = b.Tests.Passed, b.Tests.Failed, b.Tests.Errored, b.Tests.Skipped
	}
	return answer(w, report)
}

func (s *server) artifact(w http.ResponseWriter, r *http.Request) error {
	return s.output.Artifact(r.Context(), w, r, r.PathValue("id"), r.PathValue("path"))
}

// Artifact hands out one file. A build wrote it, so a browser is to save it and
// never to show it as a page of this site.
func (o Output) Artifact(ctx context.Context, w http.ResponseWriter, r *http.Request, id, name string) error {
	b, err := o.queries.Build(ctx, id)
	if err != nil {
		return err
	}
	if o.artifacts == nil {
		return fail(http.StatusNotFound, "", "this master keeps no artifacts")
	}
	file, f, err := o.artifacts.Open(artifacts.Attempt{Instance: b.Instance, Build: b.ID, Attempt: b.Attempt}, name)
	if errors.Is(err, artifacts.ErrNotFound) && o.logs != nil && o.logs.Expired(b.Instance, b.ID) {
		return gone(b)
	}
	if errors.Is(err, artifacts.ErrNotFound) {
		return fail(http.StatusNotFound, "`wright build artifacts "+b.ID+"` lists what there is", "build %s has no artifact %.200q", b.ID, name)
	}
	if err != nil {
		return err
	}
	defer file.Close()
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": path.Base(f.Path)}))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("ETag", `"`+f.SHA256+`"`)
	http.ServeContent(w, r, "", time.Time{}, file)
	return nil
}
