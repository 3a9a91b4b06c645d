package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/wright-build/wright/master/api/client"
	"github.com/wright-build/wright/master/api/view"
)

const (
	patience = 2 * time.Minute // with a master that is away
	tick     = time.Second     // between two looks at the clock of the progress line
)

// patiently asks the master until it answers: one that restarts is waited for
// up to two minutes. Only what may be asked twice may be asked so.
func patiently[T any](ctx context.Context, a *app, ask func(*client.Client) (T, error)) (T, error) {
	var away time.Time
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		c, err := a.client() // anew: wright dev may be back at another port
		var v T
		if err == nil {
			v, err = ask(c)
		}
		if err == nil || !passing(err) || ctx.Err() != nil {
			return v, err
		}
		if away.IsZero() {
			away = time.Now()
			a.note(awaited(err))
		}
		if time.Since(away) > patience {
			return v, fmt.Errorf("waited %s for the master: %w", span(patience), err)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return v, ctx.Err()
		}
	}
}

// awaited says what is waited for.
func awaited(err error) string {
	var refused *client.Error
	if errors.As(err, &refused) && refused.Status == http.StatusServiceUnavailable {
		return refused.Error() + "; waiting"
	}
	return "the master is away, waiting for it"
}

// passing tells whether an error may be gone when the master has restarted.
func passing(err error) bool {
	var refused *client.Error
	if errors.As(err, &refused) {
		return refused.Status >= 500 && refused.Status != 501
	}
	return errors.Is(err, client.ErrUnreachable)
}

// await waits until a build has ended. With tell, it says on stderr how it goes.
func (a *app) await(ctx context.Context, b view.Build, tell bool) (view.Build, error) {
	var p progress
	if tell {
		p = a.startProgress(b)
		defer p.stop()
	}
	for !b.Ended() {
		now, err := patiently(ctx, a, func(c *client.Client) (view.Build, error) { return c.AwaitChange(ctx, b) })
		if err != nil {
			return b, fmt.Errorf("wait for build %s: %w", b.ID, err)
		}
		if b = now; tell {
			p.show(b)
		}
	}
	return b, nil
}

// progress tells on stderr how a build goes: on a terminal in one line that
// changes, otherwise in a line for each change.
type progress struct {
	changes chan view.Build
	stopped chan struct{}
}

func (a *app) startProgress(b view.Build) progress {
	p := progress{changes: make(chan view.Build), stopped: make(chan struct{})}
	go func() {
		defer close(p.stopped)
		a.tellProgress(b, p.changes)
	}()
	return p
}

func (p progress) show(b view.Build) { p.changes <- b }

func (p progress) stop() {
	close(p.changes)
	<-p.stopped
}

func (a *app) tellProgress(b view.Build, changes <-chan view.Build) {
	clock := time.NewTicker(tick)
	defer clock.Stop()
	last, open := "", true
	for open {
		line := status(b)
		switch {
		case a.errTerminal:
			fmt.Fprint(a.stderr, eraseLine, cut(b.ID+" "+line+"  "+span(time.Since(b.QueuedAt)), a.errWidth()))
		case line != last:
			fmt.Fprintln(a.stderr, b.ID, line)
		}
		last = line
		select {
		case next, more := <-changes:
			if open = more; more {
				b = next
			}
		case <-clock.C:
		}
	}
	if a.errTerminal {
		fmt.Fprint(a.stderr, eraseLine)
	}
	if a.errTerminal && b.Succeeded() { // who failed is told by the verdict
		fmt.Fprintln(a.stderr, b.ID, status(b), "in", span(b.FinishedAt.Sub(b.QueuedAt)))
	}
}

// eraseLine begins the present line of a terminal anew.
const eraseLine = "\r\x1b[K"

// cut cuts a line to what a terminal shows in one.
func cut(line string, width int) string {
	if all := []rune(line); len(all) >= width {
		return string(all[:max(width-2, 0)]) + "…"
	}
	return line
}

// status is where a build stands, in a few words.
func status(b view.Build) string {
	words := []string{b.State}
	if b.Waiting != "" {
		words = append(words, visible(b.Waiting))
	}
	if b.Phase != "" && !b.Ended() {
		words = append(words, visible(b.Phase))
	}
	if b.Attempt > 1 {
		words = append(words, fmt.Sprintf("(attempt %d)", b.Attempt))
	}
	return strings.Join(words, " ")
}

// note says something in passing.
func (a *app) note(message string) {
	if a.errTerminal {
		fmt.Fprint(a.stderr, eraseLine)
	}
	fmt.Fprintln(a.stderr, "wright: "+visible(message))
}
