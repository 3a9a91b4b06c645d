package view

import "time"

// Watch is something whose movement triggers a build.
type Watch struct {
	Instance  string    `json:"instance"`
	VCS       string    `json:"vcs"`
	URL       string    `json:"url"`
	Ref       string    `json:"ref"`
	Origin    string    `json:"origin"`   // source, manifest, auto
	Revision  string    `json:"revision"` // the newest observed one, before that the one a build used
	CheckedAt time.Time `json:"checked_at,omitzero"`
	Error     string    `json:"error"` // of the last look at the remote, or that the ref is not there
}
