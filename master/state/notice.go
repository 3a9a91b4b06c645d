package state

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// The kinds of facts about who hears of what.
const (
	KindNotice Kind = "notice"
	KindTally  Kind = "tally"
	KindHeard  Kind = "heard"
)

// Notice is something that somebody is still to hear of: an entry of the
// outbox. It is written in the transaction that takes note of what it tells, and
// deleted when the far side has taken it. What it says is made when it is sent.
// Written by notify.
type Notice struct {
	Meta
	ID       string    `json:"id"`      // stays the same however often it is sent
	Channel  string    `json:"channel"` // mail, webhook, github, gitlab, gitea, plugin
	Event    string    `json:"event"`
	Instance string    `json:"instance"`
	Build    string    `json:"build"`
	To       string    `json:"to"`               // address, URL, URL of a repository in an API, or name of a plugin
	Secret   string    `json:"secret,omitempty"` // name of the one that signs or logs in
	Revision string    `json:"revision,omitempty"`
	Context  string    `json:"context,omitempty"`  // of a commit status
	Outcome  string    `json:"outcome,omitempty"`  // of a commit status: a state of builds
	Since    string    `json:"since,omitempty"`    // the first of the failures in a row
	Failures int       `json:"failures,omitempty"` // how many these are
	At       time.Time `json:"at"`                 // when it became due

	Tries     int       `json:"tries,omitempty"`
	NextAt    time.Time `json:"next_at,omitzero"`
	Error     string    `json:"error,omitempty"` // of the last try
	GivenUpAt time.Time `json:"given_up_at,omitzero"`
}

// Tally is how the builds of an instance went, as far as somebody was told.
// Written by notify.
type Tally struct {
	Meta
	Instance string  `json:"instance"`
	Number   int64   `json:"number"`             // of the newest build that succeeded or failed
	Revision string  `json:"revision,omitempty"` // of its source
	Failures int     `json:"failures,omitempty"` // in a row, up to it
	Since    string  `json:"since,omitempty"`    // the first of them
	Started  []int64 `json:"started,omitempty"`  // live builds whose start was told
}

// Heard is how far notify has taken note of the ends of builds. Written by
// notify.
type Heard struct {
	Meta
	Revision int64    `json:"revision"`       // of the store
	Told     []string `json:"told,omitempty"` // builds that ended with the next one and were taken note of
}

// heardName is the name of the only such fact.
const heardName = "ends"

// Put writes the notice.
func (n *Notice) Put() Write { return Write{Key: Key{KindNotice, n.ID}, Value: n, Rev: n.Rev} }

// Put writes the tally.
func (t *Tally) Put() Write { return Write{Key: Key{KindTally, t.Instance}, Value: t, Rev: t.Rev} }

// Put writes how far notify has come.
func (h *Heard) Put() Write { return Write{Key: Key{KindHeard, heardName}, Value: h, Rev: h.Rev} }

// Heard is how far notify has come, nil if it has never begun.
func (f *Facts) Heard() *Heard { return f.heard[heardName] }

// NoticeID is what a notice is called: always the same for the same event of a
// build and the same far side, whoever makes it and however often.
func NoticeID(channel, event, build, to string) string {
	sum := sha256.Sum256([]byte(channel + "\x00" + to))
	return build + "." + event + "." + channel + "." + hex.EncodeToString(sum[:8])
}
