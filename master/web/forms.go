package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/wright-build/wright/master/api"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
)

func (p *pages) startBuild(w http.ResponseWriter, r *http.Request) error {
	started, err := p.deeds.Start(r.Context(), r.PathValue("name"), api.Request{
		Revision: strings.TrimSpace(r.FormValue("revision")), Text: "asked for on the page", Kind: "person",
	}, 1)
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/builds/"+url.PathEscape(started[0].ID), http.StatusSeeOther)
	return nil
}

func (p *pages) doBuild(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	switch r.PathValue("verb") {
	case "cancel":
		if _, err := p.deeds.Cancel(r.Context(), id, "cancelled on the page"); err != nil {
			return err
		}
	case "retry":
		b, err := p.deeds.Retry(r.Context(), id)
		if err != nil {
			return err
		}
		id = b.ID
	default:
		return p.nothing(w, r)
	}
	http.Redirect(w, r, "/builds/"+url.PathEscape(id), http.StatusSeeOther)
	return nil
}

func (p *pages) doAppServer(w http.ResponseWriter, r *http.Request) error {
	doing := state.Doing(r.PathValue("verb"))
	switch doing {
	case state.Activate, state.Deactivate, state.Terminate:
	default:
		return p.nothing(w, r)
	}
	a, err := p.deeds.Want(r.Context(), r.PathValue("id"), doing)
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/instances/"+url.PathEscape(a.Instance)+"#appservers", http.StatusSeeOther)
	return nil
}

func (p *pages) nothing(_ http.ResponseWriter, r *http.Request) error {
	return fmt.Errorf("there is no page %.200q: %w", r.URL.Path, store.ErrNotFound)
}
