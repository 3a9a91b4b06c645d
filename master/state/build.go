package state

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/wright-build/wright/manifests"
)

// BuildState is where a build stands.
type BuildState string

// The states of a build.
const (
	Queued    BuildState = "queued"
	Assigned  BuildState = "assigned"
	Running   BuildState = "running"
	Succeeded BuildState = "succeeded"
	Failed    BuildState = "failed"  // a step said no
	Errored   BuildState = "errored" // Wright or a host could not
	Cancelled BuildState = "cancelled"
)

// maxFaults is how many attempts a build has whose agents' hosts are at fault.
const maxFaults = 3

// MaxAttempts is how often a build that loses its agent is tried: one that kills
// every agent it comes to must end, and one that only had bad luck must not.
const MaxAttempts = 12

// maxPause is the longest that a lost build waits for its next attempt.
const maxPause = time.Minute

// buildMoves is the whole life of a build: where it may go from each state
// within one attempt. A lost attempt begins again at Queued with the next
// attempt number (see Lose), never by going back.
func buildMoves(from BuildState) []BuildState {
	switch from {
	case Queued:
		return []BuildState{Assigned, Cancelled, Errored}
	case Assigned:
		return []BuildState{Running, Succeeded, Failed, Errored, Cancelled}
	case Running:
		return []BuildState{Succeeded, Failed, Errored, Cancelled}
	default:
		return nil
	}
}

// Final says whether a build in this state has ended for good.
func (s BuildState) Final() bool { return s != "" && len(buildMoves(s)) == 0 }

// MayMove says whether a build may go from s to the state given.
func (s BuildState) MayMove(to BuildState) bool {
	for _, next := range buildMoves(s) {
		if next == to {
			return true
		}
	}
	return false
}

// Reason says why a build was requested.
type Reason struct {
	Kind    string   `json:"kind"` // change, person, retry, periodic, hook
	Text    string   `json:"text"`
	Changes []Change `json:"changes,omitempty"`
}

// maxChanges bounds the changes that a build lists.
const maxChanges = 50

// Join adds changes to the reason: of a ref that moved twice, from where to
// where in all. What is too many to list is built none the less.
func (r *Reason) Join(changes []Change) {
	r.Changes = slices.Clone(r.Changes)
	for _, c := range changes {
		same := func(o Change) bool { return o.URL == c.URL && o.Ref == c.Ref }
		if i := slices.IndexFunc(r.Changes, same); i >= 0 {
			r.Changes[i].New = c.New
		} else if len(r.Changes) < maxChanges {
			r.Changes = append(r.Changes, c)
		}
	}
}

// Change is one observed movement of a watched ref.
type Change struct {
	URL string `json:"url"`
	Ref string `json:"ref"`
	Old string `json:"old,omitempty"`
	New string `json:"new,omitempty"`
}

// Build is one request, carried out in one or more attempts. Created by
// schedule, which adds to its reason while it is queued; moved by dispatch.
type Build struct {
	Meta
	ID        string            `json:"id"`
	Instance  string            `json:"instance"`
	Number    int64             `json:"number"`
	State     BuildState        `json:"state"`
	Reason    Reason            `json:"reason"`
	Priority  int               `json:"priority,omitempty"`
	Requires  []string          `json:"requires,omitempty"` // capabilities and plugins
	Where     manifests.Where   `json:"where,omitzero"`     // as its manifest was when it was requested
	Group     int64             `json:"group,omitempty"`    // number of the first of those that one request came to; 0: there is one
	Matrix    []string          `json:"matrix,omitempty"`   // which of them it is: the versions that it is for, also in Requires
	Revision  string            `json:"revision,omitempty"` // of the source, when a person chose it
	Attempt   int               `json:"attempt"`
	Agent     string            `json:"agent,omitempty"`
	Version   int64             `json:"version,omitempty"`  // of the agent's last update of this attempt
	FactsAt   int64             `json:"facts_at,omitempty"` // store revision that it vouches for, 0 until it is handed out
	Phase     string            `json:"phase,omitempty"`
	Avoid     string            `json:"avoid,omitempty"`  // agent whose host was to blame for an attempt
	Cancel    string            `json:"cancel,omitempty"` // why somebody wants it ended
	Enough    bool              `json:"enough,omitempty"` // somebody wanted that twice: no step is to run any more
	Revisions map[string]string `json:"revisions,omitempty"`
	AppServer string            `json:"appserver,omitempty"`
	Output    int64             `json:"output,omitempty"`   // bytes of it, as its agent said at the end; 0: none, or nobody knows
	Warnings  int64             `json:"warnings,omitempty"` // lines of its output that look like warnings
	Tests     *Tests            `json:"tests,omitempty"`    // nil: it reported none
	Flaky     string            `json:"flaky,omitempty"`    // an earlier build that failed at the same revisions
	Error     string            `json:"error,omitempty"`
	QueuedAt  time.Time         `json:"queued_at"`
	StartedAt time.Time         `json:"started_at,omitzero"`
	EndedAt   time.Time         `json:"finished_at,omitzero"`
	RetryAt   time.Time         `json:"retry_at,omitzero"` // not to be handed out before, since it was lost several times
	Lost      string            `json:"lost,omitempty"`    // why the last attempt was

	// Properties are given by who started it; a step sees X as WRIGHT_PROPERTY_X.
	Properties map[string]string `json:"properties,omitempty"`
	Deploying  bool              `json:"deploying,omitempty"` // its steps were done, its AppServer was being made
}

// Tests counts the tests of a build by how they ended.
type Tests struct {
	Passed  int64 `json:"passed"`
	Failed  int64 `json:"failed"`
	Errored int64 `json:"errored"`
	Skipped int64 `json:"skipped"`
}

// BuildID returns the build's ID in its parts.
func (b *Build) BuildID() BuildID { return BuildID{b.Instance, b.Number} }

// Update is what an agent says of an attempt; a later version replaces an
// earlier one.
type Update struct {
	Attempt   int
	Version   int64
	State     BuildState
	Phase     string
	Error     string
	Revisions map[string]string
	Deploying bool
	StartedAt time.Time
	EndedAt   time.Time
	Output    int64
	Warnings  int64
	HostFault bool // errored for want of something of the agent's host
}

// Assign gives a queued build to an agent. factsAt is the store revision that it
// vouches for.
func (b Build) Assign(agent, source, revision string, factsAt int64) (Build, error) {
	if !b.State.MayMove(Assigned) {
		return b, fmt.Errorf("assign build %s, which is %s: %w", b.ID, b.State, ErrMove)
	}
	b.State, b.Agent, b.FactsAt, b.Version, b.Phase = Assigned, agent, factsAt, 0, ""
	b.RetryAt, b.Lost = time.Time{}, ""
	if source != "" && revision != "" {
		b.Revisions = map[string]string{source: revision}
	}
	return b, nil
}

// Vouches is the store revision whose facts the newest build of the instance has
// taken in for certain, once this queued one is handed out with those of revision
// at. It is an older one if this has been handed out before, or if one of the
// other builds, requested later, has been; and if it is one of several that were
// requested together, since its siblings go at other times.
func (b *Build) Vouches(at int64, others iter.Seq[*Build]) int64 {
	if b.Group > 0 {
		at = min(at, b.Rev)
	}
	if b.FactsAt > 0 {
		at = min(at, b.FactsAt)
	}
	for o := range others {
		if o.Number > b.Number && o.FactsAt > 0 && o.Revision == "" {
			at = min(at, o.FactsAt)
		}
	}
	return at
}

// Advance applies what an agent says. A repeated or overtaken update changes
// nothing and is no error; one of an older attempt is refused with ErrStale,
// one that would move a finished build with ErrFinal.
func (b Build) Advance(u Update) (Build, error) {
	switch {
	case u.Attempt < b.Attempt:
		return b, fmt.Errorf("update of attempt %d of build %s, which is at attempt %d: %w", u.Attempt, b.ID, b.Attempt, ErrStale)
	case u.Attempt > b.Attempt || b.State == Queued:
		return b, fmt.Errorf("update of attempt %d of build %s, which was not handed out: %w", u.Attempt, b.ID, ErrMove)
	case u.Version <= b.Version:
		return b, nil
	case b.State.Final():
		return b, fmt.Errorf("build %s is %s: %w", b.ID, b.State, ErrFinal)
	case u.State != b.State && !b.State.MayMove(u.State):
		return b, fmt.Errorf("move build %s from %s to %s: %w", b.ID, b.State, u.State, ErrMove)
	}
	b.State, b.Version, b.Phase, b.Error = u.State, u.Version, u.Phase, u.Error
	b.StartedAt, b.EndedAt, b.Deploying = u.StartedAt, u.EndedAt, u.Deploying
	b.Output, b.Warnings = u.Output, u.Warnings
	if len(u.Revisions) > 0 {
		b.Revisions = u.Revisions
	}
	return b, nil
}

// Lose takes a build back from an agent that is gone: it waits for the next
// attempt, unless somebody wanted it ended or it was lost too often.
func (b Build) Lose(why string, now time.Time) (Build, error) {
	if b.State != Assigned && b.State != Running {
		return b, fmt.Errorf("lose build %s, which is %s: %w", b.ID, b.State, ErrMove)
	}
	if b.Cancel != "" {
		return b.End(Cancelled, b.Cancel, now)
	}
	if b.Attempt >= MaxAttempts {
		return b.End(Errored, fmt.Sprintf("lost %d times, last: %s", b.Attempt, why), now)
	}
	b.State, b.Attempt, b.Agent, b.Version, b.Phase = Queued, b.Attempt+1, "", 0, ""
	b.StartedAt, b.EndedAt = time.Time{}, time.Time{}
	b.AppServer, b.Error, b.Deploying = "", "", false
	b.Output, b.Warnings, b.Tests = 0, 0, nil
	b.Lost = why
	if pause := pauseBefore(b.Attempt); pause > 0 {
		b.RetryAt = now.Add(pause)
	}
	return b, nil
}

// pauseBefore is how long an attempt waits after the one before it was lost: what
// takes agents away may last, and a build that kills them must not hurry.
func pauseBefore(attempt int) time.Duration {
	if attempt <= 2 {
		return 0
	}
	return min(time.Second<<min(attempt-3, 10), maxPause)
}

// Pauses says whether a queued build is still to wait because it was lost. A pause
// that is longer than there are any comes from a clock that went wrong.
func (b *Build) Pauses(now time.Time) bool {
	return b.State == Queued && now.Before(b.RetryAt) && b.RetryAt.Sub(now) <= maxPause
}

// Retries says whether what an agent says of the end is to be tried again
// instead: the build itself is not to blame, and nobody wants it ended.
func (b Build) Retries(u Update) bool {
	return u.HostFault && u.State == Errored && b.Cancel == "" && b.Attempt < maxFaults
}

// FlakyAfter says whether this build, which succeeded, shows that an earlier one
// failed by chance: both were of the same revisions.
func (b Build) FlakyAfter(earlier *Build) bool {
	return b.State == Succeeded && earlier.State == Failed && len(b.Revisions) > 0 && b.Number > earlier.Number &&
		maps.Equal(b.Revisions, earlier.Revisions) && slices.Equal(b.Requires, earlier.Requires)
}

// End finishes a build that no agent will report on any more.
func (b Build) End(to BuildState, why string, now time.Time) (Build, error) {
	if !to.Final() || !b.State.MayMove(to) {
		return b, fmt.Errorf("end build %s, which is %s, as %s: %w", b.ID, b.State, to, ErrMove)
	}
	b.State, b.Error, b.EndedAt = to, why, now
	return b, nil
}

// Requirements lists what an agent must offer to build the manifest: its
// build-requires and its providers' plugins ("plugin:cloud/process").
func Requirements(m *manifests.Manifest) []string {
	needs := append([]string(nil), m.BuildRequires...)
	if m.AppServer != nil {
		needs = append(needs, PluginNeed("cloud", m.AppServer.Cloud))
	}
	if m.DNS != nil {
		needs = append(needs, PluginNeed("dns", m.DNS.Provider))
	}
	if m.Balancer != nil {
		needs = append(needs, PluginNeed("balancer", m.Balancer.Provider))
	}
	if m.Runner != nil {
		needs = append(needs, PluginNeed("runner", m.Runner.Provider))
	}
	for _, d := range m.Databases {
		needs = append(needs, PluginNeed("database", d.Provider))
	}
	return needs
}

// PluginNeed is how a requirement names a provider.
func PluginNeed(kind, name string) string { return "plugin:" + kind + "/" + name }
