package dispatch_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// BenchmarkSmallReportsBesideHugeOnes: what reports of 10,000 entries that
// builds send all the time cost the small ones of other instances.
func BenchmarkSmallReportsBesideHugeOnes(b *testing.B) {
	for _, huge := range []int{0, 1, 8} {
		b.Run(fmt.Sprint(huge), func(b *testing.B) { smallBeside(b, huge) })
	}
}

func smallBeside(b *testing.B, huge int) {
	h := open(b, time.Minute)
	a := h.connect("one", int32(huge+1))
	begin := func(instance string) *agentv1.Work {
		h.manifest(instance, sourced)
		h.queue(instance, 1)
		return take(a, a.works)
	}
	send := func(ctx context.Context, w *agentv1.Work, file []byte) error {
		v, err := h.api().ReportWatches(ctx, &agentv1.WatchReport{Build: w.GetBuild(), Attempt: 1, Agent: "one", File: file})
		if err == nil && !v.GetAccepted() {
			err = fmt.Errorf("refused: %s", v.GetReason())
		}
		return err
	}
	ctx, cancel := context.WithCancel(b.Context())
	var all sync.WaitGroup
	for i := range huge {
		w := begin(fmt.Sprintf("huge%d", i))
		all.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				if err := send(ctx, w, shortList(10_000, n)); err != nil && ctx.Err() == nil {
					b.Error(err)
					return
				}
			}
		})
	}
	small := begin("small")
	var took []time.Duration
	for n := 0; b.Loop(); n++ {
		begun := time.Now()
		if err := send(b.Context(), small, list(fmt.Sprintf("s%d", n%9), "b", "c")); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(begun))
	}
	cancel()
	all.Wait()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1e3, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1e3, "p99-ms")
}

// shortList is a list of n entries, written so short that 10,000 fit.
func shortList(n, round int) []byte {
	var b strings.Builder
	b.WriteString("watch=[")
	for i := range n {
		fmt.Fprintf(&b, "{git='h:%x',tag='%x'},", i, round%16)
	}
	b.WriteString("]")
	return []byte(b.String())
}

// BenchmarkReport: what one report takes from its arrival to the facts that
// everybody follows.
func BenchmarkReport(b *testing.B) {
	for _, entries := range []int{25, 1000, 10_000} {
		b.Run(fmt.Sprint(entries), func(b *testing.B) {
			h := open(b, time.Minute)
			a := h.connect("one", 1)
			h.manifest("shop", sourced)
			w := a.begin(1)
			for n := 0; b.Loop(); n++ {
				if v := a.report(w, true, shortList(entries, n)); !v.GetAccepted() {
					b.Fatal(v.GetReason())
				}
			}
		})
	}
}
