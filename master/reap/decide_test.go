package reap

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/plugins"
)

// noon is when the tests decide.
func noon() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) }

func ours(tokens ...string) (all []state.Held) {
	for _, t := range tokens {
		all = append(all, state.Held{Token: t, Tags: map[string]string{plugins.InstallationTag: "home"}})
	}
	return all
}

func ids(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("shop-%06d.1", i+1))
	}
	return all
}

// before says that the list before held the tokens, as old as is due.
func before(age time.Duration, tokens ...string) map[string]time.Time {
	all := map[string]time.Time{}
	for _, t := range tokens {
		all[t] = noon().Add(-age)
	}
	return all
}

func owning(all ...string) Owners {
	o := Owners{IDs: map[string]bool{}, Names: map[string]bool{}}
	for _, a := range all {
		o.IDs[a], o.Names[a] = true, true
	}
	return o
}

func TestDecide(t *testing.T) {
	const long, short = 10 * time.Minute, 10*time.Minute - 1
	one, many := ids(1), ids(4)
	persistent := ours("shop-000001.1/db")
	persistent[0].Persistent = true
	foreign := ours(one...)
	foreign[0].Tags = map[string]string{plugins.InstallationTag: "elsewhere"}
	untagged := ours(one...)
	untagged[0].Tags = nil
	for name, c := range map[string]struct {
		kind    string
		things  []state.Held
		owners  Owners
		before  map[string]time.Time
		held    bool
		force   bool
		end     []string
		unowned int
		hold    bool
	}{
		"seen for the first time":                  {things: ours(one...), unowned: 1},
		"seen again too soon":                      {things: ours(one...), before: before(short, one...), unowned: 1},
		"seen again":                               {things: ours(one...), before: before(long, one...), unowned: 1, end: one},
		"listed twice":                             {things: ours(one[0], one[0]), before: before(long, one...), unowned: 1, end: one},
		"owned":                                    {things: ours(one...), before: before(long, one...), owners: owning(one...)},
		"no longer there":                          {before: before(long, one...)},
		"another installation's":                   {things: foreign, before: before(long, one...)},
		"without tags":                             {things: untagged, before: before(long, one...)},
		"a token that is none of ours":             {things: ours("pet"), before: before(long, "pet")},
		"an odd spelling of a token":               {things: ours("shop-1.1"), before: before(long, "shop-1.1")},
		"three of three":                           {things: ours(ids(3)...), before: before(long, ids(3)...), unowned: 3, end: ids(3)},
		"four of four":                             {things: ours(many...), before: before(long, many...), unowned: 4, hold: true},
		"four of eight":                            {things: ours(ids(8)...), owners: owning(ids(8)[4:]...), before: before(long, many...), unowned: 4, end: many},
		"four of seven":                            {things: ours(ids(7)...), owners: owning(ids(7)[4:]...), before: before(long, many...), unowned: 4, hold: true},
		"four of four, just seen":                  {things: ours(many...), unowned: 4, hold: true},
		"held back, and few by now":                {things: ours(one...), before: before(long, one...), held: true, unowned: 1, hold: true},
		"held back, and none by now":               {things: ours(one...), owners: owning(one...), held: true},
		"four of four, allowed":                    {things: ours(many...), before: before(long, many...), held: true, force: true, unowned: 4, end: many},
		"allowed, but not seen by the person":      {things: ours(many...), before: before(short, one...), held: true, force: true, unowned: 4, end: one},
		"allowed, and owned":                       {things: ours(many...), before: before(long, many...), owners: owning(many...), force: true},
		"a database":                               {kind: "database", things: ours("shop-000001.1/db"), before: before(long, "shop-000001.1/db"), unowned: 1, end: []string{"shop-000001.1/db"}},
		"a database in use":                        {kind: "database", things: ours("shop-000001.1/db"), before: before(long, "shop-000001.1/db"), owners: owning(one...)},
		"a persistent database":                    {kind: "database", things: persistent, before: before(long, "shop-000001.1/db"), force: true},
		"a persistent database without users":      {kind: "database", things: ours(""), before: before(long, "")},
		"a name":                                   {kind: "dns", things: ours("shop.test"), before: before(long, "shop.test"), unowned: 1, end: []string{"shop.test"}},
		"a name in use, in another spelling":       {kind: "dns", things: ours("Shop.test."), before: before(long, "Shop.test."), owners: owning("shop.test")},
		"a route":                                  {kind: "balancer", things: ours("shop.test"), before: before(long, "shop.test"), unowned: 1, end: []string{"shop.test"}},
		"a name while an AppServer cannot be read": {kind: "dns", things: ours("shop.test"), before: before(long, "shop.test"), owners: Owners{Blind: true}},
		"a kind that is not reaped":                {kind: "runner", things: ours(one...), before: before(long, one...)},
	} {
		kind := c.kind
		if kind == "" {
			kind = "cloud"
		}
		v := Decide(Situation{kind, "home", c.things, c.owners, c.before, c.held}, Rules{long, c.force}, noon())
		if !slices.Equal(v.End, c.end) || len(v.Unowned) != c.unowned || v.HoldBack != c.hold {
			t.Errorf("%s: ends %v, %d unowned, held back %v; want %v, %d, %v", name, v.End, len(v.Unowned), v.HoldBack, c.end, c.unowned, c.hold)
		}
	}
}

// Whatever happens: nothing ends that is owned, is not of this installation,
// persistent, or was not seen by the list before; and of much nothing does.
func TestWhatNeverEnds(t *testing.T) {
	for seed := range uint64(20000) {
		r := rand.New(rand.NewPCG(seed, 1))
		s, rules := randomSituation(r)
		v := Decide(s, rules, noon())
		things := map[string][]state.Held{}
		for _, h := range s.Things {
			things[h.Token] = append(things[h.Token], h)
		}
		for _, token := range v.End {
			since, listed := s.Before[token]
			ours := slices.ContainsFunc(things[token], func(h state.Held) bool {
				return h.Tags[plugins.InstallationTag] == "home" && !h.Persistent && !s.Owners.own(s.Kind, h)
			})
			if !ours || !listed || !rules.Force && noon().Sub(since) < rules.After {
				t.Fatalf("seed %d: %s ends: %+v", seed, token, s)
			}
		}
		if many := len(v.Unowned) > 3 && 2*len(v.Unowned) > v.Listed; len(v.End) > 0 && !rules.Force && (many || s.HeldBack) {
			t.Fatalf("seed %d: %d of %d end", seed, len(v.End), v.Listed)
		}
		if held := v.HoldBack && (len(v.Unowned) == 0 || rules.Force); held {
			t.Fatalf("seed %d: held back for nothing", seed)
		}
		again := Decide(s, rules, noon())
		if !slices.Equal(again.End, v.End) || again.HoldBack != v.HoldBack {
			t.Fatalf("seed %d: decided otherwise the second time", seed)
		}
		settles(t, seed, s, rules)
	}
}

// settles: what stays unowned ends or is held back, and then nothing is left.
func settles(t *testing.T, seed uint64, s Situation, rules Rules) {
	t.Helper()
	now := noon()
	for range 3 {
		v := Decide(s, rules, now)
		s.Things = slices.DeleteFunc(slices.Clone(s.Things), func(h state.Held) bool { return slices.Contains(v.End, h.Token) })
		s.Before, s.HeldBack = map[string]time.Time{}, v.HoldBack
		for _, u := range v.Unowned {
			s.Before[u.Token] = u.Since
		}
		now = now.Add(rules.After)
	}
	if v := Decide(s, rules, now); len(v.Unowned) > 0 && !v.HoldBack {
		t.Fatalf("seed %d: left for ever: %+v", seed, v.Unowned)
	}
}

func randomSituation(r *rand.Rand) (Situation, Rules) {
	pick := func(all ...string) string { return all[r.IntN(len(all))] }
	s := Situation{
		Kind: pick("cloud", "database", "dns", "balancer"), Installation: "home", Owners: owning(),
		Before: map[string]time.Time{}, HeldBack: r.IntN(8) == 0,
	}
	s.Owners.Blind = r.IntN(10) == 0
	for range r.IntN(12) {
		id := fmt.Sprintf("%s-%06d.%d", pick("shop", "s"), r.IntN(9), r.IntN(3))
		token := map[string]string{"cloud": id, "database": id + pick("/a", "/b"), "dns": pick("a.test", "A.test.", "b.test"), "balancer": "r.test"}[s.Kind]
		h := state.Held{Token: pick(token, token, token, "", "odd"), Persistent: r.IntN(6) == 0}
		h.Tags = map[string]string{plugins.InstallationTag: pick("home", "home", "home", "home", "elsewhere", "")}
		s.Things = append(s.Things, h)
		if r.IntN(2) == 0 {
			s.Before[h.Token] = noon().Add(-time.Duration(r.IntN(20)) * time.Minute)
		}
		if r.IntN(3) == 0 {
			maps.Copy(s.Owners.IDs, owning(id).IDs)
			maps.Copy(s.Owners.Names, owning(canonical(h.Token)).Names)
		}
	}
	return s, Rules{After: 10 * time.Minute, Force: r.IntN(8) == 0}
}

func TestOwners(t *testing.T) {
	f := state.NewFacts()
	f.Builds["shop-000002"] = &state.Build{ID: "shop-000002", Attempt: 2}
	f.Illegible["new-000001.1"] = true
	f.AppServers["shop-000001.1"] = &state.AppServer{
		ID: "shop-000001.1", State: state.Terminating, DNS: &manifests.DNS{Domain: "Shop.Test."}, Balancer: &manifests.Balancer{Name: "front.test"},
	}
	o := OwnersOf(f)
	for _, id := range []string{"shop-000001.1", "shop-000002.2", "new-000001.1"} {
		if !o.IDs[id] {
			t.Errorf("%s has no owner", id)
		}
	}
	if o.IDs["shop-000002.1"] || !o.Names["shop.test"] || !o.Names["front.test"] || !o.Blind {
		t.Errorf("owners: %+v", o)
	}
}
