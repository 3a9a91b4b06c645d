package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
)

// held is what a look at a host finds: "token state age".
func held(at int, what string) seen {
	if what == "" || what == "away" {
		s := seen{at: at}
		if what == "away" {
			s.err = errors.New("no answer")
		}
		return s
	}
	if what == "foreign" {
		return read(at, "somebody's own", nil)
	}
	f := strings.Fields(what)
	state := map[string]string{"claimed": cloud.Starting, "ready": cloud.Running, "deleting": cloud.Deleting}[f[1]]
	text, _ := lease{Wright: leaseVersion, Token: f[0], State: state, Created: time.Unix(int64(len(f[2])), 0)}.text()
	return read(at, text, nil)
}

func TestDecide(t *testing.T) {
	tests := []struct {
		name  string
		hosts []string
		want  string
		at    int // -1: any
	}{
		{"nothing is leased", []string{"", "", ""}, claim, -1},
		{"the only free one", []string{"other ready 1", "", "other2 claimed 1"}, claim, 1},
		{"not the one that is away", []string{"away", ""}, claim, 1},
		{"not the one that a person has", []string{"foreign", ""}, claim, 1},
		{"not the one that does not suit", []string{"", "x ready 1", "x ready 1", "x ready 1", ""}, claim, 0},
		{"all are leased", []string{"other ready 1", "foreign"}, full, 0},
		{"all are leased or away", []string{"other ready 1", "away"}, full, 0},
		{"claimed before", []string{"", "me claimed 1", ""}, confirm, 1},
		{"there", []string{"", "me ready 1", ""}, give, 1},
		{"there, and all else is away", []string{"away", "me ready 1", "away"}, give, 1},
		{"going", []string{"me deleting 1", ""}, wait, 0},
		{"going at one, claimed at another", []string{"me deleting 1", "me claimed 1"}, wait, 0},
		{"claimed twice: the later one goes", []string{"me claimed 11", "me claimed 1"}, drop, 0},
		{"claimed twice at the same time", []string{"me claimed 1", "me claimed 1"}, drop, 1},
		{"there, and claimed by who came late", []string{"me claimed 1", "me ready 11"}, drop, 0},
		{"of another token that begins alike", []string{"me2 ready 1", "m ready 1"}, full, 0},
	}
	for _, tt := range tests {
		var all []seen
		for i, h := range tt.hosts {
			all = append(all, held(i, h))
		}
		action, at := decide("me", all, func(i int) bool { return i < 4 })
		if action != tt.want || tt.at >= 0 && at.at != tt.at {
			t.Errorf("%s: %s at %d, want %s at %d", tt.name, action, at.at, tt.want, tt.at)
		}
	}
}

// Two agents that make the same server at once decide step by step; whatever the
// order of their steps, one host is leased, and both get it.
func TestTwoAgentsAgree(t *testing.T) {
	for order := range 1 << 12 {
		hosts := []string{"", ""}
		var looked [2][]seen // what an agent saw before its next deed
		var got [2]int
		got[0], got[1] = -1, -1
		for step := range 60 {
			agent := order >> (step % 12) & 1
			if step >= 12 {
				agent = step % 2
			}
			if got[agent] >= 0 {
				continue
			}
			if looked[agent] == nil {
				looked[agent] = []seen{read(0, hosts[0], nil), read(1, hosts[1], nil)}
				continue
			}
			// The agents want different hosts, which is the worst that can happen.
			action, at := decide("me", looked[agent], func(i int) bool { return i == agent })
			looked[agent] = nil
			fresh := ""
			switch action {
			case give:
				got[agent] = at.at
				continue
			case claim:
				fresh, _ = lease{Wright: leaseVersion, Token: "me", State: cloud.Starting, Created: time.Unix(int64(step), 0)}.text()
			case confirm:
				fresh, _ = at.lease.as(cloud.Running).text()
			case wait, full:
				continue
			}
			if hosts[at.at] == at.text { // the swap
				hosts[at.at] = fresh
			}
		}
		if got[0] != got[1] || got[0] < 0 || (hosts[0] == "") == (hosts[1] == "") {
			t.Fatalf("order %b: the agents got %v, and the hosts hold %q", order, got, hosts)
		}
	}
}

func TestNewLeaseRefuses(t *testing.T) {
	for _, s := range []cloud.Spec{
		{Token: "t", Image: "debian"},
		{Token: "t", Config: map[string]any{"port": 70000}},
		{Token: "t", Config: map[string]any{"clean": "a\x00b"}},
		{Token: "t", Config: map[string]any{"clean": strings.Repeat("x", 20<<10)}},
	} {
		if _, err := newLease(s, time.Now()); plugins.CodeOf(err) != plugins.Invalid {
			t.Errorf("%v: %v", s.Config, err)
		}
	}
}

func FuzzParseLease(f *testing.F) {
	f.Add(`{"wright":1,"token":"t","state":"running"}`)
	f.Add("somebody's own")
	f.Fuzz(func(t *testing.T, text string) {
		l, err := parseLease(text)
		if err != nil {
			return
		}
		again, err := l.text()
		if err != nil {
			t.Skip() // a year that JSON does not have
		}
		if b, err := parseLease(again); err != nil || b.Token != l.Token || b.State != l.State || strings.ContainsAny(again, "\n\r") {
			t.Errorf("%q became %q, %v", text, again, err)
		}
	})
}

// A token is one of its installation; a lease without one is from before they had any.
func TestOwn(t *testing.T) {
	n := &inventory{owner: "here"}
	for owner, want := range map[string]bool{"here": true, "": true, "there": false} {
		text, err := lease{Wright: leaseVersion, Owner: owner, Token: "t", State: cloud.Running}.text()
		if err != nil {
			t.Fatal(err)
		}
		all := n.own([]seen{read(0, text, nil), held(1, "foreign"), held(2, "")})
		if all[0].known != want || all[1].known || all[2].known {
			t.Errorf("of installation %q: %+v", owner, all)
		}
		if action, _ := decide("t", all[:1], func(int) bool { return true }); (action == give) != want || !want && action != full {
			t.Errorf("of installation %q: %s", owner, action)
		}
	}
}
