package suite

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

func notifierBugs() []bug {
	return []bug{
		{"token ignored", "^a message arrives once$|^receipts$", `receipt.*under a lock|again`},
		{"twice at once", "^a message arrives once$", `times at once`},
		{"forgets", "^a restart forgets nothing$", `memory`},
		{"receipt first", "^once, whatever is killed$", `never arrived`},
		{"no receipts", "^receipts$", `Receipts`},
		{"no time", "^receipts$", `delivered at 0001`},
		{"the same text once", "^tokens are compared whole$", `the last two with the same text.*byte for byte`},
		{"tokens cut", "^tokens are compared whole$", `byte for byte`},
		{"token case ignored", "^tokens are compared whole$", `byte for byte`},
		{"delivers nothing", "^a message arrives$", `arrived 0 times`},
		{"subject lost", "^a message arrives$", `subject.*did not arrive`},
		{"text cut", "^long and hostile texts$", `its end did not arrive`},
		{"json by hand", "^long and hostile texts$", `refuses as invalid`},
		{"panics on unicode", "^long and hostile texts$", `process died`},
		{"first recipient only", "^many recipients$", `not named`},
		{"failure swallowed", "^a far side that fails$", `no error`},
		{"status ignored", "^a far side that fails$", `no error`},
		{"outage is denied", "^a far side that fails$", `code "denied".*Transient`},
		{"outage without a code", "^a far side that fails$", `without a code.*Transient`},
		{"retry-after ignored", "^a far side that is busy$", `plugins.RetryAfter`},
		{"refusal is transient", "^a far side that refuses$", `plugins.Denied`},
		{"no context", "^a far side that hangs$", `the call's context`},
		{"far side not told", "^a far side whose answer is lost$", `Idempotency-Key`},
		{"repeats by itself", "^a message arrives once$", `arrived 2 times`},
		{"list ignores tags", "^list by tag$", `select by the tags`},
		{"list only of the installation", "^list by tag$", `select by the tags`},
		{"tags lowercased", "^tags are kept$", `never change them`},
		{"first page only", "^a long list$", `page after page`},
		{"newest only", "^a long list$", `however many they are`},
		{"page twice", "^a long list$", `in the list twice`},
	}
}

// postOffice takes messages, each key once, and shows them at /messages.
type postOffice struct {
	mu    sync.Mutex // guards all below
	seen  map[string]bool
	lines []string
}

func (f *postOffice) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.Method == http.MethodGet {
		_, _ = io.WriteString(w, strings.Join(f.lines, ""))
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	if key := r.Header.Get("Idempotency-Key"); key == "" || !f.seen[key] {
		f.seen[key] = true
		f.lines = append(f.lines, strings.ReplaceAll(string(body), "\n", " ")+"\n")
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintln(w, `{"taken":true}`)
}

// posted gives the reference a far side over HTTP.
func posted(t *testing.T, s Subject) Subject {
	server := httptest.NewServer(&postOffice{seen: map[string]bool{}})
	t.Cleanup(server.Close)
	s.Settings = over(s.Settings, map[string]any{"endpoint": server.URL + "/take"})
	s.Endpoint, s.Probe, s.Full = "endpoint", server.URL+"/messages", nil
	return s
}
