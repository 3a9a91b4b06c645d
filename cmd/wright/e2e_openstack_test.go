package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/cmd/wright/wrighttest"
	"github.com/wright-build/wright/plugins/conformance"
	"github.com/wright-build/wright/plugins/lab/labtest"
)

// TestOpenStackExample: examples/openstack on real servers. From the start of a
// build to a name that answers, and after the AppServer's end nothing of it is
// left: not in OpenStack, BIND, MariaDB, PostgreSQL, RabbitMQ nor HAProxy. What
// the facts lose is reaped from all of them, too.
//
// The lab's hypervisor only pretends to run servers, and their addresses are of
// the loopback interface: this test stands in for the guest and answers there.
func TestOpenStackExample(t *testing.T) {
	if os.Getenv("WRIGHT_TEST_HEAVY") == "" || testing.Short() {
		t.Skip("it takes minutes: make test-providers")
	}
	w := openWorld(t)
	h := wrighttest.New(t)
	master := h.Master("--reap", "3s", "--reap-after", "3s")
	h.Agent("one", w.flags(t, h)...)
	manifest, err := os.ReadFile("../../examples/openstack/shop.toml")
	if err != nil {
		t.Fatal(err)
	}
	h.Manifest("shop", string(manifest))
	before := w.all(t)
	if want := []string{"no record", "no route"}; !slices.Equal(w.names(t), want) {
		t.Fatalf("before the first build there is %v", w.names(t))
	}

	first := w.build(t, h, "shop-000001.1")
	if r := h.Run("appserver", "terminate", "shop-000001.1"); r.Status != 0 {
		t.Fatal(r.Err)
	}
	within(t, h, "the AppServer to be terminated", func() bool { return len(h.AppServers("shop")) == 0 })
	w.wantNothing(t, before, first)

	second := w.build(t, h, "shop-000002.1")
	master.Stop()
	forget(t, h, "shop-000002.1")
	h.Master("--reap", "3s", "--reap-after", "3s")
	within(t, h, "everything that nobody owns to be gone", func() bool {
		return slices.Equal(w.names(t), []string{"no record", "no route"}) && slices.Equal(w.all(t), before) && len(w.cloud.left(t, second)) == 0
	})
	w.wantNothing(t, before, second)
	w.wantNoCredential(t, h)
}

// within waits for what takes longer than what most tests wait for.
func within(t *testing.T, h *wrighttest.House, what string, holds func() bool) {
	t.Helper()
	look := time.NewTicker(500 * time.Millisecond)
	defer look.Stop()
	for late := time.Now().Add(5 * time.Minute); !holds(); <-look.C {
		if time.Now().After(late) {
			t.Fatalf("waited too long for %s\n%s", what, h.Run("reap", "places").Out)
		}
	}
}

// world is the servers that the example needs.
type world struct {
	env   map[string]string
	cloud *openstack
}

func openWorld(t *testing.T) *world {
	t.Helper()
	w := &world{env: map[string]string{}}
	for _, name := range []string{"openstack", "bind", "mariadb", "postgresql", "rabbitmq", "haproxy"} {
		env := labtest.Env(t, name)
		if name == "openstack" {
			w.cloud = openCloud(t, env)
			delete(env, "DNS_SERVER") // of Designate; the names are BIND's own
		}
		maps.Copy(w.env, env)
	}
	return w
}

// flags are those of an agent that has the providers of the example.
func (w *world) flags(t *testing.T, h *wrighttest.House) []string {
	t.Helper()
	text, err := os.ReadFile("../../examples/openstack/providers.toml")
	if err != nil {
		t.Fatal(err)
	}
	settings := os.Expand(string(text), func(name string) string {
		if w.env[name] == "" && strings.ToUpper(name) == name {
			t.Errorf("no lab says what $%s is", name)
		}
		return w.env[name]
	})
	file := filepath.Join(h.Dir, "providers.toml")
	if err := os.WriteFile(file, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	flags := []string{"--providers", file}
	for _, name := range []string{"cloud-openstack", "dns-rfc2136", "balancer-haproxy", "database-mysql", "database-postgresql", "database-rabbitmq"} {
		flags = append(flags, "--plugins", filepath.Dir(conformance.Build(t, "../../plugins/providers/wright-"+name)))
	}
	return flags
}

// build starts a build, stands in for its server, and visits it by its name. It
// gives what the cloud has of it.
func (w *world) build(t *testing.T, h *wrighttest.House, id string) []thing {
	t.Helper()
	began := time.Now()
	b := h.Start("shop")
	address := ""
	within(t, h, "the address of "+id, func() bool {
		for _, a := range h.AppServers("shop") {
			if a.ID == id {
				address = a.Address
			}
		}
		if now, _ := h.Build(b.ID); address == "" && now.Ended() {
			t.Fatalf("%s is %s: %s\n%s", b.ID, now.State, now.Error, h.WholeLog(b.ID))
		}
		return address != ""
	})
	guest(t, address, "this is "+id)
	within(t, h, "the end of "+b.ID, func() bool { now, _ := h.Build(b.ID); return now.Ended() })
	h.AwaitState(b.ID, "succeeded")
	host, _, _ := strings.Cut(address, ":")
	want := []string{"shop.lab.test is " + host, "the route answers 200 this is " + id}
	if got := w.names(t); !slices.Equal(got, want) {
		t.Errorf("%s is up, and %v; want %v", id, got, want)
	}
	t.Logf("%s after %s: %v", id, time.Since(began).Round(time.Millisecond), want)
	things := w.cloud.of(t, host)
	if len(things) < 3 {
		t.Errorf("the cloud has %v of %s, want a server, a port and a security group", things, id)
	}
	if made := w.all(t); len(made) < 6 {
		t.Errorf("a database and a user at each of three servers is %v", made)
	}
	return things
}

// guest answers at the address of a server until the test ends.
func guest(t *testing.T, address, text string) {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(rw, text) })}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
}

// names says where the name leads, in BIND and through HAProxy.
func (w *world) names(t *testing.T) []string {
	t.Helper()
	r := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, w.env["DNS_SERVER"])
	}}
	record := "no record"
	found, err := r.LookupHost(t.Context(), "shop.lab.test.")
	marks, _ := r.LookupTXT(t.Context(), "_wright.shop.lab.test.")
	if err == nil || len(marks) > 0 {
		record = "shop.lab.test is " + strings.Join(found, ", ")
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+w.env["HAPROXY_ADDRESS"], nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "shop.lab.test"
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return []string{record, err.Error()}
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
	files, _ := filepath.Glob(filepath.Join(w.env["HAPROXY_FRAGMENTS"], "*.cfg"))
	if resp.StatusCode == http.StatusServiceUnavailable && len(files) == 0 {
		return []string{record, "no route"}
	}
	return []string{record, fmt.Sprintf("the route answers %d %s", resp.StatusCode, body)}
}

// all lists the databases, virtual hosts and users of three servers, but for the
// providers' own database "wright".
func (w *world) all(t *testing.T) []string {
	t.Helper()
	mysql := strings.Split(w.env["MYSQL_ADDRESS"], ":")
	list := strings.Fields(query(t, "MYSQL_PWD="+w.env["MYSQL_PASSWORD"], "mariadb", "--no-defaults", "-h", mysql[0], "-P", mysql[1], "-u", w.env["MYSQL_USER"],
		"-N", "-e", "SELECT CONCAT('mysql-database:', schema_name) FROM information_schema.schemata UNION SELECT CONCAT('mysql-user:', user) FROM mysql.user"))
	list = append(list, strings.Fields(query(t, "PGCONNECT_TIMEOUT=10", "psql", "-qAt", w.env["POSTGRES_URL"],
		"-c", "SELECT 'pg-database:' || datname FROM pg_database UNION SELECT 'pg-role:' || rolname FROM pg_roles"))...)
	for _, kind := range []string{"vhosts", "users"} {
		var found []struct{ Name string }
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.env["RABBITMQ_API"]+"/api/"+kind, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth(w.env["RABBITMQ_USER"], w.env["RABBITMQ_PASSWORD"])
		exchange(t, req, &found)
		for _, f := range found {
			list = append(list, "rabbitmq-"+kind+":"+f.Name)
		}
	}
	list = slices.DeleteFunc(list, func(s string) bool { return strings.HasSuffix(s, "-database:wright") })
	slices.Sort(list)
	return list
}

func query(t *testing.T, env, program string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Env = append(os.Environ(), env)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", program, err, out)
	}
	return string(out)
}

func (w *world) wantNothing(t *testing.T, before []string, things []thing) {
	t.Helper()
	if got := w.names(t); !slices.Equal(got, []string{"no record", "no route"}) {
		t.Errorf("left: %v", got)
	}
	for _, now := range w.all(t) {
		if !slices.Contains(before, now) {
			t.Errorf("left: %s", now)
		}
	}
	if left := w.cloud.left(t, things); len(left) > 0 {
		t.Errorf("left in the cloud: %v", left)
	}
}

// wantNoCredential looks for passwords where none may be.
func (w *world) wantNoCredential(t *testing.T, h *wrighttest.House) {
	t.Helper()
	logs, _ := filepath.Glob(filepath.Join(h.Dir, "*.log"))
	for _, file := range logs {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if secret := w.env["TSIG_SECRET"]; bytes.Contains(text, []byte(secret)) {
			t.Errorf("%s holds the TSIG key", file)
		}
	}
}

// openstack is a cloud as seen without Wright.
type openstack struct {
	token     string
	endpoints map[string]string // by type
}

// thing is one thing of the cloud, by the URL that shows it.
type thing string

func openCloud(t *testing.T, env map[string]string) *openstack {
	t.Helper()
	domain := map[string]string{"name": "Default"}
	login, err := json.Marshal(map[string]any{"auth": map[string]any{
		"identity": map[string]any{"methods": []string{"password"}, "password": map[string]any{
			"user": map[string]any{"name": env["OS_USERNAME"], "password": env["OS_PASSWORD"], "domain": domain},
		}},
		"scope": map[string]any{"project": map[string]any{"name": env["OS_PROJECT_NAME"], "domain": domain}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, env["OS_AUTH_URL"]+"/auth/tokens", bytes.NewReader(login))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	var answer struct {
		Token struct {
			Catalog []struct {
				Type      string
				Endpoints []struct{ Interface, URL string }
			}
		}
	}
	header := exchange(t, req, &answer)
	c := &openstack{token: header.Get("X-Subject-Token"), endpoints: map[string]string{}}
	for _, service := range answer.Token.Catalog {
		for _, e := range service.Endpoints {
			if e.Interface == "public" {
				c.endpoints[service.Type] = strings.TrimSuffix(e.URL, "/")
			}
		}
	}
	return c
}

// exchange reads the answer to a request that must succeed.
func exchange(t *testing.T, req *http.Request, v any) http.Header {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode > 299 {
		err = fmt.Errorf("%s: %.500s", resp.Status, text)
	}
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		t.Fatalf("%s %s: %v", req.Method, req.URL, err)
	}
	return resp.Header
}

func (c *openstack) get(t *testing.T, at string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Auth-Token", c.token)
	return req
}

// network is where Neutron is, with or without its version in the catalog.
func (c *openstack) network() string {
	return strings.TrimSuffix(c.endpoints["network"], "/v2.0") + "/v2.0"
}

// of lists what the cloud has of the server with an address.
func (c *openstack) of(t *testing.T, address string) (all []thing) {
	t.Helper()
	var ports struct {
		Ports []struct {
			ID     string   `json:"id"`
			Device string   `json:"device_id"`
			Groups []string `json:"security_groups"`
		}
	}
	filter := url.Values{"fixed_ips": {"ip_address=" + address}}
	exchange(t, c.get(t, c.network()+"/ports?"+filter.Encode()), &ports)
	for _, p := range ports.Ports {
		all = append(all, thing(c.network()+"/ports/"+p.ID), thing(c.endpoints["compute"]+"/servers/"+p.Device))
		for _, g := range p.Groups {
			all = append(all, thing(c.network()+"/security-groups/"+g))
		}
	}
	return all
}

// left are those things that are still there: the cloud does not say 404.
func (c *openstack) left(t *testing.T, things []thing) (left []string) {
	t.Helper()
	for _, one := range things {
		resp, err := http.DefaultClient.Do(c.get(t, string(one)))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusNotFound {
			left = append(left, fmt.Sprintf("%s: %s", one, resp.Status))
		}
	}
	return left
}
