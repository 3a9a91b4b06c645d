package suite

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

// farSide is the HTTP backend of the reference provider cloud-http: servers with
// labels, pages of 10, some milliseconds to boot and to go.
type farSide struct {
	every int           // so many requests one is refused; 0 means none
	going time.Duration // that a deleted server takes to be gone

	mu      sync.Mutex // guards all below
	last    int
	asked   int // requests
	servers map[string]*farServer
	disks   map[string]bool
}

type farServer struct {
	ID      string            `json:"id"`
	Key     string            `json:"key"`
	Name    string            `json:"label"`
	Labels  map[string]string `json:"labels"`
	State   string            `json:"state"`
	Address string            `json:"address"`
	Created time.Time         `json:"created"`
	number  int
	ready   time.Time
	gone    time.Time // when it will be; zero while nobody asked
}

const farKey = "the right and secret key"

const usualGoing = 8 * time.Millisecond

func newFarSide(t *testing.T) string { return startFarSide(t, &farSide{going: usualGoing}) }

// startFarSide gives the address of f.
func startFarSide(t *testing.T, f *farSide) string {
	f.servers, f.disks = map[string]*farServer{}, map[string]bool{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/servers", f.list)
	mux.HandleFunc("POST /v1/servers", f.post)
	mux.HandleFunc("GET /v1/servers/{id}", f.one)
	mux.HandleFunc("PUT /v1/servers/{id}", f.put)
	mux.HandleFunc("DELETE /v1/servers/{id}", f.remove)
	mux.HandleFunc("POST /v1/disks", f.postDisk)
	mux.HandleFunc("GET /v1/disks/{id}", f.disk)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if k := r.Header.Get("X-Key"); k != farKey && k != "full and secret" {
			http.Error(w, `{"error":"who are you?"}`, http.StatusUnauthorized)
			return
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.asked++; f.every > 0 && f.asked%f.every == 0 {
			w.Header().Set("Retry-After", "1")
			http.Error(w, `{"error":"too many requests"}`, http.StatusTooManyRequests)
			return
		}
		f.tick(time.Now())
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/"
}

func (f *farSide) tick(now time.Time) {
	for id, s := range f.servers {
		if !s.gone.IsZero() && now.After(s.gone) {
			delete(f.servers, id)
		} else if s.State == "building" && now.After(s.ready) {
			s.State = "active"
		}
	}
}

func (f *farSide) list(w http.ResponseWriter, r *http.Request) {
	const size = 10
	found := []*farServer{}
	for _, s := range f.servers {
		match := r.URL.Query().Get("key") == "" || r.URL.Query().Get("key") == s.Key
		for _, tag := range r.URL.Query()["tag"] {
			match = match && slices.ContainsFunc(sortedKeys(s.Labels), func(k string) bool { return k+"="+s.Labels[k] == tag })
		}
		if match {
			found = append(found, s)
		}
	}
	// The oldest first, and numbered by place: as with many a backend, what goes
	// meanwhile moves the rest. Whoever reads page after page must cope.
	slices.SortFunc(found, func(a, b *farServer) int { return cmp.Compare(a.number, b.number) })
	n, _ := strconv.Atoi(r.URL.Query().Get("page"))
	from := min(max(0, n-1)*size, len(found))
	to, next := min(from+size, len(found)), 0
	if to < len(found) {
		next = n + 1
	}
	tell(w, http.StatusOK, map[string]any{"servers": found[from:to], "next": next})
}

func (f *farSide) post(w http.ResponseWriter, r *http.Request) {
	var s farServer
	if json.NewDecoder(r.Body).Decode(&s) != nil {
		http.Error(w, "{}", http.StatusBadRequest)
		return
	}
	if r.Header.Get("X-Key") != farKey {
		http.Error(w, `{"error":"no room"}`, http.StatusRequestEntityTooLarge)
		return
	}
	for _, other := range f.servers {
		if s.Key != "" && other.Key == s.Key {
			http.Error(w, `{"error":"taken"}`, http.StatusConflict)
			return
		}
	}
	f.last++
	s.number, s.ID, s.State = f.last, fmt.Sprintf("srv-%06d", f.last), "building"
	s.Address = fmt.Sprintf("10.1.%d.%d", f.last>>8&255, f.last&255)
	s.Created = time.Now().UTC()
	s.ready = s.Created.Add(5 * time.Millisecond)
	f.servers[s.ID] = &s
	tell(w, http.StatusCreated, s)
}

func (f *farSide) one(w http.ResponseWriter, r *http.Request) {
	if s, ok := f.servers[r.PathValue("id")]; ok {
		tell(w, http.StatusOK, s)
		return
	}
	http.Error(w, `{"error":"there is no such thing"}`, http.StatusNotFound)
}

func (f *farSide) put(w http.ResponseWriter, r *http.Request) {
	s, ok := f.servers[r.PathValue("id")]
	var wanted farServer
	if !ok || json.NewDecoder(r.Body).Decode(&wanted) != nil {
		http.Error(w, `{"error":"there is no such thing"}`, http.StatusNotFound)
		return
	}
	s.Labels, s.Key = wanted.Labels, wanted.Key
	tell(w, http.StatusOK, s)
}

func (f *farSide) remove(w http.ResponseWriter, r *http.Request) {
	s, ok := f.servers[r.PathValue("id")]
	if !ok {
		http.Error(w, `{"error":"there is no such thing"}`, http.StatusNotFound)
		return
	}
	if s.gone.IsZero() {
		s.State, s.gone = "deleting", time.Now().Add(f.going)
	}
	w.WriteHeader(http.StatusNoContent)
}

func (f *farSide) postDisk(w http.ResponseWriter, _ *http.Request) {
	f.last++
	id := fmt.Sprintf("disk-%06d", f.last)
	f.disks[id] = true
	tell(w, http.StatusCreated, map[string]string{"id": id})
}

func (f *farSide) disk(w http.ResponseWriter, r *http.Request) {
	if id := r.PathValue("id"); f.disks[id] {
		tell(w, http.StatusOK, map[string]string{"id": id})
		return
	}
	http.Error(w, `{"error":"there is no such thing"}`, http.StatusNotFound)
}

func tell(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
