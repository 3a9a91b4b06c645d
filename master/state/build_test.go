package state

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/wright-build/wright/manifests"
)

func everyBuildState() []BuildState {
	return []BuildState{Queued, Assigned, Running, Succeeded, Failed, Errored, Cancelled}
}

// Every pair of states is here: what is not listed is forbidden.
func TestBuildMoves(t *testing.T) {
	legal := map[BuildState][]BuildState{
		Queued:    {Assigned, Errored, Cancelled},
		Assigned:  {Running, Succeeded, Failed, Errored, Cancelled},
		Running:   {Succeeded, Failed, Errored, Cancelled},
		Succeeded: nil, Failed: nil, Errored: nil, Cancelled: nil,
	}
	for _, from := range append(everyBuildState(), "", "bogus") {
		for _, to := range append(everyBuildState(), "", "bogus") {
			if got, want := from.MayMove(to), slices.Contains(legal[from], to); got != want {
				t.Errorf("from %q to %q: allowed %v, want %v", from, to, got, want)
			}
		}
	}
	for _, s := range everyBuildState() {
		if got, want := s.Final(), len(legal[s]) == 0; got != want {
			t.Errorf("%s is final: %v, want %v", s, got, want)
		}
	}
	if BuildState("").Final() {
		t.Error("a build without a state is final")
	}
}

func TestAdvance(t *testing.T) {
	for name, c := range map[string]struct {
		build  Build
		update Update
		err    error
		want   BuildState
		at     int64 // version afterwards
	}{
		"first word":             {Build{State: Assigned, Attempt: 1}, Update{Attempt: 1, Version: 1, State: Running}, nil, Running, 1},
		"same state, newer":      {Build{State: Running, Attempt: 1, Version: 1}, Update{Attempt: 1, Version: 2, State: Running}, nil, Running, 2},
		"repeated":               {Build{State: Running, Attempt: 1, Version: 2}, Update{Attempt: 1, Version: 2, State: Running}, nil, Running, 2},
		"overtaken":              {Build{State: Running, Attempt: 1, Version: 2}, Update{Attempt: 1, Version: 1, State: Assigned}, nil, Running, 2},
		"the end, repeated":      {Build{State: Failed, Attempt: 1, Version: 3}, Update{Attempt: 1, Version: 3, State: Failed}, nil, Failed, 3},
		"after the end":          {Build{State: Failed, Attempt: 1, Version: 3}, Update{Attempt: 1, Version: 4, State: Succeeded}, ErrFinal, Failed, 3},
		"older attempt":          {Build{State: Running, Attempt: 2, Version: 1}, Update{Attempt: 1, Version: 9, State: Succeeded}, ErrStale, Running, 1},
		"older attempt, ended":   {Build{State: Failed, Attempt: 2, Version: 1}, Update{Attempt: 1, Version: 9, State: Succeeded}, ErrStale, Failed, 1},
		"attempt never given":    {Build{State: Running, Attempt: 1, Version: 1}, Update{Attempt: 2, Version: 2, State: Running}, ErrMove, Running, 1},
		"not handed out":         {Build{State: Queued, Attempt: 1}, Update{Attempt: 1, Version: 1, State: Running}, ErrMove, Queued, 0},
		"back to the queue":      {Build{State: Running, Attempt: 1, Version: 1}, Update{Attempt: 1, Version: 2, State: Queued}, ErrMove, Running, 1},
		"back to assigned":       {Build{State: Running, Attempt: 1, Version: 1}, Update{Attempt: 1, Version: 2, State: Assigned}, ErrMove, Running, 1},
		"a state of tomorrow":    {Build{State: Running, Attempt: 1, Version: 1}, Update{Attempt: 1, Version: 2, State: "dreaming"}, ErrMove, Running, 1},
		"straight to the end":    {Build{State: Assigned, Attempt: 1}, Update{Attempt: 1, Version: 7, State: Succeeded}, nil, Succeeded, 7},
		"version before any was": {Build{State: Assigned, Attempt: 1}, Update{Attempt: 1, Version: 0, State: Succeeded}, nil, Assigned, 0},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := c.build.Advance(c.update)
			if !errors.Is(err, c.err) || c.err == nil && err != nil {
				t.Errorf("error %v, want %v", err, c.err)
			}
			if got.State != c.want || got.Version != c.at {
				t.Errorf("%s at version %d, want %s at %d", got.State, got.Version, c.want, c.at)
			}
		})
	}
}

func TestAdvanceKeepsRevisionsUntilNewOnesCome(t *testing.T) {
	b := Build{State: Assigned, Attempt: 1, Revisions: map[string]string{"u": "1"}}
	b, _ = b.Advance(Update{Attempt: 1, Version: 1, State: Running})
	if b.Revisions["u"] != "1" {
		t.Errorf("an update without revisions took them away: %v", b.Revisions)
	}
	b, _ = b.Advance(Update{Attempt: 1, Version: 2, State: Running, Revisions: map[string]string{"u": "2"}})
	if b.Revisions["u"] != "2" {
		t.Errorf("revisions %v, want the new ones", b.Revisions)
	}
}

func TestLose(t *testing.T) {
	now := time.Unix(50, 0)
	busy := Build{ID: "x-000001", State: Running, Attempt: 1, Agent: "a", Version: 7, Phase: "fetch", AppServer: "x-000001.1", StartedAt: now,
		EndedAt: now, Error: "said before"}
	again, err := busy.Lose("gone", now)
	if err != nil || again.State != Queued || again.Attempt != 2 || again.Agent != "" || again.Version != 0 || again.Phase != "" || again.AppServer != "" {
		t.Errorf("a lost build: %+v, %v; want it queued at attempt 2 with nothing of the first", again, err)
	}
	if !again.StartedAt.IsZero() || !again.EndedAt.IsZero() || again.Error != "" {
		t.Errorf("a lost build: %+v; want no times and no error of the first attempt", again)
	}
	wanted := busy
	wanted.Cancel = "enough"
	if b, err := wanted.Lose("gone", now); err != nil || b.State != Cancelled || b.Error != "enough" || b.Attempt != 1 {
		t.Errorf("lost while being cancelled: %+v, %v", b, err)
	}
	last := busy
	last.Attempt = MaxAttempts
	if b, err := last.Lose("gone", now); err != nil || b.State != Errored || b.Attempt != MaxAttempts || !b.EndedAt.Equal(now) {
		t.Errorf("lost for the last time: %+v, %v", b, err)
	}
	for _, s := range []BuildState{Queued, Succeeded, Failed, Errored, Cancelled} {
		idle := busy
		idle.State = s
		if b, err := idle.Lose("gone", now); !errors.Is(err, ErrMove) || b.State != s {
			t.Errorf("losing a build that is %s: %+v, %v", s, b, err)
		}
	}
}

func TestPauses(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	all := time.Duration(0)
	for attempt, want := range map[int]time.Duration{
		1: 0, 2: 0, 3: time.Second, 4: 2 * time.Second, 8: 32 * time.Second, 9: time.Minute, 12: time.Minute, 1000: time.Minute,
	} {
		if got := pauseBefore(attempt); got != want {
			t.Errorf("attempt %d waits %s, want %s", attempt, got, want)
		}
	}
	b := Build{State: Running, Attempt: 1}
	for b.State != Errored {
		lost, err := b.Lose("gone", now)
		if err != nil {
			t.Fatal(err)
		}
		if pause := lost.RetryAt.Sub(now); !lost.RetryAt.IsZero() {
			all += pause
			if !lost.Pauses(now) || !lost.Pauses(now.Add(pause-1)) || lost.Pauses(now.Add(pause)) || lost.Pauses(now.Add(-2*maxPause)) {
				t.Errorf("attempt %d pauses at the wrong times", lost.Attempt)
			}
		}
		if b = lost; b.State == Queued {
			b, err = b.Assign("one", "", "", 1)
			if err != nil || b.Pauses(now) || b.Lost != "" {
				t.Fatalf("handed out: %+v, %v", b, err)
			}
		}
	}
	if want := 303 * time.Second; all != want {
		t.Errorf("all pauses are %s, want %s", all, want)
	}
}

func TestEnd(t *testing.T) {
	for _, from := range everyBuildState() {
		for _, to := range everyBuildState() {
			b := Build{State: from}
			got, err := b.End(to, "why", time.Unix(9, 0))
			allowed := from.MayMove(to) && to.Final()
			switch {
			case allowed && (err != nil || got.State != to || got.Error != "why"):
				t.Errorf("from %s to %s: %+v, %v", from, to, got, err)
			case !allowed && (!errors.Is(err, ErrMove) || got.State != from):
				t.Errorf("from %s to %s: %+v, %v; want it refused", from, to, got, err)
			}
		}
	}
}

// No sequence of messages, repeated, delayed or reordered, takes a finished
// build back, lowers an attempt or version, or lets an older attempt speak.
func TestBuildOnlyGoesForward(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := Build{ID: "x-000001", State: Queued, Attempt: 1}
		var said []Update // so that messages can be repeated late
		for range rapid.IntRange(1, 60).Draw(t, "moves") {
			before, said2 := b, said
			b, said = someMove(t, b, said2)
			checkForward(t, before, b)
		}
	})
}

func someMove(t *rapid.T, b Build, said []Update) (Build, []Update) {
	now := time.Unix(int64(rapid.IntRange(0, 1000).Draw(t, "time")), 0)
	var next Build
	var err error
	switch rapid.IntRange(0, 6).Draw(t, "kind") {
	case 0:
		next, err = b.Assign(rapid.SampledFrom([]string{"a", "b"}).Draw(t, "agent"), "", "", 1)
	case 1:
		next, err = b.Lose("gone", now)
	case 2:
		next, err = b.End(rapid.SampledFrom(everyBuildState()).Draw(t, "end"), "why", now)
	case 3:
		next = b
		next.Cancel = rapid.SampledFrom([]string{"", "enough"}).Draw(t, "cancel")
	default:
		u := someUpdate(t, said)
		said = append(said, u)
		next, err = b.Advance(u)
		if u.Attempt != b.Attempt && (err == nil || fmt.Sprint(next) != fmt.Sprint(b)) {
			t.Fatalf("attempt %d spoke for attempt %d: %+v, %v", u.Attempt, b.Attempt, next, err)
		}
	}
	if err != nil && fmt.Sprint(next) != fmt.Sprint(b) {
		t.Fatalf("a refused move changed the build from %+v to %+v", b, next)
	}
	return next, said
}

func someUpdate(t *rapid.T, said []Update) Update {
	if len(said) > 0 && rapid.Bool().Draw(t, "repeat") {
		return rapid.SampledFrom(said).Draw(t, "said before")
	}
	return Update{
		Attempt: rapid.IntRange(0, MaxAttempts+1).Draw(t, "attempt"), Version: rapid.Int64Range(0, 8).Draw(t, "version"),
		State: rapid.SampledFrom(append(everyBuildState(), "", "bogus")).Draw(t, "state"),
	}
}

func checkForward(t *rapid.T, before, after Build) {
	if before.State.Final() && (after.State != before.State || after.Attempt != before.Attempt || after.Version != before.Version) {
		t.Fatalf("a finished build went from %+v to %+v", before, after)
	}
	if after.Attempt < before.Attempt || after.Attempt > MaxAttempts {
		t.Fatalf("attempt went from %d to %d", before.Attempt, after.Attempt)
	}
	if after.Attempt == before.Attempt && after.State != Assigned && after.Version < before.Version {
		t.Fatalf("version went from %d to %d", before.Version, after.Version)
	}
	if !slices.Contains(everyBuildState(), after.State) {
		t.Fatalf("a build is %q", after.State)
	}
	if after.State == Queued && after.Agent != "" || (after.State == Assigned || after.State == Running) && after.Agent == "" {
		t.Fatalf("a build that is %s has agent %q", after.State, after.Agent)
	}
	if after.Attempt == before.Attempt && after.State != before.State && !before.State.MayMove(after.State) {
		t.Fatalf("moved from %s to %s", before.State, after.State)
	}
}

func TestRequirements(t *testing.T) {
	m := &manifests.Manifest{
		BuildRequires: []string{"docker"}, AppServer: &manifests.AppServer{Cloud: "process"}, DNS: &manifests.DNS{Provider: "hosts"},
		Databases: []manifests.Database{{Provider: "sqlite"}, {Provider: "mysql"}},
		Balancer:  &manifests.Balancer{Provider: "haproxy"}, Runner: &manifests.Runner{Provider: "local"},
	}
	want := []string{
		"docker", "plugin:cloud/process", "plugin:dns/hosts", "plugin:balancer/haproxy", "plugin:runner/local",
		"plugin:database/sqlite", "plugin:database/mysql",
	}
	if got := Requirements(m); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if m.BuildRequires = m.BuildRequires[:1:1]; len(Requirements(&manifests.Manifest{})) != 0 {
		t.Error("an empty manifest requires something")
	}
}

func TestReasonJoin(t *testing.T) {
	first := []Change{{URL: "a", Ref: "m", Old: "1", New: "2"}}
	r := Reason{Kind: "person", Changes: first}
	r.Join([]Change{{URL: "b", Ref: "m", Old: "7", New: "8"}, {URL: "a", Ref: "m", Old: "2", New: "3"}, {URL: "a", Ref: "x", Old: "", New: "1"}})
	want := []Change{{"a", "m", "1", "3"}, {"b", "m", "7", "8"}, {"a", "x", "", "1"}}
	if r.Kind != "person" || !slices.Equal(r.Changes, want) {
		t.Errorf("joined: %+v, want %+v", r.Changes, want)
	}
	if first[0].New != "2" {
		t.Error("a fact was changed in place")
	}
	for i := range 100 {
		r.Join([]Change{{URL: fmt.Sprint(i), New: "1"}})
	}
	if r.Join([]Change{{URL: "a", Ref: "m", New: "9"}}); len(r.Changes) != maxChanges || r.Changes[0].New != "9" {
		t.Errorf("%d changes, the first %+v", len(r.Changes), r.Changes[0])
	}
}

func TestVouches(t *testing.T) {
	other := func(number, factsAt int64, revision string) *Build {
		return &Build{Number: number, FactsAt: factsAt, Revision: revision}
	}
	for _, tt := range []struct {
		what   string
		build  Build
		others []*Build
		want   int64
	}{
		{"the newest", Build{Number: 2}, []*Build{other(1, 10, "")}, 30},
		{"handed out before", Build{Number: 2, FactsAt: 20}, nil, 20},
		{"overtaken", Build{Number: 1}, []*Build{other(2, 10, "")}, 10},
		{"before one that waits too", Build{Number: 1}, []*Build{other(2, 0, "")}, 30},
		{"overtaken by one of a revision that somebody chose", Build{Number: 1}, []*Build{other(2, 10, "abc")}, 30},
		{"one of several", Build{Meta: Meta{Rev: 15}, Number: 1, Group: 1}, []*Build{other(2, 0, "")}, 15},
		{"one of several, lost", Build{Meta: Meta{Rev: 25}, Number: 1, Group: 1, FactsAt: 15}, nil, 15},
	} {
		if got := tt.build.Vouches(30, slices.Values(tt.others)); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.what, got, tt.want)
		}
	}
}
