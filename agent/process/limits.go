//go:build linux

package process

import (
	"fmt"
	"os"
	"time"
)

// setDeadline turns the wall clock of the spec into a monotonic timer.
func (s *supervisor) setDeadline(st *step) {
	if st.spec.Deadline.IsZero() {
		return
	}
	st.deadline = time.AfterFunc(time.Until(st.spec.Deadline), func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.leaders[st.pid] != st || st.exit.Killed {
			return
		}
		st.exit.TimedOut = true
		s.kill(st, "deadline passed")
	})
}

// setSilence has the step ended once it has printed nothing for too long. Its
// output is a file: when that was written to last is all there is to know.
func (s *supervisor) setSilence(st *step) {
	if st.spec.Silence <= 0 || st.spec.Output == "" {
		return
	}
	st.spoke, st.looked, st.written = st.exit.StartedAt, st.exit.StartedAt, st.outputTime()
	st.silence = time.AfterFunc(st.spec.Silence, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.leaders[st.pid] != st || st.exit.Killed {
			return
		}
		if left := st.spec.Silence - st.quiet(time.Now()); left > 0 {
			st.silence.Reset(min(left, st.spec.Silence))
			return
		}
		st.exit.Silent = true
		s.kill(st, fmt.Sprintf("no output for %s", st.spec.Silence))
	})
}

// quiet is for how long the step has printed nothing.
func (st *step) quiet(now time.Time) time.Duration {
	if at := st.outputTime(); !at.Equal(st.written) {
		st.spoke, st.written = spoken(at, st.looked, now), at
	}
	st.looked = now
	return now.Sub(st.spoke)
}

// spoken is when a file was written that was not as it is now at the last look. It
// says so by the clock on the wall: if that was set meanwhile, it may be now.
func spoken(written, looked, now time.Time) time.Time {
	const coarse = time.Second // more than the time of a file may lag
	ago := now.Sub(written)
	if ago < -coarse || ago > now.Sub(looked)+coarse {
		return now
	}
	return now.Add(-ago)
}

// outputTime is when the output was written to last.
func (st *step) outputTime() (at time.Time) {
	if fi, err := os.Stat(st.spec.Output); err == nil {
		at = fi.ModTime()
	}
	return at
}
