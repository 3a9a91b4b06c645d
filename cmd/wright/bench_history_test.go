package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/wright-build/wright/cmd/wright/wrighttest"
	"github.com/wright-build/wright/master/api/client"
	"github.com/wright-build/wright/master/api/view"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
	"github.com/wright-build/wright/master/store/past"
)

// oldInstances are those that share the history of BenchmarkHistory.
const oldInstances = 200

// BenchmarkHistory is what a master costs after so many finished builds
// (WRIGHT_BENCH_HISTORY for another number than a million): memory and processor
// time must not depend on it.
func BenchmarkHistory(b *testing.B) {
	most := 1_000_000
	if s := os.Getenv("WRIGHT_BENCH_HISTORY"); s != "" {
		most, _ = strconv.Atoi(s)
	}
	for _, finished := range []int{0, most} {
		b.Run(fmt.Sprintf("finished=%d", finished), func(b *testing.B) {
			for b.Loop() {
				afterHistory(b, finished)
			}
		})
	}
}

func afterHistory(b *testing.B, finished int) {
	h := wrighttest.New(b)
	for n := range oldInstances {
		h.Write(oldName(n), noop)
	}
	lived(b, h, finished)
	began := time.Now()
	master := h.Master()
	b.ReportMetric(time.Since(began).Seconds()*1000, "start-ms")
	h.Await("all manifests", func() bool {
		all, err := wrighttest.Ask(h, func(ctx context.Context, c *client.Client) ([]view.Instance, error) { return c.Instances(ctx) })
		return err == nil && len(all) == oldInstances && all[oldInstances-1].InForce
	})
	h.Agent("one", "--slots", "16")
	rss, _ := master.Memory()
	b.ReportMetric(float64(rss)/1e6, "rest-MB")

	const builds = 3000
	before := master.CPU()
	h.Run("build", "start", oldName(7), "--count", fmt.Sprint(builds))
	look := time.NewTicker(500 * time.Millisecond) // seldom: looking costs, too
	defer look.Stop()
	last := fmt.Sprintf("%s-%d", oldName(7), finished/oldInstances+builds)
	for bd, _ := h.Build(last); !bd.Ended() || len(live(h)) > 0; bd, _ = h.Build(last) {
		<-look.C
	}
	b.ReportMetric((master.CPU()-before).Seconds()/builds*1e6, "µs/build")
	rss, _ = master.Memory()
	b.ReportMetric(float64(rss)/1e6, "after-MB")

	ask(b, h, "list-ms", 50, func(ctx context.Context, c *client.Client) error {
		all, err := c.Builds(ctx, "", "", 50)
		if err == nil && len(all) != 50 {
			err = fmt.Errorf("%d builds are listed", len(all))
		}
		return err
	})
	ask(b, h, "list-one-ms", 50, func(ctx context.Context, c *client.Client) error {
		_, err := c.Builds(ctx, oldName(3), "", 50)
		return err
	})
	ask(b, h, "list-failed-ms", 5, func(ctx context.Context, c *client.Client) error {
		_, err := c.Builds(ctx, "", "failed", 50)
		return err
	})
	h.StopAll()
}

func oldName(n int) string { return fmt.Sprintf("old-%03d", n) }

// ask reports the middle of how long an answer takes.
func ask(b *testing.B, h *wrighttest.House, unit string, times int, question func(context.Context, *client.Client) error) {
	var sum time.Duration
	for range times {
		began := time.Now()
		if _, err := wrighttest.Ask(h, func(ctx context.Context, c *client.Client) (int, error) { return 0, question(ctx, c) }); err != nil {
			b.Fatal(err)
		}
		sum += time.Since(began)
	}
	b.ReportMetric(sum.Seconds()*1000/float64(times), unit)
}

// lived makes an installation that has finished so many builds, as a master leaves
// it behind: all of them went through etcd, and were put away from there.
func lived(b *testing.B, h *wrighttest.House, finished int) {
	e, err := store.Embed(b.Context(), filepath.Join(h.Data, "etcd"))
	if err != nil {
		b.Fatal(err)
	}
	st := store.New(e.Client, slog.New(slog.DiscardHandler))
	st.KeepPast(past.Open(filepath.Join(h.Data, "history")))
	if err := st.Load(b.Context()); err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	done := make(chan error, 2)
	go func() { done <- st.Run(ctx) }()
	go func() { done <- st.Tidy(ctx, e) }()
	err = finish(ctx, st, finished)
	if err == nil {
		_, err = e.Client.Compact(ctx, st.Revision(), clientv3.WithCompactPhysical()) // not to wait for Tidy
	}
	stop()
	if err := errors.Join(err, <-done, <-done, e.Close()); err != nil {
		b.Fatal(err)
	}
}

// finish writes finished builds, of one instance after the other as if they took
// turns.
func finish(ctx context.Context, st *store.Store, finished int) error {
	heard := &state.Heard{}
	for first := int64(1); first <= int64(finished/oldInstances); first += 100 {
		for n := range oldInstances {
			if err := finishSome(ctx, st, oldName(n), first, min(100, int64(finished/oldInstances)-first+1)); err != nil {
				return err
			}
		}
		st.Read(func(f *state.Facts) {
			if h := f.Heard(); h != nil {
				*heard = *h
			}
		})
		heard.Revision = st.Revision()
		if err := st.CommitSeen(ctx, heard.Put()); err != nil {
			return err
		}
	}
	if finished == 0 {
		return nil
	}
	return st.PutAway(ctx)
}

func finishSome(ctx context.Context, st *store.Store, instance string, first, count int64) error {
	last := &state.Last{Instance: instance}
	of := &state.Instance{Name: instance}
	st.Read(func(f *state.Facts) {
		if l := f.Lasts[instance]; l != nil {
			*last = *l
		}
		if i := f.Instances[instance]; i != nil {
			*of = *i
		}
	})
	var writes []state.Write
	for n := first; n < first+count; n++ {
		at := time.Date(2026, 1, 1, 0, 0, 0, int(n*7919%1e9), time.UTC).Add(time.Duration(n) * time.Minute)
		id := state.BuildID{Instance: instance, Number: n}
		bd := state.Build{
			ID: id.String(), Instance: instance, Number: n, State: state.Succeeded, Attempt: 1, Agent: "agent-1", Version: 5, FactsAt: n * 7,
			Reason:    state.Reason{Kind: "change", Text: fmt.Sprintf("change: main of https://git.example.test/%s.git at %040x", instance, n*7919)},
			Revisions: map[string]string{"https://git.example.test/" + instance + ".git": fmt.Sprintf("%040x", n*7919)},
			QueuedAt:  at, StartedAt: at.Add(time.Second), EndedAt: at.Add(time.Minute),
		}
		writes = append(writes, bd.Finish()[1])
		last.Finished, last.Success = bd, bd.ID
	}
	of.LastNumber = first + count - 1
	return st.CommitSeen(ctx, append(writes, last.Put(), of.Put())...)
}
