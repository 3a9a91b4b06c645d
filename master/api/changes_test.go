package api_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/master/api"
	"github.com/wright-build/wright/master/api/apitest"
	"github.com/wright-build/wright/master/api/client"
	"github.com/wright-build/wright/master/api/view"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/watchlist"
)

const shopURL = "https://git.example.test/shop.git"

// observed is the fact that a ref of the shop is at a revision.
func observed(vcs, ref, revision string) state.Write {
	r := &state.Ref{VCS: vcs, URL: shopURL, Ref: ref, Revision: revision}
	return r.Put(watchlist.KeyOf(vcs, shopURL).Watch(ref))
}

// TestSendChange: a movement from where the ref is known to be is recorded,
// anything else has the remote asked, and what nobody watches is refused.
func TestSendChange(t *testing.T) {
	w, _, url := serve(t)
	one, two, zeros := strings.Repeat("1", 40), strings.Repeat("2", 40), strings.Repeat("0", 40)
	w.Put(observed("git", "refs/heads/main", one), observed("git", "refs/heads/gone", ""), observed("git", "refs/tags/v1", ""),
		observed("hg", "refs/heads/default", one))
	tests := []struct {
		change string
		status int
		result string
	}{
		{`{"url":"` + shopURL + `"}`, 202, "asked"},
		{`{"url":"ssh://git@git.example.test/shop","ref":"main"}`, 202, "asked"},
		{`{"url":"` + shopURL + `","ref":"refs/heads/main","before":"` + two + `","after":"` + one + `"}`, 202, "asked"},
		{`{"url":"` + shopURL + `","ref":"refs/heads/main","before":"` + one + `","after":"` + one + `"}`, 202, "asked"},
		{`{"url":"` + shopURL + `","ref":"main","before":"` + one + `","after":"` + two + `"}`, 202, "recorded"},
		{`{"url":"` + shopURL + `","ref":"main","before":"` + one + `","after":"` + two + `"}`, 202, "asked"},
		{`{"url":"` + shopURL + `","ref":"main","before":"` + two + `","after":"` + zeros + `"}`, 202, "recorded"},
		{`{"url":"` + shopURL + `","ref":"main","before":"","after":"` + two + `"}`, 202, "recorded"},
		{`{"url":"` + shopURL + `","ref":"refs/tags/v1","before":"` + zeros + `","after":"` + two + `"}`, 202, "asked"},
		{`{"url":"` + shopURL + `","ref":"default","before":"` + one + `","after":"` + two + `"}`, 202, "recorded"},
		{`{"url":"` + shopURL + `","ref":"other"}`, 404, "refs/heads/other"},
		{`{"url":"https://git.example.test/unknown.git","ref":"main"}`, 404, "no instance watches"},
		{`{"url":"` + shopURL + `","ref":"ma..in"}`, 400, "the ref of the change"},
		{`{"url":"` + shopURL + `","ref":"main","after":"` + two + `"}`, 400, "belong together"},
		{`{"url":"` + shopURL + `","before":"` + one + `","after":"` + two + `"}`, 400, "belong together"},
		{`{"url":"` + shopURL + `","ref":"main","before":"` + one + `","after":"main"}`, 400, "no whole commit ID"},
		{`{"url":"` + shopURL + `","ref":"main","branch":"main"}`, 400, "unknown field"},
	}
	for _, tt := range tests {
		status, text := sendText(t, url+api.Prefix+"/changes", tt.change)
		if status != tt.status || !strings.Contains(text, tt.result) {
			t.Errorf("%s: %d %s; want %d %s", tt.change, status, text, tt.status, tt.result)
		}
	}
}

func sendText(t *testing.T, url, body string) (int, string) {
	t.Helper()
	resp, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// clientOf is a client of an API of its own.
func clientOf(t *testing.T, cfg api.Config) *client.Client {
	t.Helper()
	srv := httptest.NewServer(api.New(cfg))
	t.Cleanup(srv.Close)
	c, err := client.New(srv.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// told is a master's hooks.
type told []view.Hook

func (h told) Hooks() []view.Hook { return h }

// TestHooks: those who may tell of changes are listed; a master without any
// lists none.
func TestHooks(t *testing.T) {
	w := apitest.New(t)
	cfg := w.Config()
	c := clientOf(t, cfg)
	if all, err := c.Hooks(t.Context()); err != nil || all == nil || len(all) != 0 {
		t.Errorf("no hooks: %v, %v", all, err)
	}
	want := view.Hook{Name: "forge", Kind: "gitea", Address: "/hooks/forge", Refused: 2, LastError: "bad", LastErrorAt: time.Unix(1, 0).UTC()}
	cfg.Hooks = told{want}
	c = clientOf(t, cfg)
	if all, err := c.Hooks(t.Context()); err != nil || len(all) != 1 || all[0] != want {
		t.Errorf("%+v, %v", all, err)
	}
}
