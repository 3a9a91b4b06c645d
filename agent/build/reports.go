package build

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/wright-build/wright/agent/autowatch"
	"github.com/wright-build/wright/agent/workspace/gitfile"
	"github.com/wright-build/wright/manifests"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// maxWatchFile is how large a watch file the wire takes; the master refuses
// what is over its own, smaller bound, and shows it.
const maxWatchFile = 1 << 20

// reports delivers the newest watch file of an attempt. A verdict of the
// master, good or bad, ends the matter for that file.
type reports struct {
	attempt *Attempt
	log     *slog.Logger
	news    chan struct{}

	mu     sync.Mutex // guards all below
	latest *agentv1.WatchReport
	last   *agentv1.WatchReport // the one the master has judged
}

func newReports(a *Attempt) *reports {
	return &reports{attempt: a, log: a.Log, news: make(chan struct{}, 1)}
}

// report finds out what the build depends on by now and hands it on. complete
// says that the steps have passed: what is not listed is not used any more.
func (a *Attempt) report(ctx context.Context, complete bool) {
	if !a.work.GetAutoWatch() || ctx.Err() != nil {
		return
	}
	a.reports.put(&agentv1.WatchReport{
		Build: a.Build(), Attempt: a.Number(), Agent: a.Agent, Complete: complete, File: a.watchFile(ctx),
	})
}

// watchFile is what the work trees say and what the build itself declared. If
// that cannot be read it is handed on as it is, for the master to refuse and
// show. Paths of this machine count unless the source comes from elsewhere.
func (a *Attempt) watchFile(ctx context.Context) []byte {
	src := a.work.GetSource()
	local := src == nil || manifests.IsLocal(src.GetUrl())
	found, warnings, err := autowatch.Find(ctx, a.path("workspace"), autowatch.Options{Local: local})
	if err != nil {
		warnings = append(warnings, err.Error())
	}
	declared, more, refused := autowatch.ReadDeclared(a.path("watch"), local)
	for _, w := range append(warnings, more...) {
		a.note("warning: %s", w)
	}
	if refused != nil {
		a.note("warning: the build's own watch file is refused: %v", refused)
		if text, err := gitfile.Read(a.path("watch")); err == nil {
			return text[:min(len(text), maxWatchFile)]
		}
	}
	return manifests.FormatWatches(autowatch.Merge(found, declared))
}

func (r *reports) put(w *agentv1.WatchReport) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last != nil && r.last.GetComplete() == w.GetComplete() && bytes.Equal(r.last.GetFile(), w.GetFile()) {
		return
	}
	r.latest = w
	select {
	case r.news <- struct{}{}:
	default:
	}
}

func (r *reports) pending() *agentv1.WatchReport {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.latest
}

// deliver uploads each newest file, until closed is closed and nothing waits.
func (r *reports) deliver(ctx context.Context, closed <-chan struct{}) {
	for {
		if w := r.pending(); w != nil {
			if !r.upload(ctx, w) {
				return
			}
			continue
		}
		select {
		case <-r.news:
		case <-ctx.Done():
			return
		case <-closed:
			if r.pending() == nil {
				return
			}
		}
	}
}

// upload says one file until the master has judged it; false: ctx ended.
func (r *reports) upload(ctx context.Context, w *agentv1.WatchReport) bool {
	wait := 50 * time.Millisecond
	for {
		verdict, err := r.attempt.Master.Client().ReportWatches(ctx, w)
		if err == nil {
			if !verdict.GetAccepted() {
				r.attempt.note("warning: the watch file is refused: %s", verdict.GetReason())
			}
			r.mu.Lock()
			if r.last = w; r.latest == w {
				r.latest = nil
			}
			r.mu.Unlock()
			return true
		}
		r.log.Debug("uploading the watch file; trying again", "error", err)
		t := time.NewTimer(wait)
		select {
		case <-t.C:
			wait = min(wait*2, 2*time.Second)
		case <-ctx.Done():
			t.Stop()
			return false
		}
	}
}
