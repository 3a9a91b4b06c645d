package logs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/wright-build/wright/master/logs"
)

// Followers that come at any time see every byte of every part, and no part
// before the one ahead of it is complete.
func TestFollowWhileItGrows(t *testing.T) {
	l := open(t, t.TempDir())
	a := shop(1)
	parts := [][]byte{random(50_000), random(700_000), random(300_000)}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var wg sync.WaitGroup
	defer wg.Wait()
	started := make(chan struct{}, 8)
	follow := func() {
		started <- struct{}{}
		g, highest := gather{}, 0
		err := l.Follow(ctx, a, nil, func(p logs.Part, data []byte) error {
			if p.Number != 0 && p.Number < highest {
				t.Errorf("part %d after part %d", p.Number, highest)
			}
			if len(data) > 256<<10 {
				t.Errorf("%d bytes at once", len(data))
			}
			highest = max(highest, p.Number)
			return g.emit(p, data)
		})
		if err != nil {
			t.Error(err)
		}
		for i, want := range parts {
			if g[i] == nil || !bytes.Equal(g[i].Bytes(), want) {
				t.Errorf("part %d differs", i)
			}
		}
	}
	for range 4 {
		wg.Go(follow)
		<-started
	}
	step := 10_000
	for i := 1; i < len(parts); i++ {
		for at := 0; at < len(parts[i]); at += step {
			put(t, l, a, i, int64(at), string(parts[i][at:at+step]), at+step == len(parts[i]))
			if at%50_000 == 0 {
				n := (i-1)*25_000 + min(at/50_000*1000, 24_000)
				put(t, l, a, 0, 0, string(parts[0][:n]), false)
			}
		}
		wg.Go(follow)
		<-started
	}
	put(t, l, a, 0, 0, string(parts[0]), true)
	if err := l.Finish(a); err != nil {
		t.Fatal(err)
	}
	wg.Go(follow)
}

// followed starts a follower and returns what it is given, and its end.
func followed(ctx context.Context, l *logs.Logs, a logs.Attempt, seen map[int]int64, only int) (<-chan string, <-chan error) {
	got, end := make(chan string), make(chan error, 1)
	go func() {
		filter := func(p logs.Part) bool { return only < 0 || p.Number == only }
		end <- l.FollowFrom(ctx, a, seen, filter, func(p logs.Part, data []byte) error {
			select {
			case got <- fmt.Sprintf("%d:%s", p.Number, data):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	return got, end
}

func TestFollowWakes(t *testing.T) {
	l := open(t, t.TempDir())
	a := shop(1)
	got, end := followed(t.Context(), l, a, nil, -1)
	expect := func(want string) {
		t.Helper()
		select {
		case s := <-got:
			if s != want {
				t.Errorf("followed %q, want %q", s, want)
			}
		case err := <-end:
			t.Fatalf("followed to the end (%v), want %q", err, want)
		}
	}
	put(t, l, a, 1, 0, "a", false)
	expect("1:a")
	put(t, l, a, 0, 0, "w", false)
	expect("0:w")
	put(t, l, a, 2, 0, "later", false) // waits for part 1
	put(t, l, a, 1, 1, "b", false)
	expect("1:b")
	put(t, l, a, 1, 2, "", true)
	expect("2:later")
	put(t, l, a, 3, 0, "cut", false)
	if err := l.Finish(a); err != nil {
		t.Fatal(err)
	}
	expect("3:cut")
	if err := <-end; err != nil {
		t.Error(err)
	}
}

func TestFollowFrom(t *testing.T) {
	l := open(t, t.TempDir())
	a := shop(1)
	put(t, l, a, 1, 0, "0123456789", true)
	put(t, l, a, 2, 0, "abc", false)
	tests := []struct {
		seen map[int]int64
		only int
		want map[int]string
	}{
		{nil, -1, map[int]string{1: "0123456789", 2: "abc"}},
		{map[int]int64{1: 4}, -1, map[int]string{1: "456789", 2: "abc"}},
		{map[int]int64{1: 10, 2: 99}, -1, map[int]string{}},
		{map[int]int64{2: 1}, 2, map[int]string{2: "bc"}},
		{nil, 3, map[int]string{}},
	}
	for _, tt := range tests {
		g := gather{}
		err := l.Copy(t.Context(), a, tt.seen, func(p logs.Part) bool { return tt.only < 0 || p.Number == tt.only }, g.emit)
		if err != nil || len(g) != len(tt.want) {
			t.Errorf("seen %v: %v, %v", tt.seen, g, err)
		}
		for n, want := range tt.want {
			if g[n] == nil || g[n].String() != want {
				t.Errorf("seen %v: part %d is %v, want %q", tt.seen, n, g[n], want)
			}
		}
	}
}

func TestFollowersEnd(t *testing.T) {
	l := open(t, t.TempDir())
	put(t, l, shop(1), 1, 0, "x", false)

	ctx, cancel := context.WithCancel(t.Context())
	got, end := followed(ctx, l, shop(1), nil, -1)
	<-got
	cancel()
	if err := <-end; !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}

	got, end = followed(t.Context(), l, shop(1), nil, -1)
	<-got
	if err := l.Remove("shop", shop(1).Build); err != nil {
		t.Fatal(err)
	}
	if err := <-end; !errors.Is(err, logs.ErrRemoved) {
		t.Errorf("removed: %v", err)
	}

	full := errors.New("full")
	put(t, l, shop(2), 1, 0, "x", false)
	if err := l.Follow(t.Context(), shop(2), nil, func(logs.Part, []byte) error { return full }); !errors.Is(err, full) {
		t.Errorf("emit failed: %v", err)
	}
}

// An attempt of a killed master goes on under the next one.
func TestFollowOverARestart(t *testing.T) {
	dir := t.TempDir()
	put(t, open(t, dir), shop(1), 1, 0, "before ", false)
	l := open(t, dir)
	got, end := followed(t.Context(), l, shop(1), nil, 1)
	if s := <-got; s != "1:before " {
		t.Errorf("followed %q", s)
	}
	put(t, l, shop(1), 1, 0, "before after", true)
	if s := <-got; s != "1:after" {
		t.Errorf("followed %q", s)
	}
	if err := l.Finish(shop(1)); err != nil {
		t.Fatal(err)
	}
	if err := <-end; err != nil {
		t.Error(err)
	}
}

func TestMemoryIsConstant(t *testing.T) {
	l := open(t, t.TempDir())
	const size, step = 64 << 20, 512 << 10
	data := random(step)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for at := 0; at < size; at += step {
		if _, err := l.Append(shop(1), 1, "big", int64(at), data, at+step == size); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	if err := l.Copy(t.Context(), shop(1), nil, nil, func(_ logs.Part, b []byte) error { n += len(b); return nil }); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if n != size {
		t.Errorf("copied %d bytes", n)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 2<<20 {
		t.Errorf("%d bytes were allocated to write and read %d", grown, size)
	}
}
