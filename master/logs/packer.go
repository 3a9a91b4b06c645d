package logs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// maxDue bounds how many finished attempts are remembered until they are settled.
// Beyond that the disk is looked through instead.
const maxDue = 10_000

// storing is how many attempts are put into the bucket at once: most of the time
// goes by waiting for it.
const storing = 16

// Between two tries of what went wrong.
const (
	minAgain = 2 * time.Second
	maxAgain = time.Minute
)

// due are the attempts that were finished and are still to be settled: packed, and
// put into the bucket if there is one. It is guarded by Logs.mu.
type due struct {
	attempts []Attempt
	failed   []Attempt // to be tried again later
	err      error     // why, of the last of them
	scan     bool      // look at all there is

	wake    chan struct{} // holds one when there is an attempt
	trouble chan struct{} // holds one when something failed
	settled chan struct{} // holds one when something was stored
}

// settleLater has an attempt settled in its time, if that is not to come already.
func (l *Logs) settleLater(t *attempt) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !t.due {
		t.due = true
		l.later(t.name)
	}
}

// settled forgets that an attempt was due.
func (l *Logs) settled(a Attempt) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t := l.attempts[a]; t != nil {
		t.due = false
	}
}

// later has an attempt settled in its time. The caller holds l.mu.
func (l *Logs) later(a Attempt) {
	if len(l.due.attempts) < maxDue {
		l.due.attempts = append(l.due.attempts, a)
		signal(l.due.wake)
		return
	}
	l.due.scan = true
	signal(l.due.trouble)
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Run settles what is finished until ctx ends. It packs one attempt at a time, and
// never for more than a part of the time. A process that dies leaves what was there
// before, or after; the next goes on with it.
func (l *Logs) Run(ctx context.Context, log *slog.Logger) error {
	workers := 1
	if l.bucket != nil {
		workers = storing
	}
	var all sync.WaitGroup
	defer all.Wait()
	for range workers {
		all.Go(func() { l.work(ctx) })
	}
	if err := l.scan(ctx); err != nil && ctx.Err() == nil { // what the process before left
		log.Error("looking for finished output that is still to be packed", "error", err)
	}
	for pause := minAgain; ; {
		select {
		case <-l.due.trouble:
		case <-ctx.Done():
			return nil
		}
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return nil
		}
		pause = min(2*pause, maxAgain)
		if err := l.retry(ctx); err == nil {
			pause = minAgain
		} else if ctx.Err() == nil {
			log.Error("packing and storing finished output; trying again", "error", err)
		}
	}
}

// retry has what failed tried again, and returns why it did.
func (l *Logs) retry(ctx context.Context) error {
	l.mu.Lock()
	failed, scan, err := l.due.failed, l.due.scan, l.due.err
	l.due.failed, l.due.scan, l.due.err = nil, false, nil
	for _, a := range failed {
		l.later(a)
	}
	l.mu.Unlock()
	if scan {
		return errors.Join(err, l.scan(ctx))
	}
	return err
}

// work settles one attempt after the other.
func (l *Logs) work(ctx context.Context) {
	for ctx.Err() == nil {
		a, ok := l.next()
		if !ok {
			select {
			case <-l.due.wake:
			case <-ctx.Done():
			}
			continue
		}
		if err := l.settle(ctx, a); err != nil && ctx.Err() == nil {
			l.fail(a, err)
			continue
		}
		l.settled(a)
	}
}

func (l *Logs) next() (a Attempt, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.due.attempts) == 0 {
		l.due.attempts = nil // what it took is given back
		return a, false
	}
	a, l.due.attempts = l.due.attempts[0], l.due.attempts[1:]
	if len(l.due.attempts) > 0 {
		signal(l.due.wake) // somebody else may take the next
	}
	return a, true
}

func (l *Logs) fail(a Attempt, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.due.err = err
	if len(l.due.failed) < maxDue {
		l.due.failed = append(l.due.failed, a)
	} else {
		l.due.scan = true
	}
	signal(l.due.trouble)
}

// settle packs an attempt, and puts it into the bucket.
func (l *Logs) settle(ctx context.Context, a Attempt) error {
	t, err := l.hold(a)
	if err != nil {
		return err
	}
	defer l.release(t)
	if !t.working.TryLock() {
		return nil // somebody is at it
	}
	defer t.working.Unlock()
	l.packing.Lock()
	err = t.pack(pauses(ctx))
	l.packing.Unlock()
	if err == nil && l.bucket != nil {
		err = l.store(t)
	}
	if err != nil && !errors.Is(err, ErrRemoved) {
		return fmt.Errorf("settle the output of %s: %w", a, err)
	}
	return nil
}

// pauses makes a pause of three times what was worked since the last one: the
// builds that run need the processors more.
func pauses(ctx context.Context) func() error {
	began := time.Now()
	return func() error {
		t := time.NewTimer(min(3*time.Since(began), time.Second))
		defer t.Stop()
		select {
		case <-t.C:
			began = time.Now()
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// scan looks through all output for what is finished and not settled. It returns
// the first that went wrong: all are likely to be the same.
func (l *Logs) scan(ctx context.Context) error {
	instances, err := l.Instances()
	for _, instance := range instances {
		builds, trouble := l.Builds(instance)
		err = firstOf(err, trouble)
		for _, build := range builds {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			l.scanBuild(ctx, instance, build)
		}
	}
	return err
}

func firstOf(err, next error) error {
	if err != nil {
		return err
	}
	return next
}

func (l *Logs) scanBuild(ctx context.Context, instance, build string) {
	dir, err := l.buildDir(instance, build)
	if err != nil {
		return
	}
	for _, n := range attemptsIn(dir) {
		a := Attempt{Instance: instance, Build: build, Attempt: n}
		if place, err := l.attemptDir(a); err == nil && l.unsettled(place) {
			if err := l.settle(ctx, a); err != nil && ctx.Err() == nil {
				l.fail(a, err)
			}
		}
	}
}

// unsettled says whether a directory has finished output that is to be packed or
// stored. What a killed process left beside a pack is removed.
func (l *Logs) unsettled(dir string) bool {
	there := func(name string) bool { _, err := os.Lstat(filepath.Join(dir, name)); return err == nil }
	finished, stored, packed, size := there(marker), there(storedMarker), there(packFile), int64(0)
	_ = walk(dir, func(path string, info fs.FileInfo) {
		_, raw := parseFileName(info.Name())
		switch {
		case packed && raw:
			_ = os.Remove(path)
		case raw:
			size += info.Size()
		}
	})
	return (finished || stored) && !packed && size >= minPacked || finished && l.bucket != nil
}
