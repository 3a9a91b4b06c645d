package notify

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
)

var epoch = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

const (
	sourceURL = "https://git.example.test/ann/shop.git"
	one       = "1111111111111111111111111111111111111111"
	two       = "2222222222222222222222222222222222222222"
)

func manifest(t testing.TB, notify string) *manifests.Manifest {
	t.Helper()
	m, err := manifests.Parse("shop.toml", []byte("[source]\ngit = \""+sourceURL+"\"\n"+notify))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func ended(number int64, s state.BuildState, revision string) *state.Build {
	return &state.Build{
		ID: state.BuildID{Instance: "shop", Number: number}.String(), Instance: "shop", Number: number, State: s, Attempt: 1,
		Revisions: map[string]string{sourceURL: revision},
	}
}

// said writes notices as a line each.
func said(all []state.Notice) string {
	var lines []string
	for _, n := range all {
		line := fmt.Sprintf("%s %s to %s", n.Channel, n.Event, n.To)
		if n.Failures > 0 {
			line += fmt.Sprintf(", %d since %s", n.Failures, n.Since)
		}
		if n.Outcome != "" {
			line += fmt.Sprintf(": %s of %.4s", n.Outcome, n.Revision)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "; ")
}

const mailOnly = "[notify]\non-failure = \"ops@example.test\"\n"

// TestEnded walks through builds one after the other: who hears of each.
func TestEnded(t *testing.T) {
	const all = mailOnly + `[[notify.webhook]]
url = "https://chat.example.test/"
secret = "secret:chat"
events = ["build-succeeded", "build-failed", "build-cancelled", "build-recovered"]
[[notify.plugin]]
provider = "file"
`
	const status = "[notify.status]\nkind = \"gitea\"\ntoken = \"secret:x\"\n"
	type end struct {
		number   int64
		state    state.BuildState
		revision string
		want     string
	}
	for name, c := range map[string]struct {
		notify string
		ends   []end
	}{
		"nobody": {"", []end{{1, state.Failed, one, ""}}},
		"mail": {mailOnly, []end{
			{1, state.Succeeded, one, ""},
			{2, state.Failed, one, "mail build-failed to ops@example.test, 1 since shop-000002"},
			{3, state.Cancelled, one, ""},
			{4, state.Errored, one, "mail build-failed to ops@example.test, 2 since shop-000002"},
			{5, state.Succeeded, one, "mail build-recovered to ops@example.test, 2 since shop-000002"},
			{6, state.Succeeded, one, ""},
			{7, state.Failed, one, "mail build-failed to ops@example.test, 1 since shop-000007"},
		}},
		"in another order": {mailOnly, []end{
			{3, state.Succeeded, one, ""},
			{2, state.Failed, one, "mail build-failed to ops@example.test"},
			{4, state.Succeeded, one, ""},
			{6, state.Failed, one, "mail build-failed to ops@example.test, 1 since shop-000006"},
			{5, state.Succeeded, one, ""},
			{7, state.Succeeded, one, "mail build-recovered to ops@example.test, 1 since shop-000006"},
		}},
		"everybody": {all, []end{
			{1, state.Failed, one, "mail build-failed to ops@example.test, 1 since shop-000001; " +
				"webhook build-failed to https://chat.example.test/, 1 since shop-000001; plugin build-failed to file 1, 1 since shop-000001"},
			{2, state.Cancelled, one, "webhook build-cancelled to https://chat.example.test/"},
			{3, state.Succeeded, one, "webhook build-succeeded to https://chat.example.test/; " +
				"mail build-recovered to ops@example.test, 1 since shop-000001; webhook build-recovered to https://chat.example.test/, 1 since shop-000001; " +
				"plugin build-recovered to file 1, 1 since shop-000001"},
		}},
		"statuses": {status, []end{
			{1, state.Succeeded, one, "gitea commit-status to https://git.example.test/api/v1 ann/shop: succeeded of 1111"},
			{3, state.Failed, two, "gitea commit-status to https://git.example.test/api/v1 ann/shop: failed of 2222"},
			{2, state.Succeeded, two, ""}, // the commit shows what is newer
			{4, state.Cancelled, "", ""},  // nobody knows which commit
			{5, state.Failed, "v1.2", ""},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			m := manifest(t, c.notify+"\n[[step]]\nrun = \"true\"\n")
			var tally state.Tally
			for _, e := range c.ends {
				var notices []state.Notice
				tally, notices = Ended(ended(e.number, e.state, e.revision), m, tally, epoch)
				if got := said(notices); got != e.want {
					t.Errorf("build %d %s: %s\nwant %s", e.number, e.state, got, e.want)
				}
			}
		})
	}
}

func TestStarted(t *testing.T) {
	m := manifest(t, mailOnly+`[[notify.webhook]]
url = "https://chat.example.test/"
secret = "secret:chat"
events = ["build-started"]
[notify.status]
kind = "github"
token = "secret:x"
`)
	b := ended(1, state.Queued, one)
	if tally, notices := Started(b, m, state.Tally{}, epoch); len(notices) != 0 || len(tally.Started) != 0 {
		t.Errorf("queued: %s", said(notices))
	}
	b.State = state.Running
	tally, notices := Started(b, m, state.Tally{}, epoch)
	const want = "webhook build-started to https://chat.example.test/; github commit-status to https://git.example.test/api/v3 ann/shop: running of 1111"
	if got := said(notices); got != want {
		t.Errorf("running: %s", got)
	}
	if again, notices := Started(b, m, tally, epoch); len(notices) != 0 || len(again.Started) != 1 {
		t.Errorf("again: %s", said(notices))
	}
	failed := ended(1, state.Failed, one)
	failed.StartedAt = epoch
	tally, notices = Ended(failed, m, tally, epoch)
	if got := said(notices); len(tally.Started) != 0 || strings.Contains(got, manifests.BuildStarted) {
		t.Errorf("ended, but started are %v; told: %s", tally.Started, got)
	}
	const first = "webhook build-started to https://chat.example.test/"
	if _, notices = Ended(failed, m, state.Tally{}, epoch); len(notices) < 2 || said(notices[:1]) != first || !notices[0].At.Before(notices[1].At) {
		t.Errorf("began and ended unseen: %s", said(notices))
	}
	if _, notices = Ended(ended(1, state.Cancelled, one), m, state.Tally{}, epoch); strings.Contains(said(notices), manifests.BuildStarted) {
		t.Errorf("cancelled before it began: %s", said(notices))
	}
	if tally, notices := Started(b, manifest(t, mailOnly), state.Tally{}, epoch); len(notices) != 0 || tally.Instance != "" {
		t.Errorf("nobody wants to know: %s", said(notices))
	}
}

// TestFailuresAndRecoveries: in whatever order builds end, each failure is told
// once, and recoveries and the failures that are told with them alternate.
func TestFailuresAndRecoveries(t *testing.T) {
	m := manifest(t, mailOnly)
	rapid.Check(t, func(t *rapid.T) {
		count := rapid.IntRange(1, 30).Draw(t, "builds")
		order := rapid.Permutation(sequence(count)).Draw(t, "order")
		states := rapid.SliceOfN(rapid.SampledFrom([]state.BuildState{state.Succeeded, state.Failed, state.Errored, state.Cancelled}), count, count).Draw(t, "states")
		var tally state.Tally
		failing, told := false, 0
		seen := map[string]bool{}
		for _, number := range order {
			var notices []state.Notice
			tally, notices = Ended(ended(number, states[number-1], one), m, tally, epoch)
			for _, n := range notices {
				if seen[n.ID] {
					t.Fatalf("%s is told twice", n.ID)
				}
				seen[n.ID] = true
				switch n.Event {
				case manifests.BuildFailed:
					told++
					failing = failing || n.Failures > 0
				case manifests.BuildRecovered:
					if !failing || n.Failures < 1 || n.Since == "" {
						t.Fatalf("recovered from %d since %q", n.Failures, n.Since)
					}
					failing = false
				}
			}
			if failing != (tally.Failures > 0) {
				t.Fatalf("the tally says %d failures", tally.Failures)
			}
		}
		want := 0
		for _, s := range states {
			if s == state.Failed || s == state.Errored {
				want++
			}
		}
		if told != want {
			t.Fatalf("%d failures were told of %d", told, want)
		}
	})
}

func sequence(n int) []int64 {
	all := make([]int64, n)
	for i := range all {
		all[i] = int64(i + 1)
	}
	return all
}

// TestNoticesNeverShareAnID, but for those of one commit status.
func TestNoticesNeverShareAnID(t *testing.T) {
	m := manifest(t, `[notify]
on-failure = ["a@example.test", "b@example.test"]
[[notify.webhook]]
url = "https://a.example.test/"
secret = "secret:x"
[[notify.webhook]]
url = "https://b.example.test/"
secret = "secret:x"
[[notify.plugin]]
provider = "file"
[[notify.plugin]]
provider = "file"
[notify.status]
kind = "gitea"
token = "secret:x"
`)
	var ids []string
	var tally state.Tally
	for number, s := range []state.BuildState{state.Failed, state.Succeeded, state.Failed} {
		var notices []state.Notice
		tally, notices = Ended(ended(int64(number+1), s, one), m, tally, epoch)
		for _, n := range notices {
			if n.Event != "commit-status" {
				ids = append(ids, n.ID)
			}
		}
	}
	slices.Sort(ids)
	if len(slices.Compact(slices.Clone(ids))) != len(ids) || len(ids) != 18 {
		t.Errorf("IDs %v", ids)
	}
}

// A clock that is put back holds no notice up.
func TestUntilNext(t *testing.T) {
	now := time.Unix(100_000, 0)
	for in, want := range map[time.Duration]time.Duration{-time.Hour: -time.Hour, time.Minute: time.Minute, time.Hour: time.Hour, 5 * time.Hour: 0} {
		if got := untilNext(now.Add(in), now); got != want {
			t.Errorf("of one that was to wait for %s: %s, want %s", in, got, want)
		}
	}
	if untilNext(time.Time{}, now) > 0 {
		t.Error("one that waits for nothing waits")
	}
}

func TestLanes(t *testing.T) {
	for _, c := range []struct {
		n    state.Notice
		want string
	}{
		{state.Notice{Channel: "mail", To: "a@b.test"}, "mail"},
		{state.Notice{Channel: "webhook", To: "https://chat.example.test:8443/x"}, "webhook chat.example.test:8443"},
		{state.Notice{Channel: "gitea", To: "https://git.example.test/api/v1 ann/shop"}, "gitea git.example.test"},
		{state.Notice{Channel: "plugin", To: "file 2"}, "plugin file"},
	} {
		if got := laneOf(&c.n); got != c.want {
			t.Errorf("%+v goes by %q, want %q", c.n, got, c.want)
		}
	}
	for failures, want := range map[int]time.Duration{1: 15 * time.Second, 2: 30 * time.Second, 3: time.Minute, 7: 15 * time.Minute, 1 << 30: 15 * time.Minute} {
		if got := pause(failures); got != want {
			t.Errorf("after %d failures: %s, want %s", failures, got, want)
		}
	}
}
