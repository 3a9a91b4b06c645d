package main

import (
	"context"
	"errors"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

func TestALockIsTakenOnce(t *testing.T) {
	dir := t.TempDir()
	here, there := &locks{dir: dir}, &locks{dir: dir} // as two processes have
	held, err := here.take(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	for name, l := range map[string]*locks{"the same process": here, "another process": there} {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		if _, err := l.take(ctx, "a"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s takes it, too: %v", name, err)
		}
		cancel()
		other, err := l.take(t.Context(), "b")
		if err != nil {
			t.Fatal(name, err)
		}
		other.release()
	}
	held.release()
	again, err := there.take(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	again.release()
	if len(here.users) != 0 || len(there.users) != 0 {
		t.Errorf("locks that nobody has are kept: %v, %v", here.users, there.users)
	}
}

// What one leaves who died is found by the next, until the cloud has answered.
func TestNotesOfTheDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &locks{dir: t.TempDir()}
		take := func() *lock {
			h, err := l.take(t.Context(), "a")
			if err != nil {
				t.Fatal(err)
			}
			return h
		}
		h := take()
		if !h.since.IsZero() {
			t.Error("there is a note of nobody")
		}
		if err := h.begin(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.release() // as if it had died
		sleep(t.Context(), time.Minute)
		died := time.Now()
		if h = take(); !h.since.Equal(died) {
			t.Errorf("found at %v, want %v", h.since, died)
		}
		if err := h.begin(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.settled(t.Context(), false) // its own is answered, that of the dead one perhaps not
		h.release()
		sleep(t.Context(), time.Second)
		if h = take(); !h.since.Equal(died) {
			t.Errorf("the note of the dead is %v, want %v", h.since, died)
		}
		sleep(t.Context(), settleTime)
		h.settled(t.Context(), false)
		h.release()
		if h = take(); !h.since.IsZero() {
			t.Error("a note stays for ever")
		}
		h.release()
		if entries, err := os.ReadDir(l.dir); err != nil || len(entries) > 2 {
			t.Errorf("%d files, %v", len(entries), err)
		}
	})
}

func TestNotesThatAreBroken(t *testing.T) {
	l := &locks{dir: t.TempDir()}
	if err := os.WriteFile(l.notesFile(), []byte("{\"a\":"), 0o600); err != nil {
		t.Fatal(err)
	}
	h, err := l.take(t.Context(), "a")
	if err != nil || h.begin(t.Context()) != nil {
		t.Fatal("they keep the provider from working:", err)
	}
	h.release()
}
