package view

import (
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/watchlist"
)

// Watch is something whose movement triggers a build.
type Watch struct {
	Instance  string    `json:"instance"`
	VCS       string    `json:"vcs"`
	URL       string    `json:"url"`
	Ref       string    `json:"ref"`
	Origin    string    `json:"origin"`   // source, manifest, auto
	From      string    `json:"from"`     // "shop.toml:4" of the manifest or, with auto, "path:line" of the workspace
	Since     string    `json:"since"`    // build that reported it first and ever since; "": none has
	Revision  string    `json:"revision"` // the newest observed one, before that the one a build used
	CheckedAt time.Time `json:"checked_at,omitzero"`
	Error     string    `json:"error"` // of the last look at the remote, or that the ref is not there
}

// OfWatch shows a watch of an instance, of which nothing was seen.
func OfWatch(instance string, w watchlist.Watch) Watch {
	return Watch{
		Instance: instance, VCS: w.VCS, URL: w.URL, Ref: w.Ref, Origin: string(w.Origin), From: w.From,
		Since: since(instance, w), Revision: w.Revision,
	}
}

func since(instance string, w watchlist.Watch) string {
	if w.Since == 0 {
		return ""
	}
	return state.BuildID{Instance: instance, Number: w.Since}.String()
}

// Reason is a watch, and who else says that it is one.
type Reason struct {
	Watch
	Also []Saying `json:"also"`
}

// Saying is one way in which an instance comes to a watch.
type Saying struct {
	Origin string `json:"origin"`
	URL    string `json:"url"` // as it is written there
	From   string `json:"from"`
	Since  string `json:"since"`
}

// OfSaying shows what one of them says.
func OfSaying(instance string, w watchlist.Watch) Saying {
	return Saying{Origin: string(w.Origin), URL: w.URL, From: w.From, Since: since(instance, w)}
}

// WatchDiff is what the report of one build changed against an earlier one's.
type WatchDiff struct {
	Instance string       `json:"instance"`
	Old      string       `json:"old"` // build; "": there is none before, so all is added
	New      string       `json:"new"`
	Added    []Reported   `json:"added"`
	Removed  []Reported   `json:"removed"`
	Moved    []MovedWatch `json:"moved"` // found at another place
}

// Reported is a watch as a build reported it.
type Reported struct {
	VCS      string `json:"vcs"`
	URL      string `json:"url"`
	Ref      string `json:"ref"`
	From     string `json:"from"`
	Revision string `json:"revision"`
}

// MovedWatch is a watch that was found at another place before.
type MovedWatch struct {
	Reported
	Was string `json:"was"`
}

// Tell shows a difference.
func (d *WatchDiff) Tell(diff watchlist.Difference) {
	d.Added, d.Removed, d.Moved = ofReported(diff.Added), ofReported(diff.Removed), []MovedWatch{}
	for _, m := range diff.Moved {
		d.Moved = append(d.Moved, MovedWatch{Reported: reported(m.Watch), Was: m.Was})
	}
}

func ofReported(ws []manifests.Watch) []Reported {
	all := make([]Reported, 0, len(ws))
	for _, w := range ws {
		all = append(all, reported(w))
	}
	return all
}

func reported(w manifests.Watch) Reported {
	return Reported{VCS: w.VCS, URL: w.URL, Ref: w.Ref, From: w.From, Revision: w.Revision}
}

// Sent is what came of a change that the master was told of.
type Sent struct {
	URL    string `json:"url"`
	Ref    string `json:"ref,omitempty"`
	Result string `json:"result"` // recorded, or asked: the remote is asked what is true
}

// Hook is somebody who may tell the master of changes. What is counted is so
// since the master began.
type Hook struct {
	Name           string    `json:"name"`
	Kind           string    `json:"kind"`
	Address        string    `json:"address"`    // path at the master's own address
	Deliveries     int64     `json:"deliveries"` // that were taken in
	Refused        int64     `json:"refused"`    // that were not
	LastDeliveryAt time.Time `json:"last_delivery_at,omitzero"`
	LastError      string    `json:"last_error"` // of the last one refused
	LastErrorAt    time.Time `json:"last_error_at,omitzero"`
}
