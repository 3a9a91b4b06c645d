package build

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"time"

	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

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

// put takes the newest file. Of one that is too large as much goes on as the
// wire takes, which is enough for the master to refuse it and to show it.
func (r *reports) put(w *agentv1.WatchReport) {
	w.File = w.File[:min(len(w.File), maxWatchFile)]
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

// begun says whether there was ever anything to deliver.
func (r *reports) begun() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.latest != nil || r.last != nil
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
			// gofail: var reportAcknowledged struct{}
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
