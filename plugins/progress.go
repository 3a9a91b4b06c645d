package plugins

import (
	"context"
	"sync"

	pluginv1 "github.com/wright-build/wright/proto/plugin/v1"
)

// Progress tells how far a long call is.
type Progress struct {
	Message string  // "waiting for the server to boot"
	Done    float64 // from 0 to 1; 0 when unknown
}

type reporterKey struct{}

// WithReporter makes a context whose calls tell report how far they are. Hosts
// use it; report may be called from other goroutines, one at a time, until the
// call returns.
func WithReporter(ctx context.Context, report func(Progress)) context.Context {
	return context.WithValue(ctx, reporterKey{}, report)
}

// Report tells whoever waits for this call how far it is. A provider may call
// it as often as it likes; where nobody listens it does nothing.
func Report(ctx context.Context, message string, done float64) {
	if report, ok := ctx.Value(reporterKey{}).(func(Progress)); ok {
		report(Progress{Message: message, Done: done})
	}
}

// Reporting makes the context of a call that a plugin serves: what the provider
// reports is sent until end is called. Kinds use it in their servers.
func Reporting(ctx context.Context, send func(*pluginv1.Progress) error) (_ context.Context, end func()) {
	var mu sync.Mutex // guards ended, and that one message is sent at a time
	ended := false
	report := func(p Progress) {
		mu.Lock()
		defer mu.Unlock()
		if !ended && ctx.Err() == nil {
			_ = send(&pluginv1.Progress{Message: cut(p.Message), Done: p.Done}) // if it fails, so will the answer
		}
	}
	return WithReporter(ctx, report), func() {
		mu.Lock()
		defer mu.Unlock()
		ended = true
	}
}
