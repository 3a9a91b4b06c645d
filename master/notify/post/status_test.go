package post

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/wright-build/wright/master/notify/content"
	"github.com/wright-build/wright/master/notify/outcome"
	"github.com/wright-build/wright/master/state"
)

const revision = "0123456789abcdef0123456789abcdef01234567"

// contract is what a forge takes, by its documentation; who breaks a rule gets
// the answer that the forge would give, and the rule.
type contract struct {
	path   string
	login  func(h http.Header) bool
	states []string
	name   string // the field that names the status
	most   int    // characters of a description
	seen   map[string]string
}

// The rules of the forges:
//   - GitHub, https://docs.github.com/en/rest/commits/statuses#create-a-commit-status:
//     POST /repos/{owner}/{repo}/statuses/{sha}; state one of error, failure, pending, success; description and
//     context optional texts; 201. A description of more than 140 characters is refused with 422 (as in zalando/zappr#378).
//   - GitLab, https://docs.gitlab.com/api/commits/#set-commit-pipeline-status: POST /projects/:id/statuses/:sha, the
//     path of the project escaped; state one of pending, running, success, failed, canceled, skipped; PRIVATE-TOKEN;
//     201. A state that it has already is refused with 400 (as in buildbot/buildbot#4196, ovh/cds#4042).
//   - Gitea, https://docs.gitea.com/api (repoCreateStatus): POST /repos/{owner}/{repo}/statuses/{sha}; state one of
//     pending, success, error, failure, warning; "Authorization: token"; 201.
func contracts() map[string]contract {
	return map[string]contract{
		"github": {
			path: "/repos/ann/shop/statuses/" + revision, states: []string{"error", "failure", "pending", "success"}, name: "context", most: 140,
			login: func(h http.Header) bool {
				return h.Get("Authorization") == "Bearer "+secret && h.Get("Accept") == "application/vnd.github+json" &&
					h.Get("X-Github-Api-Version") == "2022-11-28" && h.Get("User-Agent") != ""
			},
		},
		"gitlab": {
			path: "/projects/ann%2Fshop/statuses/" + revision, name: "name", most: 255,
			states: []string{"pending", "running", "success", "failed", "canceled", "skipped"},
			login:  func(h http.Header) bool { return h.Get("Private-Token") == secret },
		},
		"gitea": {
			path: "/repos/ann/shop/statuses/" + revision, states: []string{"pending", "success", "error", "failure", "warning"}, name: "context", most: 255,
			login: func(h http.Header) bool { return h.Get("Authorization") == "token "+secret },
		},
	}
}

// check is what the forge answers.
func (c contract) check(kind string, r *http.Request) (status int, text string) {
	body, err := io.ReadAll(r.Body)
	fields := map[string]string{}
	switch {
	case err != nil, r.Method != http.MethodPost, r.URL.EscapedPath() != c.path, r.URL.RawQuery != "":
		return http.StatusNotFound, "Not Found: " + r.Method + " " + r.URL.EscapedPath()
	case !c.login(r.Header):
		return http.StatusUnauthorized, "Bad credentials"
	case r.Header.Get("Content-Type") != "application/json" || json.Unmarshal(body, &fields) != nil:
		return http.StatusBadRequest, "Problems parsing JSON"
	case !slices.Contains(c.states, fields["state"]):
		return http.StatusUnprocessableEntity, "state is not included in the list"
	case utf8.RuneCountInString(fields["description"]) > c.most || fields["description"] == "":
		return http.StatusUnprocessableEntity, "description is too long (maximum is 140 characters)"
	case !strings.HasPrefix(fields["target_url"], "https://"):
		return http.StatusUnprocessableEntity, "target_url must use http(s) scheme"
	case len(fields) != 4 || fields[c.name] == "":
		return http.StatusUnprocessableEntity, "unknown or missing fields"
	case kind == "gitlab" && c.seen[fields["name"]] == fields["state"]:
		return http.StatusBadRequest, `{"message":"Cannot transition status via :run from :running (Reason(s): Status cannot transition via \"run\")"}`
	}
	c.seen[fields[c.name]] = fields["state"]
	return http.StatusCreated, "{}"
}

func TestStatusesByTheRules(t *testing.T) {
	for kind, c := range contracts() {
		c.seen = map[string]string{}
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			status, text := c.check(kind, r)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, text)
		}))
		defer s.Close()
		b := build()
		b.Error = strings.Repeat("ü", 400)
		for _, step := range []struct{ outcome, want string }{
			{"running", map[string]string{"gitlab": "running"}[kind]}, {"running", ""}, {"succeeded", "success"}, {"failed", ""}, {"errored", ""}, {"cancelled", ""},
		} {
			n := &state.Notice{Channel: kind, Instance: "shop", To: s.URL + " ann/shop", Secret: "word", Revision: revision, Context: "wright/shop", Outcome: step.outcome}
			if err := poster(t, true).Status(t.Context(), n, content.Content{Build: b, Page: "https://wright.example.test/builds/shop-000012"}); err != nil {
				t.Errorf("%s, %s: %v", kind, step.outcome, err)
			}
			if got := c.seen["wright/shop"]; step.want != "" && got != step.want {
				t.Errorf("%s, %s: shows %s, want %s", kind, step.outcome, got, step.want)
			}
		}
	}
}

// TestForgesThatRefuse: which refusals end a status, and which are asked again.
func TestForgesThatRefuse(t *testing.T) {
	for _, c := range []struct {
		status     int
		header     http.Header
		final, far bool
	}{
		{404, nil, true, false}, {422, nil, true, false}, {400, nil, true, false}, {401, nil, false, false}, {403, nil, false, false}, {502, nil, false, true},
		{403, http.Header{"X-Ratelimit-Remaining": {"0"}}, false, true}, {403, http.Header{"Retry-After": {"60"}}, false, true},
	} {
		url, _ := server(t, c.status, c.header, "no")
		for _, kind := range []string{"github", "gitlab", "gitea", "forgejo"} {
			n := &state.Notice{Channel: kind, Instance: "shop", To: url + " ann/shop", Secret: "word", Revision: revision, Context: "x", Outcome: "failed"}
			err := poster(t, true).Status(t.Context(), n, content.Content{Build: build()})
			if said := outcome.Of(err); err == nil || said.Final != c.final || said.Far != c.far {
				t.Errorf("%s, %d: %v, %+v", kind, c.status, err, said)
			}
		}
	}
	url, _ := server(t, 400, nil, `{"message":"Cannot transition status via :run from :success"}`)
	other := &state.Notice{Channel: "gitlab", Instance: "shop", To: url + " ann/shop", Secret: "word", Revision: revision, Context: "x", Outcome: "running"}
	if err := poster(t, true).Status(t.Context(), other, content.Content{Build: build()}); !outcome.Of(err).Final {
		t.Errorf("another state: %v", err)
	}
	for name, n := range map[string]*state.Notice{
		"no forge":    {Channel: "svn", To: "http://h a/b", Revision: revision, Outcome: "failed"},
		"no revision": {Channel: "github", To: "http://h a/b", Revision: "../../main", Outcome: "failed"},
		"no outcome":  {Channel: "github", To: "http://h a/b", Revision: revision, Outcome: "queued"},
	} {
		if err := poster(t, true).Status(t.Context(), n, content.Content{Build: build()}); !outcome.Of(err).Final {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := fmt.Sprint(forges("bitbucket")); !strings.Contains(got, "false") {
		t.Error("bitbucket is a forge")
	}
}
