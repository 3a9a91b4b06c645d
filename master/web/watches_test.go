package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/wright-build/wright/master/api/apitest"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/web"
)

func reported(n int) []state.Reported {
	var all []state.Reported
	for i := range n {
		all = append(all, state.Reported{VCS: "git", URL: fmt.Sprintf("https://git.example.test/r%04d", i), Ref: "refs/heads/main", From: "go.mod:3", Since: 1})
	}
	return all
}

func TestWatchesAreDrawnListedAndFound(t *testing.T) {
	w := apitest.New(t)
	w.Manifest("shop", shop)
	w.Manifest("wiki", "[[watch]]\ngit = 'https://git.example.test/gone.git'\n[[step]]\nrun = 'true'\n")
	w.Put((&state.Report{Instance: "shop", Watches: reported(3)}).Put())
	h := web.New(w.Config())
	tests := []struct {
		path       string
		has, lacks []string
	}{
		{"/watches", []string{"5 watches", "1 with errors", "<svg", `class="edge auto"`, `class="edge manifest bad"`, `href="/instances/wiki"`,
			"repository not found", "go.mod:3", "/builds/shop-000001", "shop.toml:1"}, nil},
		{"/watches?q=R0002+auto", []string{"1 watch found", "<svg", "r0002"}, []string{"r0001", "wiki"}},
		{"/watches?errors=1", []string{"1 watch found", "gone"}, []string{"r0001"}},
		{"/watches?q=wiki&errors=1", []string{"1 watch found"}, nil},
		{"/watches?q=" + url.QueryEscape(`<b>"x"`), []string{"No watch mentions", "&lt;b&gt;"}, []string{"<svg", "<b>\"x"}},
		{"/watches?q=%ff%00" + strings.Repeat("x", 500), []string{"No watch mentions"}, nil},
		{"/instances/shop", []string{"<svg", "found in <code>go.mod:3</code>"}, []string{"gone"}},
	}
	for _, tt := range tests {
		code, page := get(t, h, tt.path)
		if code != 200 {
			t.Errorf("%s: %d", tt.path, code)
		}
		for _, s := range tt.has {
			if !strings.Contains(page, s) {
				t.Errorf("%s lacks %q:\n%s", tt.path, s, page)
			}
		}
		for _, s := range tt.lacks {
			if strings.Contains(page, s) {
				t.Errorf("%s has %q", tt.path, s)
			}
		}
	}
}

func TestTooManyWatchesAreNotDrawn(t *testing.T) {
	w := apitest.New(t)
	w.Manifest("shop", shop)
	w.Put((&state.Report{Instance: "shop", Watches: reported(2000)}).Put())
	h := web.New(w.Config())
	_, page := get(t, h, "/watches")
	if strings.Contains(page, "<svg") || !strings.Contains(page, "too many to be drawn") || !strings.Contains(page, "the first 500 of 2001") || len(page) > 400<<10 {
		t.Errorf("a page of %d bytes for 2001 watches", len(page))
	}
	if _, page := get(t, h, "/watches?q=r001"); !strings.Contains(page, "<svg") {
		t.Errorf("those that are found are not drawn:\n%s", page)
	}
}
