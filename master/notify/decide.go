package notify

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
)

// The channels that are no forges.
const (
	mailChannel    = "mail"
	webhookChannel = "webhook"
	pluginChannel  = "plugin"
)

// event is one thing that happened with a build.
type event struct {
	name     string
	failures int    // in a row
	since    string // the first of them
}

// Ended decides who hears of the end of a build, and what the tally is then. A
// tally of nothing is returned where nobody hears of the instance.
func Ended(b *state.Build, m *manifests.Manifest, t state.Tally, now time.Time) (state.Tally, []state.Notice) {
	if m == nil || m.Notify == nil {
		return state.Tally{Meta: t.Meta}, nil
	}
	revision := sourceRevision(b, m)
	overtaken := b.Number < t.Number && revision == t.Revision   // what the commit shows is newer
	notices := begun(b, m.Notify, t, now.Add(-time.Millisecond)) // which is sent first
	t.Instance = b.Instance
	t.Started = slices.DeleteFunc(slices.Clone(t.Started), func(n int64) bool { return n == b.Number })
	t, events := count(b, revision, t)
	notices = append(notices, tell(b, m.Notify, events, now)...)
	if s := status(b, m.Notify.Status, revision, b.State, now); s != nil && !overtaken {
		notices = append(notices, *s)
	}
	return t, notices
}

// count enters the end of a build into the tally. Builds may end in another
// order than they were begun: only the newest says how the instance is doing.
func count(b *state.Build, revision string, t state.Tally) (state.Tally, []event) {
	newest := b.Number > t.Number
	if newest && b.State != state.Cancelled {
		t.Number, t.Revision = b.Number, revision
	}
	switch b.State {
	case state.Failed, state.Errored:
		if newest {
			t.Failures, t.Since = t.Failures+1, cmp.Or(t.Since, b.ID)
			return t, []event{{manifests.BuildFailed, t.Failures, t.Since}}
		}
		return t, []event{{name: manifests.BuildFailed}}
	case state.Succeeded:
		events := []event{{name: manifests.BuildSucceeded}}
		if newest && t.Failures > 0 {
			events = append(events, event{manifests.BuildRecovered, t.Failures, t.Since})
			t.Failures, t.Since = 0, ""
		}
		return t, events
	case state.Cancelled:
		return t, []event{{name: manifests.BuildCancelled}}
	}
	return t, nil
}

// Started decides who hears of the start of a build. It is told once: the tally
// remembers it while the build lives.
func Started(b *state.Build, m *manifests.Manifest, t state.Tally, now time.Time) (state.Tally, []state.Notice) {
	if m == nil || m.Notify == nil || b.State != state.Running || slices.Contains(t.Started, b.Number) {
		return t, nil // the status too was told once
	}
	notices := begun(b, m.Notify, t, now)
	if s := status(b, m.Notify.Status, sourceRevision(b, m), state.Running, now); s != nil {
		notices = append(notices, *s)
	}
	if len(notices) > 0 {
		t.Instance, t.Started = b.Instance, append(slices.Clone(t.Started), b.Number)
	}
	return t, notices
}

// begun makes the notices of the start of a build that has not been told. One
// that is over before anybody looked, since no master lived, has started too.
func begun(b *state.Build, n *manifests.Notify, t state.Tally, now time.Time) []state.Notice {
	if b.State.Final() && b.StartedAt.IsZero() || slices.Contains(t.Started, b.Number) {
		return nil
	}
	return tell(b, n, []event{{name: manifests.BuildStarted}}, now)
}

// tell makes a notice for everybody who hears of one of the events.
func tell(b *state.Build, n *manifests.Notify, events []event, now time.Time) (all []state.Notice) {
	for _, e := range events {
		add := func(channel, to, secret string) {
			all = append(all, state.Notice{
				ID: state.NoticeID(channel, e.name, b.ID, to), Channel: channel, Event: e.name, Instance: b.Instance, Build: b.ID,
				To: to, Secret: secret, Failures: e.failures, Since: e.since, At: now,
			})
		}
		if e.name == manifests.BuildFailed || e.name == manifests.BuildRecovered {
			for _, to := range n.OnFailure {
				add(mailChannel, to, "")
			}
		}
		for _, w := range n.Webhooks {
			if slices.Contains(w.Events, e.name) {
				add(webhookChannel, w.URL, w.Secret)
			}
		}
		for i, p := range n.Plugins {
			if slices.Contains(p.Events, e.name) {
				add(pluginChannel, p.Provider+" "+strconv.Itoa(i+1), "")
			}
		}
	}
	return all
}

// status is what the forge is to show at the revision that was built. There is
// one notice for each status: a newer one takes its place.
func status(b *state.Build, s *manifests.CommitStatus, revision string, outcome state.BuildState, now time.Time) *state.Notice {
	if s == nil || !isCommit(revision) {
		return nil
	}
	to := s.API + " " + s.Project
	return &state.Notice{
		ID: state.NoticeID(s.Kind, "status", b.Instance, to+"\x00"+revision+"\x00"+s.Context), Channel: s.Kind, Event: "commit-status",
		Instance: b.Instance, Build: b.ID, To: to, Secret: s.Token, Revision: revision, Context: s.Context, Outcome: string(outcome), At: now,
	}
}

// isCommit tells a whole commit ID from a tag that the manifest names, which
// agents turn into one.
func isCommit(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == ""
}

// sourceRevision is the revision of the source that a build is of, "" while
// that is not known.
func sourceRevision(b *state.Build, m *manifests.Manifest) string {
	if m.Source == nil {
		return ""
	}
	if revision := b.Revisions[m.Source.URL]; revision != "" {
		return revision
	}
	for url, revision := range b.Revisions {
		if manifests.CanonicalURL(url) == manifests.CanonicalURL(m.Source.URL) {
			return revision
		}
	}
	return ""
}
