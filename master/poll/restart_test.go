package poll_test

import (
	"testing"
	"time"
)

func TestARestartSeesWhatMovedMeanwhile(t *testing.T) {
	f := newFixture(t)
	const url = "https://h.test/lib"
	f.world.set(url, main, rev(1))
	f.inForce("shop", url)
	_, stop := f.poller(5 * time.Second)
	f.awaitRevision(url, rev(1))
	stop()
	f.world.set(url, main, rev(2))
	f.poller(5 * time.Second)
	if moved := f.awaitRevision(url, rev(2)); moved.Previous != rev(1) {
		t.Errorf("moved while nobody looked: %+v", moved)
	}
}

func TestARestartSpreadsKnownRemotes(t *testing.T) {
	f := newFixture(t)
	const known, fresh = "https://h.test/known", "https://h.test/fresh"
	f.world.set(known, main, rev(1))
	f.world.set(fresh, main, rev(1))
	f.inForce("shop", known)
	_, stop := f.poller(1000 * time.Hour)
	f.awaitRevision(known, rev(1))
	stop()
	f.inForce("shop", known, fresh)
	p, _ := f.poller(1000 * time.Hour)
	f.awaitRevision(fresh, rev(1))
	if n := f.world.count(known); n != 1 {
		t.Errorf("a known remote was asked %d times, want not again at once", n)
	}
	f.world.set(known, main, rev(2))
	p.CheckNow("https://h.test/nobody", known+".git")
	f.awaitRevision(known, rev(2))
}
