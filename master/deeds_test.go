package master

import (
	"log/slog"
	"testing"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/catalog/repos"
	"github.com/wright-build/wright/master/hook"
	"github.com/wright-build/wright/master/poll"
	"github.com/wright-build/wright/master/store/storetest"
)

// A hook may tell of the branch that manifests come from, watched or not.
func TestHooksOfManifests(t *testing.T) {
	st, log := storetest.Embedded(t), slog.New(slog.DiscardHandler)
	const url = "https://git.example.test/ops.git"
	r := repos.New(repos.Config{Repos: []manifests.Repo{{URL: url, Branch: "main"}}, Log: log})
	hooks := told{polls{poll.New(st, poll.Config{}, log)}, st, r}
	for _, c := range []struct {
		vcs, url, ref string
		want          bool
	}{
		{"git", "git@git.example.test:ops", "refs/heads/main", true},
		{"git", url, "refs/heads/side", false},
		{"hg", url, "refs/heads/main", false},
		{"git", "https://git.example.test/other.git", "refs/heads/main", false},
	} {
		if got := hooks.Watched(c.vcs, c.url, c.ref); got != c.want {
			t.Errorf("%v: %v", c, got)
		}
	}
	c := hook.Change{VCS: "git", Ref: "refs/heads/main"}
	if recorded, err := hooks.Observe(t.Context(), url, c); recorded || err != nil {
		t.Errorf("recorded %v, %v", recorded, err)
	}
	hooks.Told(url, c)
}
