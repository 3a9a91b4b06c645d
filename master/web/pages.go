package web

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/api"
	"github.com/wright-build/wright/master/api/ansi"
	"github.com/wright-build/wright/master/api/view"
	"github.com/wright-build/wright/master/logs"
	"github.com/wright-build/wright/master/state"
)

func (p *pages) instances(w http.ResponseWriter, _ *http.Request) error {
	return p.show(w, "instances", struct {
		Info      view.Info
		Instances []view.Instance
		Repos     []view.ManifestRepo
	}{p.q.Info(p.cfg.Version), p.q.Instances(), p.q.ManifestRepos()})
}

const (
	maxShownBuilds  = 30
	maxShownWatches = 500
	maxDrawn        = 40       // watches of one instance; of more a list tells more
	maxShownFile    = 16 << 10 // bytes of a refused watch file
)

// instancePage is what the page of an instance shows.
type instancePage struct {
	view.Instance
	Problems   []view.Problem
	Refusal    *state.Refusal
	Refused    string // the beginning of the refused file
	Notes      []manifests.Note
	Starts     []view.Start // one, when it is built next
	AppServers []view.AppServer
	Builds     []view.Build
	Watches    []view.Watch
	MoreWatch  int // watches that are not shown
	Pictures   []picture
}

func (p *pages) instance(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	facts, err := p.q.Facts(name)
	if err != nil {
		return err
	}
	page := instancePage{Refusal: facts.Refusal}
	if facts.Fault != nil {
		page.Problems = view.ProblemsOf(facts.Fault)
	}
	if m := facts.Manifest(); m != nil {
		page.Notes = m.Notes
	}
	if p.cfg.Schedule != nil {
		page.Starts = p.cfg.Schedule.Starts(name)
	}
	if facts.Refusal != nil {
		page.Refused = p.refusedFile(facts.Refusal.Kept)
	}
	if page.Instance, err = p.q.Instance(name); err != nil {
		return err
	}
	if page.AppServers, err = p.q.AppServers(r.Context(), name, false); err != nil {
		return err
	}
	if page.Builds, err = p.q.Builds(r.Context(), api.Filter{Instance: name, Limit: maxShownBuilds}); err != nil {
		return err
	}
	if page.Watches, err = p.q.Watches(name); err != nil {
		return err
	}
	if len(page.Watches) <= maxDrawn {
		page.Pictures = pictures(page.Watches)
	}
	if n := len(page.Watches); n > maxShownWatches {
		page.Watches, page.MoreWatch = page.Watches[:maxShownWatches], n-maxShownWatches
	}
	return p.show(w, "instance", page)
}

// refusedFile reads the beginning of a watch file that was refused. What
// cannot be read is not shown: the reason is.
func (p *pages) refusedFile(kept string) string {
	if p.cfg.Refused == "" || kept == "" {
		return ""
	}
	f, err := os.OpenInRoot(p.cfg.Refused, filepath.Base(kept))
	if err != nil {
		return ""
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxShownFile))
	if err != nil {
		return ""
	}
	text, _ := ansi.Text(data, true)
	return text
}

func (p *pages) builds(w http.ResponseWriter, r *http.Request) error {
	all, err := p.q.Builds(r.Context(), api.Filter{Limit: 100})
	if err != nil {
		return err
	}
	return p.show(w, "builds", all)
}

func (p *pages) agents(w http.ResponseWriter, r *http.Request) error {
	var unowned []view.Unowned
	if p.cfg.Reaper != nil {
		unowned = p.cfg.Reaper.Unowned()
	}
	return p.show(w, "agents", struct {
		Agents  []view.Agent
		Address string
		Unowned []view.Unowned
	}{p.q.Agents(), "http://" + r.Host, unowned})
}

// buildPage is what the page of a build shows.
type buildPage struct {
	view.Build
	Sections []section
	Position string // up to where the sections go
	Attempt  int    // that they belong to
	Earlier  bool   // there is output that is not shown
	Coming   bool   // the output is not here yet

	Artifacts []view.Artifact
	Failing   []view.Test // that did not pass
}

// Took is how long the build ran, or has run until now.
func (b buildPage) Took() string {
	if !b.StartedAt.IsZero() && b.FinishedAt.IsZero() {
		return span(time.Since(b.StartedAt))
	}
	return took(b.Build)
}

func (p *pages) build(w http.ResponseWriter, r *http.Request) error {
	b, at, err := p.attempt(r)
	if err != nil {
		return err
	}
	parts, err := p.output.Parts(at)
	if err != nil {
		return err
	}
	sections, pos, err := tail(p.cfg.Logs, at, parts)
	if err != nil {
		return err
	}
	page := buildPage{Build: p.q.View(b)[0], Sections: sections, Position: pos.String(), Attempt: at.Attempt, Coming: p.output.Here(b, at) != nil}
	for _, s := range sections {
		page.Earlier = page.Earlier || s.Omitted > 0
	}
	page.Earlier = page.Earlier || len(sections) < len(parts)
	if page.Artifacts, err = p.output.Artifacts(b); err != nil {
		return err
	}
	if page.Failing, err = p.output.Tests(b); err != nil {
		return err
	}
	return p.show(w, "build", page)
}

// attempt finds the build and the attempt that a request names.
func (p *pages) attempt(r *http.Request) (*state.Build, logs.Attempt, error) {
	b, err := p.q.Build(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, logs.Attempt{}, err
	}
	n, _ := strconv.Atoi(r.FormValue("attempt")) // what is no number is the present one
	at, err := p.output.Attempt(b, n)
	return b, at, err
}

// artifact sends a file that a build has kept.
func (p *pages) artifact(w http.ResponseWriter, r *http.Request) error {
	return p.output.Artifact(r.Context(), w, r, r.PathValue("id"), r.PathValue("path"))
}

// wholeLog sends all output as plain text, byte for byte.
func (p *pages) wholeLog(w http.ResponseWriter, r *http.Request) error {
	b, at, err := p.attempt(r)
	if err == nil {
		err = p.output.Here(b, at)
	}
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	part, partErr := strconv.Atoi(r.FormValue("part"))
	want := func(l logs.Part) bool { return partErr != nil && l.Number > 0 || partErr == nil && l.Number == part }
	err = p.output.Stream(r.Context(), b, at, nil, want, false, func(_ logs.Part, data []byte) error {
		_, err := w.Write(data)
		return err
	})
	if err != nil {
		panic(http.ErrAbortHandler) // some of it is sent
	}
	return nil
}
