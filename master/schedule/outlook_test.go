package schedule

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/wright-build/wright/master/state"
)

func TestOutlook(t *testing.T) {
	f := state.NewFacts()
	rev := int64(0)
	put := func(w state.Write) {
		t.Helper()
		rev++
		text, err := json.Marshal(w.Value)
		if err == nil {
			err = f.Put(w.Key, text, rev)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	force := func(name, text string) {
		t.Helper()
		put((&state.InForce{Instance: name, File: name + ".toml", Text: []byte(text + "\n[[step]]\nrun = \"true\"\n")}).Put())
	}
	const daily, source = "[periodic]\ninterval = \"P1D\"\nretries = 1\n", "[source]\ngit = \"https://h.test/a\"\nbranch = \"main\"\n"
	force("by-hand", "")
	force("moving", source)
	force("following", "after = [\"moving\", \"nobody\"]\n"+source)
	force("away", daily)
	force("new", daily)
	force("daily", daily)
	force("late", daily)
	force("busy", daily)
	force("failed", daily)
	force("resting", "tree-stable-timer = \"1h\"\n"+source+daily)
	spec := "every 24h"
	put((&state.Instance{Name: "away", Archived: true, Timing: timing(-20, 4)}).Put())
	put((&state.Instance{Name: "daily", Timing: timing(-20, 4)}).Put())
	put((&state.Instance{Name: "late", Timing: timing(-25, -1)}).Put())
	put((&state.Instance{Name: "busy", Timing: timing(-25, -1)}).Put())
	put((&state.Build{ID: "busy-000001", Instance: "busy", Number: 1, State: state.Running, StartedAt: hours(-2)}).Put())
	failed := &state.Timing{Spec: spec, Since: hours(-1), Due: hours(23), Build: 7}
	put((&state.Instance{Name: "failed", LastNumber: 7, Timing: failed}).Put())
	put((&state.Last{Instance: "failed", Finished: state.Build{ID: "failed-000007", Number: 7, State: state.Errored, Deploying: true, EndedAt: hours(0)}}).Put())
	put((&state.Instance{Name: "resting", Seen: remembered("a=r1@1"), Timing: timing(-20, 4)}).Put())
	ref := &state.Ref{VCS: "git", URL: "https://h.test/a", Ref: "refs/heads/main", Revision: "r2", Previous: "r1", Moved: true, MovedAt: hours(-0.5)}
	put(ref.Put(ref.Key()))
	var got []string
	for _, o := range outlook(f, noon()) {
		next := "never"
		if !o.Next.IsZero() {
			next = fmt.Sprintf("%.2f", o.Next.Sub(noon()).Hours())
		}
		got = append(got, strings.Join([]string{next, o.Instance, o.Kind, o.Why, strings.Join(o.After, ",")}, " | "))
	}
	want := []string{
		"-1.00 | busy | periodic | every 24h: waits for the end of build busy-000001 | ",
		"-1.00 | late | periodic | every 24h: as soon as it is its turn | ",
		"0.02 | failed | periodic | try 2 of 2 after build failed-000007 | ",
		"0.50 | resting | change | what moved must be quiet for 1h0m0s | ",
		"4.00 | daily | periodic | every 24h | ",
		"never | away |  | archived: nothing starts | ",
		"never | by-hand |  | by hand only | ",
		"never | following |  | when something moves; after moving; after nobody, which is not in force | moving,nobody",
		"never | moving |  | when something moves | ",
		"never | new | periodic | every 24h | ",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
