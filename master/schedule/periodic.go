package schedule

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
)

// Standing is everything that decides when one instance is built by its
// schedule.
type Standing struct {
	Manifest *manifests.Manifest // nil: not in force
	Instance state.Instance
	Waiting  bool           // a build is queued that will fetch the newest of everything
	Live     []*state.Build // builds that have not ended
	Hand     time.Time      // when the AppServer was made that a person had built last; zero: none
	Last     *state.Build   // the newest that has ended; nil: none
}

// Tick is what follows from a standing.
type Tick struct {
	Build  *state.Reason // build now, and why; nil: do not
	Joined bool          // the build that waits serves for the schedule too
	Timing *state.Timing // to be remembered; nil: it is not on schedule
	Wake   time.Time     // decide again then; zero: when a fact changes
	Wait   string        // what a start that is due waits for; "": for its time
}

const (
	// setBack is how far a clock may be put back without being noticed.
	setBack = time.Minute
	// setBackCron is how far, where a schedule goes by the clock itself: what
	// has run does not run again, unless the clock was so wrong.
	setBackCron = 24 * time.Hour
)

// Periodic says whether an instance is to be built because its time has come.
// None starts while a build is under way, and a build that hangs is not waited
// for for ever. What was missed, however often, is made up for once. What is
// late because of that keeps to the timetable too.
func Periodic(s Standing, table *timetable, now time.Time) Tick {
	name := s.Instance.Name
	if s.Manifest == nil || s.Instance.Archived {
		table.drop(name)
		return Tick{Timing: s.Instance.Timing}
	}
	p := s.Manifest.Periodic
	if p == nil {
		table.drop(name)
		return Tick{}
	}
	t := s.plan(p, table, now)
	at := s.next(p, t, table, now)
	again, retrying := s.retryAt(p, t)
	if retrying = retrying && again.Before(t.Due); retrying {
		at = again
	}
	if at.After(now) {
		return Tick{Timing: &t, Wake: at}
	}
	if s.Waiting {
		t = started(s, p, t, table, now)
		t.Build = s.Instance.LastNumber
		return Tick{Timing: &t, Wake: t.Due, Joined: true}
	}
	if b, until := s.busy(now); b != nil {
		if !retrying {
			table.drop(name)
		}
		return Tick{Timing: &t, Wake: until, Wait: "build " + b.ID + " is under way"}
	}
	if retrying {
		t.Tries++
		text := fmt.Sprintf("periodic: try %d of %d after build %s: %s", t.Tries+1, p.Retries+1, s.Last.ID, cmp.Or(s.Last.Error, string(s.Last.State)))
		t.Build = s.Instance.LastNumber + 1
		return Tick{Build: &state.Reason{Kind: "periodic", Text: text}, Timing: &t, Wake: t.Due}
	}
	text := "periodic: " + Spec(p)
	if late := now.Sub(t.Due); late >= tooLate {
		text += ", due since " + t.Due.Format(time.RFC3339)
	}
	t = started(s, p, t, table, now)
	t.Build = s.Instance.LastNumber + 1
	return Tick{Build: &state.Reason{Kind: "periodic", Text: text}, Timing: &t, Wake: t.Due}
}

// Spec names a schedule; two that differ have other names.
func Spec(p *manifests.Periodic) string {
	if p.Cron != "" {
		return fmt.Sprintf("at %s %s", p.Cron, cmp.Or(p.TimeZone, "UTC"))
	}
	return "every " + brief(p.Interval)
}

// brief leaves out minutes and seconds at the end that are none: "24h".
func brief(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// plan is what is remembered, brought up to what has changed since: the
// manifest, the clock, an AppServer made by hand.
func (s Standing) plan(p *manifests.Periodic, table *timetable, now time.Time) state.Timing {
	if s.Instance.Timing == nil {
		if p.Cron != "" {
			return state.Timing{Spec: Spec(p), Since: now, Due: p.Next(now)}
		}
		first := now.Truncate(time.Second).Add(time.Second)
		due := table.place(s.Instance.Name, p.Interval, first.Add(phase(s.Instance.Name, p.Interval)))
		if due.Sub(first) > p.Interval { // no room there: there is some at the beginning
			due = table.place(s.Instance.Name, p.Interval, first)
		}
		return state.Timing{Spec: Spec(p), Since: now, Due: due}
	}
	t := *s.Instance.Timing
	changed := t.Spec != Spec(p)
	t.Spec = Spec(p)
	if p.Cron != "" {
		if back := t.Since.Sub(now) > setBackCron; changed || back {
			t.Due = p.Next(now)
			if back {
				t.Since = now
			}
		}
		return t
	}
	since, noticed := t.Since, min(setBack, p.Interval/2)
	if since.Sub(now) > noticed {
		since = now
	}
	if s.Hand.After(since) && s.Hand.Sub(now) <= noticed {
		since, t.Build, t.Tries = s.Hand, 0, 0
	}
	if changed || !since.Equal(t.Since) {
		t.Since, t.Due = since, since.Add(p.Interval)
		if t.Due.After(now) {
			t.Due = table.place(s.Instance.Name, p.Interval, t.Due)
		}
	}
	return t
}

// next is when the instance may start next.
func (s Standing) next(p *manifests.Periodic, t state.Timing, table *timetable, now time.Time) time.Time {
	if p.Cron != "" {
		table.drop(s.Instance.Name)
		if t.Due.IsZero() { // never, or this machine does not know the zone
			return now.Add(24 * time.Hour)
		}
		return t.Due
	}
	return table.due(s.Instance.Name, p.Interval, t.Due, now)
}

// started is the timing after a start. One that was on time counts from when it
// was due, so that nothing shifts; one that was late from now.
func started(s Standing, p *manifests.Periodic, t state.Timing, table *timetable, now time.Time) state.Timing {
	if p.Cron != "" {
		return state.Timing{Spec: t.Spec, Since: now, Due: p.Next(now)}
	}
	since := t.Due
	if now.Sub(since) >= min(tooLate, p.Interval/2) {
		since = now
	}
	table.spend(s.Instance.Name, now)
	return state.Timing{Spec: t.Spec, Since: since, Due: table.place(s.Instance.Name, p.Interval, since.Add(p.Interval))}
}

// Retries come after 1, 2, 4 minutes and so on, at most an hour; sooner where the
// interval itself is short.
const (
	retryFirst = time.Minute
	retryMost  = time.Hour
)

// retryAt is when the last build by schedule is tried again, if it is: when its
// AppServer could not be spawned or provisioned, and nobody built since.
func (s Standing) retryAt(p *manifests.Periodic, t state.Timing) (time.Time, bool) {
	b := s.Last
	if b == nil || t.Build == 0 || b.Number != t.Build || s.Instance.LastNumber != t.Build || t.Tries >= p.Retries || !b.Deploying {
		return time.Time{}, false
	}
	if b.State != state.Failed && b.State != state.Errored {
		return time.Time{}, false
	}
	first := retryFirst
	if p.Interval > 0 {
		first = min(first, p.Interval/10)
	}
	return b.EndedAt.Add(min(first<<min(t.Tries, 10), retryMost)), true
}

// busy is a build that is under way, and until when it is waited for.
func (s Standing) busy(now time.Time) (busy *state.Build, until time.Time) {
	for _, b := range s.Live {
		begun := b.StartedAt
		if begun.IsZero() {
			begun = b.QueuedAt
		}
		if end := begun.Add(patience(s.Manifest)); end.After(now) && end.After(until) {
			busy, until = b, end
		}
	}
	return busy, until
}

// patience is how long a build may be under way before it counts as one that
// hangs: what its manifest allows it, but no month.
func patience(m *manifests.Manifest) time.Duration {
	const least, most = 24 * time.Hour, 720 * time.Hour
	all := 2 * time.Hour // to fetch, and to begin and end
	for _, step := range m.Steps {
		all = min(all+step.Timeout, most)
	}
	if a := m.AppServer; a != nil {
		all += a.ProvisionTimeout + a.Health.Within
	}
	if m.Timeout > 0 {
		return min(all, m.Timeout+time.Hour, most)
	}
	return min(max(all, least), most)
}
