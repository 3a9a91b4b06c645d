package hook

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wright-build/wright/manifests"
)

// world is what is watched, at which revision, and what it was told.
type world struct {
	mu    sync.Mutex // guards all below
	at    map[string]string
	fails error
	block chan struct{}
	said  []string
}

const shop = "https://github.com/acme/shop"

// watching is a world in which refs of the shop are watched.
func watching(at map[string]string) *world { return &world{at: at} }

func (w *world) say(format string, args ...any) {
	w.said = append(w.said, fmt.Sprintf(format, args...))
}

func (w *world) Watched(vcs, url, ref string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, ok := w.at[ref]
	return ok && vcs == "git" && manifests.SameRemote(url, shop)
}

func (w *world) Observe(ctx context.Context, _ string, c Change) (bool, error) {
	if w.block != nil {
		<-w.block
	}
	if err := ctx.Err(); err != nil {
		return false, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fails != nil {
		return false, w.fails
	}
	if w.at[c.Ref] != c.Before {
		w.say("asked because of %s", c.Ref)
		return false, nil
	}
	w.at[c.Ref] = c.After
	w.say("%s is at %.4s", c.Ref, c.After)
	return true, nil
}

func (w *world) Told(_ string, c Change) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.say("asked for %s", c.Ref)
}

func (w *world) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	said := w.said
	w.said = nil
	return said
}

// hooks is one hook of each kind, called after it.
func hooks(w *world) *Hooks {
	var all []manifests.Hook
	for _, name := range []string{"github", "gitea", "gitlab", "bitbucket", "generic"} {
		all = append(all, manifests.Hook{Name: name, Kind: name, Secret: manifests.SecretRef{Scheme: "env", Name: "S"}, Window: time.Minute})
	}
	return New(Config{
		Hooks: all, Watches: w, Log: slog.New(slog.DiscardHandler),
		Secret: func(manifests.SecretRef) ([]byte, error) { return []byte(secret), nil },
	})
}

// push is a signed push event of GitHub.
func push(id, ref, before, after string) *http.Request {
	return signed(id, "push", fmt.Sprintf(`{"ref":%q,"before":%q,"after":%q,"repository":{"clone_url":"%s.git","default_branch":"main"}}`,
		ref, before, after, shop))
}

func signed(id, event, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/hooks/github", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-GitHub-Event", event)
	r.Header.Set("X-GitHub-Delivery", id)
	r.Header.Set("X-Hub-Signature-256", fmt.Sprintf("sha256=%x", mac([]byte(secret), body)))
	return r
}

// generic is a signed delivery of our own form.
func generic(body string, at time.Time) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/hooks/generic", strings.NewReader(body))
	t := fmt.Sprint(at.Unix())
	r.Header.Set("X-Wright-Signature", fmt.Sprintf("t=%s,v1=%x", t, mac([]byte(secret), t, ".", body)))
	return r
}

// send is the status and what the answer holds.
func send(h http.Handler, r *http.Request) (int, string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, strings.TrimSpace(w.Body.String())
}

func wantAnswer(t *testing.T, what string, h http.Handler, r *http.Request, status int, body string) {
	t.Helper()
	if got, text := send(h, r); got != status || !strings.Contains(text, body) {
		t.Errorf("%s: %d %s; want %d %s", what, got, text, status, body)
	}
}

func wantSaid(t *testing.T, what string, w *world, want ...string) {
	t.Helper()
	if got := w.take(); !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}
