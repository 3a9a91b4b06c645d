// Package manifests turns TOML into checked values: the manifest of an
// instance, the watch file that a build uploads, and the master's
// configuration. Every error says file,
// line and column, and what to write instead.
//
// It knows the keys, their bounds and how they fit together. It does not know
// the network, the store, which providers exist or what they make of their own
// tables; nor does it remember the last good version of a file that went bad.
package manifests

import (
	"time"
)

// Manifest describes one instance: what is built, when, and what runs it.
type Manifest struct {
	Instance        string        // the file's name without .toml, a DNS label
	File            string        // the path it was read from
	Digest          string        // SHA-256 of the text, in hex
	BuildRequires   []string      // such as "docker", "postgresql >= 14"; ParseRequirement reads them
	Where           Where         `json:",omitzero"` // where else builds run, and in turn with what
	When            When          `json:",omitzero"` // what starts a build besides movements
	Priority        int           // -1000 to 1000, the higher the sooner; default 0
	AutoWatch       AutoWatch     // default on
	TreeStableTimer time.Duration // quiet time before a build, 0 to 24h; default 0: at once
	Source          *Source       // nil: nothing is fetched
	Watches         []Watch       // what is watched besides the source
	WatchNothing    bool          // "watch = []" was written: commits never start a build
	Timeout         time.Duration `json:",omitempty"` // of the whole build; 0: none
	Steps           []Step        // in order
	Artifacts       *Artifacts    `json:",omitempty"` // nil: nothing is kept
	Retention       *Retention    `json:",omitempty"` // nil: as the operator says
	Periodic        *Periodic     // nil: no schedule
	AppServer       *AppServer    // nil: a build makes no AppServer
	DNS             *DNS          // nil: no record; never set without AppServer
	Balancer        *Balancer     // nil: no route; never set without AppServer
	Databases       []Database    // names are unique
	Runner          *Runner       // nil: steps run as processes of the agent's host
	Notify          *Notify       // nil: nobody is told
	Notes           []Note        // remarks on what is right and may still not be meant
}

// AutoWatch says whether the watch file of a build is followed.
type AutoWatch struct {
	On     bool     // default true
	Ignore []string // URL patterns never watched; "*" stands for anything
}

// Source is what a build fetches first.
type Source struct {
	VCS        string // "git" or "hg"
	URL        string // passes CheckURL
	Branch     string // "" is the remote's HEAD
	Revision   string // frozen: a commit (7 to 64 hex digits) or a tag; "" follows the branch
	Submodules bool   // default true
	Place      Place  // where it was written
}

// Watch is something whose movement triggers a build.
type Watch struct {
	VCS      string // "git" or "hg"
	URL      string // passes CheckURL
	Ref      string // a full ref such as "refs/heads/main", or "HEAD"; Mercurial's are named alike
	Revision string // what the build used, 40 or 64 hex digits; only in watch files, may be ""
	From     string // where the build found it, "path:line"; only in watch files, may be ""
	Paths    *Paths `json:",omitempty"` // which changed paths count; nil: all. Only in manifests
	Place    Place  // where it was written
}

// Step is one command of a build.
type Step struct {
	Name    string            // unique in the manifest; default "step-N", counted from 1
	Run     string            // given to a shell
	Shell   []string          `json:",omitempty"` // program and arguments that Run is given to; nil: /bin/sh -ec
	When    Condition         // default AfterSuccess
	Timeout time.Duration     // default 1h
	Silence time.Duration     `json:",omitempty"` // without output for so long it is stopped; 0: never
	Env     map[string]string // names never start with WRIGHT_
	Dir     string            // relative to the workspace and inside it; "" is its root
}

// Periodic builds without a change. Exactly one of Interval and Cron is set.
type Periodic struct {
	Interval time.Duration // at least a second
	Cron     string        // five fields, or @daily and its kin
	Retries  int           // how often a failed periodic build is tried again; default 0
	TimeZone string        // IANA name in which Cron is read; "" is UTC
}

// Activation says who makes a new AppServer the active one.
type Activation string

// The two activations.
const (
	OnSuccess Activation = "on-success" // the build that made it, when it succeeds
	Manually  Activation = "manually"   // a person
)

// AppServer is the immutable server that a build makes.
type AppServer struct {
	Cloud            string         // the cloud provider's name
	Flavor           string         // given to the provider as written
	Image            string         // given to the provider as written
	Provision        string         // command that makes the server serve; "" is none
	ProvisionTimeout time.Duration  // default 1h
	Health           Health         // Health{} is no check
	Activate         Activation     // default OnSuccess
	Keep             int            // how many AppServers stay, the active one included; default 2
	Config           map[string]any // the table [appserver.CLOUD]; nil if absent
}

// Health is what an AppServer must answer before it may be activated.
type Health struct {
	HTTP   string        // path with a leading slash; "" is no check
	Port   int           // 0 leaves it to the provider
	Within time.Duration // default 5m
}

// DNS is the name that leads to the active AppServer.
type DNS struct {
	Provider string         // the DNS provider's name
	Domain   string         // lower case, no trailing dot
	TTL      time.Duration  // whole seconds; default 60s
	Config   map[string]any // the table [dns.PROVIDER]; nil if absent
}

// Balancer is the route that leads to the active AppServer.
type Balancer struct {
	Provider string         // the balancer's name
	Name     string         // of the route: a domain, lower case, no trailing dot
	Config   map[string]any // the table [balancer.PROVIDER]; nil if absent
}

// Runner is where the steps run.
type Runner struct {
	Provider string         // the runner's name
	Config   map[string]any // the table [runner.PROVIDER]; nil if absent
}

// Database is made before the AppServer is provisioned.
type Database struct {
	Provider   string         // the database provider's name
	Name       string         // [a-z][a-z0-9_]{0,62}, unique in the manifest
	Persistent bool           // outlives the AppServer; default false
	Config     map[string]any // the table [database.PROVIDER] after its [[database]]; nil if absent
}

// Note is a remark on a key that is correct.
type Note struct {
	Place   Place
	Key     string // path of the key, such as "notify"
	Message string
}

// String is the note on one line, with its place.
func (n Note) String() string { return n.Place.String() + ": " + n.Message }

// Key names what is watched: two watches with one key are the same watch,
// however their URLs are spelled.
func (w Watch) Key() string { return w.VCS + "\x00" + CanonicalURL(w.URL) + "\x00" + w.Ref }
