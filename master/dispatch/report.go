package dispatch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
	"github.com/wright-build/wright/master/watchlist"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// maxReport bounds a report in the store, in bytes: etcd takes 1.5 MiB at once.
const maxReport = 5 << 18

// largeFile is from where on a watch file waits for its turn to be read.
const largeFile = 16 << 10

// subject is what the facts say of the build that a report is about.
type subject struct {
	build    *state.Build
	last     *state.Report
	shown    *state.Refusal
	manifest *manifests.Manifest
	over     bool // a newer build has succeeded: what it found counts
}

// overtaken says whether a newer build than b has succeeded. It may have found
// nothing, of which no report tells.
func overtaken(f *state.Facts, b *state.Build) bool {
	l := f.Lasts[b.Instance]
	return l != nil && newer(l.Success, b)
}

// ReportWatches takes in an auto-watch file: validated whole and stored, or
// refused whole, kept aside and shown, while the last good list stays. It works
// outside of every lock, and large files take turns: others do not wait for them.
func (d *Dispatcher) ReportWatches(ctx context.Context, r *agentv1.WatchReport) (*agentv1.WatchVerdict, error) {
	about, err := d.about(r)
	if err != nil {
		return d.refused(r, err), nil
	}
	if len(r.GetFile()) > largeFile {
		select {
		case d.large <- struct{}{}:
			defer func() { <-d.large }()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	watches, bogus := watchlist.Accept(r.GetFile(), about.manifest, d.Hosts)
	if bogus == nil {
		d.record(about, r)
	}
	// gofail: var watchFileKept struct{}
	for {
		writes, why := d.receive(about, r, watches, bogus, time.Now().UTC())
		err := d.Store.CommitSeen(ctx, writes...) // seen: the build may say next that it has ended
		switch {
		case errors.Is(err, store.ErrConflict):
			if err = d.Store.CatchUp(ctx); err != nil {
				return nil, err
			}
			if about, err = d.about(r); err != nil {
				return d.refused(r, err), nil
			}
			continue
		case err != nil:
			return nil, err
		case why != nil:
			return d.refused(r, why), nil
		}
		// gofail: var reportStored struct{}
		return &agentv1.WatchVerdict{Accepted: true}, nil
	}
}

func (d *Dispatcher) refused(r *agentv1.WatchReport, why error) *agentv1.WatchVerdict {
	d.Log.Warn("a watch file was refused", "build", bounded(r.GetBuild(), 100), "error", why)
	return &agentv1.WatchVerdict{Reason: bounded(why.Error(), maxReason)}
}

// about finds what a report is about. The error says why it is not the agent's
// to report on.
func (d *Dispatcher) about(r *agentv1.WatchReport) (s subject, err error) {
	d.Store.Read(func(f *state.Facts) {
		b := f.Builds[r.GetBuild()]
		if b == nil || b.Attempt != int(r.GetAttempt()) || b.State == state.Queued || b.Agent != r.GetAgent() {
			err = errors.New("the build is not in this agent's hands, or at another attempt")
			return
		}
		s = subject{build: b, last: f.Reports[b.Instance], shown: f.Refusals[b.Instance], over: overtaken(f, b)}
		if in := f.Manifests[b.Instance]; in != nil {
			s.manifest = in.Manifest
		}
	})
	return s, err
}

// record writes an accepted file down beside the build's output, unless it is as
// empty as the list before. That it could not is no reason not to watch what it
// lists.
func (d *Dispatcher) record(s subject, r *agentv1.WatchReport) {
	name := watchlist.FetchedFile
	if r.GetComplete() {
		name = watchlist.CompleteFile
	}
	if len(r.GetFile()) == 0 && (!r.GetComplete() || s.last == nil || len(s.last.Watches) == 0) {
		return
	}
	if err := d.Output.Attach(s.build.Instance, s.build.ID, name, r.GetFile()); err != nil {
		d.Log.Error("keeping a watch file with its build", "build", s.build.ID, "error", err)
	}
}

// receive says what to write for a report. The error is why it is refused.
func (d *Dispatcher) receive(s subject, r *agentv1.WatchReport, watches []manifests.Watch, bogus error, now time.Time) ([]state.Write, error) {
	var next *state.Report
	if bogus == nil && !s.over {
		next, bogus = report(s.last, s.build, watches, r.GetComplete(), now)
	}
	stays := s.shown != nil && newer(s.shown.Build, s.build) // whatever an older build says
	switch {
	case bogus != nil && (stays || s.last != nil && s.last.Number > s.build.Number):
		return nil, bogus
	case bogus != nil:
		return []state.Write{d.refusal(s.shown, s.build, r.GetFile(), bogus, now).Put()}, bogus
	}
	var writes []state.Write
	if next != nil {
		writes = append(writes, next.Put())
	}
	if s.shown != nil && !stays {
		writes = append(writes, s.shown.Put().Drop())
	}
	return writes, nil
}

// report is what is to be stored, nil if a newer build or attempt has reported.
func report(last *state.Report, b *state.Build, watches []manifests.Watch, complete bool, now time.Time) (*state.Report, error) {
	next := merge(last, b, watches, complete, now)
	if next == nil || size(next) <= maxReport {
		return next, nil
	}
	stored, err := state.Encode(next)
	if err == nil && len(stored) > maxReport {
		err = fmt.Errorf("watch.toml: with what earlier builds listed it comes to %d bytes: at most %d are kept", len(stored), maxReport)
	}
	return next, err
}

// size is no less than what a report takes in the store, in bytes.
func size(r *state.Report) int {
	const names = 150 // keys, numbers and quotes of an entry
	n := 1000
	for _, all := range [][]state.Reported{r.Watches, r.Final} {
		for _, w := range all {
			n += names + len(w.VCS) + len(w.Revision) + 6*(len(w.URL)+len(w.Ref)+len(w.From)) // escaped
		}
	}
	return n
}

// maxReason bounds why a file was refused, in bytes.
const maxReason = 4000

func (d *Dispatcher) refusal(shown *state.Refusal, b *state.Build, file []byte, why error, now time.Time) *state.Refusal {
	next := &state.Refusal{
		Instance: b.Instance, Build: b.ID, At: now, Reason: bounded(why.Error(), maxReason), Kept: d.keepAside(b, file),
	}
	if shown != nil {
		next.Meta = shown.Meta
	}
	return next
}

// newer says whether the build of that ID is a newer one of b's instance.
func newer(id string, b *state.Build) bool {
	other, err := state.ParseBuildID(id)
	return err == nil && other.Number > b.Number
}

// merge is the report that follows: nil if a newer build, or a later attempt of
// this one, has reported. Until the build has succeeded a report only adds:
// where that gets too much, what is new waits for the success, and what was
// listed before stays.
func merge(old *state.Report, b *state.Build, watches []manifests.Watch, complete bool, now time.Time) *state.Report {
	if old == nil {
		old = &state.Report{}
	}
	if order := cmp.Or(cmp.Compare(old.Number, b.Number), cmp.Compare(old.Attempt, b.Attempt)); order > 0 {
		return nil
	}
	next := &state.Report{
		Meta: old.Meta, Instance: b.Instance, Build: b.ID, Number: b.Number, Attempt: b.Attempt, At: now, Watches: slices.Clone(old.Watches),
	}
	if old.Number == b.Number && old.Attempt == b.Attempt {
		next.Final = old.Final // stays if this one was overtaken on its way
	}
	known := make(map[string]int, len(next.Watches))
	for i, r := range next.Watches {
		known[r.Key()] = i
	}
	listed := make([]state.Reported, 0, len(watches))
	for _, w := range watches {
		r := state.Reported{VCS: w.VCS, URL: w.URL, Ref: w.Ref, Revision: w.Revision, FactsAt: b.FactsAt, From: w.From, Since: b.Number}
		i, again := known[r.Key()]
		if again {
			r.Since = cmp.Or(next.Watches[i].Since, old.Number) // what an earlier release stored has none
			next.Watches[i] = r
		} else if len(next.Watches) < 2*manifests.MaxWatches {
			next.Watches = append(next.Watches, r)
		}
		listed = append(listed, r)
	}
	if complete {
		next.Final = listed
	}
	return next
}

// maxKept bounds what is kept of a refused file for the person who must look.
const maxKept = 1 << 20

func (d *Dispatcher) keepAside(b *state.Build, file []byte) string {
	path := filepath.Join(d.Refused, fmt.Sprintf("%s.%d.toml", b.ID, b.Attempt))
	err := os.MkdirAll(d.Refused, 0o700)
	if err == nil {
		err = os.WriteFile(path, file[:min(len(file), maxKept)], 0o600)
	}
	if err != nil {
		d.Log.Error("keeping a refused watch file", "build", b.ID, "error", err)
		return ""
	}
	return path
}
