package proxy

import (
	"fmt"
	"html"
	"net/http"
)

const pageHTML = `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>%[1]s</title>%[3]s
<style>body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:15vh auto;padding:0 1rem;color-scheme:light dark}</style>
</head><body><h1>%[1]s</h1><p>%[2]s</p></body></html>
`

// refresh asks browsers to try again by themselves.
const refresh = `<meta http-equiv="refresh" content="2">`

func unknownPage(w http.ResponseWriter, host string) {
	page(w, http.StatusNotFound, "No such instance", fmt.Sprintf("Nothing is called %q here.", host), "")
}

func absentPage(w http.ResponseWriter, instance string) {
	w.Header().Set("Retry-After", "1")
	page(w, http.StatusServiceUnavailable, instance+" is not up yet",
		"It has no active AppServer. This page tries again by itself.", refresh)
}

func silentPage(w http.ResponseWriter, instance string) {
	w.Header().Set("Retry-After", "1")
	page(w, http.StatusBadGateway, instance+" does not answer",
		"It has an active AppServer, but that cannot be reached. This page tries again by itself.", refresh)
}

func circlePage(w http.ResponseWriter, instance string) {
	page(w, http.StatusLoopDetected, instance+" leads back to itself",
		"Its active AppServer sends requests back to this proxy.", "")
}

func page(w http.ResponseWriter, status int, title, text, head string) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, pageHTML, html.EscapeString(title), html.EscapeString(text), head)
}
