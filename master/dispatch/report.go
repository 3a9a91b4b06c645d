package dispatch

import (
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
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// ReportWatches takes in an auto-watch file: validated whole and stored, or
// refused whole, kept aside and shown, while the last good list stays.
func (d *Dispatcher) ReportWatches(ctx context.Context, r *agentv1.WatchReport) (*agentv1.WatchVerdict, error) {
	for {
		var writes []state.Write
		var refused error
		d.Store.Read(func(f *state.Facts) { writes, refused = d.receive(f, r, time.Now().UTC()) })
		if refused != nil {
			d.Log.Warn("a watch file was refused", "build", r.GetBuild(), "error", refused)
		}
		err := d.Store.CommitSeen(ctx, writes...) // seen: the build may say next that it has ended
		switch {
		case errors.Is(err, store.ErrConflict):
			if err := d.Store.CatchUp(ctx); err != nil {
				return nil, err
			}
			continue
		case err != nil:
			return nil, err
		case refused != nil:
			return &agentv1.WatchVerdict{Reason: refused.Error()}, nil
		}
		return &agentv1.WatchVerdict{Accepted: true}, nil
	}
}

// maxReport bounds a report in the store, in bytes: etcd takes 1.5 MiB at once.
const maxReport = 5 << 18

// receive says what to write for a report. The error is why it is refused.
func (d *Dispatcher) receive(f *state.Facts, r *agentv1.WatchReport, now time.Time) ([]state.Write, error) {
	b := f.Builds[r.GetBuild()]
	if b == nil || b.Attempt != int(r.GetAttempt()) || b.State == state.Queued || b.Agent != r.GetAgent() {
		return nil, errors.New("the build is not in this agent's hands, or at another attempt")
	}
	last, shown := f.Reports[b.Instance], f.Refusals[b.Instance]
	stays := shown != nil && newer(shown.Build, b) // whatever an older build says
	next, err := report(last, b, r, f.Manifests[b.Instance], now)
	switch {
	case err != nil && (stays || last != nil && last.Number > b.Number):
		return nil, err
	case err != nil:
		return []state.Write{d.refusal(shown, b, r.GetFile(), err, now).Put()}, err
	}
	var writes []state.Write
	if next != nil {
		writes = append(writes, next.Put())
	}
	if shown != nil && !stays {
		writes = append(writes, shown.Put().Drop())
	}
	return writes, nil
}

// report is what is to be stored, nil if a newer build has reported.
func report(last *state.Report, b *state.Build, r *agentv1.WatchReport, in *state.InForce, now time.Time) (*state.Report, error) {
	watches, err := accept(r.GetFile(), in)
	if err != nil {
		return nil, err
	}
	next := merge(last, b, watches, r.GetComplete(), now)
	stored, err := state.Encode(next)
	if err == nil && len(stored) > maxReport {
		err = fmt.Errorf("watch.toml: with what earlier builds listed it comes to %d bytes: at most %d are kept", len(stored), maxReport)
	}
	return next, err
}

func (d *Dispatcher) refusal(shown *state.Refusal, b *state.Build, file []byte, why error, now time.Time) *state.Refusal {
	next := &state.Refusal{
		Instance: b.Instance, Build: b.ID, At: now, Reason: bounded(why.Error(), 4000), Kept: d.keepAside(b, file),
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

// accept validates a watch file. Local paths are refused if the source comes
// from elsewhere: foreign code must not make the master look around on its own
// disk.
func accept(file []byte, in *state.InForce) ([]manifests.Watch, error) {
	watches, err := manifests.ParseWatches("watch.toml", file)
	if err != nil {
		return nil, err
	}
	local := in != nil && (in.Manifest.Source == nil || manifests.IsLocal(in.Manifest.Source.URL))
	for _, w := range watches {
		if manifests.IsLocal(w.URL) && !local {
			return nil, fmt.Errorf("%s: a local path is not watched for an instance whose source comes from elsewhere", w.Place)
		}
	}
	return watches, nil
}

// merge is the report that follows: nil if a newer build has reported. Until
// the build has succeeded a report only adds: where that gets too much, what
// is new waits for the success, and what was listed before stays.
func merge(old *state.Report, b *state.Build, watches []manifests.Watch, complete bool, now time.Time) *state.Report {
	next := &state.Report{Instance: b.Instance}
	if old != nil {
		if old.Number > b.Number {
			return nil
		}
		next.Meta = old.Meta
		next.Watches = slices.Clone(old.Watches)
	}
	next.Build, next.Number, next.Attempt, next.At = b.ID, b.Number, b.Attempt, now
	known := make(map[string]int, len(next.Watches))
	for i, r := range next.Watches {
		known[r.Key()] = i
	}
	listed := make([]state.Reported, 0, len(watches))
	for _, w := range watches {
		r := state.Reported{VCS: w.VCS, URL: w.URL, Ref: w.Ref, Revision: w.Revision, FactsAt: b.FactsAt}
		listed = append(listed, r)
		if i, ok := known[r.Key()]; ok {
			next.Watches[i] = r
		} else if len(next.Watches) < 2*manifests.MaxWatches {
			next.Watches = append(next.Watches, r)
		}
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
