package notify

import (
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/wright-build/wright/master/notify/outcome"
	"github.com/wright-build/wright/master/state"
)

const (
	keepTrying   = 3 * 24 * time.Hour // how long mail is tried
	keepPosting  = 24 * time.Hour     // and all else
	keepGivenUp  = 7 * 24 * time.Hour // how long what was given up is shown
	perLane      = 4                  // notices that go to one far side at once
	allTogether  = 64                 // and to all
	maxDue       = 10_000             // notices that wait in one channel
	firstPause   = 15 * time.Second   // after a failure; it doubles
	longestPause = 15 * time.Minute
)

// laneOf names the far side that a notice goes to: what is wrong with one does
// not hold up the others.
func laneOf(n *state.Notice) string {
	if n.Channel == mailChannel {
		return mailChannel
	}
	where, _, _ := strings.Cut(n.To, " ")
	if u, err := url.Parse(where); err == nil && u.Host != "" {
		where = u.Host
	}
	return n.Channel + " " + where
}

// longestWait is how long a notice waits for its next try at most, also if the far
// side wants more.
const longestWait = time.Hour

// pause is how long to wait after so many failures in a row.
func pause(failures int) time.Duration {
	d := firstPause
	for range min(failures-1, 20) {
		if d *= 2; d >= longestPause {
			return longestPause
		}
	}
	return d
}

// patience is how long a notice is tried.
func patience(n *state.Notice) time.Duration {
	if n.Channel == mailChannel {
		return keepTrying
	}
	return keepPosting
}

// lane is one far side, as this process knows it.
type lane struct {
	flying   int       // notices under way
	troubles int       // in a row
	until    time.Time // nothing is tried before
	err      string    // the last trouble
}

// free tells whether something may go there now. While there is trouble, one at
// a time finds out whether it is over.
func (l *lane) free(now time.Time) bool {
	switch {
	case now.Before(l.until):
		return false
	case l.troubles > 0:
		return l.flying == 0
	}
	return l.flying < perLane
}

// trouble notes that the far side is not well.
func (l *lane) trouble(err error, after time.Duration, now time.Time) {
	l.troubles++
	l.until, l.err = now.Add(max(pause(l.troubles), after)), err.Error()
}

// well notes that it is.
func (l *lane) well() { l.troubles, l.until, l.err = 0, time.Time{}, "" }

// lanes are the far sides that something goes to. It is safe for concurrent use.
type lanes struct {
	mu  sync.Mutex // guards all below
	all map[string]*lane
}

// take takes a place for something that goes to a far side, if there is one and
// more may be under way. Otherwise it tells when to ask again, 0 for when
// something has come back.
func (l *lanes) take(name string, now time.Time, more bool) (in time.Duration, taken bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	to := l.all[name]
	if to == nil {
		to = &lane{}
		l.all[name] = to
	}
	if !more || !to.free(now) {
		return max(to.until.Sub(now), 0), false
	}
	to.flying++
	return 0, true
}

// keep forgets the far sides for which nothing waits.
func (l *lanes) keep(waiting map[string]bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, to := range l.all {
		if to.flying == 0 && !waiting[name] {
			delete(l.all, name)
		}
	}
}

// landed gives the place back, and tells whether trouble of the far side began
// or ended with it.
func (l *lanes) landed(name string, said outcome.Error, now time.Time) (turned bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	to := l.all[name]
	to.flying--
	was := to.troubles > 0
	if said.Far {
		to.trouble(said.Err, said.After, now)
		return !was
	}
	to.well()
	return was
}

// trouble is what a notice waits for besides its own turn: "" for nothing.
func (l *lanes) trouble(name string) (err string, until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if to := l.all[name]; to != nil {
		return to.err, to.until
	}
	return "", time.Time{}
}
