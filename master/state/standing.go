package state

import "time"

// Standing is what is known of an agent beyond its lease: that a person has
// drained it, or that it is lost. There is one only while there is something to
// say. Written by dispatch.
type Standing struct {
	Meta
	Agent    string    `json:"agent"`
	Drained  bool      `json:"drained,omitempty"` // gets no more work until a person says otherwise
	Deadline time.Time `json:"deadline,omitzero"` // what a drained one still builds then is done elsewhere
	GoneAt   time.Time `json:"gone_at,omitzero"`  // when its lease had ended; zero: it is connected
	Lost     bool      `json:"lost,omitempty"`    // gone without having taken leave
}

// How long an agent that is gone is remembered.
const (
	rememberLost    = 24 * time.Hour
	rememberDrained = 30 * 24 * time.Hour // it must not get work because its host was away for long
)

// Over is when there is nothing more to say of the agent; zero: not by itself.
func (s *Standing) Over() time.Time {
	switch {
	case s.GoneAt.IsZero():
		return time.Time{}
	case s.Drained:
		return s.GoneAt.Add(rememberDrained)
	}
	return s.GoneAt.Add(rememberLost)
}

// Empty says that there is nothing to say.
func (s *Standing) Empty() bool { return !s.Drained && !s.Lost }

// Next is when something follows from the standing by itself; zero: never.
func (s *Standing) Next() time.Time {
	if s.Drained && s.GoneAt.IsZero() {
		return s.Deadline
	}
	return s.Over()
}

// Late says that what a drained agent still builds is to be done elsewhere.
func (s *Standing) Late(now time.Time) bool {
	return s.Drained && !s.Deadline.IsZero() && !now.Before(s.Deadline)
}

// Gone is the standing of an agent whose lease has ended; s is nil where nothing
// was known of it.
func (s *Standing) Gone(agent string, parted bool, now time.Time) Standing {
	next := Standing{Agent: agent}
	if s != nil {
		next = *s
	}
	next.GoneAt, next.Lost = now, !parted
	return next
}

// Back is the standing of an agent that is connected again.
func (s Standing) Back() Standing {
	s.GoneAt, s.Lost = time.Time{}, false
	return s
}

// Put writes the standing, or forgets it where there is nothing to say.
func (s *Standing) Put() Write {
	w := Write{Key: Key{KindStanding, s.Agent}, Value: s, Rev: s.Rev}
	if s.Empty() {
		return w.Drop()
	}
	return w
}
