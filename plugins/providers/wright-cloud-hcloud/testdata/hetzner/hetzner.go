// Package hetzner is a server that keeps to Hetzner's published Cloud API, and
// refuses whatever that does not allow. What runs in the background takes its
// time, and now and then a request is answered with a conflict, as documented.
// Each rule names where it is written:
//
//	[O] https://docs.hetzner.cloud/reference/cloud (overview: authentication, errors, labels, pagination, rate limiting)
//	[S] https://docs.hetzner.cloud/reference/cloud#servers
//	[A] https://docs.hetzner.cloud/reference/cloud#actions
//	[F] https://docs.hetzner.cloud/reference/cloud#firewalls
//	[P] https://docs.hetzner.cloud/reference/cloud#primary-ips
package hetzner

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Cloud is the API of one project.
type Cloud struct {
	URL string

	token string
	api   *httptest.Server

	mu        sync.Mutex // guards all below
	last      int64      // ID
	writes    int        // requests that change something
	servers   map[int64]*server
	firewalls map[int64]*firewall
	ips       map[int64]*primaryIP
	named     map[string]map[string]int64 // ssh_keys, networks, placement_groups: what people made
	now       Options
	remaining float64 // requests of the hour
	refilled  time.Time
}

// Options are what tests turn.
type Options struct {
	Step      time.Duration     // how long each step of an action takes
	Conflicts int               // each so many writes one is answered with a conflict; 0 means never
	Limit     int               // requests in an hour
	Full      map[string]string // location by server type where there is no room; "*" is everywhere
	Fails     string            // the server type whose servers do not start
}

// Start starts a cloud.
func Start(token string, o Options) *Cloud {
	c := &Cloud{
		token: token, now: o, servers: map[int64]*server{}, firewalls: map[int64]*firewall{}, ips: map[int64]*primaryIP{},
		named: map[string]map[string]int64{"ssh_keys": {"ops": 1}, "networks": {"internal": 2}, "placement_groups": {"spread": 3}}, last: 1000,
	}
	if o.Limit == 0 {
		c.now.Limit = 3600 * 1000
	}
	c.remaining, c.refilled = float64(c.now.Limit), time.Now()
	mux := http.NewServeMux()
	for pattern, h := range map[string]func(*request){
		"GET /v1/servers":                           (*request).listServers,
		"POST /v1/servers":                          (*request).createServer,
		"GET /v1/servers/{id}":                      (*request).getServer,
		"DELETE /v1/servers/{id}":                   (*request).deleteServer,
		"GET /v1/servers/{id}/actions":              (*request).serverActions,
		"POST /v1/servers/{id}/actions/poweron":     (*request).powerOn,
		"GET /v1/firewalls":                         (*request).listFirewalls,
		"POST /v1/firewalls":                        (*request).createFirewall,
		"GET /v1/firewalls/{id}":                    (*request).getFirewall,
		"DELETE /v1/firewalls/{id}":                 (*request).deleteFirewall,
		"POST /v1/firewalls/{id}/actions/set_rules": (*request).setRules,
		"GET /v1/ssh_keys":                          (*request).listNamed,
		"GET /v1/networks":                          (*request).listNamed,
		"GET /v1/placement_groups":                  (*request).listNamed,
	} {
		mux.HandleFunc(pattern, c.handler(h))
	}
	mux.HandleFunc("/", c.handler(func(q *request) { q.fail(http.StatusNotFound, "not_found", "there is no such resource") }))
	c.api = httptest.NewServer(mux)
	c.URL = c.api.URL + "/v1"
	return c
}

// Close ends it.
func (c *Cloud) Close() { c.api.Close() }

// Set turns the options.
func (c *Cloud) Set(change func(*Options)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.now)
	c.remaining = min(c.remaining, float64(c.now.Limit))
}

// request is one that is being answered, under the lock.
type request struct {
	*Cloud
	w    http.ResponseWriter
	r    *http.Request
	id   int64 // in the path
	time time.Time
}

func (c *Cloud) handler(h func(*request)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		q := &request{Cloud: c, w: w, r: r, time: time.Now()}
		c.settle(q.time)
		allowed := c.take(w, q.time)
		writes := r.Method != http.MethodGet
		if writes {
			c.writes++
		}
		switch {
		case r.Header.Get("Authorization") != "Bearer "+c.token: // [O] "Authentication"
			q.fail(http.StatusUnauthorized, "unauthorized", "unable to authenticate")
		case !allowed: // [O] "Rate limiting"
			q.fail(http.StatusTooManyRequests, "rate_limit_exceeded", "limit of "+strconv.Itoa(c.now.Limit)+" requests per hour reached")
		case writes && c.now.Conflicts > 0 && c.writes%c.now.Conflicts == 0: // [O] "Errors": conflict, "please retry"
			q.fail(http.StatusConflict, "conflict", "the resource has changed during the request, please retry")
		default:
			if text := r.PathValue("id"); text != "" {
				q.id, _ = strconv.ParseInt(text, 10, 64)
			}
			h(q)
		}
	}
}

// take counts a request: [O] "Rate limiting": so many an hour, which come back
// evenly, and three headers in every answer.
func (c *Cloud) take(w http.ResponseWriter, now time.Time) bool {
	limit := float64(c.now.Limit)
	c.remaining = min(limit, c.remaining+now.Sub(c.refilled).Hours()*limit)
	c.refilled = now
	ok := c.remaining >= 1
	if ok {
		c.remaining--
	}
	h := w.Header()
	h.Set("RateLimit-Limit", strconv.Itoa(c.now.Limit))
	h.Set("RateLimit-Remaining", strconv.Itoa(int(c.remaining)))
	h.Set("RateLimit-Reset", strconv.FormatInt(now.Add(time.Duration((limit-c.remaining)/limit*float64(time.Hour))).Unix()+1, 10))
	return ok
}

// fail answers as [O] "Errors" describes it.
func (q *request) fail(status int, code, message string) {
	q.answer(status, map[string]any{"error": map[string]any{"code": code, "message": message, "details": map[string]any{}}})
}

// invalid is [O] "Errors": invalid_input with the fields.
func (q *request) invalid(field, message string) {
	q.answer(http.StatusUnprocessableEntity, map[string]any{"error": map[string]any{
		"code": "invalid_input", "message": "invalid input in field '" + field + "'",
		"details": map[string]any{"fields": []any{map[string]any{"name": field, "messages": []string{message}}}},
	}})
}

func (q *request) missing(what string) {
	q.fail(http.StatusNotFound, "not_found", fmt.Sprintf("%s with ID '%d' not found", what, q.id))
}

func (q *request) answer(status int, body any) {
	if status == http.StatusNoContent {
		q.w.WriteHeader(status)
		return
	}
	q.w.Header().Set("Content-Type", "application/json")
	q.w.WriteHeader(status)
	_ = json.NewEncoder(q.w).Encode(body)
}

// body reads JSON; what is not documented is refused.
func (q *request) body(into any) bool {
	if !strings.HasPrefix(q.r.Header.Get("Content-Type"), "application/json") {
		q.fail(http.StatusBadRequest, "json_error", "the body must be JSON")
		return false
	}
	d := json.NewDecoder(http.MaxBytesReader(q.w, q.r.Body, 1<<20))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		q.fail(http.StatusBadRequest, "json_error", err.Error())
		return false
	}
	return true
}

// thing is what lists hold.
type thing interface {
	key() (id int64, name string, labels map[string]string)
	json() any
}

// list answers a list: [O] "Pagination": 25 a page, at most 50; [O] "Label
// selector"; name and sort of the resources.
func list[T thing](q *request, root string, all []T) {
	query := q.r.URL.Query()
	for key := range query {
		if !slices.Contains([]string{"page", "per_page", "name", "label_selector", "sort", "status"}, key) {
			q.invalid(key, "is no parameter")
			return
		}
	}
	selector, err := parseSelector(query.Get("label_selector"))
	if err != nil {
		q.invalid("label_selector", err.Error())
		return
	}
	all = slices.DeleteFunc(all, func(one T) bool {
		_, name, labels := one.key()
		return query.Has("name") && name != query.Get("name") || !selector.matches(labels)
	})
	slices.SortFunc(all, func(a, b T) int {
		i, _, _ := a.key()
		j, _, _ := b.key()
		if query.Get("sort") == "id:desc" {
			i, j = j, i
		}
		return int(i - j)
	})
	page(q, root, all)
}

func page[T thing](q *request, root string, all []T) {
	query := q.r.URL.Query()
	number, size := 1, 25
	for name, into := range map[string]*int{"page": &number, "per_page": &size} {
		if text := query.Get(name); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil || n < 1 {
				q.invalid(name, "must be a number from 1")
				return
			}
			*into = n
		}
	}
	size = min(size, 50)
	from := min(len(all), (number-1)*size)
	part := []any{}
	for _, one := range all[from:min(len(all), from+size)] {
		part = append(part, one.json())
	}
	last := max(1, (len(all)+size-1)/size)
	meta := map[string]any{"page": number, "per_page": size, "previous_page": nil, "next_page": nil, "last_page": last, "total_entries": len(all)}
	if number > 1 {
		meta["previous_page"] = number - 1
	}
	if number < last {
		meta["next_page"] = number + 1
	}
	q.answer(http.StatusOK, map[string]any{root: part, "meta": map[string]any{"pagination": meta}})
}

// plain is what people made before.
type plain struct {
	id   int64
	name string
}

func (p plain) key() (int64, string, map[string]string) { return p.id, p.name, nil }
func (p plain) json() any                               { return map[string]any{"id": p.id, "name": p.name} }

func (q *request) listNamed() {
	root := strings.TrimPrefix(q.r.URL.Path, "/v1/")
	var all []plain
	for name, id := range q.named[root] {
		all = append(all, plain{id, name})
	}
	list(q, root, all)
}

func (c *Cloud) next() int64 {
	c.last++
	return c.last
}
