package api_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/wright-build/wright/master/api/client"
	"github.com/wright-build/wright/master/api/view"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/watchlist"
)

const sourceAndTheme = "[source]\ngit = 'https://git.example.test/shop.git'\nbranch = 'main'\n" +
	"[[watch]]\ngit = 'https://git.example.test/theme.git'\nbranch = 'main'\n"

// refusedWith checks that the master refuses, and what it says.
func refusedWith(t *testing.T, err error, status int, says ...string) {
	t.Helper()
	var refused *client.Error
	if !errors.As(err, &refused) || refused.Status != status {
		t.Fatalf("%v, want a refusal with %d", err, status)
	}
	for _, s := range says {
		if !strings.Contains(refused.Message+"\n"+refused.Hint, s) {
			t.Errorf("%q, %q; want %q in it", refused.Message, refused.Hint, s)
		}
	}
}

func TestWhyARemoteIsWatched(t *testing.T) {
	w, c, _ := serve(t)
	w.Manifest("stall", sourceAndTheme)
	w.Manifest("wiki", "[[step]]\nrun = 'true'\n")
	theme := state.Reported{VCS: "git", URL: "git@git.example.test:theme", Ref: "refs/heads/main", Revision: strings.Repeat("1", 40), From: "package.json:12", Since: 4}
	w.Put((&state.Report{Instance: "stall", Watches: []state.Reported{theme}}).Put(), (&state.Report{Instance: "wiki", Watches: []state.Reported{theme}}).Put())
	for _, asked := range [][2]string{{"ssh://git@GIT.example.test/theme.git", ""}, {"https://git.example.test/theme", "main"}, {theme.URL, "refs/heads/main"}} {
		all, err := c.Why(t.Context(), asked[0], asked[1])
		if err != nil || len(all) != 2 {
			t.Fatalf("%q: %v, %v", asked, all, err)
		}
		stall, wiki := all[0], all[1]
		if stall.Instance != "stall" || stall.Origin != "manifest" || stall.URL != "https://git.example.test/theme.git" ||
			!strings.HasSuffix(stall.From, "stall.toml:4") || stall.Since != "stall-000004" || len(stall.Also) != 1 ||
			stall.Also[0] != (view.Saying{Origin: "auto", URL: theme.URL, From: theme.From, Since: "stall-000004"}) {
			t.Errorf("%+v", stall)
		}
		if wiki.Instance != "wiki" || wiki.Origin != "auto" || wiki.From != "package.json:12" || wiki.Since != "wiki-000004" || len(wiki.Also) != 0 {
			t.Errorf("%+v", wiki)
		}
	}
	_, err := c.Why(t.Context(), "https://git.example.test/themes", "")
	refusedWith(t, err, 404, "nobody watches https://git.example.test/themes", "https://git.example.test/theme.git")
	_, err = c.Why(t.Context(), "https://git.example.test/theme", "next")
	refusedWith(t, err, 404, "nobody watches next of", "refs/heads/main")
	_, err = c.Why(t.Context(), "", "")
	refusedWith(t, err, 400)
	_, err = c.Why(t.Context(), strings.Repeat("x", 3000), "")
	refusedWith(t, err, 400)
}

func TestWatchesTellWhereTheyComeFrom(t *testing.T) {
	w, c, _ := serve(t)
	w.Manifest("stall", sourceAndTheme)
	w.Put((&state.Report{Instance: "stall", Watches: []state.Reported{{VCS: "git", URL: "https://git.example.test/lib", Ref: "HEAD", From: "go.mod:3", Since: 12}}}).Put())
	all, err := c.Watches(t.Context(), "stall")
	var got []string
	for _, v := range all {
		got = append(got, fmt.Sprint(v.Origin, " ", v.From[strings.LastIndexByte(v.From, '/')+1:], " ", v.Since))
	}
	if want := "[auto go.mod:3 stall-000012 source stall.toml:1  manifest stall.toml:4 ]"; err != nil || fmt.Sprint(got) != want {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
}

func TestWatchDiff(t *testing.T) {
	w, c, _ := serve(t)
	w.Manifest("stall", sourceAndTheme)
	_, err := c.WatchDiff(t.Context(), "stall", "", "")
	refusedWith(t, err, 404, "no build of stall has reported")
	attach := func(n int, name, text string) {
		t.Helper()
		if err := w.Logs.Attach("stall", fmt.Sprintf("stall-%06d", n), name, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	attach(1, watchlist.CompleteFile, "watch = [{git='https://h.test/a', from='x:1'}, {git='https://h.test/b'}]")
	attach(2, watchlist.FetchedFile, "watch = [{git='https://h.test/other'}]") // it failed
	attach(3, watchlist.CompleteFile, "watch = [{git='git@h.test:a.git', from='y:2'}, {git='https://h.test/c', from='z:3'}]")
	attach(4, watchlist.FetchedFile, "")
	show := func(d view.WatchDiff, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		s := d.Old + ".." + d.New
		for _, v := range d.Added {
			s += " +" + v.URL + " " + v.From
		}
		for _, v := range d.Removed {
			s += " -" + v.URL
		}
		for _, v := range d.Moved {
			s += " ~" + v.URL + " " + v.Was + " " + v.From
		}
		return s
	}
	const three = "stall-000001..stall-000003 +https://h.test/c z:3 -https://h.test/b ~git@h.test:a.git x:1 y:2"
	for _, tt := range []struct{ old, fresh, want string }{
		{"", "", three},
		{"", "stall-3", three},
		{"stall-1", "stall-000003", three},
		{"stall-3", "stall-1", "stall-000003..stall-000001 +https://h.test/b  -https://h.test/c ~https://h.test/a y:2 x:1"},
		{"", "stall-1", "..stall-000001 +https://h.test/a x:1 +https://h.test/b "},
	} {
		if got := show(c.WatchDiff(t.Context(), "stall", tt.old, tt.fresh)); got != tt.want {
			t.Errorf("%s..%s: got %s, want %s", tt.old, tt.fresh, got, tt.want)
		}
	}
	_, err = c.WatchDiff(t.Context(), "stall", "", "stall-2")
	refusedWith(t, err, 404, "stall-000002 has not reported all")
	_, err = c.WatchDiff(t.Context(), "stall", "", "wiki-1")
	refusedWith(t, err, 400, "no build of stall")
	_, err = c.WatchDiff(t.Context(), "stall", "../x", "")
	refusedWith(t, err, 400)
	_, err = c.WatchDiff(t.Context(), "nobody", "", "")
	refusedWith(t, err, 404, "no instance is called")
	attach(5, watchlist.CompleteFile, "watch = [{git='https://h.test/c', from='z:3'}, {git='git@h.test:a.git', from='y:2'}]")
	d, err := c.WatchDiff(t.Context(), "stall", "", "")
	text, jsonErr := json.Marshal(d)
	if err != nil || jsonErr != nil || string(text) != `{"instance":"stall","old":"stall-000003","new":"stall-000005","added":[],"removed":[],"moved":[]}` {
		t.Errorf("%s, %v, %v", text, err, jsonErr)
	}
}
