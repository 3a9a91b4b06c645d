package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/agent/workspace/gittest"
	"github.com/wright-build/wright/cmd/wright/wrighttest"
	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/api/view"
)

// soon is how long a commit may take to be in force.
const soon = 30 * time.Second

func says(text string) string { return fmt.Sprintf("[[step]]\nrun = \"echo %s\"\n", text) }

// gitManifests is a master that follows a repository of manifests.
type gitManifests struct {
	*wrighttest.House
	t      *testing.T
	repo   *gittest.Repo
	args   []string
	master *wrighttest.Process
}

func newGitManifests(t *testing.T) *gitManifests {
	h := wrighttest.New(t)
	g := &gitManifests{House: h, t: t, repo: gittest.New(t)}
	g.repo.Commit("first", map[string]string{"etc/shop.toml": says("one"), "README": ""})
	config := filepath.Join(h.Dir, "wright.toml")
	if err := os.WriteFile(config, fmt.Appendf(nil, "[[manifests]]\ngit = %q\ndirectory = \"etc\"\n", g.repo.URL()), 0o600); err != nil {
		t.Fatal(err)
	}
	g.args = []string{"--config", config, "--manifests="}
	g.master = h.Master(g.args...)
	return g
}

// shown is an instance as the command line shows it.
func (g *gitManifests) shown(instance string) (i view.Instance) {
	g.t.Helper()
	if r := g.Run("instance", "show", instance, "-o", "json"); r.Status == 0 {
		g.JSON(&i, "instance", "show", instance)
	}
	return i
}

// awaitCommit waits until a commit's version of an instance is in force.
func (g *gitManifests) awaitCommit(instance, commit string) {
	g.t.Helper()
	began := time.Now()
	g.Await(instance+" of "+commit, func() bool {
		i, err := g.Instance(instance)
		return err == nil && i.Manifest.Commit == commit && i.InForce
	})
	if took := time.Since(began); took > soon {
		g.t.Errorf("it took %s until the commit was in force", took)
	}
}

func (g *gitManifests) repos() view.ManifestRepo {
	g.t.Helper()
	var all []view.ManifestRepo
	g.JSON(&all, "manifest", "repos")
	if len(all) != 1 {
		g.t.Fatalf("%d repositories, want 1", len(all))
	}
	return all[0]
}

// builds wants a build of an instance to say something.
func (g *gitManifests) builds(instance, text string) {
	g.t.Helper()
	b := g.AwaitEnd(g.Start(instance).ID)
	if log := g.Log(b.ID); b.State != "succeeded" || !strings.Contains(log, text) {
		g.t.Errorf("%s is %s (%s) and says %q, want %q", b.ID, b.State, b.Error, log, text)
	}
}

// A commit is in force within seconds; a bad one is shown with its author, and
// the last good one stays; what is not committed does nothing.
func TestManifestsFromGit(t *testing.T) {
	t.Parallel()
	g := newGitManifests(t)
	g.Agent("a")
	g.awaitCommit("shop", g.repo.Head())
	want := view.Manifest{File: "etc/shop.toml", Origin: view.Origin{Repo: g.repo.URL(), Commit: g.repo.Head(), Author: "Ann"}}
	got := g.shown("shop").Manifest
	if got.CommittedAt.IsZero() {
		t.Error("there is no time of the commit")
	}
	if got.CommittedAt = (time.Time{}); got != want {
		t.Errorf("manifest %+v, want %+v", got, want)
	}
	g.builds("shop", "one")

	good := g.repo.Commit("second", map[string]string{"etc/shop.toml": says("two"), "etc/blog.toml": says("blog")})
	g.awaitCommit("shop", good)
	g.awaitCommit("blog", good)
	g.builds("shop", "two")

	bad := g.repo.Commit("third", map[string]string{"etc/shop.toml": "[[step]]\nrum = \"x\"\n"})
	g.Await("the error", func() bool { i, err := g.Instance("shop"); return err == nil && len(i.Errors) > 0 })
	i := g.shown("shop")
	for _, part := range []string{"etc/shop.toml:2:1", "rum", "commit " + bad[:12] + " by Ann"} {
		if !strings.Contains(strings.Join(i.Errors, "\n"), part) {
			t.Errorf("the errors %q do not name %q", i.Errors, part)
		}
	}
	if !i.InForce || i.Manifest.Commit != good {
		t.Errorf("in force %v from %s, want %s", i.InForce, i.Manifest.Commit, good)
	}
	if rows := listManifests(g.House); !rows["shop"].InForce || len(rows["shop"].Errors) == 0 || rows["shop"].Errors[0].Commit != bad || rows["blog"].Commit != good {
		t.Errorf("manifest list says %+v", rows)
	}
	if status, page := g.VisitAt(g.Address+"/instances/shop", strings.TrimPrefix(g.Address, "http://")); status != 200 || !strings.Contains(page, bad[:12]+" by Ann") ||
		!strings.Contains(page, good[:12]+" by Ann") {
		t.Errorf("the page of shop (%d) does not name the commits:\n%s", status, page)
	}
	g.builds("shop", "two")

	g.repo.Write(map[string]string{"etc/blog.toml": says("local"), "etc/local.toml": says("local")})
	g.Write("local", says("local"))
	clones, _ := filepath.Glob(filepath.Join(g.Data, "manifests", "*"))
	if len(clones) != 1 {
		t.Fatalf("clones %s, want one", clones)
	}
	if err := os.WriteFile(filepath.Join(clones[0], "local.toml"), []byte(says("local")), 0o600); err != nil {
		t.Fatal(err)
	}
	edited := time.Now()
	g.Await("two more looks at the repository", func() bool { return g.repos().CheckedAt.After(edited.Add(time.Second)) })
	g.repo.Git("stash", "-q", "-u")
	mended := g.repo.Commit("fourth", map[string]string{"etc/shop.toml": says("four")})
	g.awaitCommit("shop", mended)
	if rows := listManifests(g.House); len(rows) != 2 || rows["blog"].Commit != good || len(rows["shop"].Errors) > 0 {
		t.Errorf("what was not committed is in force: %+v", rows)
	}
}

// A master that was killed and finds the repository gone changes nothing, and
// goes on when it is back.
func TestManifestsFromGitAfterAKill(t *testing.T) {
	t.Parallel()
	g := newGitManifests(t)
	first := g.repo.Head()
	g.awaitCommit("shop", first)
	g.master.Kill()
	away := g.repo.Dir + ".away"
	if err := os.Rename(g.repo.Dir, away); err != nil {
		t.Fatal(err)
	}
	g.master = g.Master(g.args...)
	g.Agent("a")
	g.Await("the error of the repository", func() bool { return g.repos().Error != "" })
	if i := g.shown("shop"); !i.InForce || i.Manifest.Commit != first || len(i.Errors) > 0 {
		t.Errorf("after the kill %+v", i)
	}
	if r := g.repos(); r.Commit != first || r.Author != "Ann" || !r.CheckedAt.IsZero() {
		t.Errorf("the repository is %+v", r)
	}
	g.builds("shop", "one")
	if err := os.Rename(away, g.repo.Dir); err != nil {
		t.Fatal(err)
	}
	second := g.repo.Commit("second", map[string]string{"etc/shop.toml": says("two")})
	if r := g.Run("change", "send", g.repo.URL()); r.Status != 0 {
		t.Errorf("change send: %s", r.Err)
	}
	g.awaitCommit("shop", second)
	g.builds("shop", "two")
	if r := g.repos(); r.Error != "" || r.Commit != second || r.CheckedAt.IsZero() {
		t.Errorf("the repository is %+v", r)
	}
}

func TestManifestsDir(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		given string
		repos []manifests.Repo
		want  string
	}{
		{"", nil, filepath.Join(here, "manifests")},
		{"/srv/m", nil, "/srv/m"},
		{"", []manifests.Repo{{URL: "x"}}, ""},
		{"/srv/m", []manifests.Repo{{URL: "x"}}, "/srv/m"},
	} {
		if got, err := manifestsDir(c.given, manifests.Config{Repos: c.repos}); got != c.want || err != nil {
			t.Errorf("%q, %d repositories: %q, %v, want %q", c.given, len(c.repos), got, err, c.want)
		}
	}
}
