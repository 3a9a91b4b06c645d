package workspace

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/agent/workspace/access"
	"github.com/wright-build/wright/agent/workspace/cache"
	"github.com/wright-build/wright/agent/workspace/gittest"
)

func newCache(t *testing.T) *cache.Cache {
	t.Helper()
	return cache.Open(filepath.Join(t.TempDir(), "cache"), cache.Limits{})
}

// A checkout with the help of the cache is the same as one without.
func TestCached(t *testing.T) {
	origin := gittest.New(t)
	first := origin.Commit("one", map[string]string{"a.txt": "1", "bin/run": "#!/bin/sh\n"})
	origin.Tag("v1.0")
	second := origin.Commit("two", map[string]string{"a.txt": "2"})
	origin.Branch("side")
	side := origin.Commit("side", map[string]string{"a.txt": "side"})
	origin.Tag("of-side")
	origin.Git("tag", "light-side")
	origin.Branch("main")
	wants := []Source{
		{}, {Branch: "side"}, {Branch: "main"}, {Branch: "main", Revision: first}, {Revision: first}, {Branch: "main", Revision: first, Pinned: true},
		{Revision: "v1.0"}, {Branch: "side", Revision: "v1.0"}, {Revision: side[:8]}, {Branch: "main", Revision: side}, {Revision: second},
	}
	for name, url := range map[string]string{"file": origin.URL(), "git": origin.Serve()} {
		c := newCache(t)
		for _, wants := range [][]Source{wants, wants[:3]} { // the second time all is there
			for _, s := range wants {
				s.URL = url
				want, plain := fetch(t, s)
				s.Cache = c
				got, repo := fetch(t, s)
				if got.Revision != want.Revision || got.Branch != want.Branch {
					t.Errorf("%s %+v: got %+v, want %+v", name, s, got, want)
				}
				for _, ask := range [][]string{
					{"for-each-ref", "refs/tags"}, {"for-each-ref", "refs/heads"}, {"config", "--get-all", "remote.origin.fetch"}, {"config", "remote.origin.url"},
					{"fsck", "--no-dangling"}, {"branch", "-vv"}, {"log", "--format=%H"},
				} {
					switch live := want.Branch != ""; {
					case s.Revision == side && ask[0] != "log": // no two tools have it in the same place
						continue
					case !live && (ask[0] == "branch" || ask[1] == "refs/heads"), name != "git" && ask[1] == "refs/tags": // nor these: go-git follows no tags
						continue
					}
					if a, b := plain.Git(ask...), repo.Git(ask...); a != b {
						t.Errorf("%s %+v: git %s says\n%s\nwithout the cache\n%s", name, s, strings.Join(ask, " "), b, a)
					}
				}
				if _, err := os.Lstat(filepath.Join(repo.Dir, ".git/objects/info/alternates")); err == nil {
					t.Error("the work tree still needs the cache")
				}
			}
		}
	}
}

// packed is how many bytes of packs a bare repository has.
func packed(t *testing.T, dir string) (total int64) {
	t.Helper()
	all, _ := filepath.Glob(filepath.Join(dir, "objects/pack/*.pack"))
	for _, name := range all {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		total += info.Size()
	}
	return total
}

func cached(t *testing.T, dir string) string {
	t.Helper()
	all, _ := filepath.Glob(filepath.Join(dir, "*.git"))
	if len(all) != 1 {
		t.Fatalf("the cache has %v", all)
	}
	return all[0]
}

// Only what is new is fetched, and tags that came later are there.
func TestCacheGrows(t *testing.T) {
	origin := gittest.New(t)
	noise := make([]byte, 512<<10)
	file, err := os.Open("/dev/urandom")
	if err != nil {
		t.Skip(err)
	}
	if _, err := file.Read(noise); err != nil {
		t.Fatal(err)
	}
	_ = file.Close()
	origin.Commit("one", map[string]string{"big": string(noise)})
	dir := filepath.Join(t.TempDir(), "cache")
	s := Source{URL: origin.Serve(), Branch: "main", Cache: cache.Open(dir, cache.Limits{})}
	fetch(t, s)
	before := packed(t, cached(t, dir))
	if before < 512<<10 {
		t.Fatalf("%d bytes are kept", before)
	}
	origin.Tag("late") // of what the cache has already
	for i := range maxPacks + 2 {
		last := origin.Commit("more", map[string]string{"small": strings.Repeat("x", i)})
		r, repo := fetch(t, s)
		if r.Revision != last {
			t.Fatalf("got %+v", r)
		}
		if tags := repo.Git("tag"); tags != "late" {
			t.Fatalf("the tags are %q", tags)
		}
	}
	if grown := packed(t, cached(t, dir)) - before; grown > 256<<10 {
		t.Errorf("%d bytes came for little changes", grown)
	}
	packs, _ := filepath.Glob(filepath.Join(cached(t, dir), "objects/pack/*.idx"))
	if len(packs) > maxPacks {
		t.Errorf("%d packs are never made one", len(packs))
	}
	origin.Git("reset", "-q", "--hard", "HEAD~3")
	if r, _ := fetch(t, s); r.Revision != origin.Head() {
		t.Errorf("after a forced push: %+v", r)
	}
}

// What is broken is thrown away; the build does not notice.
func TestBrokenCache(t *testing.T) {
	origin := gittest.New(t)
	origin.Commit("one", map[string]string{"a": "1"})
	dir := filepath.Join(t.TempDir(), "cache")
	s := Source{URL: origin.Serve(), Branch: "main", Cache: cache.Open(dir, cache.Limits{})}
	for name, spoil := range map[string]func(string){
		"packs":  func(d string) { _ = os.RemoveAll(filepath.Join(d, "objects/pack")) },
		"text":   func(d string) { garble(t, d, "objects/pack/*.pack") },
		"index":  func(d string) { garble(t, d, "objects/pack/*.idx") },
		"config": func(d string) { garble(t, d, "config") },
		"refs":   func(d string) { garble(t, d, "refs/heads/*") },
		"a lock": func(d string) { _ = os.WriteFile(filepath.Join(d, "refs/heads/x.lock"), nil, 0o600) },
		"halves": func(d string) { _ = os.WriteFile(filepath.Join(d, "objects/pack/tmp_pack_x"), []byte("x"), 0o600) },
	} {
		fetch(t, s)
		spoil(cached(t, dir))
		last := origin.Commit("more", map[string]string{"a": name})
		if r, repo := fetch(t, s); r.Revision != last {
			t.Errorf("%s: got %+v", name, r)
		} else {
			repo.Git("fsck", "--full")
		}
		gittest.Open(t, cached(t, dir)).Git("fsck", "--full")
	}
}

func garble(t *testing.T, dir, pattern string) {
	t.Helper()
	all, _ := filepath.Glob(filepath.Join(dir, pattern))
	for _, name := range all {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for i := len(data) / 3; i < len(data); i++ {
			data[i] ^= 0x5a
		}
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if len(all) == 0 {
		t.Fatalf("no %s in %s", pattern, dir)
	}
}

// A step that changes the objects of its work tree changes nobody else's.
func TestCacheIsNobodysOwn(t *testing.T) {
	origin := gittest.New(t)
	origin.Commit("one", map[string]string{"a": "1"})
	dir := filepath.Join(t.TempDir(), "cache")
	s := Source{URL: origin.Serve(), Branch: "main", Cache: cache.Open(dir, cache.Limits{})}
	for range 3 {
		_, repo := fetch(t, s)
		packs, _ := filepath.Glob(filepath.Join(repo.Dir, ".git/objects/pack/*"))
		for _, name := range packs {
			if err := os.Chmod(name, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, []byte("poison"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if len(packs) == 0 {
			t.Fatal("no packs")
		}
	}
	gittest.Open(t, cached(t, dir)).Git("fsck", "--full")
}

// What a remote no longer hands out is not had from the cache either.
func TestCacheOpensNothing(t *testing.T) {
	origin := gittest.New(t)
	origin.Commit("one", map[string]string{"a": "1"})
	s := Source{URL: origin.URL(), Branch: "main", Cache: newCache(t)}
	fetch(t, s)
	if err := os.Rename(filepath.Join(origin.Dir, ".git"), filepath.Join(origin.Dir, "gone")); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "src")
	if r, err := Fetch(t.Context(), dir, s, t.Output()); err == nil {
		t.Errorf("got %+v", r)
	}
	if left, _ := filepath.Glob(dir + "*"); len(left) > 0 {
		t.Errorf("left are %v", left)
	}
}

func TestCachedSubmodules(t *testing.T) {
	lib := gittest.New(t)
	lib.Commit("one", map[string]string{"lib": "1"})
	shop := gittest.New(t)
	shop.Commit("one", nil)
	shop.AddSubmodule(lib.URL(), "lib", "main")
	dir := filepath.Join(t.TempDir(), "cache")
	s := Source{URL: shop.URL(), Submodules: true, Cache: cache.Open(dir, cache.Limits{})}
	for range 2 {
		last := lib.Commit("more", nil)
		r, _ := fetch(t, s)
		if len(r.Submodules) != 1 || r.Submodules[0].Revision != last {
			t.Errorf("got %+v", r)
		}
	}
	if all, _ := filepath.Glob(filepath.Join(dir, "*.git")); len(all) != 2 {
		t.Errorf("the cache has %v", all)
	}
}

func TestCachedSHA256(t *testing.T) {
	origin := gittest.New(t, "--object-format=sha256")
	origin.Commit("one", map[string]string{"a": "1"})
	s := Source{URL: origin.Serve(), Branch: "main", Cache: newCache(t)}
	for range 3 {
		last := origin.Commit("more", nil)
		if r, _ := fetch(t, s); r.Revision != last {
			t.Errorf("got %+v", r)
		}
	}
}

// Builds of one remote take turns, and what nobody used goes.
func TestCacheIsShared(t *testing.T) {
	origin := gittest.New(t)
	origin.Commit("one", map[string]string{"a": "1"})
	c := newCache(t)
	s := Source{URL: origin.Serve(), Branch: "main", Cache: c}
	done := make(chan error)
	for range 4 {
		go func() {
			_, err := Fetch(t.Context(), filepath.Join(t.TempDir(), "src"), s, nil)
			done <- err
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := c.Sweep(time.Now().Add(time.Hour)); err != nil {
			t.Error(err)
		}
	}
}

// Who logs in as somebody else, or goes another way, has another entry; how the
// address is written makes no difference.
func TestCacheKeys(t *testing.T) {
	logins := func(user, token string) *access.Access {
		t.Helper()
		dir := filepath.Join(t.TempDir(), "logins")
		if err := access.Keep(dir, []access.Login{{URL: "https://git.example.test/*", User: user, Token: token}}); err != nil {
			t.Fatal(err)
		}
		a, err := access.Open(dir, "none")
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	key := func(url string, a *access.Access) cache.Key { return (&fetcher{access: a}).keyOf(url) }
	const shop = "https://git.example.test/shop"
	ann := key(shop, logins("ann", "one"))
	for _, same := range []cache.Key{key(shop+".git", logins("ann", "one")), key("HTTPS://GIT.example.test/shop/", logins("ann", "one"))} {
		if same != ann {
			t.Errorf("%+v is not %+v", same, ann)
		}
	}
	if strings.Contains(ann.As, "one") {
		t.Error("the token is in it")
	}
	all := map[cache.Key]string{ann: "ann"}
	for name, k := range map[string]cache.Key{
		"another user": key(shop, logins("ben", "one")), "another token": key(shop, logins("ann", "two")), "nobody": key(shop, nil),
		"another way": key("http://git.example.test/shop", nil), "a user of ssh": key("git@git.example.test:shop", nil),
		"another user of ssh": key("ann@git.example.test:shop", nil), "another remote": key(shop+"s", logins("ann", "one")),
		"a remote that no login is for": key("https://other.example.test/shop", logins("ann", "one")),
	} {
		if all[k] != "" {
			t.Errorf("%s shares with %s", name, all[k])
		}
		all[k] = name
	}
}

// What a remote does not have is its own word: the cache stays.
func TestCachedErrors(t *testing.T) {
	origin := gittest.New(t)
	origin.Commit("one", map[string]string{"a": "1"})
	dir := filepath.Join(t.TempDir(), "cache")
	s := Source{URL: origin.Serve(), Branch: "main", Cache: cache.Open(dir, cache.Limits{})}
	fetch(t, s)
	before, err := os.Stat(cached(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	for want, s := range map[string]Source{
		"no such branch: gone":         {URL: s.URL, Branch: "gone", Cache: s.Cache},
		"there is no tag or commit v9": {URL: s.URL, Revision: "v9", Cache: s.Cache},
		"is not in branch main":        {URL: s.URL, Branch: "main", Revision: strings.Repeat("1", 40), Cache: s.Cache},
	} {
		_, err := Fetch(t.Context(), filepath.Join(t.TempDir(), "src"), s, t.Output())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if after, err := os.Stat(cached(t, dir)); err != nil || !os.SameFile(before, after) {
		t.Errorf("the cache was thrown away: %v", err)
	}
}
