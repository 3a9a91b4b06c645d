package api_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/wright-build/wright/master/api"
	"github.com/wright-build/wright/master/api/client"
	"github.com/wright-build/wright/master/logs"
	"github.com/wright-build/wright/master/state"
)

// Output of a build that has ended, and that its agent is to bring again, is not
// answered as if it were nothing: who reads is told to come back, who follows waits.
func TestOutputThatIsComing(t *testing.T) {
	w, c, address := serve(t)
	id := start(t, c).ID
	w.Begin(id, "")
	at := logs.Attempt{Instance: "shop", Build: id, Attempt: 1}
	w.EndElsewhere(id, state.Failed, "step test: exit status 1", int64(len("fetched\nhalf, and all\n")))
	for _, path := range []string{"/log", "/log?attempt=1", "/log?all=1&tail=3", "/log?lines=1:2"} {
		refused(t, address, "/builds/"+id+path, "", "is not connected")
	}
	refused(t, address, "/builds/"+id+"/parts", "", "is not connected")
	w.Put((&state.Agent{Name: "dev-1"}).Put())
	refused(t, address, "/builds/"+id+"/log", "1", "on its way from agent dev-1")

	write := func(part int, text string, offset int64) {
		t.Helper()
		if _, err := w.Logs.Append(at, part, "x", offset, []byte(text), false); err != nil {
			t.Fatal(err)
		}
	}
	followed := make(chan string)
	go func() { followed <- read(t, c, id, client.LogQuery{Follow: true}) }()
	write(0, "fetched\n", 0)
	write(1, "half,", 0)
	refused(t, address, "/builds/"+id+"/log", "1", "on its way")
	write(1, " and all\n", int64(len("half,")))
	if got := <-followed; got != "half, and all\n" {
		t.Errorf("followed %q", got)
	}
	if got := read(t, c, id, client.LogQuery{}); got != "half, and all\n" {
		t.Errorf("read %q", got)
	}
}

// refused wants a request to be refused for now.
func refused(t *testing.T, address, path, again, why string) {
	t.Helper()
	resp, err := http.Get(address + api.Prefix + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") != again || !strings.Contains(string(text), why) {
		t.Errorf("%s: %d, Retry-After %q: %s %v; want %q and %q", path, resp.StatusCode, resp.Header.Get("Retry-After"), text, err, again, why)
	}
}

func read(t *testing.T, c *client.Client, id string, q client.LogQuery) string {
	out, err := c.Log(t.Context(), id, q)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer out.Close()
	text, err := io.ReadAll(out)
	if err != nil {
		t.Error(err)
	}
	return string(text)
}
