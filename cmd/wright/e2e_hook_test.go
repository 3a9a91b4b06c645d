package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wright-build/wright/agent/workspace/gittest"
	"github.com/wright-build/wright/cmd/wright/wrighttest"
	"github.com/wright-build/wright/master/api/view"
)

// hookSecret signs what the tests send to hooks.
const hookSecret = "It's a Secret to Everybody"

// hooked is a configuration with hooks of some kinds, called after them.
func hooked(t testing.TB, h *wrighttest.House, kinds ...string) (file string) {
	t.Helper()
	secret, file := filepath.Join(h.Dir, "hook.secret"), filepath.Join(h.Dir, "wright.toml")
	var b strings.Builder
	for _, kind := range kinds {
		fmt.Fprintf(&b, "[[hook]]\nname = %q\nkind = %q\nsecret = %q\n\n", kind, kind, "file:"+secret)
	}
	for name, text := range map[string]string{secret: hookSecret + "\n", file: b.String()} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return file
}

// delivery is what a forge or a hook of a git server sends.
type delivery struct {
	hook   string
	header map[string]string
	body   []byte
}

func signature(parts ...string) string {
	mac := hmac.New(sha256.New, []byte(hookSecret))
	mac.Write([]byte(strings.Join(parts, "")))
	return fmt.Sprintf("%x", mac.Sum(nil))
}

// asGitHub is a push to main as GitHub tells it.
func asGitHub(repo *gittest.Repo, before, after string) delivery {
	return saying("work", repo, before, after)
}

// saying is the same with the message of the newest commit.
func saying(message string, repo *gittest.Repo, before, after string) delivery {
	body, _ := json.Marshal(map[string]any{
		"ref": "refs/heads/main", "before": before, "after": after, "head_commit": map[string]string{"id": after, "message": message},
		"repository": map[string]any{"clone_url": repo.URL(), "default_branch": "main"},
	})
	return delivery{"github", map[string]string{
		"Content-Type": "application/json", "X-GitHub-Event": "push", "X-GitHub-Delivery": after,
		"X-Hub-Signature-256": "sha256=" + signature(string(body)),
	}, body}
}

// asGeneric is the same as a program of our own tells it.
func asGeneric(repo *gittest.Repo, before, after string) delivery {
	return asGenericOf(map[string]any{"url": repo.URL(), "ref": "refs/heads/main", "before": before, "after": after})
}

// deliver sends a delivery and returns what is answered.
func deliver(t testing.TB, h *wrighttest.House, d delivery) (status int, answer string) {
	t.Helper()
	status, answer, err := post(t.Context(), h, d)
	if err != nil {
		t.Error(err)
	}
	return status, answer
}

func post(ctx context.Context, h *wrighttest.House, d delivery) (status int, answer string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.Address+"/hooks/"+d.hook, bytes.NewReader(d.body))
	if err != nil {
		return 0, "", err
	}
	for name, value := range d.header {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

// TestHooksStartBuilds: each push that a hook tells of starts one build of what
// was pushed, also when it is told twice, while polls are an hour apart. How
// long that takes is told, not judged.
func TestHooksStartBuilds(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	h.Dev("--poll", "1h", "--config", hooked(t, h, "github", "generic"))
	var all sync.WaitGroup
	for instance, form := range map[string]func(*gittest.Repo, string, string) delivery{"ours": asGeneric, "forge": asGitHub} {
		repo := gittest.New(t)
		repo.Commit("first", map[string]string{"build.sh": "true\n"})
		h.Manifest(instance, building(repo))
		h.AwaitState(h.Start(instance).ID, "succeeded")
		h.Await("the repository of "+instance+" to be asked", func() bool { return h.Watches(instance)[repo.URL()].Revision == repo.Head() })
		all.Go(func() { pushAndWait(t, h, instance, repo, form) })
	}
	all.Wait()
	var hooks []view.Hook
	h.JSON(&hooks, "hook", "list")
	if len(hooks) != 2 || hooks[1].Name != "github" || hooks[1].Deliveries != pushes+pushes/10 || hooks[1].Refused != 0 || hooks[0].Deliveries != pushes {
		t.Errorf("the hooks: %+v", hooks)
	}
}

// pushes is how many there are to each repository.
const pushes = 40

// pushAndWait pushes again and again and wants one build of each push. Every
// tenth delivery of a forge comes twice.
func pushAndWait(t *testing.T, h *wrighttest.House, instance string, repo *gittest.Repo, form func(*gittest.Repo, string, string) delivery) {
	var took []time.Duration
	for i := range pushes {
		before := repo.Head()
		after := repo.Commit(fmt.Sprint("push ", i), nil)
		d := form(repo, before, after)
		began := time.Now()
		if status, answer := deliver(t, h, d); status != http.StatusOK || !strings.Contains(answer, `"recorded":1`) {
			t.Errorf("%s, push %d: %d %s", instance, i, status, answer)
			return
		}
		if i%10 == 9 && d.hook == "github" {
			deliver(t, h, d)
		}
		id := fmt.Sprintf("%s-%06d", instance, i+2)
		h.Await(id+" to be there", func() bool { _, err := h.Build(id); return err == nil })
		b := h.AwaitEnd(id)
		if b.State != "succeeded" || b.Revisions[repo.URL()] != after {
			t.Errorf("%s is %s of %v, want %s", id, b.State, b.Revisions, after)
		}
		took = append(took, b.StartedAt.Sub(began))
	}
	slices.Sort(took)
	t.Logf("%s: from delivery to running build %s at p50, %s at p95, %s at most", instance, took[pushes/2], took[pushes*95/100], took[pushes-1])
	if n := len(h.Builds(instance)); n != pushes+1 {
		t.Errorf("%s has %d builds after %d pushes, want one each and the first", instance, n, pushes)
	}
}

// TestHookRefuses: what is not signed, names no hook or tells of what nobody
// watches starts nothing; hook list says what was wrong, and of a ref that did
// not move from where it is known to be the remote has the last word.
func TestHookRefuses(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	repo := gittest.New(t)
	first := repo.Commit("first", map[string]string{"build.sh": "true\n"})
	h.Dev("--poll", "1h", "--config", hooked(t, h, "github", "generic"))
	h.Manifest("shop", building(repo))
	h.AwaitState(h.Start("shop").ID, "succeeded")
	h.Await("the repository to be asked", func() bool { return h.Watches("shop")[repo.URL()].Revision == first })
	lie := strings.Repeat("1", 40)
	forged := asGitHub(repo, first, lie)
	forged.header["X-Hub-Signature-256"] = "sha256=" + strings.Repeat("0", 64)
	unknown := asGitHub(repo, first, lie)
	unknown.hook = "unknown"
	other := asGitHub(gittest.New(t), first, lie)
	for what, tt := range map[string]struct {
		delivery
		status int
		answer string
	}{
		"forged":      {forged, 401, "missing or wrong"},
		"unknown":     {unknown, 404, "no such hook"},
		"not watched": {other, 200, `"recorded":0,"asked":0,"unwatched":1`},
		"stale":       {asGitHub(repo, lie, strings.Repeat("2", 40)), 200, `"recorded":0,"asked":1,"unwatched":0`},
	} {
		if status, answer := deliver(t, h, tt.delivery); status != tt.status || !strings.Contains(answer, tt.answer) {
			t.Errorf("%s: %d %s; want %d %s", what, status, answer, tt.status, tt.answer)
		}
	}
	if r := h.Run("hook", "list"); !strings.Contains(r.Out, h.Address+"/hooks/github") || !strings.Contains(r.Out, "missing or wrong") {
		t.Errorf("hook list: %s%s", r.Out, r.Err)
	}
	second := repo.Commit("second", nil)
	var sent view.Sent
	h.JSON(&sent, "change", "send", repo.URL(), "--ref", "main", "--before", first, "--after", second)
	if sent.Result != "recorded" || sent.Ref != "refs/heads/main" {
		t.Errorf("change send: %+v", sent)
	}
	h.Await("a second build", func() bool { return len(h.Builds("shop")) == 2 })
	if b := h.AwaitEnd("shop-000002"); b.Revisions[repo.URL()] != second {
		t.Errorf("built %v, want %s", b.Revisions, second)
	}
	third := repo.Commit("third", nil)
	h.JSON(&sent, "change", "send", repo.URL(), "--ref", "main", "--before", lie, "--after", third)
	if sent.Result != "asked" {
		t.Errorf("change send of a change from nowhere: %+v", sent)
	}
	h.Await("a third build", func() bool { return len(h.Builds("shop")) >= 3 })
	if b := h.AwaitEnd("shop-000003"); b.Revisions[repo.URL()] != third {
		t.Errorf("built %v, want %s", b.Revisions, third)
	}
	skipped := repo.Commit("unsaid", nil) // what the delivery says counts
	if status, answer := deliver(t, h, saying("typo [skip ci]", repo, third, skipped)); status != http.StatusOK || !strings.Contains(answer, `"recorded":1`) {
		t.Errorf("a commit to be skipped: %d %s", status, answer)
	}
	fifth := repo.Commit("fifth", nil)
	h.JSON(&sent, "change", "send", repo.URL(), "--ref", "main", "--before", skipped, "--after", fifth, "--message", "fifth")
	h.Await("a fourth build", func() bool { return len(h.Builds("shop")) >= 4 })
	if b := h.AwaitEnd("shop-000004"); b.Revisions[repo.URL()] != fifth || len(h.Builds("shop")) != 4 {
		t.Errorf("after a commit to be skipped %d builds, the last of %v, want 4 and %s", len(h.Builds("shop")), b.Revisions, fifth)
	}
	if r := h.Run("change", "send", repo.URL(), "--ref", "topic"); r.Status != 1 || !strings.Contains(r.Err, "watch list") {
		t.Errorf("change send of what nobody watches: %d %s", r.Status, r.Err)
	}
	if r := h.Run("change", "send", repo.URL(), "--after", third); r.Status != 2 {
		t.Errorf("change send with half a change: %d %s", r.Status, r.Err)
	}
}

// TestGiteaStartsBuilds: a push to a real Gitea starts a build through a hook
// that it was given. WRIGHT_TEST_GITEA is its address on this machine,
// WRIGHT_TEST_GITEA_TOKEN a token with the scopes write:repository and
// write:user; its [webhook] ALLOWED_HOST_LIST must include loopback.
func TestGiteaStartsBuilds(t *testing.T) {
	address, token := os.Getenv("WRIGHT_TEST_GITEA"), os.Getenv("WRIGHT_TEST_GITEA_TOKEN")
	if address == "" || token == "" {
		t.Skip("WRIGHT_TEST_GITEA and WRIGHT_TEST_GITEA_TOKEN name no Gitea to test with")
	}
	t.Parallel()
	h := wrighttest.New(t)
	h.Dev("--poll", "1h", "--config", hooked(t, h, "gitea"))
	g := gitea{t, strings.TrimRight(address, "/") + "/api/v1", token}
	var repo struct {
		FullName string `json:"full_name"`
		CloneURL string `json:"clone_url"`
	}
	g.ask(&repo, http.MethodPost, "/user/repos", map[string]any{
		"name": fmt.Sprintf("wright-test-%d", time.Now().UnixNano()), "auto_init": true, "default_branch": "main",
	})
	t.Cleanup(func() { g.ask(nil, http.MethodDelete, "/repos/"+repo.FullName, nil) })
	g.ask(nil, http.MethodPost, "/repos/"+repo.FullName+"/hooks", map[string]any{
		"type": "gitea", "active": true, "events": []string{"push", "create", "delete"},
		"config": map[string]string{"url": h.Address + "/hooks/gitea", "content_type": "json", "secret": hookSecret},
	})
	h.Manifest("shop", fmt.Sprintf("[source]\ngit = %q\nbranch = \"main\"\n[[step]]\nrun = \"cat file || true\"\n", repo.CloneURL))
	h.AwaitState(h.Start("shop").ID, "succeeded")
	h.Await("the repository to be asked", func() bool { return h.Watches("shop")[repo.CloneURL].Revision != "" })
	var pushed struct {
		Commit struct {
			SHA string `json:"sha"`
		} `json:"commit"`
	}
	began := time.Now()
	g.ask(&pushed, http.MethodPost, "/repos/"+repo.FullName+"/contents/file", map[string]any{
		"branch": "main", "message": "a push", "content": base64.StdEncoding.EncodeToString([]byte("pushed\n")),
	})
	h.Await("a build of the push", func() bool { return len(h.Builds("shop")) == 2 })
	b := h.AwaitEnd("shop-000002")
	if b.State != "succeeded" || b.Revisions[repo.CloneURL] != pushed.Commit.SHA || b.Kind != "change" {
		t.Errorf("the build of the push: %+v, want of %s", b, pushed.Commit.SHA)
	}
	t.Logf("from push to running build %s, the push itself included", b.StartedAt.Sub(began))
	var hooks []view.Hook
	h.JSON(&hooks, "hook", "list")
	if len(hooks) != 1 || hooks[0].Deliveries == 0 || hooks[0].Refused != 0 {
		t.Errorf("the hook: %+v", hooks)
	}
}

// gitea is the API of one.
type gitea struct {
	t     *testing.T
	base  string
	token string
}

func (g gitea) ask(answer any, method, path string, body any) {
	g.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		g.t.Fatal(err)
	}
	req, err := http.NewRequest(method, g.base+path, bytes.NewReader(text))
	if err != nil {
		g.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "token "+g.token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		g.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err = io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode > 299 {
		g.t.Fatalf("%s %s: %s %.500s %v", method, path, resp.Status, text, err)
	}
	if answer != nil {
		if err := json.Unmarshal(text, answer); err != nil {
			g.t.Fatalf("%s %s: %v", method, path, err)
		}
	}
}
