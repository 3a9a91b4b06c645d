package api_test

import (
	"bytes"
	"errors"
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
)

const shop = `
[source]
git = "https://git.example.test/shop.git"
branch = "main"

[[watch]]
git = "https://git.example.test/gone.git"
branch = "main"

[[step]]
name = "test"
run = "make test"
`

// serve starts the API over a world with the instance shop.
func serve(t *testing.T) (*apitest.World, *client.Client, string) {
	t.Helper()
	w := apitest.New(t)
	w.Manifest("shop", shop)
	cfg := w.Config()
	cfg.Listen, cfg.Proxy = "127.0.0.1:0", "127.0.0.1:8080"
	srv := httptest.NewServer(api.New(cfg))
	t.Cleanup(srv.Close)
	c, err := client.New(srv.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	return w, c, srv.URL
}

func start(t *testing.T, c *client.Client) view.Build {
	t.Helper()
	b, err := c.StartBuild(t.Context(), client.Start{Instance: "shop", Reason: "for the test"})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestOneBuildFromStartToEnd(t *testing.T) {
	w, c, _ := serve(t)
	b := start(t, c)
	if b.ID != "shop-000001" || b.State != "queued" || b.Reason != "for the test" || b.Kind != "person" {
		t.Errorf("started: %+v", b)
	}
	changed := make(chan view.Build, 1)
	go func() {
		now, err := c.AwaitChange(t.Context(), b)
		if err != nil {
			t.Error(err)
		}
		changed <- now
	}()
	w.Begin(b.ID, "step test")
	if now := <-changed; now.State != "running" || now.Phase != "step test" || now.Agent != "dev-1" {
		t.Errorf("after it began: %+v", now)
	}
	go w.End(b.ID, state.Failed, "step test: exit status 2")
	for !b.Ended() {
		now, err := c.AwaitChange(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		b = now
	}
	if b.State != "failed" || b.Error != "step test: exit status 2" || b.FinishedAt.IsZero() {
		t.Errorf("at its end: %+v", b)
	}
	for _, id := range []string{"shop-1", "shop-000001", "shop"} {
		if got, err := c.Build(t.Context(), id); err != nil || got.ID != b.ID {
			t.Errorf("build %s: %+v, %v", id, got, err)
		}
	}
	i, err := c.Instance(t.Context(), "shop")
	if err != nil || i.State != "failed" || i.LastBuild != b.ID || i.Watches != 2 {
		t.Errorf("instance: %+v, %v", i, err)
	}
}

func TestBuildsAreListedNewestFirst(t *testing.T) {
	w, c, _ := serve(t)
	w.Manifest("blog", shop)
	for _, instance := range []string{"shop", "blog", "shop", "blog", "shop"} {
		b, err := c.StartBuild(t.Context(), client.Start{Instance: instance})
		if err != nil {
			t.Fatal(err)
		}
		if b.Number < 2 {
			w.Begin(b.ID, "")
			w.End(b.ID, state.Succeeded, "")
		}
	}
	tests := []struct {
		instance, state string
		limit           int
		want            string
	}{
		{"", "", 0, "shop-000003 blog-000002 shop-000002 blog-000001 shop-000001"},
		{"shop", "", 0, "shop-000003 shop-000002 shop-000001"},
		{"", "", 2, "shop-000003 blog-000002"},
		{"", "succeeded", 0, "blog-000001 shop-000001"},
		{"", "queued", 0, "shop-000003 blog-000002 shop-000002"},
		{"blog", "failed", 0, ""},
	}
	for _, tt := range tests {
		all, err := c.Builds(t.Context(), tt.instance, tt.state, tt.limit)
		if err != nil {
			t.Fatal(err)
		}
		ids := []string{}
		for _, b := range all {
			ids = append(ids, b.ID)
		}
		if got := strings.Join(ids, " "); got != tt.want {
			t.Errorf("builds of %q in %q, limit %d: %s, want %s", tt.instance, tt.state, tt.limit, got, tt.want)
		}
	}
}

func TestLogIsByteExact(t *testing.T) {
	w, c, _ := serve(t)
	b := start(t, c)
	w.Begin(b.ID, "")
	one, two := []byte("\x00\xff\r\n\x1b[31mno end"), bytes.Repeat([]byte{0, 1, 2, 254}, 1<<18)
	w.Output(b.ID, 0, "wright", []byte("fetched\n"), false)
	w.Output(b.ID, 1, "test", one, true)
	follow := make(chan []byte)
	go func() {
		out, err := c.Log(t.Context(), b.ID, client.LogQuery{Follow: true})
		if err != nil || out.Attempt != 1 {
			t.Errorf("follow: %+v, %v", out, err)
			close(follow)
			return
		}
		defer out.Close()
		all, err := io.ReadAll(out)
		if err != nil {
			t.Error(err)
		}
		follow <- all
	}()
	w.Output(b.ID, 2, "deploy", two, false)
	w.End(b.ID, state.Succeeded, "")
	want := append(append([]byte{}, one...), two...)
	if got := <-follow; !bytes.Equal(got, want) {
		t.Errorf("followed %d bytes, want the %d that were written", len(got), len(want))
	}
	tests := []struct {
		name string
		q    client.LogQuery
		want []byte
	}{
		{"all steps", client.LogQuery{}, want},
		{"from an offset in the second", client.LogQuery{Offset: int64(len(one)) + 5}, two[5:]},
		{"one by name", client.LogQuery{Part: "test"}, one},
		{"one by number", client.LogQuery{Part: "2"}, two},
		{"Wright's own", client.LogQuery{Part: "0"}, []byte("fetched\n")},
		{"everything", client.LogQuery{All: true}, append([]byte("fetched\n"), want...)},
		{"following what has ended", client.LogQuery{Follow: true, Offset: int64(len(want))}, nil},
	}
	for _, tt := range tests {
		out, err := c.Log(t.Context(), b.ID, tt.q)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		got, err := io.ReadAll(out)
		if err != nil || !bytes.Equal(got, tt.want) {
			t.Errorf("%s: %d bytes, %v; want %d", tt.name, len(got), err, len(tt.want))
		}
		_ = out.Close()
	}
	parts, err := c.Parts(t.Context(), b.ID)
	if err != nil || len(parts) != 3 || parts[1].Name != "test" || parts[1].Size != int64(len(one)) {
		t.Errorf("parts: %+v, %v", parts, err)
	}
}

func TestLinesOfALog(t *testing.T) {
	w, c, _ := serve(t)
	b := start(t, c)
	w.Begin(b.ID, "")
	w.Output(b.ID, 0, "wright", []byte("fetched\n"), false)
	w.Output(b.ID, 1, "test", []byte("one\ntwo\nthr"), true)
	w.Output(b.ID, 2, "deploy", []byte("ee\nfour\nfive"), false)
	w.End(b.ID, state.Succeeded, "")
	last := func(n int64) *int64 { return &n }
	tests := []struct {
		q      client.LogQuery
		want   string
		offset int64
	}{
		{client.LogQuery{Lines: "2:3"}, "two\nthree\n", 4},
		{client.LogQuery{Lines: "4"}, "four\n", 14},
		{client.LogQuery{Lines: "4:"}, "four\nfive", 14},
		{client.LogQuery{Lines: ":1"}, "one\n", 0},
		{client.LogQuery{Lines: "6:9"}, "", 23},
		{client.LogQuery{Lines: "2", Part: "deploy"}, "four\n", 3},
		{client.LogQuery{Lines: "1:2", All: true}, "fetched\none\n", 0},
		{client.LogQuery{Tail: last(2)}, "four\nfive", 14},
		{client.LogQuery{Tail: last(0)}, "", 23},
		{client.LogQuery{Tail: last(99)}, "one\ntwo\nthree\nfour\nfive", 0},
		{client.LogQuery{Tail: last(1), Follow: true}, "five", 19},
	}
	for _, tt := range tests {
		out, err := c.Log(t.Context(), b.ID, tt.q)
		if err != nil {
			t.Errorf("%+v: %v", tt.q, err)
			continue
		}
		if got, err := io.ReadAll(out); err != nil || string(got) != tt.want || out.Offset != tt.offset {
			t.Errorf("%+v: %q at %d, %v; want %q at %d", tt.q, got, out.Offset, err, tt.want, tt.offset)
		}
		_ = out.Close()
	}
	for _, q := range []client.LogQuery{
		{Lines: "x"}, {Lines: "0:1"}, {Lines: "3:2"}, {Lines: ":0"}, {Lines: "1:2", Tail: last(1)}, {Lines: "1:2", Follow: true},
		{Tail: last(-1)}, {Tail: last(1), Offset: 1}, {Tail: last(1), All: true, Follow: true}, {Offset: 1, All: true},
	} {
		if out, err := c.Log(t.Context(), b.ID, q); err == nil || errors.Is(err, client.ErrUnreachable) {
			t.Errorf("%+v: %v, %v", q, out, err)
		}
	}
}

// A log that nobody finished ends all the same when its build does.
func TestFollowingEndsWithABuildWhoseLogWasNotFinished(t *testing.T) {
	w, c, _ := serve(t)
	b := start(t, c)
	out, err := c.Log(t.Context(), b.ID, client.LogQuery{Follow: true})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	w.Output(b.ID, 1, "test", []byte("half"), false)
	if _, err := c.CancelBuild(t.Context(), b.ID, "not wanted"); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(out); err != nil || string(got) != "half" {
		t.Errorf("read %q, %v; want what was written before the end", got, err)
	}
}

func TestOtherDeeds(t *testing.T) {
	w, c, _ := serve(t)
	ctx := t.Context()
	first := start(t, c)
	w.Begin(first.ID, "")
	b := *w.Live(first.ID)
	b.Revisions = map[string]string{"https://git.example.test/shop": strings.Repeat("a", 40)}
	w.Put(b.Put())
	w.End(first.ID, state.Succeeded, "")
	again, err := c.RetryBuild(ctx, first.ID)
	if err != nil || again.Kind != "retry" || w.Live(again.ID).Revision != strings.Repeat("a", 40) {
		t.Errorf("retry: %+v, %v", again, err)
	}
	if re, err := c.Redeploy(ctx, "shop"); err != nil || w.Live(re.ID).Revision != strings.Repeat("a", 40) {
		t.Errorf("redeploy: %+v, %v", re, err)
	}
	if many, err := c.StartBuilds(ctx, client.Start{Instance: "shop"}, 3); err != nil || len(many) != 3 {
		t.Errorf("three builds: %+v, %v", many, err)
	}
	sent, err := c.SendChange(ctx, client.Change{URL: "https://git.example.test/shop"})
	if err != nil || sent.Result != "asked" || len(w.Checked()) != 1 {
		t.Errorf("change of another spelling: %+v, %v, asked %v", sent, err, w.Checked())
	}
	w.Put((&state.AppServer{ID: "shop-000001.1", Instance: "shop", State: state.Healthy, Address: "127.1.0.1:80"}).Put(),
		(&state.Active{Instance: "shop", AppServer: "shop-000001.1"}).Put())
	if _, err := c.Want(ctx, "shop-000001.1", "terminate"); err != nil || len(w.Wanted()) != 1 {
		t.Errorf("terminate: %v, wanted %v", err, w.Wanted())
	}
	servers, err := c.AppServers(ctx, "", true)
	if err != nil || len(servers) != 1 || !servers[0].Active || servers[0].URL != "http://shop.localhost:8080/" {
		t.Errorf("AppServers: %+v, %v", servers, err)
	}
	if i, err := c.Archive(ctx, "shop", true); err != nil || !i.Archived {
		t.Errorf("archive: %+v, %v", i, err)
	}
	watches, err := c.Watches(ctx, "shop")
	if err != nil || len(watches) != 2 {
		t.Errorf("watches: %+v, %v", watches, err)
	}
	if info, err := c.Info(ctx); err != nil || info.Instances != 1 || info.Queued != 5 {
		t.Errorf("info: %+v, %v", info, err)
	}
}

func TestListsAreNeverNull(t *testing.T) {
	w := apitest.New(t)
	h := api.New(w.Config())
	for _, path := range []string{"/instances", "/builds", "/watches", "/appservers", "/appservers?all=1", "/agents", "/manifests/errors", "/reap", "/reap/places"} {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, api.Prefix+path, nil))
		if got := strings.TrimSpace(rec.Body.String()); got != "[]" {
			t.Errorf("%s of an empty world: %s, want []", path, got)
		}
	}
}

func TestUnreachable(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	url := srv.URL
	c, err := client.New(url, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Info(t.Context()); !errors.Is(err, client.ErrUnreachable) {
		t.Errorf("something else answers: %v, want ErrUnreachable", err)
	}
	srv.Close()
	if _, err := c.Info(t.Context()); !errors.Is(err, client.ErrUnreachable) {
		t.Errorf("nobody answers: %v, want ErrUnreachable", err)
	}
}

// A wait ends also for a build that ended long ago, at once.
func TestWaitForAFinishedBuildIsNone(t *testing.T) {
	w, c, url := serve(t)
	b := start(t, c)
	w.Begin(b.ID, "")
	w.End(b.ID, state.Succeeded, "")
	began := time.Now()
	if status, _ := ask(t, "GET", url+api.Prefix+"/builds/"+b.ID+"?wait=1", ""); status != 200 || time.Since(began) > 10*time.Second {
		t.Errorf("status %d after %s", status, time.Since(began))
	}
}

// What was kept long enough is said to be gone, and not to have been nothing.
func TestExpiredOutputIsSaidToBe(t *testing.T) {
	w, c, _ := serve(t)
	var ids []string
	for range 2 {
		b := start(t, c)
		w.Begin(b.ID, "")
		w.Output(b.ID, 1, "test", []byte("text\n"), true)
		w.End(b.ID, state.Succeeded, "")
		ids = append(ids, b.ID)
	}
	if err := w.Logs.Expire("shop", ids[0]); err != nil {
		t.Fatal(err)
	}
	for i, id := range ids {
		b, err := c.Build(t.Context(), id)
		if err != nil || b.Expired != (i == 0) {
			t.Errorf("%+v, %v", b, err)
		}
		out, err := c.Log(t.Context(), id, client.LogQuery{})
		if i == 0 && (err == nil || !strings.Contains(err.Error(), "kept long enough, and are removed")) || i == 1 && err != nil {
			t.Errorf("the log of %s: %v", id, err)
		}
		if err == nil {
			_ = out.Close()
		}
	}
	all, err := c.Builds(t.Context(), "shop", "", 10)
	if err != nil || len(all) != 2 || all[0].Expired || !all[1].Expired {
		t.Errorf("%+v, %v", all, err)
	}
}
