// Package rack is a small machine service with an HTTP API: what the provider of
// this example makes servers of. It has what such services have: tokens, projects
// with a quota, pages, machines that take a while to come and to go. It stands
// here so that the provider can be tested against something real over the wire;
// it knows nothing of Wright.
//
//	POST   /v1/machines            Idempotency-Key: KEY; the same key gives the same machine
//	GET    /v1/machines            ?key=KEY or ?label=KEY&value=VALUE, &page=PAGE
//	GET    /v1/machines/ID/console
//	DELETE /v1/machines/ID
package rack

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Machine is what the API tells of one.
type Machine struct {
	ID        string            `json:"id"`
	Key       string            `json:"key"` // the Idempotency-Key that made it
	Name      string            `json:"name"`
	Size      string            `json:"size"`
	Image     string            `json:"image"`
	Address   string            `json:"address"`
	State     string            `json:"state"` // booting, running, ending
	Labels    map[string]string `json:"labels"`
	CreatedAt time.Time         `json:"created_at"`
}

// Order is what a machine is asked for with.
type Order struct {
	Name     string            `json:"name"`
	Size     string            `json:"size"`
	Image    string            `json:"image"`
	Labels   map[string]string `json:"labels"`
	UserData map[string]string `json:"user_data"`
}

// Page is a part of a list. Next names the following one, and is empty in the last.
type Page struct {
	Machines []Machine `json:"machines"`
	Next     string    `json:"next"`
}

// Problem is what every error looks like.
type Problem struct {
	Error string `json:"error"` // unauthorized, quota, invalid, conflict, not-found
	Field string `json:"field,omitempty"`
	Text  string `json:"text"`
}

// Service is the rack. Its zero value is not ready; see New.
type Service struct {
	token    string
	quota    map[string]int // of each project
	boot     time.Duration
	end      time.Duration
	pageSize int

	mu       sync.Mutex // guards all below
	made     int
	machines map[string]*machine // by ID
}

// machine is a Machine with what nobody is told.
type machine struct {
	Machine
	project  string
	userData map[string]string
	endsAt   time.Time // when it is gone; zero while nobody has ended it
}

// New makes a rack with two projects, "main" and "full", in which there is no room.
func New(token string) *Service {
	return &Service{
		token: token, quota: map[string]int{"main": 10_000, "full": 0}, machines: map[string]*machine{},
		boot: 30 * time.Millisecond, end: 20 * time.Millisecond, pageSize: 20,
	}
}

// ServeHTTP implements http.Handler.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+s.token {
		fail(w, http.StatusUnauthorized, Problem{Error: "unauthorized", Text: "this token is not known here"})
		return
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/machines", s.create)
	mux.HandleFunc("GET /v1/machines", s.list)
	mux.HandleFunc("GET /v1/machines/{id}/console", s.console)
	mux.HandleFunc("DELETE /v1/machines/{id}", s.remove)
	mux.ServeHTTP(w, r)
}

func (s *Service) create(w http.ResponseWriter, r *http.Request) {
	var o Order
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4<<20)).Decode(&o); err != nil {
		fail(w, http.StatusBadRequest, Problem{Error: "invalid", Text: err.Error()})
		return
	}
	key, project := r.Header.Get("Idempotency-Key"), r.Header.Get("Project")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep()
	if m := s.byKey(project, key); m != nil {
		if !m.endsAt.IsZero() {
			fail(w, http.StatusConflict, Problem{Error: "conflict", Text: "the machine of this key is ending"})
			return
		}
		answer(w, http.StatusOK, m.tell())
		return
	}
	if p, ok := s.check(project, key, o); !ok {
		fail(w, http.StatusUnprocessableEntity, p)
		return
	}
	answer(w, http.StatusCreated, s.make(project, key, o).tell())
}

// check says what is wrong with an order.
func (s *Service) check(project, key string, o Order) (Problem, bool) {
	quota, known := s.quota[project]
	switch {
	case !known:
		return Problem{Error: "invalid", Field: "project", Text: "there is no such project"}, false
	case key == "":
		return Problem{Error: "invalid", Field: "key", Text: "an Idempotency-Key is missing"}, false
	case !slices.Contains([]string{"small", "large"}, o.Size):
		return Problem{Error: "invalid", Field: "size", Text: "there are small and large"}, false
	case !slices.Contains([]string{"debian-12", "debian-13"}, o.Image):
		return Problem{Error: "invalid", Field: "image", Text: "there are debian-12 and debian-13"}, false
	case len(s.machines) >= quota:
		return Problem{Error: "quota", Text: fmt.Sprintf("the project has no room for more than %d machines", quota)}, false
	}
	return Problem{}, true
}

func (s *Service) make(project, key string, o Order) *machine {
	s.made++
	n := uint32(s.made)
	m := &machine{project: project, userData: o.UserData, Machine: Machine{
		ID: fmt.Sprintf("m-%08d", n), Key: key, Name: o.Name, Size: o.Size, Image: o.Image, Labels: o.Labels,
		Address:   netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}).String(),
		CreatedAt: time.Now(), State: "booting",
	}}
	s.machines[m.ID] = m
	time.AfterFunc(s.boot, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		m.State = "running"
	})
	return m
}

func (s *Service) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep()
	page := Page{Machines: []Machine{}}
	for _, id := range slices.Sorted(maps.Keys(s.machines)) {
		m := s.machines[id]
		value, labelled := m.Labels[q.Get("label")]
		switch {
		case m.project != r.Header.Get("Project"), id <= q.Get("page"),
			q.Has("key") && m.Key != q.Get("key"), q.Has("label") && (!labelled || value != q.Get("value")):
			continue
		case len(page.Machines) == s.pageSize:
			page.Next = page.Machines[s.pageSize-1].ID
			answer(w, http.StatusOK, page)
			return
		}
		page.Machines = append(page.Machines, m.tell())
	}
	answer(w, http.StatusOK, page)
}

func (s *Service) console(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.machines[r.PathValue("id")]
	if m == nil || m.project != r.Header.Get("Project") {
		fail(w, http.StatusNotFound, Problem{Error: "not-found", Text: "there is no such machine"})
		return
	}
	_, _ = fmt.Fprintf(w, "%s booting %s\n%d variables set\n", m.ID, m.Image, len(m.userData))
}

func (s *Service) remove(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep()
	m := s.machines[r.PathValue("id")]
	if m == nil || m.project != r.Header.Get("Project") {
		fail(w, http.StatusNotFound, Problem{Error: "not-found", Text: "there is no such machine"})
		return
	}
	if m.endsAt.IsZero() {
		m.endsAt = time.Now().Add(s.end)
	}
	answer(w, http.StatusAccepted, m.tell())
}

// sweep forgets the machines that are gone; s.mu is held.
func (s *Service) sweep() {
	now := time.Now()
	maps.DeleteFunc(s.machines, func(_ string, m *machine) bool { return !m.endsAt.IsZero() && !now.Before(m.endsAt) })
}

func (s *Service) byKey(project, key string) *machine {
	for _, m := range s.machines {
		if m.project == project && m.Key == key {
			return m
		}
	}
	return nil
}

func (m *machine) tell() Machine {
	told := m.Machine
	if !m.endsAt.IsZero() {
		told.State = "ending"
	}
	return told
}

func answer(w http.ResponseWriter, status int, v any) {
	b, _ := json.Marshal(v) // of our own types, which all can be
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	_, _ = w.Write(b)
}

func fail(w http.ResponseWriter, status int, p Problem) { answer(w, status, p) }
