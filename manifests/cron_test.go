package manifests

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Each line: what comes due after a moment, and after that.
func TestCronTimes(t *testing.T) {
	const berlin, newYork, apia = "Europe/Berlin", "America/New_York", "Pacific/Apia"
	for name, c := range map[string]struct {
		cron, zone, after string
		want              []string
	}{
		"plain":                         {"30 4 * * *", "", "2026-03-01T04:29:59Z", []string{"2026-03-01T04:30:00Z", "2026-03-02T04:30:00Z"}},
		"not the moment itself":         {"30 4 * * *", "", "2026-03-01T04:30:00Z", []string{"2026-03-02T04:30:00Z"}},
		"in winter":                     {"30 4 * * *", berlin, "2026-01-01T00:00:00Z", []string{"2026-01-01T03:30:00Z"}},
		"in summer":                     {"30 4 * * *", berlin, "2026-07-01T00:00:00Z", []string{"2026-07-01T02:30:00Z"}},
		"put forward over it":           {"30 2 * * *", berlin, "2026-03-28T12:00:00Z", []string{"2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"}},
		"put forward to it":             {"0 3 * * *", berlin, "2026-03-28T12:00:00Z", []string{"2026-03-29T01:00:00Z", "2026-03-30T01:00:00Z"}},
		"two fall together":             {"0 2,3 * * *", berlin, "2026-03-28T12:00:00Z", []string{"2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"}},
		"put back over it: once":        {"30 2 * * *", berlin, "2026-10-24T12:00:00Z", []string{"2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"}},
		"asked between the two":         {"30 2 * * *", berlin, "2026-10-25T01:00:00Z", []string{"2026-10-26T01:30:00Z"}},
		"put back, every hour":          {"30 * * * *", berlin, "2026-10-24T23:45:00Z", []string{"2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z"}},
		"put forward, every hour":       {"30 * * * *", berlin, "2026-03-29T00:00:00Z", []string{"2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z"}},
		"put back in the west":          {"30 1 * * *", newYork, "2026-11-01T00:00:00Z", []string{"2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"}},
		"put forward in the west":       {"@daily", newYork, "2026-03-08T00:00:00Z", []string{"2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z"}},
		"a day that there was not":      {"0 4 * * *", apia, "2011-12-29T15:00:00Z", []string{"2011-12-30T10:00:00Z", "2011-12-30T14:00:00Z", "2011-12-31T14:00:00Z"}},
		"a leap day":                    {"0 0 29 2 *", "", "2026-01-01T00:00:00Z", []string{"2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"}},
		"eight years between leap days": {"0 0 29 2 *", "", "2096-03-01T00:00:00Z", []string{"2104-02-29T00:00:00Z"}},
		"a leap day in another zone":    {"0 0 29 2 *", berlin, "2026-01-01T00:00:00Z", []string{"2028-02-28T23:00:00Z"}},
		"the last day of some months":   {"0 0 31 * *", "", "2026-01-31T00:00:00Z", []string{"2026-03-31T00:00:00Z", "2026-05-31T00:00:00Z"}},
		"day of month or of week":       {"0 0 13 * 5", "", "2026-02-12T00:00:00Z", []string{"2026-02-13T00:00:00Z", "2026-02-20T00:00:00Z"}},
		"hourly":                        {"@hourly", "", "2026-02-12T00:59:59.5Z", []string{"2026-02-12T01:00:00Z"}},
		"never":                         {"0 0 30 2 *", "", "2026-02-12T00:00:00Z", []string{"0001-01-01T00:00:00Z"}},
		"a zone that is not known here": {"0 0 * * *", "Not/There", "2026-02-12T00:00:00Z", []string{"0001-01-01T00:00:00Z"}},
	} {
		p := &Periodic{Cron: c.cron, TimeZone: c.zone}
		at, err := time.Parse(time.RFC3339, c.after)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range c.want {
			if at = p.Next(at); at.Format(time.RFC3339) != want {
				t.Errorf("%s: time %d is %s, want %s", name, i+1, at.Format(time.RFC3339), want)
			}
		}
	}
}

// Whatever the zone and the moment: the next time is later, is the next one from
// anywhere before it, and no day of a daily schedule is left out or has two.
func TestCronLeavesOutNoDay(t *testing.T) {
	zones := []string{"", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Sao_Paulo", "Africa/Casablanca", "Pacific/Chatham"}
	rapid.Check(t, func(t *rapid.T) {
		hour, minute := rapid.IntRange(0, 23).Draw(t, "hour"), rapid.IntRange(0, 59).Draw(t, "minute")
		p := &Periodic{Cron: time.Date(0, 1, 1, hour, minute, 0, 0, time.UTC).Format("4 15 * * *"), TimeZone: rapid.SampledFrom(zones).Draw(t, "zone")}
		from := time.Unix(rapid.Int64Range(1_000_000_000, 2_000_000_000).Draw(t, "from"), 0)
		at := p.Next(from)
		for range 400 {
			next := p.Next(at)
			if gap := next.Sub(at); gap < 22*time.Hour || gap > 26*time.Hour {
				t.Fatalf("%s of %s after %s", next, p.TimeZone, at)
			}
			between := at.Add(time.Duration(rapid.Int64Range(0, int64(next.Sub(at)-1)).Draw(t, "between")))
			if again := p.Next(between); !again.Equal(next) {
				t.Fatalf("after %s comes %s, but after %s in between %s", at, next, between, again)
			}
			at = next
		}
	})
}
