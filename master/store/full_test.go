package store_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
)

// A database that is as large as it may be takes no facts, and says so. Tidy lets
// it take them again, since little of it is in use.
func TestFull(t *testing.T) {
	t.Parallel()
	e, err := store.EmbedWithin(t.Context(), t.TempDir(), 16<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = e.Close() }()
	if needed, err := e.MakeRoom(t.Context()); needed || err != nil {
		t.Errorf("an empty database needs room: %t, %v", needed, err)
	}
	s := store.New(e.Client, slog.New(slog.DiscardHandler))
	for err == nil { // until it is full; nothing but its size ends it
		_, err = e.Client.Put(t.Context(), "/others/x", strings.Repeat("x", 1<<20))
	}
	one := &state.Instance{Name: "one"}
	if _, err := s.Commit(t.Context(), one.Put()); !errors.Is(err, store.ErrFull) {
		t.Errorf("the database is full, and a commit ends with %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var tidy sync.WaitGroup
	tidy.Go(func() { _ = s.Tidy(ctx, e) })
	defer tidy.Wait()
	defer stop()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for late := time.Now().Add(5 * time.Minute); ; <-look.C {
		if _, err = s.Commit(t.Context(), one.Put()); err == nil {
			return
		}
		if time.Now().After(late) {
			t.Fatal(err)
		}
	}
}
