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
			Ref: rapid.SampledFrom([]string{"HEAD", "refs/heads/main", "refs/heads/next", "refs/tags/v1"}).Draw(t, "ref"),
		}
	}), 0, 8).Draw(t, "list")
}

// picture is all that an index can be asked for.
func picture(x *watchlist.Index, ws map[string][]watchlist.Watch) string {
	var lines []string
	for r := range x.Remotes() {
		lines = append(lines, fmt.Sprintf("%q %v %v", r, x.Refs(r.Key), x.Spellings(r.Key)))
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
		all[r.Key] = fmt.Sprint(x.Refs(r.Key))
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
			t.Fatalf("changed remote %q does not fit its key", r)
		}
		got = append(got, r.Key)
	}
	if !slices.Equal(got, slices.Sorted(maps.Keys(want))) {
		t.Fatalf("changed: %q, want %q", got, slices.Sorted(maps.Keys(want)))
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
