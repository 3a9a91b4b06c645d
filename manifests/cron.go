package manifests

import (
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Next is the first of cron's times after a moment, in UTC. A time that does not
// exist because the clocks are put forward comes due as they are; one that there
// is twice because they are put back, the first time only. Where the hour is "*"
// that does not matter: then it goes by what the clock shows all along. The zero
// time means never.
func (p *Periodic) Next(after time.Time) time.Time {
	schedule, err := cron.ParseStandard(p.Cron)
	zone, errZone := time.LoadLocation(p.TimeZone)
	if err != nil || errZone != nil {
		return time.Time{} // it was read when it was right: this machine lacks the zone
	}
	if everyHour(p.Cron) {
		return schedule.Next(after.In(zone)).UTC()
	}
	for shown := face(after.In(zone)); ; {
		if shown = nextShown(schedule, shown); shown.IsZero() {
			return time.Time{}
		}
		if at := when(shown, zone); at.After(after) {
			return at.UTC()
		}
	}
}

// everyHour says whether the hours of an expression are a "*", maybe with a
// step.
func everyHour(expression string) bool {
	fields := strings.Fields(expression)
	return expression == "@hourly" || len(fields) == 5 && strings.HasPrefix(fields[1], "*")
}

// face is what a clock shows, as if there were no time zones.
func face(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

// nextShown is the next time of a schedule by the clock's face. Between two leap
// days there may be eight years, and the library looks five ahead.
func nextShown(s cron.Schedule, shown time.Time) time.Time {
	for range 3 {
		if next := s.Next(shown); !next.IsZero() {
			return next
		}
		shown = time.Date(shown.Year()+4, 12, 31, 23, 59, 59, 0, time.UTC)
	}
	return time.Time{}
}

// when is the first moment at which the clocks of a zone show this, or that at
// which they pass over it.
func when(shown time.Time, zone *time.Location) time.Time {
	t := time.Date(shown.Year(), shown.Month(), shown.Day(), shown.Hour(), shown.Minute(), shown.Second(), 0, zone)
	begins, ends := t.ZoneBounds()
	switch f := face(t); {
	case f.After(shown): // put forward at begins
		return begins
	case f.Before(shown):
		return ends
	case begins.IsZero():
		return t
	}
	_, now := t.Zone()
	_, before := begins.Add(-time.Second).Zone()
	if earlier := t.Add(time.Duration(now-before) * time.Second); earlier.Before(begins) {
		return earlier
	}
	return t
}

// seldom is what a schedule had better be: a build may take hours.
const seldom = 3 * time.Hour

// often is a remark on a schedule of which little is gained and much is used;
// "" if there is nothing to remark.
func (p *Periodic) often() string {
	if p == nil {
		return ""
	}
	every := p.Interval
	if p.Cron != "" {
		every = p.closest()
	}
	if every == 0 || every >= seldom {
		return ""
	}
	return "builds every " + brief(every) + ": less than 3h apart, which agents and clouds feel"
}

// closest is how close together two of cron's times come, as far as a few years
// or a hundred times show it.
func (p *Periodic) closest() time.Duration {
	least := time.Duration(0)
	at := p.Next(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC))
	for range 100 {
		next := p.Next(at)
		if next.IsZero() {
			break
		}
		if gap := next.Sub(at); least == 0 || gap < least {
			least = gap
		}
		at = next
	}
	return least
}
