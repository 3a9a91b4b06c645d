// Package api answers other programs, the command line among them: HTTP and
// JSON under /api/v1. It reads facts and asks the rooms that own them for
// deeds; it decides nothing and writes no fact. It does not know how builds
// are scheduled, where agents are, or what pages look like.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/wright-build/wright/master/api/view"
	"github.com/wright-build/wright/master/artifacts"
	"github.com/wright-build/wright/master/backup"
	"github.com/wright-build/wright/master/logs"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
)

// Request is what a person or a program wants built.
type Request struct {
	Revision string // of the source; "" is the newest
	Text     string // why, in their words
	Kind     string // person, retry

	Properties map[string]string // variables of its steps: X is seen as WRIGHT_PROPERTY_X
}

// Builds starts and ends builds.
type Builds interface {
	// Start requests a build of an instance in force.
	Start(ctx context.Context, instance string, r Request) (state.Build, error)
	// Cancel wants a build ended; one that has ended is state.ErrFinal.
	Cancel(ctx context.Context, id state.BuildID, why string) error
}

// Batch is what a Builds may do besides: many builds in as few transactions as
// possible.
type Batch interface {
	StartMany(ctx context.Context, instance string, r Request, count int) ([]state.Build, error)
}

// Instances changes what is remembered of an instance.
type Instances interface {
	Archive(ctx context.Context, instance string, archived bool) error
	// Delete forgets an instance that has no manifest and of which nothing lives.
	Delete(ctx context.Context, instance string) error
}

// AppServers takes down what a person wants done to an AppServer.
type AppServers interface {
	Want(ctx context.Context, id string, doing state.Doing) error
	// Forget gives up what is left of a terminating one.
	Forget(ctx context.Context, id string) error
}

// Agents changes what is wanted of agents.
type Agents interface {
	// Drain says whether an agent is to get no more work, and when what it still
	// builds is to be done elsewhere; zero: not.
	Drain(ctx context.Context, name string, drain bool, deadline time.Time) error
}

// Polls tells of looks at remotes.
type Polls interface {
	// Status says when a remote was last asked (zero: never) and what went wrong
	// then ("": nothing).
	Status(vcs, url string) (checkedAt time.Time, err string)
	// CheckNow asks a remote without waiting for its turn.
	CheckNow(url string)
	// Observe takes a movement of a watched ref, of which all is told, for true
	// if it begins at the revision that is known; otherwise the remote is asked.
	Observe(ctx context.Context, vcs string, c Change) (recorded bool, err error)
}

// Hooks tells how those are doing that tell of changes.
type Hooks interface {
	Hooks() []view.Hook
}

// Config is everything the API needs. Rooms that are nil are answered for with
// 501 Not Implemented, or as if they had nothing to tell.
type Config struct {
	Store      *store.Store
	Logs       *logs.Logs
	Artifacts  *artifacts.Store
	Builds     Builds
	Instances  Instances
	AppServers AppServers
	Agents     Agents
	Reaper     Reaper
	Secrets    Secrets
	Queue      Queue // nil: what waits is worked out from the facts
	Polls      Polls
	Manifests  Manifests
	Hooks      Hooks
	Schedule   Schedule
	Notices    Notices
	Backup     backup.Source // its Snapshot nil: there is none
	Token      string        // wanted of everybody; "": no token
	Version    string        // of this master
	Listen     string        // host:port that is listened at; on loopback foreign Host headers are refused
	Proxy      string        // host:port where NAME.localhost leads to the active AppServer of NAME; "": nowhere
	Refused    string        // directory with refused watch files; "": their text is not shown
	Log        *slog.Logger
}

// Prefix is where the API begins.
const Prefix = "/api/v1"

type server struct {
	cfg     Config
	q       Queries
	deeds   Deeds
	output  Output
	backing sync.Mutex // held while a backup is made
}

// New makes the handler of everything under /api.
func New(cfg Config) http.Handler {
	s := &server{cfg: cfg, q: NewQueries(cfg), deeds: NewDeeds(cfg), output: NewOutput(cfg)}
	mux := http.NewServeMux()
	for pattern, handle := range s.routes() {
		mux.Handle(pattern, endpoint{handle, cfg.Log})
	}
	mux.Handle("/api/", endpoint{s.unknown, cfg.Log})
	return Guard(cfg.Listen, s.bearer(mux))
}

type handler func(w http.ResponseWriter, r *http.Request) error

func (s *server) routes() map[string]handler {
	return map[string]handler{
		"GET " + Prefix + "/info":                            s.info,
		"GET " + Prefix + "/instances":                       s.instances,
		"GET " + Prefix + "/instances/{name}":                s.instance,
		"DELETE " + Prefix + "/instances/{name}":             s.delete,
		"POST " + Prefix + "/instances/{name}/archive":       s.archive,
		"POST " + Prefix + "/instances/{name}/redeploy":      s.redeploy,
		"GET " + Prefix + "/builds":                          s.builds,
		"POST " + Prefix + "/builds":                         s.startBuilds,
		"GET " + Prefix + "/builds/{id}":                     s.build,
		"GET " + Prefix + "/builds/{id}/log":                 s.buildLog,
		"GET " + Prefix + "/builds/{id}/parts":               s.parts,
		"GET " + Prefix + "/builds/{id}/artifacts":           s.artifacts,
		"GET " + Prefix + "/builds/{id}/artifacts/{path...}": s.artifact,
		"GET " + Prefix + "/builds/{id}/tests":               s.tests,
		"POST " + Prefix + "/builds/{id}/cancel":             s.cancel,
		"POST " + Prefix + "/builds/{id}/retry":              s.retry,
		"GET " + Prefix + "/watches":                         s.watches,
		"GET " + Prefix + "/watches/why":                     s.why,
		"GET " + Prefix + "/instances/{name}/watch-diff":     s.watchDiff,
		"GET " + Prefix + "/appservers":                      s.appServers,
		"GET " + Prefix + "/appservers/{id}":                 s.appServer,
		"POST " + Prefix + "/appservers/{id}/activate":       s.want(state.Activate),
		"POST " + Prefix + "/appservers/{id}/deactivate":     s.want(state.Deactivate),
		"POST " + Prefix + "/appservers/{id}/terminate":      s.want(state.Terminate),
		"POST " + Prefix + "/appservers/{id}/forget":         s.forget,
		"GET " + Prefix + "/reap":                            s.unowned,
		"POST " + Prefix + "/reap":                           s.reap,
		"GET " + Prefix + "/reap/places":                     s.reapPlaces,
		"GET " + Prefix + "/agents":                          s.agents,
		"POST " + Prefix + "/agents/{name}/drain":            s.drain,
		"GET " + Prefix + "/manifests/errors":                s.problems,
		"GET " + Prefix + "/secrets":                         s.secrets,
		"POST " + Prefix + "/secrets/{name}":                 s.setSecret,
		"DELETE " + Prefix + "/secrets/{name}":               s.deleteSecret,
		"GET " + Prefix + "/manifest-repos":                  s.manifestRepos,
		"POST " + Prefix + "/changes":                        s.changes,
		"GET " + Prefix + "/hooks":                           s.hooks,
		"GET " + Prefix + "/schedule":                        s.schedule,
		"GET " + Prefix + "/notices":                         s.notices,
		"POST " + Prefix + "/notices/test":                   s.testNotice,
		"POST " + Prefix + "/backup":                         s.backup,
	}
}
