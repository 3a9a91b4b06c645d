package schedule

import "testing"

const (
	daily  = "[periodic]\ninterval = \"P1D\"\n"
	atFour = "[periodic]\ncron = \"0 4 * * *\"\n"
	server = "[appserver]\ncloud = \"process\"\nprovision = \"true\"\n"
	fourD  = "0s periodic, 24h periodic, 48h periodic, 72h periodic"
)

func TestStoriesOfIntervals(t *testing.T) {
	every := func(s string) string { return "[periodic]\ninterval = \"" + s + "\"\n" }
	for _, st := range []story{
		{name: "ISO 8601", manifest: every("P1D"), until: "4d", since: "first", want: fourD},
		{name: "days and a clock", manifest: every("1 00:00:00"), until: "4d", since: "first", want: fourD},
		{name: "PostgreSQL", manifest: every("1 day"), until: "4d", since: "first", want: fourD},
		{name: "Go", manifest: every("24h"), until: "4d", since: "first", want: fourD},
		{name: "ISO 8601, all of it", manifest: every("P4DT1H15M20S"), until: "12d3h", since: "first", want: "0s periodic, 97h15m20s periodic, 194h30m40s periodic"},
		{name: "days and a clock, all of it", manifest: every("01 02:03:04.5"), until: "3d6h", since: "first", want: "0s periodic, 26h3m5s periodic, 52h6m9s periodic"},
		{name: "PostgreSQL, all of it", manifest: every("3 days 04:05:06"), until: "9d12h", since: "first", want: "0s periodic, 76h5m6s periodic, 152h10m12s periodic"},
		{name: "a build takes longer than that", manifest: every("PT1H"), events: "0s takes 90m", until: "4h", since: "first", want: "0s periodic, 1h30m periodic, 3h periodic"},
		{name: "it does not shift what comes after it", manifest: every("PT1H"), events: "0s takes 3m", until: "4h", since: "first", want: "0s periodic, 1h periodic, 2h periodic, 3h periodic"},
		{name: "a build that hangs", manifest: "timeout = \"2h\"\n" + every("PT1H"), events: "0s takes 90d", until: "7h", since: "first", want: "0s periodic, 3h periodic, 6h periodic"},
		{name: "one that waits serves for it", manifest: daily, events: "0s busy\n0s start\n1d free", until: "1d", want: "0s person"},
		{name: "failing steps are not retried", manifest: "[periodic]\ninterval = \"P1D\"\nretries = 2\n", events: "0s fails", until: "2d", since: "first", want: "0s periodic, 24h periodic"},
		{name: "what could not be provisioned is", manifest: "[periodic]\ninterval = \"P1D\"\nretries = 2\n" + server, events: "0s ails", until: "2d", since: "first",
			want: "0s periodic, 2m periodic, 5m periodic, 24h periodic, 24h2m periodic, 24h5m periodic"},
		{name: "until it can be", manifest: "[periodic]\ninterval = \"P1D\"\nretries = 2\n" + server, events: "0s ails\n1d well", until: "2d", since: "first", want: "0s periodic, 2m periodic, 5m periodic, 24h periodic"},
		{name: "activated by hand", manifest: daily + server + "activate = \"manually\"\n", until: "4d", since: "first", want: fourD},
		{name: "archived", manifest: daily, events: "0s archive", until: "9d"},
		{name: "it was missed while it was archived", manifest: daily, events: "0s archive\n3d unarchive", until: "4d1h", want: "72h periodic, 96h periodic"},
		{name: "it has no interval any more", manifest: daily + "---\n", events: "1d manifest 1", until: "4d", since: "first", want: "0s periodic"},
	} {
		t.Run(st.name, func(t *testing.T) { tell(t, st) })
	}
}

func TestStoriesOfTimes(t *testing.T) {
	berlin := func(s string) string { return "[periodic]\ncron = \"" + s + "\"\ntime-zone = \"Europe/Berlin\"\n" }
	for _, st := range []story{
		{name: "every day", manifest: atFour, until: "2d", want: "4h periodic, 28h periodic"},
		{name: "on weekdays", from: "2026-05-08T00:00:00Z", manifest: "[periodic]\ncron = \"30 4 * * 1-5\"\n", until: "4d", want: "4h30m periodic, 76h30m periodic"},
		{name: "in summer", manifest: berlin("30 4 * * *"), until: "1d", want: "2h30m periodic"},
		{name: "in winter", from: "2026-01-05T00:00:00Z", manifest: berlin("30 4 * * *"), until: "1d", want: "3h30m periodic"},
		{name: "clocks put forward", from: "2026-03-28T00:00:00Z", manifest: berlin("30 2 * * *"), until: "3d", want: "1h30m periodic, 25h periodic, 48h30m periodic"},
		{name: "clocks put back", from: "2026-10-24T00:00:00Z", manifest: berlin("30 2 * * *"), until: "3d", want: "30m periodic, 24h30m periodic, 49h30m periodic"},
		{name: "every hour while clocks are put back", from: "2026-10-24T23:30:00Z", manifest: berlin("0 * * * *"), until: "3h", want: "30m periodic, 1h30m periodic, 2h30m periodic"},
		{name: "every hour while they are put forward", from: "2026-03-28T23:30:00Z", manifest: berlin("0 * * * *"), until: "3h", want: "30m periodic, 1h30m periodic, 2h30m periodic"},
		{name: "on a leap day", from: "2028-02-28T00:00:00Z", manifest: "[periodic]\ncron = \"0 0 29 2 *\"\n", until: "3d", want: "24h periodic"},
		{name: "in other years", manifest: "[periodic]\ncron = \"0 0 29 2 *\"\n", until: "365d"},
		{name: "by name", manifest: "[periodic]\ncron = \"@daily\"\n", until: "50h", want: "24h periodic, 48h periodic"},
		{name: "the master was dead", manifest: atFour, events: "3h down\n54h up", until: "3d10h", want: "54h periodic, 76h periodic"},
		{name: "for a short time", manifest: atFour, events: "3h down\n3h30m up", until: "1d", want: "4h periodic"},
		{name: "it was archived meanwhile", manifest: atFour, events: "3h archive\n54h unarchive", until: "3d10h", want: "54h periodic, 76h periodic"},
		{name: "a clock put back", manifest: atFour, events: "5h clock -2h", until: "31h", want: "4h periodic, 30h periodic"},
		{name: "a clock put forward", manifest: atFour, events: "1h clock 5h", until: "24h", want: "1h periodic, 23h periodic"},
		{name: "one that waits serves for it", manifest: atFour, events: "3h busy\n3h30m push r2\n5h free", until: "29h", want: "3h30m change r2, 28h periodic"},
		{name: "a chosen revision does not", manifest: atFour, events: "3h busy\n3h30m start r9\n5h free", until: "27h", want: "3h30m person r9, 5h1m periodic"},
		{name: "a build is under way", manifest: atFour, events: "3h takes 2h\n3h30m push r2", until: "27h", want: "3h30m change r2, 5h30m periodic"},
		{name: "nobody retries what a person builds", manifest: atFour + "retries = 2\n" + server, events: "0s ails\n4h1m30s start", until: "27h", want: "4h periodic, 4h1m30s person"},
		{name: "another time", manifest: atFour + "---\n[periodic]\ncron = \"0 5 * * *\"\n", events: "3h manifest 1", until: "1d", want: "5h periodic"},
		{name: "a commit beside it", manifest: atFour, events: "3h push r2", until: "1d", want: "3h change r2, 4h periodic"},
	} {
		t.Run(st.name, func(t *testing.T) { tell(t, st) })
	}
}
