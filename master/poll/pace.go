package poll

import "time"

// pace decides how long a remote rests between two questions. It is pure.
type pace struct {
	interval time.Duration // of one that moves
	max      time.Duration // of one that rests; 0: as interval
}

const (
	// patient is how long a remote rests that has not moved for that many
	// times as long: a movement is seen after a hundredth of the time that it
	// was waited for.
	patient = 100
	// stretch is how many intervals one rests at most whose hooks are reliable,
	// or that fails, if the configuration does not say.
	stretch = 10
)

// longest is up to which an interval grows.
func (p pace) longest() time.Duration {
	if p.max > 0 {
		return p.max
	}
	return stretch * p.interval
}

// rest is the time between two questions to a remote that answers, has not
// moved for some time, and of so many movements of which in a row hooks had
// told before.
func (p pace) rest(idle time.Duration, told int) time.Duration {
	rest := p.interval
	if p.max > 0 {
		rest = max(rest, min(idle/patient, p.max))
	}
	if told > 0 {
		rest = max(rest, p.doubled(told))
	}
	return rest
}

// backOff is the time until the next question after some that failed.
func (p pace) backOff(fails int) time.Duration { return p.doubled(fails) }

func (p pace) doubled(times int) time.Duration {
	return max(p.interval, min(p.interval<<min(times, 10), p.longest()))
}

// reliable is how many movements in a row hooks told of before a question found
// them, after one that found some refs moved. HEAD moves with a branch.
func reliable(before int, moved []string, told map[string]Movement) int {
	if len(moved) == 0 {
		return before
	}
	for _, ref := range moved {
		if _, ok := told[ref]; !ok && (ref != "HEAD" || len(told) == 0) {
			return 0
		}
	}
	return before + 1
}
