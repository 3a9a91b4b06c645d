package dispatch_test

import (
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/master/state"
)

// A build that was lost several times waits for its time, says so, holds up nobody,
// and can be cancelled meanwhile.
func TestLostBuildsPause(t *testing.T) {
	h := open(t, time.Minute)
	h.manifest("shop", plain)
	lost := func(n int64, pause time.Duration) (retryAt time.Time) {
		b := queued("shop", n)
		retryAt = time.Now().Add(pause)
		b.Attempt, b.Lost, b.RetryAt = 4, "agent two is gone", retryAt
		h.put(b.Put())
		return retryAt
	}
	lost(1, time.Minute)
	h.queue("shop", 2)
	a := h.connect("one", 10)
	if w := take(a, a.works); w.GetBuild() != "shop-000002" {
		t.Errorf("the first to go is %s", w.GetBuild())
	}
	if why := h.d.Why("shop-000001"); !strings.Contains(why, "lost 3 times, the last because agent two is gone: the next attempt is at ") {
		t.Errorf("it waits because %q", why)
	}
	if err := h.d.Cancel(t.Context(), state.BuildID{Instance: "shop", Number: 1}, "enough"); err != nil {
		t.Fatal(err)
	}
	h.until("the cancelled one has ended", func(f *state.Facts) bool { return f.Builds["shop-000001"] == nil })
	retryAt := lost(3, 1500*time.Millisecond)
	if w := take(a, a.works); w.GetBuild() != "shop-000003" || w.GetAttempt() != 4 || time.Now().Before(retryAt) {
		t.Errorf("then goes %v, %s before its time", w, time.Until(retryAt))
	}
	if b := h.build("shop-000003"); !b.RetryAt.IsZero() || b.Lost != "" {
		t.Errorf("handed out it is %+v", b)
	}
	a.nothingElse()
}
