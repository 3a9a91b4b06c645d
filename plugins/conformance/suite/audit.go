package suite

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
)

// audit remembers what the backend made and removed. It finds what a provider
// made and forgot, which no list of the provider shows.
type audit struct {
	mu      sync.Mutex // guards all below
	made    []made
	removed map[string]bool // segments of the paths and values of the queries of DELETE
}

// made is one thing that a POST or a PUT made.
type made struct {
	request string   // "POST /servers", for people and to tell sorts of things apart
	ids     []string // what it may be called
	path    string   // of the request, escaped
	header  http.Header
}

// saw takes in a request and the backend's answer to it.
func (a *audit) saw(r *http.Request, answer *http.Response, body []byte) {
	good := answer.StatusCode >= 200 && answer.StatusCode < 300
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case r.Method == http.MethodDelete && (good || answer.StatusCode == http.StatusNotFound || answer.StatusCode == http.StatusGone):
		if a.removed == nil {
			a.removed = map[string]bool{}
		}
		for s := range strings.SplitSeq(r.URL.Path, "/") {
			a.removed[s] = true
		}
		for _, values := range r.URL.Query() {
			for _, v := range values {
				a.removed[v] = true
			}
		}
	case r.Method == http.MethodPost && good:
		ids := names(body, 0)
		if l := answer.Header.Get("Location"); l != "" {
			ids = append(ids, path.Base(l))
		}
		a.made = append(a.made, asked(r, ids))
	case r.Method == http.MethodPut && good:
		a.made = append(a.made, asked(r, []string{path.Base(r.URL.Path)}))
	}
}

// names gives what the thing in a JSON answer may be called.
func names(body []byte, depth int) []string {
	var v map[string]json.RawMessage
	if depth > 3 || json.Unmarshal(body, &v) != nil {
		return nil
	}
	var list []string
	for k, raw := range v {
		var text string
		var number json.Number
		switch k = strings.ToLower(k); {
		case k == "id" || k == "uuid" || k == "name" || k == "uid" || strings.HasSuffix(k, "_id"):
			if json.Unmarshal(raw, &text) == nil && text != "" {
				list = append(list, text)
			} else if json.Unmarshal(raw, &number) == nil {
				list = append(list, number.String())
			}
		default:
			list = append(list, names(raw, depth+1)...)
		}
	}
	return list
}

// learn gives the sorts of requests whose things are removed one by one: after a
// clean round everything that they made must have been.
func (a *audit) learn() map[string]bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	sorts := map[string]bool{}
	for _, m := range a.made {
		gone := a.gone(m)
		if known, ok := sorts[m.request]; !ok || known {
			sorts[m.request] = gone
		}
	}
	a.made = nil
	return sorts
}

func (a *audit) gone(m made) bool {
	return slices.ContainsFunc(m.ids, func(id string) bool { return a.removed[id] })
}

// left tells what was made and never removed.
func (a *audit) left(sorts map[string]bool) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var list []string
	for _, m := range a.made {
		if sorts[m.request] && !a.gone(m) {
			list = append(list, fmt.Sprintf("%s made %s", m.request, strings.Join(m.ids, ", ")))
		}
	}
	return list
}
