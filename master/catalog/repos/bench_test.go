package repos

import (
	"fmt"
	"testing"

	"github.com/wright-build/wright/agent/workspace/gittest"
	"github.com/wright-build/wright/manifests"
)

// BenchmarkCommit is what one commit to a repository of 10,000 manifests costs,
// fetched and read; and the first look at it.
func BenchmarkCommit(b *testing.B) {
	for _, kind := range []string{"first", "next"} {
		b.Run(kind, func(b *testing.B) {
			r := gittest.New(b)
			files := map[string]string{}
			for i := range manifests.MaxFiles {
				files[fmt.Sprintf("etc/i%05d.toml", i)] = manifest(fmt.Sprint(i))
			}
			r.Commit("all", files)
			repo := New(Config{Repos: []manifests.Repo{{URL: r.URL(), Directory: "etc"}}, Dir: b.TempDir(), Log: discard()}).All()[0]
			said := 0
			look := func() {
				if err := repo.look(b.Context(), func(s Snapshot) { said = len(s.Manifests) }); err != nil || said != manifests.MaxFiles {
					b.Fatal(said, err)
				}
			}
			if kind == "next" {
				look()
			}
			for i := 0; b.Loop(); i++ {
				b.StopTimer()
				if kind == "first" {
					_, repo.told, repo.entries = repo.clone.remove(), "", nil
				} else {
					r.Commit("one", map[string]string{"etc/i00007.toml": manifest(fmt.Sprintf("changed %d", i))})
				}
				b.StartTimer()
				look()
			}
		})
	}
}
