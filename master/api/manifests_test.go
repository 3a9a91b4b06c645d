package api_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/api"
	"github.com/wright-build/wright/master/api/apitest"
	"github.com/wright-build/wright/master/api/client"
	"github.com/wright-build/wright/master/api/view"
	"github.com/wright-build/wright/master/state"
)

// opsRepo is a repository of manifests that counts its nudges.
type opsRepo struct{ nudged int }

const opsURL = "https://git.example.test/ops.git"

func (o *opsRepo) Repos() []view.ManifestRepo {
	return []view.ManifestRepo{{URL: opsURL, Commit: "abc"}}
}

func (o *opsRepo) Nudge(url string) bool {
	if !manifests.SameRemote(url, opsURL) {
		return false
	}
	o.nudged++
	return true
}

// A change of a repository of manifests has it looked at, be it watched or not.
func TestManifestRepos(t *testing.T) {
	w, ops := apitest.New(t), &opsRepo{}
	cfg := w.Config()
	cfg.Manifests = ops
	server := httptest.NewServer(api.New(cfg))
	defer server.Close()
	c, err := client.New(server.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	all, err := c.ManifestRepos(t.Context())
	if err != nil || !slices.Equal(all, ops.Repos()) {
		t.Errorf("repositories %+v, %v", all, err)
	}
	for url, want := range map[string]int{opsURL: 202, "ssh://git@git.example.test/ops": 202, "https://git.example.test/unknown.git": 404} {
		resp, err := http.Post(server.URL+api.Prefix+"/changes", "application/json", strings.NewReader(`{"url":"`+url+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		if _ = resp.Body.Close(); resp.StatusCode != want {
			t.Errorf("a change of %s: %d, want %d", url, resp.StatusCode, want)
		}
	}
	if ops.nudged != 2 {
		t.Errorf("%d nudges, want 2", ops.nudged)
	}
}

// The API tells the commit of what is in force, and that of what is wrong.
func TestCommitsOfManifests(t *testing.T) {
	w, c, _ := serve(t)
	at := time.Now().UTC().Truncate(time.Second)
	good := state.Origin{Repo: opsURL, Branch: "main", Commit: "0123456789abcdef", Author: "Ann", CommittedAt: at}
	bad := state.Origin{Repo: opsURL, Branch: "main", Commit: "fedcba9876543210", Author: "Bob", CommittedAt: at}
	errs := manifests.Errors{{Place: manifests.Place{File: "etc/ops.toml", Line: 3, Column: 1}, Message: "unknown key"}}
	text := []byte("[[step]]\nrun = \"x\"\n")
	w.Put((&state.InForce{Instance: "ops", File: "etc/ops.toml", Text: text, Origin: good}).Put(), (&state.Fault{Name: "ops", Errors: errs, Origin: bad}).Put())
	i, err := c.Instance(t.Context(), "ops")
	if want := (view.Manifest{File: "etc/ops.toml", Origin: view.Origin(good)}); err != nil || i.Manifest != want || i.File != want.File {
		t.Errorf("manifest %+v, %v, want %+v", i.Manifest, err, want)
	}
	if len(i.Errors) != 1 || !strings.Contains(i.Errors[0], "etc/ops.toml:3:1: unknown key (commit fedcba987654 by Bob)") {
		t.Errorf("errors %q", i.Errors)
	}
	problems, err := c.Problems(t.Context())
	if err != nil || len(problems) != 1 || problems[0].Origin != view.Origin(bad) {
		t.Errorf("problems %+v, %v", problems, err)
	}
}
