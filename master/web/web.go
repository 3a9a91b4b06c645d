// Package web makes the pages that people see: rendered here, readable on a
// phone, without a framework or anything from elsewhere. A page is whole
// without its script, which only keeps it fresh. The package asks package api
// for what it shows and for what people want done; it knows no rules.
package web

import (
	"bytes"
	"cmp"
	"embed"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"path"

	"github.com/wright-build/wright/master/api"
)

//go:embed static templates
var files embed.FS

// pages is the handler's state.
type pages struct {
	cfg       api.Config
	q         api.Queries
	deeds     api.Deeds
	output    api.Output
	templates map[string]*template.Template // by page
	log       *slog.Logger
}

// New makes the handler of all pages. Forms are safe from other origins, text
// of builds and manifests is escaped, and with cfg.Token a browser asks for it
// as the password of any user.
func New(cfg api.Config) http.Handler {
	p := &pages{
		cfg: cfg, q: api.NewQueries(cfg), deeds: api.NewDeeds(cfg), output: api.NewOutput(cfg),
		templates: parseTemplates(), log: cmp.Or(cfg.Log, slog.New(slog.DiscardHandler)),
	}
	mux := http.NewServeMux()
	for pattern, handle := range p.routes() {
		mux.Handle(pattern, p.page(handle))
	}
	open := http.NewServeMux()
	open.Handle("GET /static/{name}", static())
	open.Handle("/", p.door(mux))
	return api.Guard(cfg.Listen, open)
}

type handler func(w http.ResponseWriter, r *http.Request) error

func (p *pages) routes() map[string]handler {
	return map[string]handler{
		"GET /{$}":                             p.instances,
		"GET /instances/{name}":                p.instance,
		"POST /instances/{name}/build":         p.startBuild,
		"GET /builds":                          p.builds,
		"GET /builds/{id}":                     p.build,
		"GET /builds/{id}/log":                 p.wholeLog,
		"GET /builds/{id}/artifacts/{path...}": p.artifact,
		"GET /builds/{id}/events":              p.buildEvents,
		"POST /builds/{id}/{verb}":             p.doBuild,
		"POST /appservers/{id}/{verb}":         p.doAppServer,
		"GET /watches":                         p.watches,
		"GET /agents":                          p.agents,
		"GET /events":                          p.events,
		"/":                                    p.nothing,
	}
}

// door lets in who knows the token.
func (p *pages) door(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, given, _ := r.BasicAuth()
		if !api.SameToken(p.cfg.Token, given) {
			w.Header().Set("WWW-Authenticate", `Basic realm="wright", charset="UTF-8"`)
			http.Error(w, "This master wants its token, as the password of any user.", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// maxForm bounds a form, in bytes.
const maxForm = 64 << 10

// page turns the error of a handler into a page that says it.
func (p *pages) page(handle handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		err := handle(w, r)
		if err == nil || r.Context().Err() != nil {
			return
		}
		f := api.AsFailure(err)
		if f.Status >= http.StatusInternalServerError {
			p.log.Error("making a page", "path", r.URL.Path, "error", err)
		}
		text, err := p.render("error", failurePage{f.Status, http.StatusText(f.Status), f.Error(), f.Hint})
		if err != nil {
			http.Error(w, f.Error(), f.Status)
			return
		}
		sendHTML(w, f.Status, text)
	})
}

type failurePage struct {
	Status             int
	Title, Error, Hint string
}

// show renders a page and sends it.
func (p *pages) show(w http.ResponseWriter, name string, data any) error {
	text, err := p.render(name, data)
	if err != nil {
		return err
	}
	sendHTML(w, http.StatusOK, text)
	return nil
}

func sendHTML(w http.ResponseWriter, status int, text *bytes.Buffer) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = text.WriteTo(w) // a browser that is gone needs no page
}

// static serves the files that are built in, and nothing that is not one.
func static() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.PathValue("name")
		text, err := fs.ReadFile(files, "static/"+path.Base(name))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		types := map[string]string{".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
		w.Header().Set("Content-Type", types[path.Ext(name)]+"; charset=utf-8")
		w.Header().Set("Cache-Control", "public, max-age=300")
		_, _ = w.Write(text)
	})
}
