package state

import (
	"testing"
	"time"
)

func TestStanding(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	hour := func(n int) time.Time { return now.Add(time.Duration(n) * time.Hour) }
	var none time.Time
	for name, tt := range map[string]struct {
		s          Standing
		over, next time.Time
		late       bool
		empty      bool
	}{
		"nothing":                       {empty: true},
		"drained":                       {s: Standing{Drained: true}},
		"drained, with a deadline":      {s: Standing{Drained: true, Deadline: hour(1)}, next: hour(1)},
		"drained, the deadline is over": {s: Standing{Drained: true, Deadline: now}, next: now, late: true},
		"not drained any more":          {s: Standing{Deadline: hour(-1)}, empty: true},
		"lost":                          {s: Standing{GoneAt: now, Lost: true}, over: hour(24), next: hour(24)},
		"drained and away":              {s: Standing{GoneAt: now, Drained: true, Deadline: hour(1)}, over: hour(30 * 24), next: hour(30 * 24)},
	} {
		if got := tt.s.Over(); !got.Equal(tt.over) {
			t.Errorf("%s: over at %s, want %s", name, got, tt.over)
		}
		if got := tt.s.Next(); !got.Equal(tt.next) {
			t.Errorf("%s: next at %s, want %s", name, got, tt.next)
		}
		if tt.s.Late(now) != tt.late || tt.s.Empty() != tt.empty {
			t.Errorf("%s: late %v, empty %v", name, tt.s.Late(now), tt.s.Empty())
		}
		if w := tt.s.Put(); (w.Value == nil) != tt.empty {
			t.Errorf("%s: written as %v", name, w.Value)
		}
	}
	drained := &Standing{Agent: "one", Drained: true}
	for name, tt := range map[string]struct{ got, want Standing }{
		"lost":              {(*Standing)(nil).Gone("one", false, now), Standing{Agent: "one", GoneAt: now, Lost: true}},
		"drained and lost":  {drained.Gone("one", false, now), Standing{Agent: "one", Drained: true, GoneAt: now, Lost: true}},
		"drained and left":  {drained.Gone("one", true, now), Standing{Agent: "one", Drained: true, GoneAt: now}},
		"back":              {drained.Gone("one", false, now).Back(), *drained},
		"back, not drained": {(*Standing)(nil).Gone("one", false, now).Back(), Standing{Agent: "one", GoneAt: none}},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %+v, want %+v", name, tt.got, tt.want)
		}
	}
}
