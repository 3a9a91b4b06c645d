package poll

import (
	"testing"
	"time"

	"github.com/wright-build/wright/manifests"
)

func TestPace(t *testing.T) {
	const day = 24 * time.Hour
	unset, set := pace{interval: time.Minute}, pace{time.Minute, time.Hour}
	for _, c := range []struct {
		name string
		pace
		idle time.Duration
		told int
		want time.Duration
	}{
		{"moves", unset, time.Second, 0, time.Minute},
		{"rests, and builds wait for it", unset, 100 * day, 0, time.Minute},
		{"a hook told once", unset, time.Second, 1, 2 * time.Minute},
		{"hooks tell always", unset, time.Second, 100, 10 * time.Minute},
		{"moves, with a bound", set, time.Minute, 0, time.Minute},
		{"rested for a day", set, day, 0, day / 100},
		{"rested for long", set, 100 * day, 0, time.Hour},
		{"rests, and hooks tell always", set, day, 100, time.Hour},
		{"rests, and a hook told once", set, day, 1, day / 100},
		{"a bound that is the interval", pace{time.Minute, time.Minute}, day, 9, time.Minute},
	} {
		if got := c.rest(c.idle, c.told); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	for fails, want := range []time.Duration{1, 2, 4, 8, 10, 10} {
		if got := unset.backOff(fails); got != want*time.Minute {
			t.Errorf("after %d failures: %v, want %v", fails, got, want*time.Minute)
		}
	}
	if got := set.backOff(1000); got != time.Hour {
		t.Errorf("after many failures: %v, want the bound", got)
	}
}

func TestReliable(t *testing.T) {
	const main, next = "refs/heads/main", "refs/heads/next"
	for _, c := range []struct {
		name        string
		moved, told []string
		want        int // after 3
	}{
		{"nothing moved", nil, nil, 3},
		{"a hook for nothing", nil, []string{main}, 3},
		{"told before", []string{main}, []string{main, next}, 4},
		{"HEAD goes along", []string{"HEAD", main}, []string{main}, 4},
		{"nobody told", []string{main}, nil, 0},
		{"HEAD alone, and nobody told", []string{"HEAD"}, nil, 0},
		{"one of two was told", []string{main, next}, []string{main}, 0},
	} {
		told := map[string]Movement{}
		for _, ref := range c.told {
			told[ref] = Movement{Ref: ref}
		}
		if got := reliable(3, c.moved, told); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func TestRewritten(t *testing.T) {
	rules := []manifests.Rewrite{
		{From: "https://github.com/secret/", To: "ssh://git@inside.test/secret/"},
		{From: "https://github.com/", To: "http://mirror.test/github/"},
		{From: "git@github.com:", To: "http://mirror.test/github/"},
		{From: "/srv/", To: "https://files.test/"},
	}
	for url, want := range map[string]string{
		"https://github.com/o/r":        "http://mirror.test/github/o/r",
		"HTTPS://GitHub.com/O/r":        "http://mirror.test/github/O/r",
		"https://github.com/secret/r":   "ssh://git@inside.test/secret/r",
		"https://github.com/Secret/r":   "http://mirror.test/github/Secret/r",
		"git@GitHub.com:o/r":            "http://mirror.test/github/o/r",
		"/srv/x.git":                    "https://files.test/x.git",
		"/Srv/x.git":                    "",
		"https://github.com.evil.test/": "",
		"https://other.test/github.com": "",
		"https://":                      "",
	} {
		got, trusted := rewritten(url, rules)
		if trusted != (want != "") || trusted && got != want || !trusted && got != url {
			t.Errorf("%s: %s, %t; want %s", url, got, trusted, want)
		}
	}
}
