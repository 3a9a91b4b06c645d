package watchlist_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/wright-build/wright/master/watchlist"
)

func drawList(t *rapid.T) []watchlist.Watch {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) watchlist.Watch {
		return watchlist.Watch{
			VCS: "git",
			URL: rapid.SampledFrom([]string{"https://a.test/x", "https://A.test/x.git", "https://a.test/x/",
				"https://b.test/y", "git@c.test:z", "ssh://git@c.test/z", "/srv/z.git"}).Draw(t, "url"),
			Ref:    rapid.SampledFrom([]string{"HEAD", "refs/heads/main", "refs/heads/next", "refs/tags/v1"}).Draw(t, "ref"),
			Origin: rapid.SampledFrom([]watchlist.Origin{watchlist.Source, watchlist.Manifest, watchlist.Auto}).Draw(t, "origin"),
		}
	}), 0, 8).Draw(t, "list")
}

// picture is all that an index can be asked for.
func picture(x *watchlist.Index, ws map[string][]watchlist.Watch) string {
	var lines []string
	for r := range x.Remotes() {
		lines = append(lines, fmt.Sprintf("%+v %v %v", r, x.Refs(r.Key), x.Spellings(r.Key)))
	}
	for _, list := range ws {
		for _, w := range list {
			lines = append(lines, fmt.Sprintf("%q %v", w.Key(), x.Instances(w.Key())))
		}
	}
	for name := range x.Known() {
		lines = append(lines, name)
	}
	slices.Sort(lines)
	return fmt.Sprint(slices.Compact(lines))
}

func refsOf(x *watchlist.Index) map[watchlist.RemoteKey]string {
	all := map[watchlist.RemoteKey]string{}
	for r := range x.Remotes() {
		all[r.Key] = fmt.Sprint(x.Refs(r.Key), x.Trusted(r.Key))
	}
	return all
}

// TestIncrementalEqualsRebuilt: an index that was changed in steps is the one
// that is built anew, and says rightly which remotes each step changed.
func TestIncrementalEqualsRebuilt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var x watchlist.Index
		ws := map[string][]watchlist.Watch{}
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			name := rapid.SampledFrom([]string{"one", "two", "three"}).Draw(t, "instance")
			before := refsOf(&x)
			var changed []watchlist.Remote
			if rapid.IntRange(0, 4).Draw(t, "remove") == 0 {
				delete(ws, name)
				changed = x.Remove(name)
			} else {
				ws[name] = drawList(t)
				changed = x.Set(name, ws[name])
			}
			checkChanged(t, changed, before, refsOf(&x))
		}
		var fresh watchlist.Index
		for name, list := range ws {
			fresh.Set(name, list)
		}
		if got, want := picture(&x, ws), picture(&fresh, ws); got != want {
			t.Fatalf("incremental %s\nrebuilt     %s", got, want)
		}
	})
}

func checkChanged(t *rapid.T, changed []watchlist.Remote, before, after map[watchlist.RemoteKey]string) {
	want := map[watchlist.RemoteKey]bool{}
	for k := range before {
		want[k] = before[k] != after[k]
	}
	for k := range after {
		want[k] = before[k] != after[k]
	}
	maps.DeleteFunc(want, func(_ watchlist.RemoteKey, changed bool) bool { return !changed })
	var got []watchlist.RemoteKey
	for _, r := range changed {
		if r.VCS != "git" || watchlist.KeyOf(r.VCS, r.URL) != r.Key {
			t.Fatalf("changed remote %+v does not fit its key", r)
		}
		got = append(got, r.Key)
	}
	if !slices.Equal(got, slices.Sorted(maps.Keys(want))) {
		t.Fatalf("changed: %q, want %q", got, slices.Sorted(maps.Keys(want)))
	}
}

// A server that a manifest names is trusted for what reports name there too, for
// as long as it is named.
func TestServersThatManifestsName(t *testing.T) {
	auto := watchlist.Watch{VCS: "git", URL: "http://127.0.0.1:8080/theme", Ref: "HEAD", Origin: watchlist.Auto}
	source := watchlist.Watch{VCS: "git", URL: "http://127.0.0.1:8080/shop", Ref: "HEAD", Origin: watchlist.Source}
	elsewhere := watchlist.Watch{VCS: "git", URL: "http://127.0.0.1:2379/x", Ref: "HEAD", Origin: watchlist.Auto}
	key := watchlist.KeyOf("git", auto.URL)
	var x watchlist.Index
	x.Set("one", []watchlist.Watch{auto, elsewhere})
	if x.Trusted(key) {
		t.Error("trusted before a manifest names it")
	}
	x.Set("two", []watchlist.Watch{source})
	if !x.Trusted(key) || x.Trusted(watchlist.KeyOf("git", elsewhere.URL)) {
		t.Error("not trusted, or another port is")
	}
	x.Remove("two")
	if x.Trusted(key) {
		t.Error("trusted although no manifest names it any more")
	}
}

func TestSpellingsToBeTried(t *testing.T) {
	const https, ssh, scp, git, http = "https://h.test/x", "ssh://git@h.test/x.git", "git@h.test:x", "git://h.test/x", "http://h.test/x"
	key := watchlist.KeyOf("git", https)
	for _, c := range []struct {
		name    string
		by      map[watchlist.Origin][]string
		want    []string
		trusted bool
	}{
		{"only reports", map[watchlist.Origin][]string{watchlist.Auto: {http, git, ssh, scp, https}}, []string{https, scp, ssh, git, http}, false},
		{"a manifest's first", map[watchlist.Origin][]string{watchlist.Auto: {https, ssh}, watchlist.Manifest: {http}}, []string{http, https, ssh}, true},
		{"the source before all", map[watchlist.Origin][]string{watchlist.Source: {git}, watchlist.Manifest: {https}, watchlist.Auto: {git}},
			[]string{git, https}, true},
	} {
		var x watchlist.Index
		for origin, urls := range c.by {
			for i, url := range urls {
				x.Set(fmt.Sprint(origin, i), []watchlist.Watch{{VCS: "git", URL: url, Ref: "HEAD", Origin: origin}})
			}
		}
		if got := x.Spellings(key); !slices.Equal(got, c.want) || x.Trusted(key) != c.trusted {
			t.Errorf("%s: %q trusted %t, want %q", c.name, got, x.Trusted(key), c.want)
		}
		for r := range x.Remotes() {
			if r.URL != c.want[0] || r.Trusted != c.trusted {
				t.Errorf("%s: the remote is %+v", c.name, r)
			}
		}
	}
}

func TestKeysFitTogether(t *testing.T) {
	w := watchlist.Watch{VCS: "git", URL: "git@Host.test:a/b.git", Ref: "refs/heads/main"}
	if got := watchlist.KeyOf("git", "ssh://git@host.test/a/b").Watch("refs/heads/main"); got != w.Key() {
		t.Errorf("%q, want %q", got, w.Key())
	}
}

func BenchmarkSet(b *testing.B) {
	var x watchlist.Index
	for i := range 100 { // 10,000 of others
		x.Set(fmt.Sprintf("other%d", i), longList(fmt.Sprintf("o%d", i), 100))
	}
	for _, n := range []int{1, 100, 10000} {
		list := longList("mine", n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				x.Set("mine", list)
				x.Remove("mine")
			}
		})
	}
}

func longList(host string, n int) (all []watchlist.Watch) {
	for i := range n {
		all = append(all, watchlist.Watch{VCS: "git", URL: fmt.Sprintf("https://%s.test/r%05d.git", host, i), Ref: "HEAD"})
	}
	return all
}
