package state

import "testing"

func TestParseAppServerID(t *testing.T) {
	for id, want := range map[string]struct {
		build   string
		attempt int
	}{
		"shop-000001.1": {"shop-000001", 1}, "a-b-000012.30": {"a-b-000012", 30},
		"": {}, "shop": {}, "shop-000001": {}, "shop-000001.": {}, "shop-000001.0": {}, "shop-000001.01": {}, "shop-000001.-1": {},
		"shop-1.1": {}, "shop-000001.1/db": {}, "shop-000001.1.1": {}, "Shop-000001.1": {}, "shop-000001.1 ": {}, "-000001.1": {}, "shop-000000.1": {},
	} {
		build, attempt, err := ParseAppServerID(id)
		if build != want.build || attempt != want.attempt || (err == nil) != (want.build != "") {
			t.Errorf("%q: %q, %d, %v", id, build, attempt, err)
		}
	}
}

// Tokens come from providers: only what AppServerID writes is one of ours.
func FuzzParseAppServerID(f *testing.F) {
	for _, seed := range []string{"shop-000001.1", "shop-1.1", "a-b-000012.30", "..", "-", "shop-000001.1/db", "shop-9999999999999999999.1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, id string) {
		if build, attempt, err := ParseAppServerID(id); err == nil && AppServerID(build, attempt) != id {
			t.Errorf("%q is taken for attempt %d of %q", id, attempt, build)
		}
	})
}

// An AppServer that another release wrote is known to be there, and what was
// known of it stays.
func TestIllegibleAppServers(t *testing.T) {
	f := NewFacts()
	key := (&AppServer{ID: "shop-000001.1"}).Put().Key
	good, err := Encode(&AppServer{ID: "shop-000001.1", Instance: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Put(key, good, 1); err != nil || len(f.Illegible) > 0 {
		t.Fatalf("%v, %v", err, f.Illegible)
	}
	if err := f.Put(key, []byte("{"), 2); err == nil || !f.Illegible[key.Name] || f.AppServers[key.Name] == nil {
		t.Errorf("%v, %v, %v", err, f.Illegible, f.AppServers)
	}
	if err := f.Put(key, good, 3); err != nil || f.Illegible[key.Name] {
		t.Errorf("%v, %v", err, f.Illegible)
	}
	if err := f.Put(key, []byte("{"), 4); err == nil {
		t.Error("nonsense was read")
	}
	if f.Delete(key); f.Illegible[key.Name] || f.AppServers[key.Name] != nil {
		t.Errorf("deleted: %v, %v", f.Illegible, f.AppServers)
	}
}
