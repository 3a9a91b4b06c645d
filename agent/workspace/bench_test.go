package workspace

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/wright-build/wright/agent/workspace/cache"
	"github.com/wright-build/wright/agent/workspace/gittest"
)

// BenchmarkSmallFetch fetches a repository of one file again, after a change.
func BenchmarkSmallFetch(b *testing.B) {
	origin := gittest.New(b)
	origin.Commit("one", map[string]string{"a": "1"})
	again(b, origin)
}

// BenchmarkSecondFetch fetches a repository of 100 MB again, after a small change.
func BenchmarkSecondFetch(b *testing.B) {
	origin := gittest.New(b)
	for i := range 25 {
		files := map[string]string{}
		for j := range 40 {
			noise := make([]byte, 100<<10)
			if _, err := rand.Read(noise); err != nil {
				b.Fatal(err)
			}
			files[fmt.Sprintf("d%d/f%d", j%4, j)] = string(noise)
		}
		origin.Commit(fmt.Sprint(i), files)
	}
	origin.Git("gc", "-q")
	again(b, origin)
}

func again(b *testing.B, origin *gittest.Repo) {
	for _, server := range []struct{ name, url string }{{"git", origin.Serve()}, {"http", origin.ServeHTTP()}} {
		for _, name := range []string{"alone", "cached"} {
			b.Run(server.name+"/"+name, func(b *testing.B) {
				s := Source{URL: server.url, Branch: "main"}
				dir, kept := filepath.Join(b.TempDir(), "src"), filepath.Join(b.TempDir(), "cache")
				if name == "cached" {
					s.Cache = cache.Open(kept, cache.Limits{})
					if _, err := Fetch(b.Context(), filepath.Join(b.TempDir(), "first"), s, nil); err != nil {
						b.Fatal(err)
					}
				}
				var came int64 // bytes of packs
				for b.Loop() {
					b.StopTimer()
					if err := Remove(dir); err != nil {
						b.Fatal(err)
					}
					origin.Commit("more", map[string]string{"small": rand.Text()})
					before := total(b, filepath.Join(kept, "*.git"))
					b.StartTimer()
					if _, err := Fetch(b.Context(), dir, s, nil); err != nil {
						b.Fatal(err)
					}
					if came += total(b, filepath.Join(kept, "*.git")) - before; s.Cache == nil {
						came += total(b, filepath.Join(dir, ".git"))
					}
				}
				b.ReportMetric(float64(came)/float64(b.N), "B-fetched/op")
			})
		}
	}
}

// total is the size of all packs of repositories that match a pattern.
func total(b *testing.B, pattern string) (bytes int64) {
	b.Helper()
	all, err := filepath.Glob(filepath.Join(pattern, "objects", "pack", "*.pack"))
	if err != nil {
		b.Fatal(err)
	}
	for _, name := range all {
		info, err := os.Stat(name)
		if err != nil {
			b.Fatal(err)
		}
		bytes += info.Size()
	}
	return bytes
}
