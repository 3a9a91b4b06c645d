package suite

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

func backendBugs() []bug {
	return []bug{
		{"outage without a code", "^backend: errors before", `plugins.Transient`},
		{"outage is not found", "^backend: errors before", `plugins.Transient`},
		{"failed writes ignored", "^backend: errors before", `all is well`},
		{"errors are an empty list", "^backend: errors before", `list|all is well|half`},
		{"garbage is an empty list", "^backend: broken answers", `no empty list`},
		{"any 404 is gone", "^backend: a gateway", `an empty list|a list without|all is well.*in its own words`},
		{"owner ignored", "^another agent", `must have "A 192.0.2.1".*write the owner to the far side`},
		{"removed first", "^backend: errors before", `half of it`},
		{"retry-after ignored", "^backend: throttling", `RetryAfter`},
		{"no context", "^backend: hanging", `still wait`},
		{"lock kept", "^backend: hanging", `works again.*no lock`},
	}
}

// documents is a service that keeps documents. As with any real one a request
// that its client gave up may be carried out later: who reads and then writes
// says which version he read.
type documents struct {
	mu       sync.Mutex // guards all below
	all      map[string][]byte
	versions map[string]int
}

func (d *documents) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	version := fmt.Sprintf("%q", fmt.Sprint(d.versions[r.URL.Path]))
	w.Header().Set("ETag", version)
	if want := r.Header.Get("If-Match"); want != "" && want != version {
		w.WriteHeader(http.StatusPreconditionFailed)
	} else if r.Method == http.MethodPut {
		d.all[r.URL.Path] = body
		d.versions[r.URL.Path]++
		_, _ = io.WriteString(w, `{"kept":true}`)
	} else if text, ok := d.all[r.URL.Path]; ok {
		_, _ = w.Write(text)
	} else {
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"error":"there is no such document"}`)
	}
}

// kept gives the reference a backend over HTTP.
func kept(t *testing.T, s Subject) Subject {
	server := httptest.NewServer(&documents{all: map[string][]byte{}, versions: map[string]int{}})
	t.Cleanup(server.Close)
	s.Settings = over(s.Settings, map[string]any{"backend": server.URL + "/documents", "pause": "0s"})
	s.Endpoint = "backend"
	return s
}
