package turns

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func open(t *testing.T) Dir {
	t.Helper()
	d, err := Open(filepath.Join(t.TempDir(), "locks"))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func take(t *testing.T, d Dir, key string) *Turn {
	t.Helper()
	turn, err := d.Take(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return turn
}

// The turns are locks of files, which the race detector does not know: two at a
// time would be seen by the counter.
func TestOneAtATime(t *testing.T) {
	d := open(t)
	var n, in atomic.Int32
	var wg sync.WaitGroup
	for range 30 {
		wg.Go(func() {
			turn, err := d.Take(t.Context(), "a")
			if err != nil {
				t.Error(err)
				return
			}
			if now := in.Add(1); now != 1 {
				t.Errorf("%d at once", now)
			}
			n.Add(1)
			in.Add(-1)
			turn.Settled()
			turn.Release(t.Context())
		})
	}
	wg.Wait()
	if n.Load() != 30 {
		t.Errorf("%d turns", n.Load())
	}
}

func TestOthersDoNotWait(t *testing.T) {
	d := open(t)
	one, other := take(t, d, "a"), take(t, d, "b")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := d.Take(ctx, "a"); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if turn, err := d.Try("a"); turn != nil || err != nil {
		t.Error(turn, err)
	}
	one.Release(t.Context())
	turn, err := d.Try("a")
	if err != nil {
		t.Fatal(err)
	}
	turn.Release(t.Context())
	other.Release(t.Context())
	take(t, d, "a").Release(t.Context())
}

// Whoever comes after one that died learns when that was asking.
func TestDied(t *testing.T) {
	d := open(t)
	turn := take(t, d, "a")
	if !turn.Since.IsZero() {
		t.Error("a first turn has a past")
	}
	if err := turn.Ask(t.Context()); err != nil {
		t.Fatal(err)
	}
	asked := turn.Since
	_ = turn.file.Close() // as the end of the process does
	turn = take(t, d, "a")
	if !turn.Since.Equal(asked) {
		t.Errorf("since %v, want %v", turn.Since, asked)
	}
	turn.Release(t.Context())
	if turn = take(t, d, "a"); !turn.Since.Equal(asked) {
		t.Error("a turn that settled nothing made it forgotten")
	}
	turn.Settled()
	turn.Release(t.Context())
	if turn = take(t, d, "a"); !turn.Since.IsZero() {
		t.Error("what was settled is not forgotten")
	}
	turn.Release(t.Context())
	if err := os.WriteFile(d.notesFile(), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	turn = take(t, d, "a") // a note that is cut off stops nobody
	if err := turn.Ask(t.Context()); err != nil {
		t.Error(err)
	}
	turn.Release(t.Context())
}

// Notes that nobody came back for do not pile up.
func TestOldNotes(t *testing.T) {
	d := open(t)
	for key, age := range map[string]time.Duration{"old": maxNote + time.Second, "new": time.Second} {
		if err := d.note(t.Context(), key, time.Now().Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.note(t.Context(), "x", time.Time{}); err != nil {
		t.Fatal(err)
	}
	if all, err := d.notes(); err != nil || len(all) != 1 || all["new"].IsZero() {
		t.Error(all, err)
	}
}
