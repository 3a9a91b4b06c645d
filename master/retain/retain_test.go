package retain

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store/storetest"
)

const day = 24 * time.Hour

func TestDecide(t *testing.T) {
	now := time.Date(2026, 3, 29, 12, 0, 0, 0, time.UTC)
	// ages are those of the builds 9, 8, 7, …, in days
	kept := func(ages ...int) (all []Kept) {
		for i, age := range ages {
			all = append(all, Kept{Build: fmt.Sprint(9 - i), At: now.Add(-time.Duration(age) * day), Bytes: 1 << 20})
		}
		return all
	}
	holding := func(all []Kept, builds ...string) []Kept {
		for i := range all {
			all[i].Held = slices.Contains(builds, all[i].Build)
		}
		return all
	}
	for name, c := range map[string]struct {
		all  []Kept
		rule manifests.Retention
		want string
	}{
		"nothing":                             {nil, manifests.Retention{Builds: 1}, ""},
		"the last ones":                       {kept(1, 2, 3, 4), manifests.Retention{Builds: 2}, "7 6"},
		"the young ones":                      {kept(1, 2, 3, 4), manifests.Retention{Builds: 1, Age: 3 * day}, "7 6"},
		"whichever keeps more: the number":    {kept(5, 6, 7, 8), manifests.Retention{Builds: 3, Age: day}, "6"},
		"whichever keeps more: the age":       {kept(1, 1, 1, 1), manifests.Retention{Builds: 1, Age: 2 * day}, ""},
		"old ones that are few":               {kept(900, 901), manifests.Retention{Builds: 100, Age: 30 * day}, ""},
		"what is held":                        {holding(kept(1, 2, 3, 4), "6"), manifests.Retention{Builds: 1}, "8 7"},
		"what is held does not count as last": {holding(kept(1, 2, 3, 4), "6", "7"), manifests.Retention{Builds: 2}, ""},
		"too large":                           {kept(1, 2, 3, 4), manifests.Retention{Builds: 9, MaxMiB: 2}, "7 6"},
		"too large, however young":            {kept(0, 0, 0), manifests.Retention{Builds: 9, Age: day, MaxMiB: 1}, "8 7"},
		"the newest alone is too large":       {[]Kept{{Build: "9", Bytes: 9 << 20}, {Build: "8", Bytes: 1}}, manifests.Retention{Builds: 9, MaxMiB: 1}, "8"},
		"the held one is too large":           {holding([]Kept{{Build: "9", Bytes: 1}, {Build: "8", Bytes: 9 << 20}, {Build: "7", Bytes: 1}}, "8"), manifests.Retention{Builds: 9, MaxMiB: 1}, "7"},
		"a clock set back":                    {kept(-5, -4), manifests.Retention{Builds: 1, Age: day}, ""},
		"a rule of nothing keeps the newest":  {kept(1, 2), manifests.Retention{}, "8"},
	} {
		if got := strings.Join(Decide(c.all, now, c.rule), " "); got != c.want {
			t.Errorf("%s: %q goes, want %q", name, got, c.want)
		}
	}
}

// Whatever there is: neither the newest, nor what is held, nor what the rule
// wants goes, but for the bound; what stays is within it; and once it is decided
// there is nothing more to decide.
func TestDecideProperties(t *testing.T) {
	now := time.Now()
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 7))
		rule := manifests.Retention{Builds: 1 + r.IntN(6), Age: time.Duration(r.IntN(9)) * day, MaxMiB: r.IntN(6)}
		var all []Kept
		at := now
		for i := range r.IntN(12) {
			at = at.Add(-time.Duration(r.IntN(60)) * time.Hour)
			all = append(all, Kept{Build: fmt.Sprint(i), At: at, Bytes: r.Int64N(2 << 20), Held: r.IntN(4) == 0})
		}
		gone := Decide(all, now, rule)
		var left []Kept
		var bytes, held int64
		for i, k := range all {
			out := slices.Contains(gone, k.Build)
			wanted := i < rule.Builds || now.Sub(k.At) < rule.Age
			switch {
			case out && (i == 0 || k.Held), out && wanted && rule.MaxMiB == 0, !out && i > 0 && !k.Held && !wanted:
				t.Fatalf("seed %d: %+v of %+v: goes %v", seed, rule, k, out)
			case !out:
				left = append(left, k)
				bytes += k.Bytes
				if k.Held || i == 0 {
					held += k.Bytes
				}
			}
		}
		if most := int64(rule.MaxMiB) << 20; most > 0 && bytes > max(most, held) && bytes > held+most {
			t.Fatalf("seed %d: %d bytes are left of %+v", seed, bytes, rule)
		}
		if more := Decide(left, now, rule); len(more) > 0 && rule.MaxMiB == 0 {
			t.Fatalf("seed %d: then also %v", seed, more)
		}
	}
}

// disk is output and artifacts of builds, in memory.
type disk struct {
	builds    map[string]time.Time // by build of the instance shop
	artifacts map[string]bool
	stuck     string
	looked    int
}

func (d *disk) Instances() ([]string, error) { return []string{"shop"}, nil }

func (d *disk) Builds(string) ([]string, error) {
	all := slices.Sorted(maps.Keys(d.builds))
	slices.Reverse(all)
	return all, nil
}

func (d *disk) Written(_, build string) (time.Time, error) { d.looked++; return d.builds[build], nil }
func (d *disk) Size(string, string) (int64, error)         { return 1 << 19, nil }

func (d *disk) Expire(_, build string) error {
	if build == d.stuck {
		return errors.New("stuck")
	}
	if d.artifacts[build] {
		return errors.New("its artifacts are left")
	}
	delete(d.builds, build)
	return nil
}

func (d *disk) Remove(_, build string) error { delete(d.artifacts, build); return nil }

func (d *disk) left() string {
	all, _ := d.Builds("")
	return strings.ReplaceAll(strings.Join(all, " "), "shop-0000", "")
}

// shop has ten builds, the oldest ten days old.
func shop(now time.Time) *disk {
	d := &disk{builds: map[string]time.Time{}, artifacts: map[string]bool{}}
	for n := range 10 {
		id := state.BuildID{Instance: "shop", Number: int64(n + 1)}.String()
		d.builds[id], d.artifacts[id] = now.Add(-time.Duration(10-n)*day), true
	}
	return d
}

func TestRound(t *testing.T) {
	st, now := storetest.Embedded(t), time.Now()
	commit := func(w ...state.Write) {
		t.Helper()
		if err := st.CommitSeen(t.Context(), w...); err != nil {
			t.Fatal(err)
		}
	}
	d := shop(now)
	log := &strings.Builder{}
	free := int64(5 << 20)
	r := New(Config{
		Store: st, Output: d, Artifacts: d, Rule: manifests.Retention{Builds: 8}, MinFree: 4 << 20,
		Disk: func() (int64, error) { return free, nil }, Log: slog.New(slog.NewTextHandler(log, nil)),
	})
	round := func(want string) {
		t.Helper()
		if err := r.Round(t.Context(), now); err != nil {
			t.Fatal(err)
		}
		if got := d.left(); got != want {
			t.Errorf("left are %s, want %s", got, want)
		}
	}
	round("10 09 08 07 06 05 04 03")

	// a manifest says less; what runs, what serves and what somebody is to hear of stays
	live := &state.Build{ID: "shop-000004", Instance: "shop", Number: 4, State: state.Running, Agent: "one"}
	server := &state.AppServer{ID: "shop-000005.1", Instance: "shop", Build: "shop-000005", Number: 5}
	notice := &state.Notice{ID: "n", Instance: "shop", Build: "shop-000006"}
	last := &state.Last{Instance: "shop", Finished: state.Build{ID: "shop-000010"}, Success: "shop-000007"}
	text := "[[step]]\nrun = \"true\"\n[retention]\nbuilds = 2\nage = \"0s\"\n"
	commit(live.Put(), server.Put(), notice.Put(), last.Put(), (&state.InForce{Instance: "shop", File: "shop.toml", Text: []byte(text)}).Put())
	if err := st.Await(t.Context(), func(f *state.Facts) bool { return f.Manifests["shop"] != nil && f.Lasts["shop"] != nil }); err != nil {
		t.Fatal(err)
	}
	round("10 09 07 06 05 04")

	if r.look() || strings.Contains(log.String(), "nearly full") {
		t.Errorf("the disk has room, and the log says\n%s", log)
	}
	free = 3 << 20
	full, still := r.look(), r.look()
	if !full || !still || strings.Count(log.String(), "nearly full") != 1 {
		t.Errorf("the disk has no room, and the log says\n%s", log)
	}
	free = 5 << 20
	if r.look() || !strings.Contains(log.String(), "has room again") {
		t.Errorf("the disk has room again, and the log says\n%s", log)
	}
}

// What cannot be removed is said, and tried again.
func TestRoundThatFails(t *testing.T) {
	now := time.Now()
	d := shop(now)
	d.stuck = "shop-000002"
	r := New(Config{Store: storetest.Embedded(t), Output: d, Artifacts: d, Rule: manifests.Retention{Builds: 7}, Log: slog.New(slog.DiscardHandler)})
	if err := r.Round(t.Context(), now); err == nil || !strings.Contains(err.Error(), "instance shop: stuck") {
		t.Errorf("got %v", err)
	}
	if got := d.left(); got != "10 09 08 07 06 05 04 03 02" {
		t.Errorf("left are %s", got)
	}
	d.stuck = ""
	if err := r.Round(t.Context(), now); err != nil || d.left() != "10 09 08 07 06 05 04" {
		t.Errorf("left are %s, %v", d.left(), err)
	}
	d.looked, r.cfg.Rule = 0, manifests.Retention{Builds: 1, Age: 30 * day}
	if err := r.Round(t.Context(), now); err != nil || d.looked != 1 {
		t.Errorf("it looked at %d builds to find that all are young, %v", d.looked, err)
	}
}
