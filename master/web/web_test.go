package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/api"
	"github.com/wright-build/wright/master/api/apitest"
	"github.com/wright-build/wright/master/logs"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/web"
)

const shop = "[source]\ngit = \"https://git.example.test/shop.git\"\nbranch = \"main\"\n"

const hostile = `"><script>alert(1)</script><img src=x onerror=alert(2)>` + "\x1b[31m\x00\xff"

func get(t *testing.T, h http.Handler, path string) (int, string) {
	t.Helper()
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), "GET", path, nil))
	return rec.Code, rec.Body.String()
}

// begun starts a build of the instance shop and hands it to an agent.
func begun(t *testing.T, w *apitest.World, why string) string {
	t.Helper()
	b, err := w.Start(t.Context(), "shop", api.Request{Kind: "person", Text: why})
	if err != nil {
		t.Fatal(err)
	}
	w.Begin(b.ID, why)
	return b.ID
}

func TestWhatOthersWriteIsEscaped(t *testing.T) {
	w := apitest.New(t)
	cfg := w.Config()
	cfg.Refused = t.TempDir()
	if err := os.WriteFile(filepath.Join(cfg.Refused, "x.toml"), []byte(hostile), 0o600); err != nil {
		t.Fatal(err)
	}
	w.Manifest("shop", shop)
	place := manifests.Place{File: hostile, Line: 1, Column: 1}
	w.Put((&state.Fault{Name: "shop", Errors: manifests.Errors{{Place: place, Message: hostile, Hint: hostile}}}).Put(),
		(&state.Refusal{Instance: "shop", Build: "shop-000001", Reason: hostile, Kept: "/elsewhere/x.toml"}).Put(),
		(&state.Agent{Name: hostile, Slots: 1, Capabilities: []string{hostile}, Plugins: []string{hostile}}).Put(),
		(&state.AppServer{ID: "shop-000001.1", Instance: "shop", State: state.Healthy, Address: hostile, Error: hostile}).Put(),
		(&state.Report{Instance: "shop", Watches: []state.Reported{{VCS: "git", URL: "https://x/" + hostile, Ref: hostile}}}).Put())
	id := begun(t, w, hostile)
	w.Output(id, 0, hostile, []byte(hostile), false)
	w.Output(id, 1, hostile, []byte(hostile), true)
	h := web.New(cfg)
	check := func(path string) {
		code, page := get(t, h, path)
		if code != 200 || strings.Contains(page, "<script>alert") || strings.Contains(page, "<img src=x") ||
			strings.ContainsAny(page, "\x1b\x00") {
			t.Errorf("%s: %d, what others wrote is not escaped:\n%s", path, code, page)
		}
	}
	for _, path := range []string{"/", "/instances/shop", "/builds", "/builds/" + id, "/agents", "/watches"} {
		check(path)
	}
	if _, page := get(t, h, "/instances/shop"); !strings.Contains(page, "&lt;script&gt;") {
		t.Error("the refused file is not shown")
	}
	w.End(id, state.Failed, hostile)
	for _, path := range []string{"/", "/instances/shop", "/builds", "/builds/" + id} {
		check(path)
	}
}

func TestPagesSayWhatIsMissing(t *testing.T) {
	h := web.New(apitest.New(t).Config())
	tests := []struct {
		path string
		code int
		want string
	}{
		{"/", 200, "No instance yet"},
		{"/builds", 200, "No build yet"},
		{"/agents", 200, "wright agent run --address http://example.com"},
		{"/watches", 200, "Nothing is watched"},
		{"/instances/nobody", 404, "no instance is called"},
		{"/builds/shop-1", 404, "there is no build shop-000001"},
		{"/builds/shop-1/events", 404, "there is no build shop-000001"},
		{"/static/", 404, ""},
		{"/static/..%2ftemplates%2flayout.html", 404, ""},
		{"/static/style.css", 200, "--paper"},
		{"/other", 404, "there is no page"},
	}
	for _, tt := range tests {
		if code, page := get(t, h, tt.path); code != tt.code || !strings.Contains(page, tt.want) {
			t.Errorf("%s: %d, want %d and %q in:\n%s", tt.path, code, tt.code, tt.want, page)
		}
	}
}

func TestFormsDoWhatTheySay(t *testing.T) {
	w := apitest.New(t)
	w.Manifest("shop", shop)
	w.Put((&state.AppServer{ID: "shop-000001.1", Instance: "shop", State: state.Healthy}).Put())
	h := web.New(w.Config())
	tests := []struct {
		path, form, site string
		code             int
		to               string
	}{
		{"/instances/shop/build", "", "cross-site", 403, ""},
		{"/instances/shop/build", "", "same-origin", 303, "/builds/shop-000001"},
		{"/instances/shop/build", "revision=-x", "same-origin", 400, ""},
		{"/instances/nobody/build", "", "same-origin", 404, ""},
		{"/builds/shop-000001/cancel", "", "same-origin", 303, "/builds/shop-000001"},
		{"/builds/shop-000001/cancel", "", "same-origin", 409, ""},
		{"/builds/shop-000001/retry", "", "same-origin", 303, "/builds/shop-000002"},
		{"/builds/shop-000001/delete", "", "same-origin", 404, ""},
		{"/appservers/shop-000001.1/activate", "", "same-origin", 303, "/instances/shop#appservers"},
		{"/appservers/shop-000001.1/reap", "", "same-origin", 404, ""},
	}
	for _, tt := range tests {
		r := httptest.NewRequestWithContext(t.Context(), "POST", tt.path, strings.NewReader(tt.form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", tt.site)
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		if rec.Code != tt.code || rec.Header().Get("Location") != tt.to {
			t.Errorf("%s %s from %s: %d %s, want %d %s", tt.path, tt.form, tt.site, rec.Code, rec.Header().Get("Location"), tt.code, tt.to)
		}
	}
	if got := fmt.Sprint(w.Wanted()); got != "[activate shop-000001.1]" {
		t.Errorf("wanted %s", got)
	}
}

func TestTheTokenIsAskedFor(t *testing.T) {
	cfg := apitest.New(t).Config()
	cfg.Token = "secret"
	h := web.New(cfg)
	for password, want := range map[string]int{"": 401, "wrong": 401, "secret": 200} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
		r.SetBasicAuth("anybody", password)
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		if rec.Code != want {
			t.Errorf("password %q: %d, want %d", password, rec.Code, want)
		}
	}
}

func TestBigLogsShowTheirEnd(t *testing.T) {
	w := apitest.New(t)
	w.Manifest("shop", shop)
	id := begun(t, w, "")
	w.Output(id, 1, "first", []byte("the first line\n"), true)
	w.Output(id, 2, "big", []byte(strings.Repeat("a line of the big one\n", 50000)), true)
	w.Output(id, 3, "last", []byte("the last line"), false)
	code, page := get(t, web.New(w.Config()), "/builds/"+id)
	if code != 200 || len(page) > 300<<10 {
		t.Errorf("%d, %d bytes; want a page that is not big", code, len(page))
	}
	for _, want := range []string{"the first line", "the last line", "before this are not shown", "<pre>a line"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if _, whole := get(t, web.New(w.Config()), "/builds/"+id+"/log"); len(whole) != 15+22*50000+13 {
		t.Errorf("the whole log has %d bytes", len(whole))
	}
}

// serve serves the pages until the test is over and its streams are closed.
func serve(t *testing.T, w *apitest.World) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(web.New(w.Config()))
	t.Cleanup(srv.Close)
	return srv
}

// stream is a connection to the events of a build.
type stream struct {
	t      *testing.T
	lines  *bufio.Scanner
	cancel context.CancelFunc
	lastID string
}

func connect(t *testing.T, address, lastID string) *stream {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if lastID != "" {
		r.Header.Set("Last-Event-ID", lastID)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp, err)
	}
	t.Cleanup(func() { cancel(); _ = resp.Body.Close() })
	return &stream{t, bufio.NewScanner(resp.Body), cancel, lastID}
}

// next returns the next event; its name is "" at the end.
func (s *stream) next() (name, data string) {
	var lines []string
	for s.lines.Scan() {
		key, value, _ := strings.Cut(s.lines.Text(), ": ")
		switch key {
		case "id":
			s.lastID = value
		case "event":
			name = value
		case "data":
			lines = append(lines, value)
		case "":
			if name != "" {
				return name, strings.Join(lines, "\n")
			}
		}
	}
	return "", ""
}

// until collects log text until it has what is wanted, or the end.
func (s *stream) until(enough func(text string) bool) (text string) {
	for !enough(text) {
		name, data := s.next()
		switch name {
		case "log":
			var piece struct{ Text string }
			if err := json.Unmarshal([]byte(data), &piece); err != nil {
				s.t.Fatal(err)
			}
			text += piece.Text
		case "end", "":
			return text
		}
	}
	return text
}

// A browser that is cut off again and again has the whole log once, although
// bytes of a character arrive apart.
func TestEventsGoOnWithoutGapOrRepeat(t *testing.T) {
	w := apitest.New(t)
	w.Manifest("shop", shop)
	id := begun(t, w, "step test")
	srv := serve(t, w)
	w.Output(id, 1, "test", []byte("shown by the page\n"), false)
	_, page := get(t, web.New(w.Config()), "/builds/"+id)
	at := regexp.MustCompile(`data-events="([^"]+)"`).FindStringSubmatch(page)
	if at == nil {
		t.Fatalf("the page does not say where its events are:\n%s", page)
	}
	address, err := url.JoinPath(srv.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	address = strings.TrimSuffix(address, "/") + at[1]
	var got, lastID string
	var want strings.Builder
	for i := range 20 {
		piece := fmt.Sprintf("piece %d \u2603\n", i)
		want.WriteString(piece)
		cut := len(piece) - 3 // within the character
		s := connect(t, address, lastID)
		w.Output(id, 1, "test", []byte(piece[:cut]), false)
		got += s.until(func(text string) bool { return strings.Contains(text, "piece") })
		lastID = s.lastID
		s.cancel()
		w.Output(id, 1, "test", []byte(piece[cut:]), i == 19)
	}
	s := connect(t, address, lastID)
	w.Output(id, 2, "deploy", []byte("deployed"), true)
	want.WriteString("deployed")
	w.End(id, state.Succeeded, "")
	got += s.until(func(string) bool { return false })
	if got != want.String() {
		t.Errorf("got  %q\nwant %q", got, want.String())
	}
}

// The page of a build whose output its agent is to bring again says so, and shows it
// when it comes.
func TestPageOfOutputThatIsComing(t *testing.T) {
	w := apitest.New(t)
	w.Manifest("shop", shop)
	id := begun(t, w, "step test")
	srv := serve(t, w)
	w.EndElsewhere(id, state.Failed, "", int64(len("it came")))
	h := web.New(w.Config())
	_, page := get(t, h, "/builds/"+id)
	at := regexp.MustCompile(`data-events="([^"]+)"`).FindStringSubmatch(page)
	if at == nil || !strings.Contains(page, "agent dev-1 brings it again") {
		t.Fatalf("the page does not say that output is coming:\n%s", page)
	}
	if code, text := get(t, h, "/builds/"+id+"/log"); code != http.StatusServiceUnavailable {
		t.Errorf("the whole of it: %d\n%s", code, text)
	}
	s := connect(t, strings.TrimSuffix(srv.URL, "/")+at[1], "")
	if _, err := w.Logs.Append(logs.Attempt{Instance: "shop", Build: id, Attempt: 1}, 1, "test", 0, []byte("it came"), true); err != nil {
		t.Fatal(err)
	}
	if got := s.until(func(string) bool { return false }); got != "it came" {
		t.Errorf("the page is told %q", got)
	}
	if _, page := get(t, h, "/builds/"+id); strings.Contains(page, "brings it again") || !strings.Contains(page, "it came") {
		t.Errorf("once it is there:\n%s", page)
	}
}

func TestEventsTellTheState(t *testing.T) {
	w := apitest.New(t)
	w.Manifest("shop", shop)
	id := begun(t, w, "step test")
	srv := serve(t, w)
	s := connect(t, srv.URL+"/builds/"+id+"/events", "")
	w.End(id, state.Failed, "exit status 1 <b>")
	var names, status string
	for {
		name, data := s.next()
		if name == "" {
			break
		}
		names += name + " "
		if name == "status" {
			status = data
		}
	}
	if names != "status end " || !strings.Contains(status, "exit status 1 &lt;b&gt;") {
		t.Errorf("events %s, status:\n%s", names, status)
	}
}

func TestListsHearOfChanges(t *testing.T) {
	w := apitest.New(t)
	srv := serve(t, w)
	s := connect(t, srv.URL+"/events", "")
	w.Manifest("shop", shop)
	if name, _ := s.next(); name != "changed" {
		t.Errorf("got event %q", name)
	}
}

func TestNothingComesFromElsewhere(t *testing.T) {
	w := apitest.New(t)
	w.Manifest("shop", shop)
	srv := serve(t, w)
	resp, err := http.Get(srv.URL + "/instances/shop")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if csp := resp.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'self'") {
		t.Errorf("policy %q", csp)
	}
	if inline := regexp.MustCompile(`(?i)<script>|<style|\sstyle=|\son\w+=|(src|href)="(https?:)?//`).FindString(string(page)); inline != "" {
		t.Errorf("the policy forbids %q in:\n%s", inline, page)
	}
}
