package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/api/apitest"
	"github.com/wright-build/wright/master/api/view"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/web"
)

type repos []view.ManifestRepo

func (r repos) Repos() []view.ManifestRepo { return r }
func (r repos) Nudge(string) bool          { return false }

// Pages name the commits of manifests, and what is wrong with their
// repositories; names of authors are a stranger's text.
func TestManifestsFromGit(t *testing.T) {
	w := apitest.New(t)
	cfg := w.Config()
	cfg.Manifests = repos{
		{URL: "https://git.example.test/well.git", Commit: "aaaa"},
		{URL: "https://git.example.test/ops.git", Directory: "etc", Error: "the remote has no branch main " + hostile},
	}
	h := web.New(cfg)
	_, empty := get(t, h, "/")
	for _, part := range []string{"https://git.example.test/ops.git", "the remote has no branch main", "etc of HEAD"} {
		if !strings.Contains(empty, part) {
			t.Errorf("the front page does not say %q:\n%s", part, empty)
		}
	}
	if strings.Contains(empty, "well.git") {
		t.Error("the front page names a repository that is well")
	}
	at := time.Now().Add(-time.Hour)
	good := state.Origin{Repo: "https://git.example.test/ops.git", Commit: "0123456789abcdef", Author: "Ann" + hostile, CommittedAt: at}
	bad := state.Origin{Repo: good.Repo, Commit: "fedcba9876543210", Author: "Bob" + hostile, CommittedAt: at}
	errs := manifests.Errors{{Place: manifests.Place{File: "etc/shop.toml", Line: 3, Column: 1}, Message: "unknown key"}}
	w.Put((&state.InForce{Instance: "shop", File: "etc/shop.toml", Text: []byte(shop), Origin: good}).Put(),
		(&state.Fault{Name: "shop", Errors: errs, Origin: bad}).Put())
	for _, path := range []string{"/", "/instances/shop"} {
		status, page := get(t, h, path)
		if status != http.StatusOK || !strings.Contains(page, "commit fedcba987654 by Bob") {
			t.Errorf("%s (%d) does not say who committed what is wrong:\n%s", path, status, page)
		}
		if strings.Contains(page, "<script>alert") || strings.Contains(page, "<img src=x") {
			t.Errorf("%s: an author's name is not escaped", path)
		}
	}
	if _, page := get(t, h, "/instances/shop"); !strings.Contains(page, "commit 0123456789ab by Ann") {
		t.Errorf("the page does not say who committed what is in force:\n%s", page)
	}
}
