package hetzner

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"time"
)

// server is one of [S].
type server struct {
	id        int64
	name      string
	labels    map[string]string
	kind      string // server type
	location  string
	data      string
	made      time.Time
	deleted   time.Time // when it was asked for
	fails     bool
	off       bool
	protected bool
	ipv4      int64
	ipv6      int64
	networks  []int64
	firewalls []int64
	step      time.Duration
}

// primaryIP is one of [P]; those that are made with a server go with it:
// auto_delete.
type primaryIP struct {
	id     int64
	ip     string
	server int64
}

// status follows [S] "status": a server is locked while it is made.
func (s *server) status(now time.Time) (status string, locked bool) {
	switch age := now.Sub(s.made); {
	case !s.deleted.IsZero():
		return "deleting", true
	case age < s.step:
		return "initializing", true
	case s.fails || s.off:
		return "off", false
	case age < 2*s.step:
		return "starting", false
	}
	return "running", false
}

// settle has happen what was to happen by now.
func (c *Cloud) settle(now time.Time) {
	for id, s := range c.servers {
		if s.deleted.IsZero() || now.Sub(s.deleted) < s.step {
			continue
		}
		// [S] "Delete a Server": what is attached is detached; [P]: auto_delete.
		delete(c.servers, id)
		delete(c.ips, s.ipv4)
		delete(c.ips, s.ipv6)
	}
}

func (s *server) key() (int64, string, map[string]string) { return s.id, s.name, s.labels }

// shown is a server with what else its JSON says.
type shown struct {
	*server
	q *request
}

func (s shown) json() any {
	status, locked := s.status(s.q.time)
	public := map[string]any{"ipv4": nil, "ipv6": nil, "floating_ips": []int64{}, "firewalls": []any{}}
	if ip := s.q.ips[s.ipv4]; ip != nil {
		public["ipv4"] = map[string]any{"id": ip.id, "ip": ip.ip, "blocked": false, "dns_ptr": "static.example.test"}
	}
	if ip := s.q.ips[s.ipv6]; ip != nil {
		public["ipv6"] = map[string]any{"id": ip.id, "ip": ip.ip, "blocked": false, "dns_ptr": []any{}}
	}
	private := []any{}
	for _, id := range s.networks {
		private = append(private, map[string]any{"network": id, "ip": fmt.Sprintf("10.0.%d.%d", s.id>>8&255, s.id&255), "alias_ips": []string{}, "mac_address": "86:00:ff:2a:7d:e1"})
	}
	return map[string]any{
		"id": s.id, "name": s.name, "status": status, "created": s.made.UTC().Format("2006-01-02T15:04:05+00:00"), "labels": s.labels, "locked": locked,
		"public_net": public, "private_net": private, "protection": map[string]bool{"delete": s.protected, "rebuild": s.protected},
		"server_type": map[string]any{"id": 1, "name": s.kind}, "image": nil, "volumes": []int64{}, "rescue_enabled": false,
	}
}

func (q *request) show(s *server) any { return shown{s, q}.json() }

func (q *request) listServers() {
	var all []shown
	for _, s := range q.servers {
		all = append(all, shown{s, q})
	}
	list(q, "servers", all)
}

func (q *request) getServer() {
	s := q.servers[q.id]
	if s == nil {
		q.missing("server")
		return
	}
	q.answer(http.StatusOK, map[string]any{"server": q.show(s)})
}

// serverBody is [S] "Create a Server".
type serverBody struct {
	Name       string            `json:"name"`
	ServerType idOrName          `json:"server_type"`
	Image      idOrName          `json:"image"`
	Location   string            `json:"location"`
	SSHKeys    []int64           `json:"ssh_keys"`
	Networks   []int64           `json:"networks"`
	Labels     map[string]string `json:"labels"`
	UserData   string            `json:"user_data"`
	Group      int64             `json:"placement_group"`
	Firewalls  []struct {
		Firewall int64 `json:"firewall"`
	} `json:"firewalls"`
	PublicNet *struct {
		IPv4 bool `json:"enable_ipv4"`
		IPv6 bool `json:"enable_ipv6"`
	} `json:"public_net"`
}

type idOrName string

// UnmarshalJSON implements json.Unmarshaler.
func (i *idOrName) UnmarshalJSON(text []byte) error {
	if json.Unmarshal(text, (*string)(i)) == nil {
		return nil
	}
	var n json.Number
	err := json.Unmarshal(text, &n)
	*i = idOrName(n)
	return err
}

// hostName is RFC 1123's, as [S] "name" wants it.
var hostName = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$`)

func (q *request) createServer() {
	var b serverBody
	if !q.body(&b) || !q.allow(b) {
		return
	}
	s := &server{
		id: q.next(), name: b.Name, labels: maps.Clone(b.Labels), kind: string(b.ServerType), location: b.Location, data: b.UserData, made: q.time,
		fails: string(b.ServerType) == q.now.Fails, networks: b.Networks, step: q.now.Step,
	}
	for _, f := range b.Firewalls {
		s.firewalls = append(s.firewalls, f.Firewall)
	}
	ipv4, ipv6 := true, true
	if b.PublicNet != nil {
		ipv4, ipv6 = b.PublicNet.IPv4, b.PublicNet.IPv6
	}
	if ipv4 {
		s.ipv4 = q.next()
		q.ips[s.ipv4] = &primaryIP{s.ipv4, fmt.Sprintf("127.88.%d.%d", s.id>>8&255, s.id&255), s.id}
	}
	if ipv6 {
		s.ipv6 = q.next()
		q.ips[s.ipv6] = &primaryIP{s.ipv6, fmt.Sprintf("2001:db8:%x::/64", s.id), s.id}
	}
	q.servers[s.id] = s
	var password any
	if len(b.SSHKeys) == 0 { // [S]: "Root password when no SSH keys have been specified"
		password = "root-password-of-the-lab"
	}
	q.answer(http.StatusCreated, map[string]any{
		"server": q.show(s), "action": q.action(s, "create_server"), "next_actions": []any{q.action(s, "start_server")}, "root_password": password,
	})
}

// allow checks the whole request, as the documentation of [S] has it.
func (q *request) allow(b serverBody) bool {
	types := map[string]bool{"cx23": true, "cax11": true, "ccx63": true, q.now.Fails: true}
	images := []string{"debian-13", "ubuntu-24.04", "4711"}
	switch {
	case !hostName.MatchString(b.Name) || len(b.Name) > 63:
		q.invalid("name", "must be a valid hostname")
	case !types[string(b.ServerType)] || b.ServerType == "":
		q.invalid("server_type", "server type not found")
	case !slices.Contains(images, string(b.Image)):
		q.invalid("image", "image not found")
	case b.Location != "" && !slices.Contains([]string{"fsn1", "nbg1", "hel1"}, b.Location):
		q.invalid("location", "location not found")
	case len(b.UserData) > 32<<10:
		q.invalid("user_data", "exceeds 32KiB")
	case refuseLabels(b.Labels) != "":
		q.invalid("labels", refuseLabels(b.Labels))
	case len(b.Firewalls) > 5:
		q.invalid("firewalls", "at most 5")
	default:
		return q.refers(b) && q.room(b)
	}
	return false
}

// refers looks for what the request refers to.
func (q *request) refers(b serverBody) bool {
	for kind, ids := range map[string][]int64{"ssh_keys": b.SSHKeys, "networks": b.Networks} {
		for _, id := range ids {
			if !slices.Contains(slices.Collect(maps.Values(q.named[kind])), id) {
				q.invalid(kind, fmt.Sprintf("%d not found", id))
				return false
			}
		}
	}
	for _, f := range b.Firewalls {
		if q.firewalls[f.Firewall] == nil {
			q.fail(http.StatusNotFound, "not_found", fmt.Sprintf("firewall with ID '%d' not found", f.Firewall))
			return false
		}
	}
	return true
}

// room is what is left for it: names, limits of the project, hosts.
func (q *request) room(b serverBody) bool {
	for _, s := range q.servers {
		if s.name == b.Name { // [O] "Errors": uniqueness_error
			q.fail(http.StatusConflict, "uniqueness_error", "server name is already used")
			return false
		}
	}
	full := q.now.Full[string(b.ServerType)]
	switch {
	case b.ServerType == "ccx63": // [O] "Errors": resource_limit_exceeded
		q.fail(http.StatusForbidden, "resource_limit_exceeded", "dedicated core limit exceeded")
	case full == "*" || full != "" && full == b.Location: // [O] "Errors": resource_unavailable
		q.fail(http.StatusUnprocessableEntity, "resource_unavailable", "server location disabled")
	default:
		return true
	}
	return false
}

// deleteServer follows [S] "Delete a Server"; [O] "Errors": locked, protected.
func (q *request) deleteServer() {
	s := q.servers[q.id]
	if s == nil {
		q.missing("server")
		return
	}
	_, locked := s.status(q.time)
	switch {
	case s.protected:
		q.fail(http.StatusForbidden, "protected", "server deletion is protected")
	case locked:
		q.fail(http.StatusLocked, "locked", "server is locked")
	default:
		s.deleted = q.time
		q.answer(http.StatusOK, map[string]any{"action": q.action(s, "delete_server")})
	}
}

// powerOn follows [S] "Power on a Server".
func (q *request) powerOn() {
	s := q.servers[q.id]
	if s == nil {
		q.missing("server")
		return
	}
	if _, locked := s.status(q.time); locked {
		q.fail(http.StatusLocked, "locked", "server is locked")
		return
	}
	s.off = false
	q.answer(http.StatusCreated, map[string]any{"action": q.action(s, "start_server")})
}

// action is one of [A]; its state follows from the server's.
func (q *request) action(s *server, command string) any {
	status, _ := s.status(q.time)
	a := map[string]any{
		"id": s.id*10 + int64(len(command)%10), "command": command, "status": "running", "progress": 0, "started": s.made.UTC().Format(time.RFC3339), "finished": nil,
		"resources": []any{map[string]any{"id": s.id, "type": "server"}}, "error": nil,
	}
	switch {
	case command == "start_server" && s.fails && status == "off":
		a["status"], a["finished"] = "error", q.time.UTC().Format(time.RFC3339)
		a["error"] = map[string]string{"code": "action_failed", "message": "the host could not start the server"}
	case status == "running", command == "create_server" && status != "initializing":
		a["status"], a["progress"], a["finished"] = "success", 100, q.time.UTC().Format(time.RFC3339)
	}
	return a
}

type shownAction struct {
	id   int64
	body any
}

func (a shownAction) key() (int64, string, map[string]string) { return a.id, "", nil }
func (a shownAction) json() any                               { return a.body }

// serverActions follows [S] "Actions".
func (q *request) serverActions() {
	s := q.servers[q.id]
	if s == nil {
		q.missing("server")
		return
	}
	var all []shownAction
	for i, command := range []string{"create_server", "start_server"} {
		a, ok := q.action(s, command).(map[string]any)
		if want := q.r.URL.Query()["status"]; ok && (len(want) == 0 || slices.Contains(want, fmt.Sprint(a["status"]))) {
			all = append(all, shownAction{int64(i), a})
		}
	}
	list(q, "actions", all)
}
