// Package livedns is a server that keeps to Gandi's published LiveDNS API v5, and
// refuses whatever that does not allow. Beside the API it answers DNS for its
// domains, as Gandi's name servers do. Each rule names where it is written:
//
//	[L] https://api.gandi.net/docs/livedns/
//	[R] https://api.gandi.net/docs/reference/
//	[D] https://docs.gandi.net/en/domain_names/common_operations/dns_records.html
package livedns

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Server is the API and the name server of one account.
type Server struct {
	URL        string
	Nameserver string // host:port

	token string
	stop  []func()

	mu      sync.Mutex                  // guards all below
	domains map[string]map[string][]Set // by domain, then by name within it
}

// Set is a record set, as [L] describes it.
type Set struct {
	Name   string   `json:"rrset_name"`
	Type   string   `json:"rrset_type"`
	TTL    uint32   `json:"rrset_ttl"`
	Values []string `json:"rrset_values"`
	Href   string   `json:"rrset_href"`
}

// Start starts a server with domains.
func Start(token string, domains ...string) (*Server, error) {
	s := &Server{token: token, domains: map[string]map[string][]Set{}}
	for _, d := range domains {
		s.domains[d] = map[string][]Set{"@": {{Name: "@", Type: "NS", TTL: 10800, Values: []string{"ns1." + d + "."}}}}
	}
	mux := http.NewServeMux()
	const one, all = "/v5/livedns/domains/{fqdn}", "/v5/livedns/domains/{fqdn}/records"
	for pattern, h := range map[string]func(*request){
		"GET /v5/livedns/domains":          (*request).listDomains, // [L] "domains"
		"GET " + one:                       (*request).getDomain,
		"GET " + one + "/nameservers":      (*request).nameservers,
		"GET " + all:                       (*request).listAll,
		"GET " + all + "/{name}":           (*request).getName,
		"PUT " + all + "/{name}":           (*request).putName,
		"GET " + all + "/{name}/{type}":    (*request).getSet,
		"POST " + all + "/{name}/{type}":   (*request).postSet,
		"PUT " + all + "/{name}/{type}":    (*request).putSet,
		"DELETE " + all + "/{name}/{type}": (*request).deleteSet,
	} {
		mux.HandleFunc(pattern, s.handler(h))
	}
	api := httptest.NewServer(mux)
	s.URL, s.stop = api.URL, append(s.stop, api.Close)
	return s, s.serveDNS()
}

// Close ends it.
func (s *Server) Close() {
	for _, stop := range s.stop {
		stop()
	}
}

// Content gives the record sets of a domain, by name within it.
func (s *Server) Content(domain string) map[string][]Set {
	s.mu.Lock()
	defer s.mu.Unlock()
	content := map[string][]Set{}
	for name, sets := range s.domains[domain] {
		content[name] = slices.Clone(sets)
	}
	return content
}

// Put makes a record set as a person does who clicks.
func (s *Server) Put(domain string, set Set) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replace(domain, set)
}

func (s *Server) replace(domain string, set Set) {
	sets := slices.DeleteFunc(slices.Clone(s.domains[domain][set.Name]), func(have Set) bool { return have.Type == set.Type })
	s.domains[domain][set.Name] = append(sets, set)
}

// request is one that is being answered, under the lock.
type request struct {
	*Server
	w            http.ResponseWriter
	r            *http.Request
	domain, name string
	kind         string
}

func (s *Server) handler(h func(*request)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		q := &request{Server: s, w: w, r: r, domain: r.PathValue("fqdn"), name: r.PathValue("name"), kind: r.PathValue("type")}
		// [R] "Authentication": the header begins with Bearer, and a wrong token is 401 or 403.
		if r.Header.Get("Authorization") != "Bearer "+s.token {
			q.fail(http.StatusUnauthorized, "The server could not verify that you authorized to access the document you requested", "HTTPUnauthorized")
			return
		}
		if _, ok := s.domains[q.domain]; q.domain != "" && !ok {
			q.fail(http.StatusNotFound, "Unknown domain", "HTTPNotFound")
			return
		}
		h(q)
	}
}

// fail answers as [R] "Errors" describes it.
func (q *request) fail(code int, message, object string) {
	q.answer(code, map[string]any{"code": code, "message": message, "object": object, "cause": http.StatusText(code)})
}

// invalid answers as the API does to a body that it does not take.
func (q *request) invalid(name, description string) {
	q.answer(http.StatusBadRequest, map[string]any{
		"status": "error", "errors": []any{map[string]string{"location": "body", "name": name, "description": description}},
	})
}

func (q *request) answer(code int, body any) {
	q.w.Header().Set("Content-Type", "application/json")
	q.w.WriteHeader(code)
	if code != http.StatusNoContent {
		_ = json.NewEncoder(q.w).Encode(body)
	}
}

// page cuts a list, as [R] "Pagination" has it: per_page is at most 100.
func page[T any](q *request, list []T) {
	number, size := 1, len(list)
	if text := q.r.URL.Query().Get("per_page"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 100 {
			q.invalid("per_page", "must be from 1 to 100")
			return
		}
		size = n
	}
	if text := q.r.URL.Query().Get("page"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			q.invalid("page", "must be from 1")
			return
		}
		number = n
	}
	q.w.Header().Set("Total-Count", strconv.Itoa(len(list)))
	from := min(len(list), (number-1)*size)
	q.answer(http.StatusOK, list[from:min(len(list), from+size)])
}

func (q *request) listDomains() {
	list := []map[string]string{}
	for _, d := range slices.Sorted(maps.Keys(q.domains)) {
		list = append(list, map[string]string{"fqdn": d, "domain_href": q.URL + "/v5/livedns/domains/" + d})
	}
	page(q, list)
}

func (q *request) getDomain() {
	q.answer(http.StatusOK, map[string]any{"fqdn": q.domain, "automatic_snapshots": false})
}

// [L] "nameservers": a list of host names.
func (q *request) nameservers() { q.answer(http.StatusOK, []string{"ns1." + q.domain}) }

func (q *request) listAll() {
	list := []Set{}
	for _, name := range slices.Sorted(maps.Keys(q.domains[q.domain])) {
		list = append(list, q.domains[q.domain][name]...)
	}
	page(q, list)
}

func (q *request) getName() {
	list := q.domains[q.domain][q.name]
	if len(list) == 0 {
		q.missing()
		return
	}
	q.answer(http.StatusOK, list)
}

func (q *request) missing() {
	q.fail(http.StatusNotFound, fmt.Sprintf("Can't find the DNS record %s/%s in the zone", q.name, q.kind), "dns-record")
}

func (q *request) find() (Set, bool) {
	for _, s := range q.domains[q.domain][q.name] {
		if s.Type == q.kind {
			return s, true
		}
	}
	return Set{}, false
}

func (q *request) getSet() {
	s, ok := q.find()
	if !ok {
		q.missing()
		return
	}
	q.answer(http.StatusOK, s)
}

// [L] "Delete": 204, and 404 where there is none.
func (q *request) deleteSet() {
	if _, ok := q.find(); !ok {
		q.missing()
		return
	}
	left := slices.DeleteFunc(slices.Clone(q.domains[q.domain][q.name]), func(s Set) bool { return s.Type == q.kind })
	if q.domains[q.domain][q.name] = left; len(left) == 0 {
		delete(q.domains[q.domain], q.name)
	}
	q.answer(http.StatusNoContent, nil)
}

// body reads JSON; [R]: the content type says so, and unknown keys are refused.
func (q *request) body(into any) bool {
	if !strings.HasPrefix(q.r.Header.Get("Content-Type"), "application/json") {
		q.fail(http.StatusUnsupportedMediaType, "the body must be JSON", "HTTPUnsupportedMediaType")
		return false
	}
	d := json.NewDecoder(http.MaxBytesReader(q.w, q.r.Body, 1<<20))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		q.invalid("", err.Error())
		return false
	}
	return true
}

type oneBody struct {
	TTL    *uint32  `json:"rrset_ttl"`
	Values []string `json:"rrset_values"`
}

// [L] "Create a new record": a conflict where there is one of the type already.
func (q *request) postSet() {
	if _, ok := q.find(); ok {
		q.fail(http.StatusConflict, "A DNS Record already exists with same value", "dns-record")
		return
	}
	q.putSet()
}

// [L] "Overwrites a single record": it is made where there is none.
func (q *request) putSet() {
	var b oneBody
	if !q.body(&b) {
		return
	}
	s := Set{Name: q.name, Type: q.kind, TTL: defaultTTL, Values: b.Values}
	if b.TTL != nil {
		s.TTL = *b.TTL
	}
	if why := q.refuse(s, q.domains[q.domain][q.name]); why != "" {
		q.invalid("rrset_values", why)
		return
	}
	q.replace(q.domain, s)
	q.created()
}

func (q *request) created() {
	q.answer(http.StatusCreated, map[string]string{"message": "DNS Record Created"})
}

// [L] "Overwrites all records" with a name: those of the items and no others.
func (q *request) putName() {
	var b struct {
		Items []struct {
			Type string `json:"rrset_type"`
			oneBody
		} `json:"items"`
	}
	if !q.body(&b) {
		return
	}
	var sets []Set
	for _, i := range b.Items {
		s := Set{Name: q.name, Type: i.Type, TTL: defaultTTL, Values: i.Values}
		if i.TTL != nil {
			s.TTL = *i.TTL
		}
		if why := q.refuse(s, sets); why != "" {
			q.invalid("items", why)
			return
		}
		sets = append(sets, s)
	}
	if len(sets) == 0 {
		q.invalid("items", "is empty")
		return
	}
	q.domains[q.domain][q.name] = sets
	q.created()
}
