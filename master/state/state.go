// Package state holds the facts of a Wright installation and the moves they
// may make. It starts nothing, reads no clock and knows no store: every
// function here is a pure one from facts to facts, so that what Wright may do
// is a set of tables that a reader can check and a test can exhaust.
package state

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/wright-build/wright/manifests"
)

// Meta is what the store knows of a fact: the revision it was last written at.
// A write of a fact is conditional on it; zero means that it must not exist yet.
type Meta struct {
	Rev int64 `json:"-"`
}

func (m *Meta) setRev(rev int64) { m.Rev = rev }

// Origin is the commit that a manifest came with; its zero value is a file of
// the master's own directory.
type Origin struct {
	Repo        string    `json:"repo,omitempty"`   // URL
	Branch      string    `json:"branch,omitempty"` // as configured; "" is the remote's HEAD
	Commit      string    `json:"commit,omitempty"` // that last changed the file
	Author      string    `json:"author,omitempty"`
	CommittedAt time.Time `json:"committed_at,omitzero"`
}

// InForce is the text of a manifest that is in force: the last good version
// of its file. Written by the catalog.
type InForce struct {
	Meta
	Origin
	Instance string    `json:"instance"`
	File     string    `json:"file"`
	Text     []byte    `json:"text"`
	Since    time.Time `json:"since"`

	Manifest *manifests.Manifest `json:"-"`
}

// Fault is a manifest file that could not be put in force. Written by the
// catalog, removed when the file is good again or gone.
type Fault struct {
	Meta
	Origin
	Name   string           `json:"name"` // instance, or file name where that names none
	Errors manifests.Errors `json:"errors"`
	Since  time.Time        `json:"since"`
}

// Instance is what the scheduler remembers of one instance. Written by schedule.
type Instance struct {
	Meta
	Name       string          `json:"name"`
	LastNumber int64           `json:"last_number"`
	Archived   bool            `json:"archived,omitempty"`
	Deleted    bool            `json:"deleted,omitempty"` // only LastNumber is remembered: no number is given twice
	Seen       map[string]Seen `json:"seen,omitempty"`    // by watch key

	Followed map[string]int64 `json:"followed,omitempty"` // by instance that this one follows: number of the success taken into account
	Hand     int64            `json:"hand,omitempty"`     // number of the newest build that a person asked for
	Timing   *Timing          `json:"timing,omitempty"`   // nil: not on schedule
}

// Seen is the revision of a watched ref that a build has taken into account,
// and the store revision of the facts it was taken from: an observation not
// newer than that says nothing new.
type Seen struct {
	Revision string `json:"revision"`
	At       int64  `json:"at"`
	// Discovered says that no build took it into account: it is only where the
	// ref was found first, and any report knows better.
	Discovered bool `json:"discovered,omitempty"`
	// Wants says that it has moved since, and that this is to be built however
	// little what follows meanwhile has to say.
	Wants bool `json:"wants,omitempty"`
}

// Last is the newest finished build of an instance, and the newest that
// succeeded. Written by dispatch with the build's end.
type Last struct {
	Meta
	Instance string `json:"instance"`
	Finished Build  `json:"finished"`
	Success  string `json:"success,omitempty"` // build ID
}

// Agent is a connected worker; the fact lives as long as its lease. Written
// by dispatch.
type Agent struct {
	Meta
	Name         string    `json:"name"`
	Slots        int       `json:"slots"`
	Capabilities []string  `json:"capabilities,omitempty"`
	Plugins      []string  `json:"plugins,omitempty"`
	Pools        []string  `json:"pools,omitempty"`
	Version      string    `json:"version,omitempty"`
	Reaps        bool      `json:"reaps,omitempty"`    // it can say what providers hold
	Draining     bool      `json:"draining,omitempty"` // by its own wish
	Drained      bool      `json:"drained,omitempty"`  // by a person's
	Closed       string    `json:"closed,omitempty"`   // why it takes no more for now, such as a full disk
	Lease        int64     `json:"lease"`
	Session      string    `json:"session"`
	ConnectedAt  time.Time `json:"connected_at"`
}

// Ref is the newest observation of one remote ref, and the one before it: a
// change. An empty revision means that the ref does not exist. Written by
// poll (and hooks).
type Ref struct {
	Meta
	VCS      string    `json:"vcs"`
	URL      string    `json:"url"`
	Ref      string    `json:"ref"`
	Revision string    `json:"revision"`
	Previous string    `json:"previous,omitempty"`
	Moved    bool      `json:"moved,omitempty"` // it was seen before, at Previous
	MovedAt  time.Time `json:"moved_at"`        // or seen first
	Said     *Said     `json:"said,omitempty"`  // by who told of the movement; nil: nobody did
}

// Said is what is told of a movement together with it.
type Said struct {
	Message string   `json:"message"`
	Paths   []string `json:"paths,omitempty"` // files that are not the same at Previous and at Revision; there may be more
}

// Secret is a secret that a configuration may name, encrypted for the identity
// in a file of the master. Written by secrets.
type Secret struct {
	Meta
	Name       string    `json:"name"`
	Ciphertext []byte    `json:"ciphertext"`          // age
	Instances  []string  `json:"instances,omitempty"` // patterns of the instances whose manifests may name it
	CreatedAt  time.Time `json:"created_at"`
}

// Report is what the last good auto-watch file of an instance came to. Written
// by dispatch.
type Report struct {
	Meta
	Instance string     `json:"instance"`
	Build    string     `json:"build"`
	Number   int64      `json:"number"`
	Attempt  int        `json:"attempt"`
	At       time.Time  `json:"at"`
	Watches  []Reported `json:"watches"`
	// Final is the list that replaces Watches if the build succeeds; until
	// then what it no longer names stays watched.
	Final []Reported `json:"final,omitzero"` // not nil: complete, if empty
}

// Empty says whether nothing is watched for what builds found. A nil report is.
func (r *Report) Empty() bool { return r == nil || len(r.Watches) == 0 && r.Final == nil }

// Reported is one entry of a watch list: what a build used, and the revision
// of the facts that its sources are at least as new as.
type Reported struct {
	VCS      string `json:"vcs"`
	URL      string `json:"url"`
	Ref      string `json:"ref"`
	Revision string `json:"revision,omitempty"`
	FactsAt  int64  `json:"facts_at"`
	From     string `json:"from,omitempty"`  // "path:line" where the build found it
	Since    int64  `json:"since,omitempty"` // number of the build that listed it first; it was watched ever since
}

// Key is the key of the watch.
func (r Reported) Key() string { return manifests.Watch{VCS: r.VCS, URL: r.URL, Ref: r.Ref}.Key() }

// Key is the key of the watches that the ref serves.
func (r *Ref) Key() string { return manifests.Watch{VCS: r.VCS, URL: r.URL, Ref: r.Ref}.Key() }

// Refusal is an auto-watch file that was refused whole. The file itself is
// kept on the master's disk. Written by dispatch, removed by the next good one.
type Refusal struct {
	Meta
	Instance string    `json:"instance"`
	Build    string    `json:"build"`
	At       time.Time `json:"at"`
	Reason   string    `json:"reason"`
	Kept     string    `json:"kept,omitempty"`
}

// Active says which AppServer of an instance is the active one. There is one
// such fact per instance, so there cannot be two. Written by activate.
type Active struct {
	Meta
	Instance  string    `json:"instance"`
	AppServer string    `json:"appserver,omitempty"` // empty: none
	Highest   int64     `json:"highest"`             // build number up to which builds no longer activate by themselves
	Since     time.Time `json:"since"`
}

// BuildID names a build: its instance and number, as in "shop-000012".
type BuildID struct {
	Instance string
	Number   int64
}

func (id BuildID) String() string { return fmt.Sprintf("%s-%06d", id.Instance, id.Number) }

// ParseBuildID reads "shop-000012" and, as people type it, "shop-12".
func ParseBuildID(s string) (BuildID, error) {
	i := strings.LastIndexByte(s, '-')
	if i <= 0 {
		return BuildID{}, fmt.Errorf("%q is not a build ID: want INSTANCE-NUMBER, such as shop-12", s)
	}
	n, err := strconv.ParseInt(s[i+1:], 10, 64)
	if err != nil || n <= 0 || s[i+1] == '+' || !instanceName.MatchString(s[:i]) {
		return BuildID{}, fmt.Errorf("%q is not a build ID: want INSTANCE-NUMBER, such as shop-12", s)
	}
	return BuildID{s[:i], n}, nil
}

var instanceName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// AppServerID is the ID of the AppServer that an attempt of a build makes: also
// the client token given to the provider.
func AppServerID(build string, attempt int) string { return fmt.Sprintf("%s.%d", build, attempt) }

// Errors of moves.
var (
	ErrStale = errors.New("an older attempt")
	ErrFinal = errors.New("the build has ended")
	// ErrLives means that an instance cannot be deleted yet.
	ErrLives = errors.New("it is not over with the instance")
	ErrMove  = errors.New("no such move")
)
