package build

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/wright-build/wright/agent/output"
)

// delivery is what goes to the master beside the updates: output and watch
// files. Both go on while the build does.
type delivery struct {
	closed chan struct{} // nothing more will come
	done   chan struct{} // all is delivered, or cannot be
	cancel context.CancelFunc
}

func (a *Attempt) deliver(ctx context.Context) *delivery {
	ctx, cancel := context.WithCancel(ctx)
	d := &delivery{closed: make(chan struct{}), done: make(chan struct{}), cancel: cancel}
	spoken := make(chan struct{}) // the notes are complete too
	var both sync.WaitGroup
	both.Go(func() {
		a.reports.deliver(ctx, d.closed)
		if ctx.Err() == nil { // else the next agent process has more to say
			close(spoken)
		}
	})
	both.Go(func() {
		if err := a.output.Deliver(ctx, a.Master.Client(), spoken); err != nil && !errors.Is(err, context.Canceled) {
			a.Log.Warn("output was not delivered", "error", err)
		}
	})
	go func() { both.Wait(); close(d.done) }()
	return d
}

// complete waits until all is delivered, or nobody wants it any more.
func (d *delivery) complete(ctx context.Context, forget <-chan struct{}) {
	close(d.closed)
	select {
	case <-d.done:
	case <-forget:
	case <-ctx.Done():
	}
	d.abandon()
}

// abandon ends the delivery wherever it is.
func (d *delivery) abandon() {
	d.cancel()
	<-d.done
}

// notes is what Wright itself says of a build: the part before the steps.
type notes struct {
	output *output.Output
	mu     sync.Mutex
}

// Write appends to the notes; it never fails, they are not worth a build.
func (n *notes) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f, err := os.OpenFile(n.output.Begin(0, "wright"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, _ = f.Write(p)
		_ = f.Close()
	}
	return len(p), nil
}

func (a *Attempt) note(format string, args ...any) {
	_, _ = fmt.Fprintf(a.notes, format+"\n", args...)
}
