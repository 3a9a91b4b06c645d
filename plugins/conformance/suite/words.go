package suite

import (
	"encoding/json"
	"maps"
	"net/http"
	"sync"
)

// words is what the backend's good answers always hold: an answer without it is
// none, whatever its status.
type words struct {
	mu   sync.Mutex                 // guards all below
	keys map[string]map[string]bool // by sort of request: the keys of all answers so far
}

// saw takes in an answer of the backend's own.
func (v *words) saw(r *http.Request, answer *http.Response, text []byte) {
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return
	}
	var object map[string]json.RawMessage
	_ = json.Unmarshal(text, &object) // what is no object has no keys
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.keys == nil {
		v.keys = map[string]map[string]bool{}
	}
	sort := sortOf(r.Method + " " + r.URL.Path)
	known, ok := v.keys[sort]
	if !ok {
		known = map[string]bool{}
		for k := range object {
			known[k] = true
		}
		v.keys[sort] = known
	}
	maps.DeleteFunc(known, func(k string, _ bool) bool { _, there := object[k]; return !there })
}

// always says whether all good answers to such a request had something in common.
func (v *words) always(r *http.Request) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.keys[sortOf(r.Method+" "+r.URL.Path)]) > 0
}
