package post

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/wright-build/wright/master/notify/content"
	"github.com/wright-build/wright/master/notify/outcome"
	"github.com/wright-build/wright/master/state"
)

// forge is how one kind of forge takes commit statuses.
type forge struct {
	url    func(project, revision string) string // below the API
	body   func(n *state.Notice, text, page string) any
	states map[state.BuildState]string
	login  func(h http.Header, token string)
	judge  func(*answer) error
	text   int // characters that a description may have
}

// forges knows GitHub, GitLab and Gitea, of which Forgejo has the API too.
func forges(kind string) (forge, bool) {
	switch kind {
	case "github":
		return github(), true
	case "gitlab":
		return gitlab(), true
	case "gitea", "forgejo":
		return gitea(), true
	}
	return forge{}, false
}

// named is the body that GitHub and Gitea take.
type named struct {
	State       string `json:"state"`
	TargetURL   string `json:"target_url"`
	Description string `json:"description"`
	Context     string `json:"context"`
}

// github is POST /repos/OWNER/NAME/statuses/SHA:
// https://docs.github.com/en/rest/commits/statuses#create-a-commit-status
func github() forge {
	states := map[state.BuildState]string{
		state.Running: "pending", state.Succeeded: "success", state.Failed: "failure", state.Errored: "error", state.Cancelled: "error",
	}
	return forge{
		url:    func(project, revision string) string { return "/repos/" + project + "/statuses/" + revision },
		states: states, text: 140, judge: statusVerdict,
		body: func(n *state.Notice, text, page string) any {
			return named{states[state.BuildState(n.Outcome)], page, text, n.Context}
		},
		login: func(h http.Header, token string) {
			h.Set("Authorization", "Bearer "+token)
			h.Set("Accept", "application/vnd.github+json")
			h.Set("X-GitHub-Api-Version", "2022-11-28")
		},
	}
}

// gitea is POST /repos/OWNER/NAME/statuses/SHA of https://gitea.com/api/swagger.
func gitea() forge {
	f := github()
	f.text = 255
	f.login = func(h http.Header, token string) { h.Set("Authorization", "token "+token) }
	return f
}

// gitlab is POST /projects/ID/statuses/SHA:
// https://docs.gitlab.com/api/commits/#set-commit-pipeline-status
func gitlab() forge {
	states := map[state.BuildState]string{
		state.Running: "running", state.Succeeded: "success", state.Failed: "failed", state.Errored: "failed", state.Cancelled: "canceled",
	}
	return forge{
		url: func(project, revision string) string {
			return "/projects/" + url.PathEscape(project) + "/statuses/" + revision
		},
		states: states, text: 255, judge: gitlabVerdict,
		body: func(n *state.Notice, text, page string) any {
			return struct {
				State       string `json:"state"`
				TargetURL   string `json:"target_url"`
				Description string `json:"description"`
				Name        string `json:"name"`
			}{states[state.BuildState(n.Outcome)], page, text, n.Context}
		},
		login: func(h http.Header, token string) { h.Set("PRIVATE-TOKEN", token) },
	}
}

// statusVerdict knows that a repository or commit that is not there, and a
// status that is refused for what it says, do not come right by themselves.
// GitHub says with 403 too that one comes too often.
func statusVerdict(a *answer) error {
	err := a.verdict()
	switch a.status {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusUnprocessableEntity:
		return outcome.Final(err)
	case http.StatusForbidden:
		if a.header.Get("X-Ratelimit-Remaining") == "0" || a.pause() > 0 {
			return &outcome.Error{Err: a.error(), Far: true, After: max(a.pause(), time.Minute)}
		}
	}
	return err
}

// gitlabVerdict takes for done what GitLab refuses because it is so already: it
// knows no way from a state to the same one.
func gitlabVerdict(a *answer) error {
	same := map[string]string{"enqueue": "pending", "run": "running", "success": "success", "drop": "failed", "cancel": "canceled"}
	for via, from := range same {
		if a.status == http.StatusBadRequest && strings.Contains(a.text, "Cannot transition status via :"+via+" from :"+from) {
			return nil
		}
	}
	return statusVerdict(a)
}

// Status shows at a commit how its build goes.
func (p *Poster) Status(ctx context.Context, n *state.Notice, c content.Content) error {
	f, known := forges(n.Channel)
	api, project, ok := strings.Cut(n.To, " ")
	if !known || !ok || f.states[state.BuildState(n.Outcome)] == "" || !isRevision(n.Revision) {
		return outcome.Final(fmt.Errorf("no forge takes the status %q of %q at %q", n.Outcome, n.Revision, n.Channel))
	}
	token, err := p.cfg.Secret(n.Instance, n.Secret)
	if err != nil {
		return err
	}
	body, err := json.Marshal(f.body(n, describe(n, c.Build, f.text), c.Page))
	if err != nil {
		return fmt.Errorf("encode the status: %w", err)
	}
	header := http.Header{}
	f.login(header, strings.TrimSpace(token))
	err = p.send(ctx, api+f.url(project, n.Revision), header, body, f.judge)
	if err != nil {
		return fmt.Errorf("%s: %w", n.Channel, err)
	}
	return nil
}

// describe is what stands beside the status.
func describe(n *state.Notice, b *state.Build, most int) string {
	text := fmt.Sprintf("build %d", b.Number)
	switch outcome := state.BuildState(n.Outcome); outcome {
	case state.Running:
		text += " is under way"
	case state.Failed, state.Errored:
		text += " " + n.Outcome + ": " + content.OneLine(b.Error)
	default:
		text += " " + n.Outcome
	}
	runes := []rune(text)
	return string(runes[:min(len(runes), most)])
}

// isRevision tells whether a text is a whole commit ID.
func isRevision(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == ""
}
