package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/agent/workspace/gittest"
	"github.com/wright-build/wright/cmd/wright/wrighttest"
	"github.com/wright-build/wright/master/api/view"
)

// following is a manifest that builds the main branch of a repository.
func following(repo *gittest.Repo, lines ...string) string {
	return strings.Join(append([]string{"[source]", fmt.Sprintf("git = %q", repo.URL()), `branch = "main"`}, lines...), "\n") + "\n"
}

// building is following with a step that runs the repository's own build.sh.
func building(repo *gittest.Repo) string { return following(repo, "[[step]]", `run = "sh build.sh"`) }

// clone is a shell command that clones the head of a repository's main branch.
func clone(repo *gittest.Repo, dir string) string {
	return fmt.Sprintf("git clone -q --branch main '%s' %s\n", repo.URL(), dir)
}

// quiet waits until every remote of an instance was asked twice more and no
// build is under way, and returns the builds there have been, the newest first.
func quiet(h *wrighttest.House, instance string) []view.Build {
	for range 2 {
		since := time.Now()
		h.Await("the remotes of "+instance+" to be asked", func() bool {
			for _, w := range h.Watches(instance) {
				if !w.CheckedAt.After(since) {
					return false
				}
			}
			return true
		})
	}
	var all []view.Build
	h.Await("the builds of "+instance+" to end", func() bool {
		all = h.Builds(instance)
		for _, b := range all {
			if !b.Ended() {
				return false
			}
		}
		return true
	})
	return all
}

// wantBuilds wants so many builds of an instance, no more coming, the newest
// because of a commit to a repository.
func wantBuilds(t *testing.T, h *wrighttest.House, instance string, n int, moved *gittest.Repo) {
	t.Helper()
	h.Await(fmt.Sprintf("build %d of %s", n, instance), func() bool { return len(h.Builds(instance)) >= n })
	all := quiet(h, instance)
	if len(all) != n {
		t.Fatalf("%s has %d builds, want %d: %+v", instance, len(all), n, all)
	}
	if moved == nil {
		return
	}
	b := all[0]
	if b.Kind != "change" || len(b.Changes) != 1 || b.Changes[0].URL != moved.URL() || b.Changes[0].New != moved.Head() {
		t.Errorf("%s was built because of %s %+v; want the commit %s to %s", b.ID, b.Kind, b.Changes, moved.Head(), moved.URL())
	}
}

// wantWatches wants exactly these repositories to be watched, the first one as
// the source.
func wantWatches(t *testing.T, h *wrighttest.House, instance string, repos ...*gittest.Repo) {
	t.Helper()
	var all []view.Watch
	h.Await("the watches to be looked at", func() bool { // a watch file's tells no revision
		all = nil
		h.JSON(&all, "watch", "list", instance)
		return !slices.ContainsFunc(all, func(w view.Watch) bool { return w.Revision == "" && w.Error == "" })
	})
	got := map[string]view.Watch{}
	for _, w := range all {
		got[w.URL] = w
	}
	for i, r := range repos {
		w, origin := got[r.URL()], "auto"
		if i == 0 {
			origin = "source"
		}
		if w.Origin != origin || w.Ref != "refs/heads/main" || w.Revision == "" || w.Error != "" {
			t.Errorf("the watch of %s is %+v; want origin %s", r.URL(), w, origin)
		}
	}
	if len(all) != len(repos) {
		t.Errorf("%d watches, want %d: %+v", len(all), len(repos), all)
	}
}

// TestBuildFindsItsWatches: after a build the source and the submodule that
// tracks a branch are watched, a library pinned to a tag is not, be it a
// submodule or a clone of a step; finding them starts nothing, and a commit to
// each starts one build.
func TestBuildFindsItsWatches(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	shop, theme, pinned, cloned := gittest.New(t), gittest.New(t), gittest.New(t), gittest.New(t)
	for _, r := range []*gittest.Repo{theme, pinned, cloned} {
		r.Commit("first", map[string]string{"file": "1"})
		r.Tag("v1")
	}
	shop.Commit("first", map[string]string{"build.sh": strings.Replace(clone(cloned, "cloned"), "main", "v1", 1) + "cat theme/file"})
	shop.AddSubmodule(theme.URL(), "theme", "main")
	shop.AddSubmodule(pinned.URL(), "pinned", "")
	h.Dev()
	h.Manifest("shop", building(shop))
	h.AwaitState(h.Start("shop").ID, "succeeded")
	wantBuilds(t, h, "shop", 1, nil)
	wantWatches(t, h, "shop", shop, theme)

	theme.Commit("second", map[string]string{"file": "2"})
	wantBuilds(t, h, "shop", 2, theme)
	if log := h.Log("shop-2"); !strings.HasSuffix(log, "2") {
		t.Errorf("the second build did not use the new theme: %q", log)
	}
	pinned.Commit("second", nil)
	cloned.Commit("second", nil)
	shop.Commit("more", map[string]string{"other": "x"})
	wantBuilds(t, h, "shop", 3, shop)
	wantWatches(t, h, "shop", shop, theme)
}

// TestDependencyComesAndGoes: a commit that adds a dependency has it watched,
// while the build still runs when it is a submodule, and a commit there starts
// the next build; a commit that drops it ends its watch.
func TestDependencyComesAndGoes(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	gate := filepath.Join(h.Dir, "gate")
	shop, theme, tool := gittest.New(t), gittest.New(t), gittest.New(t)
	theme.Commit("first", nil)
	tool.Commit("first", nil)
	shop.Commit("first", map[string]string{"build.sh": "true\n"})
	h.Dev()
	h.Manifest("shop", building(shop))
	h.AwaitState(h.Start("shop").ID, "succeeded")

	shop.Git("config", "protocol.file.allow", "always")
	shop.Write(map[string]string{"build.sh": untilThere(gate)})
	shop.AddSubmodule(theme.URL(), "theme", "main")
	h.Await("the theme to be watched during the build", func() bool { return h.Watches("shop")[theme.URL()].Origin == "auto" })
	if b := h.Builds("shop")[0]; b.Number != 2 || b.Ended() {
		t.Errorf("when the theme is watched the newest build is %s, %s", b.ID, b.State)
	}
	open(t, gate)
	wantBuilds(t, h, "shop", 2, shop)

	shop.Commit("add the tool", map[string]string{"build.sh": clone(tool, "tool")})
	wantBuilds(t, h, "shop", 3, shop)
	wantWatches(t, h, "shop", shop, theme, tool)
	tool.Commit("second", nil)
	wantBuilds(t, h, "shop", 4, tool)
	theme.Commit("second", nil)
	wantBuilds(t, h, "shop", 5, theme)

	shop.Git("rm", "-q", "-f", "theme")
	shop.Commit("drop both", map[string]string{"build.sh": "true\n"})
	wantBuilds(t, h, "shop", 6, shop)
	wantWatches(t, h, "shop", shop)
	tool.Commit("third", nil)
	theme.Commit("third", nil)
	wantBuilds(t, h, "shop", 6, nil)
}

// TestWhatStepsThrowAwayIsWatched: what git cloned, from addresses that no file
// tells, is watched though it is gone when the steps are done: a branch, but
// neither a tag nor what the build pushes to; and no longer when a build does without.
func TestWhatStepsThrowAwayIsWatched(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	shop, data, pinned, pages := gittest.New(t), gittest.New(t), gittest.New(t), gittest.New(t)
	for _, r := range []*gittest.Repo{data, pinned, pages} {
		r.Commit("first", nil)
		r.Tag("v1")
	}
	script := `at=$(mktemp -d)
		for address in $(cat addresses); do git clone -q -b main "$address" "$at/x"; rm -rf "$at/x"; done
		git clone -q "$(cat pinned)" "$at/y"; git -C "$at/y" checkout -q v1
		git clone -q "$(cat pages)" "$at/z"; git -C "$at/z" push -q origin HEAD:refs/heads/new`
	shop.Commit("first", map[string]string{"build.sh": script, "addresses": data.URL(), "pinned": pinned.URL(), "pages": pages.URL()})
	h.Dev()
	h.Manifest("shop", building(shop))
	h.AwaitState(h.Start("shop").ID, "succeeded")
	wantBuilds(t, h, "shop", 1, nil)
	wantWatches(t, h, "shop", shop, data)
	if w := h.Watches("shop")[data.URL()]; w.From != "git in a step" {
		t.Errorf("it was found through %q", w.From)
	}
	data.Commit("second", nil)
	wantBuilds(t, h, "shop", 2, data)
	wantWatches(t, h, "shop", shop, data)
	shop.Commit("without", map[string]string{"build.sh": "true"})
	wantBuilds(t, h, "shop", 3, shop)
	wantWatches(t, h, "shop", shop)
}

// open makes the file that steps wait for.
func open(t *testing.T, gate string) {
	t.Helper()
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestFailedBuildTakesNoWatchAway: a build that fails may add watches, and the
// ones of the last good build stay until one succeeds without them.
func TestFailedBuildTakesNoWatchAway(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	shop, old, fresh := gittest.New(t), gittest.New(t), gittest.New(t)
	old.Commit("first", nil)
	fresh.Commit("first", nil)
	shop.Commit("first", map[string]string{"build.sh": clone(old, "dep")})
	h.Dev()
	h.Manifest("shop", building(shop))
	h.AwaitState(h.Start("shop").ID, "succeeded")
	shop.Commit("another, and a fault", map[string]string{"build.sh": clone(fresh, "dep") + "false\n"})
	wantBuilds(t, h, "shop", 2, shop)
	wantWatches(t, h, "shop", shop, old, fresh)
	fresh.Commit("second", nil)
	wantBuilds(t, h, "shop", 3, fresh)
	shop.Commit("mended", map[string]string{"build.sh": clone(fresh, "dep")})
	wantBuilds(t, h, "shop", 4, shop)
	wantWatches(t, h, "shop", shop, fresh)
}

// TestCommitsDuringABuild: commits that come while a build runs start one
// further build, which has them all.
func TestCommitsDuringABuild(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	gate, begun := filepath.Join(h.Dir, "gate"), filepath.Join(h.Dir, "begun")
	shop, theme := gittest.New(t), gittest.New(t)
	theme.Commit("first", map[string]string{"file": "1\n"})
	shop.Commit("first", map[string]string{"file": "1\n", "build.sh": "cat file theme/file; touch '" + begun + "'\n" + untilThere(gate)})
	shop.AddSubmodule(theme.URL(), "theme", "main")
	h.Dev("--slots", "1")
	h.Manifest("shop", building(shop))
	first := h.Start("shop").ID
	h.AwaitPhase(first, "step step-1")
	h.Await("the step to begin", func() bool { _, err := os.Stat(begun); return err == nil })
	for i := range 3 {
		shop.Commit("more", map[string]string{"file": fmt.Sprintf("%d\n", i+2)})
		theme.Commit("more", map[string]string{"file": fmt.Sprintf("%d\n", i+2)})
	}
	h.Await("the next build to be asked for", func() bool { return len(h.Builds("shop")) == 2 })
	shop.Commit("joins", map[string]string{"file": "last\n"})
	h.Await("the last commit to be seen", func() bool { return h.Watches("shop")[shop.URL()].Revision == shop.Head() })
	h.Await("the last commit to be seen", func() bool { return h.Watches("shop")[theme.URL()].Revision == theme.Head() })
	open(t, gate)
	wantBuilds(t, h, "shop", 2, nil)
	if log := h.Log("shop-2"); log != "last\n4\n" {
		t.Errorf("the second build saw %q", log)
	}
	if b, err := h.Build("shop-2"); err != nil || b.Revisions[shop.URL()] != shop.Head() || b.Revisions[theme.URL()] != theme.Head() {
		t.Errorf("revisions of the second build: %v, %v", b.Revisions, err)
	}
}

// TestMovedAndMissingBranches: a force push starts one build; a branch that is
// deleted starts none and is told at its watch; made again where it was it
// starts none either, and elsewhere one.
func TestMovedAndMissingBranches(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	shop := gittest.New(t)
	shop.Commit("first", map[string]string{"build.sh": "cat file || true\n"})
	shop.Commit("second", map[string]string{"file": "2"})
	h.Dev()
	h.Manifest("shop", building(shop))
	h.AwaitState(h.Start("shop").ID, "succeeded")
	shop.Git("reset", "-q", "--hard", "HEAD^")
	wantBuilds(t, h, "shop", 2, shop)
	shop.Commit("third", map[string]string{"file": "3"})
	wantBuilds(t, h, "shop", 3, shop)

	shop.Git("branch", "-m", "main", "elsewhere")
	h.Await("the missing branch to be told", func() bool { return h.Watches("shop")[shop.URL()].Error != "" })
	shop.Git("branch", "-m", "elsewhere", "main")
	h.Await("the branch to be seen again", func() bool { return h.Watches("shop")[shop.URL()].Error == "" })
	wantBuilds(t, h, "shop", 3, nil)
	shop.Git("branch", "-m", "main", "elsewhere")
	h.Await("the missing branch to be told", func() bool { return h.Watches("shop")[shop.URL()].Error != "" })
	shop.Commit("fourth", nil)
	shop.Git("branch", "-m", "elsewhere", "main")
	wantBuilds(t, h, "shop", 4, shop)
}

// TestInstancesShareARemote: a commit to a repository that two instances watch
// starts one build of each, and none of an instance that builds no more.
func TestInstancesShareARemote(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	shared, own := gittest.New(t), gittest.New(t)
	shared.Commit("first", map[string]string{"build.sh": "true\n"})
	own.Commit("first", map[string]string{"build.sh": clone(shared, "shared")})
	h.Dev()
	h.Manifest("one", building(shared))
	h.Manifest("two", building(own))
	h.Manifest("three", building(shared))
	for _, name := range []string{"one", "two", "three"} {
		h.AwaitState(h.Start(name).ID, "succeeded")
		wantBuilds(t, h, name, 1, nil)
	}
	if r := h.Run("instance", "archive", "three"); r.Status != 0 {
		t.Fatalf("instance archive: %d %s", r.Status, r.Err)
	}
	shared.Commit("second", nil)
	wantBuilds(t, h, "one", 2, shared)
	wantBuilds(t, h, "two", 2, shared)
	wantBuilds(t, h, "three", 1, nil)
}

// TestBogusWatchFileIsRefusedWhole: a watch file that is not right is refused
// whole and told at its instance, while the last good list stays; the next
// right one mends it.
func TestBogusWatchFileIsRefusedWhole(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	shop, data := gittest.New(t), gittest.New(t)
	data.Commit("first", nil)
	good := watchOf(data.URL())
	shop.Commit("first", map[string]string{"watches": good, "build.sh": "cat watches >>\"$WRIGHT_WATCH_FILE\"\n"})
	h.Dev()
	h.Manifest("shop", building(shop))
	h.AwaitState(h.Start("shop").ID, "succeeded")
	wantWatches(t, h, "shop", shop, data)
	n := 1
	for name, text := range map[string]string{
		"no TOML":         "this is no TOML\n",
		"NUL":             good + "\x00",
		"no UTF-8":        good + "# \xff\n",
		"ext":             good + watchOf("ext::sh -c 'touch /tmp/x'"),
		"option":          good + watchOf("--upload-pack=touch /tmp/x"),
		"password":        good + watchOf("https://ann:secret@git.example.test/x.git"),
		"newline":         good + watchOf("https://git.example.test/x\\n.git"),
		"too many":        strings.Repeat("[[watch]]\ngit=\"file:///x\"\n", 10_001),
		"too large":       good + "#" + strings.Repeat("x", 256<<10) + "\n",
		"another's table": good + "[[step]]\nrun = \"true\"\n",
	} {
		n++
		shop.Commit(name, map[string]string{"watches": text})
		wantBuilds(t, h, "shop", n, shop)
		wantWatches(t, h, "shop", shop, data)
		shown := h.Run("instance", "show", "shop").Out
		if !strings.Contains(shown, fmt.Sprintf("shop-%06d", n)) || !strings.Contains(shown, "refused") {
			t.Errorf("%s: instance show does not say that the watch file was refused:\n%s", name, shown)
		}
		if strings.Contains(shown, "secret") {
			t.Errorf("%s: instance show tells the password:\n%s", name, shown)
		}
	}
	shop.Commit("good again", map[string]string{"watches": ""})
	wantBuilds(t, h, "shop", n+1, shop)
	wantWatches(t, h, "shop", shop)
	if i, err := h.Instance("shop"); err != nil || len(i.Errors) > 0 {
		t.Errorf("errors after a good list: %v, %v", i.Errors, err)
	}
}

// watchOf is a watch file with one entry.
func watchOf(url string) string {
	return fmt.Sprintf("[[watch]]\ngit = \"%s\"\nbranch = \"main\"\n", url)
}
