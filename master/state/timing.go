package state

import "time"

// Timing is where an instance stands in the schedule of its manifest. Part of
// Instance, so written by schedule.
type Timing struct {
	Spec  string    `json:"spec"`            // the schedule it follows
	Since time.Time `json:"since"`           // from when the wait counts: the last start, or an AppServer made by hand
	Due   time.Time `json:"due"`             // when a build starts next
	Build int64     `json:"build,omitempty"` // number of the build that started last by schedule
	Tries int       `json:"tries,omitempty"` // how often that was tried again
}

// Same says whether two timings are alike; either may be nil.
func (t *Timing) Same(o *Timing) bool {
	if t == nil || o == nil {
		return t == o
	}
	return t.Spec == o.Spec && t.Since.Equal(o.Since) && t.Due.Equal(o.Due) && t.Build == o.Build && t.Tries == o.Tries
}
