package state

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParseBuildID(t *testing.T) {
	for s, want := range map[string]BuildID{
		"shop-000012": {"shop", 12}, "shop-12": {"shop", 12}, "a-b-3": {"a-b", 3}, "a-1-2": {"a-1", 2}, "0-1": {"0", 1},
		"shop-1234567": {"shop", 1234567}, strings.Repeat("a", 63) + "-1": {strings.Repeat("a", 63), 1},
	} {
		if got, err := ParseBuildID(s); err != nil || got != want {
			t.Errorf("%q: %v, %v; want %v", s, got, err, want)
		}
	}
	for _, s := range []string{
		"", "-", "shop", "shop-", "-1", "shop-0", "shop--1", "shop-x", "shop-1x", "Shop-1", "sh op-1", "../x-1", "a/b-1", "shop-9223372036854775808",
		"-shop-1", "shop-1\n", "shop\n-1", "shop-+1", strings.Repeat("a", 64) + "-1",
	} {
		if got, err := ParseBuildID(s); err == nil {
			t.Errorf("%q is taken as %v", s, got)
		}
	}
}

func TestBuildIDRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := BuildID{rapid.StringMatching(`[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?`).Draw(t, "instance"), rapid.Int64Range(1, 1<<62).Draw(t, "number")}
		if got, err := ParseBuildID(id.String()); err != nil || got != id {
			t.Fatalf("%v: %v, %v", id, got, err)
		}
	})
}

func FuzzParseBuildID(f *testing.F) {
	for _, s := range []string{"shop-000012", "shop-12", "a-b-1", "-", "x--1", "shop-1\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseBuildID(s)
		if err != nil {
			return
		}
		if strings.ContainsAny(id.Instance, "/.\n\x00 ") || id.Number <= 0 || len(id.Instance) > 63 {
			t.Fatalf("%q gives %+v", s, id)
		}
		if again, err := ParseBuildID(id.String()); err != nil || again != id {
			t.Fatalf("%q gives %v, and that %v, %v", s, id, again, err)
		}
	})
}

func TestKeyRoundTrip(t *testing.T) {
	for _, k := range []Key{{KindInForce, "shop"}, {KindBuild, "shop/0000000012"}, {KindAppServer, "shop-000012.1"}, {"tomorrow", "a/b/c"}} {
		if got, ok := ParseKey(k.String()); !ok || got != k {
			t.Errorf("%v: %v, %v", k, got, ok)
		}
	}
	for _, s := range []string{"", "build", "build/"} {
		if k, ok := ParseKey(s); ok {
			t.Errorf("%q is taken as %v", s, k)
		}
	}
}

// In the store builds of an instance stand in the order of their age, however
// many digits their numbers have.
func TestBuildNamesSortByAge(t *testing.T) {
	numbers := []int64{1, 9, 10, 99, 999999, 1000000, 999999999}
	var names []string
	for _, n := range numbers {
		names = append(names, BuildName(BuildID{"shop", n}))
	}
	if !slices.IsSorted(names) {
		t.Errorf("%v are not in order", names)
	}
}

func TestWrites(t *testing.T) {
	b := &Build{Meta: Meta{7}, ID: "shop-000002", Instance: "shop", Number: 2, State: Succeeded}
	ws := b.Finish()
	if len(ws) != 2 || ws[0].Value != nil || ws[0].Rev != 7 || ws[0].Key.Kind != KindBuild || ws[1].Rev != 0 || ws[1].Key.Kind != KindDone {
		t.Errorf("finishing a build: %+v", ws)
	}
	a := &AppServer{Meta: Meta{8}, ID: "shop-000002.1"}
	if ws := a.Finish(); len(ws) != 2 || ws[0].Value != nil || ws[0].Rev != 8 || ws[1].Key != (Key{KindGone, "shop/" + a.ID}) {
		t.Errorf("finishing an AppServer: %+v", ws)
	}
	if w := (&Agent{Meta: Meta{3}, Name: "x", ConnectedAt: time.Unix(1, 0)}).Put().Under(9); w.Lease != 9 || w.Rev != 3 {
		t.Errorf("under a lease: %+v", w)
	}
}

func TestRefNameIsOneOfManySpellings(t *testing.T) {
	one := Reported{VCS: "git", URL: "https://h.test/x.git", Ref: "HEAD"}
	two := &Ref{VCS: "git", URL: "https://H.test/x.git", Ref: "HEAD"}
	if one.Key() != two.Key() || RefName(one.Key()) != RefName(two.Key()) {
		t.Errorf("%q and %q differ", one.Key(), two.Key())
	}
	if RefName(one.Key()) == RefName(Reported{VCS: "git", URL: one.URL, Ref: "refs/heads/x"}.Key()) {
		t.Error("two refs have one name")
	}
}
