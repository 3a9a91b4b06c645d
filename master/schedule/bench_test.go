package schedule

import (
	"testing"
	"time"

	"github.com/wright-build/wright/master/state"
)

// BenchmarkPeriodic is one decision about one of 10,000 instances on schedule.
func BenchmarkPeriodic(b *testing.B) {
	f := newFleet(10_000, 24*time.Hour, noon())
	i := 0
	for b.Loop() {
		name := f.names[i%len(f.names)]
		Periodic(Standing{Manifest: f.m, Instance: state.Instance{Name: name, Timing: f.timing[name]}}, f.table, f.now)
		i++
	}
}

// BenchmarkRestart is what a master with 10,000 instances has to decide that
// comes up after an outage of a week.
func BenchmarkRestart(b *testing.B) {
	f := newFleet(10_000, 24*time.Hour, noon())
	f.now = f.now.Add(7 * 24 * time.Hour)
	for b.Loop() {
		f.restart()
	}
}
