package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wright-build/wright/agent/workspace/gittest"
	"github.com/wright-build/wright/cmd/wright/wrighttest"
	"github.com/wright-build/wright/master/api/view"
)

// TestReportsAreKeptAndExplained: what a build found is explained with place and
// build, and what the next one found instead is told.
func TestReportsAreKeptAndExplained(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	shop, one, two := gittest.New(t), gittest.New(t), gittest.New(t)
	for _, r := range []*gittest.Repo{one, two} {
		r.Commit("first", map[string]string{"file": "1"})
	}
	shop.Commit("first", map[string]string{"build.sh": clone(one, "lib")})
	h.Dev()
	h.Manifest("shop", building(shop))
	h.AwaitState(h.Start("shop").ID, "succeeded")

	why := func(repo *gittest.Repo, args ...string) (all []view.Reason) {
		t.Helper()
		h.JSON(&all, append([]string{"watch", "why", repo.URL()}, args...)...)
		return all
	}
	found := why(one, "--ref", "main")
	if len(found) != 1 || found[0].Instance != "shop" || found[0].Origin != "auto" || found[0].Since != "shop-000001" || found[0].From == "" {
		t.Errorf("why the library: %+v", found)
	}
	own := why(shop)
	if len(own) != 1 || own[0].Origin != "source" || own[0].From != "shop.toml:1" || len(own[0].Also) != 1 {
		t.Errorf("why the source: %+v", own)
	}
	if r := h.Run("watch", "why", two.URL()); r.Status != 1 || !strings.Contains(r.Err, "nobody watches "+two.URL()) {
		t.Errorf("of what nobody watches: %+v", r)
	}

	shop.Commit("second", map[string]string{"build.sh": clone(two, "lib")})
	wantBuilds(t, h, "shop", 2, shop)
	var d view.WatchDiff
	h.JSON(&d, "watch", "diff", "shop")
	if d.Old != "shop-000001" || d.New != "shop-000002" || len(d.Added) != 1 || d.Added[0].URL != two.URL() || len(d.Removed) != 1 || d.Removed[0].URL != one.URL() {
		t.Errorf("the difference is %+v", d)
	}
	if r := h.Run("watch", "diff", "shop", "shop-1"); r.Status != 0 || strings.Count(r.Out, "added") != 2 {
		t.Errorf("what the first build found: %+v", r)
	}
	if r := h.Run("watch", "diff", "shop", "shop-9"); r.Status != 1 || !strings.Contains(r.Err, "shop-000009 has not reported") {
		t.Errorf("of a build that never was: %+v", r)
	}
	h.Await("the library that is not used any more to be forgotten", func() bool { return h.Run("watch", "why", one.URL()).Status == 1 })
	if got := fmt.Sprintln(len(why(two)), why(two)[0].Since); got != "1 shop-000002\n" {
		t.Errorf("the new library: %s", got)
	}
}
