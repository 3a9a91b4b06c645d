package main

import (
	"encoding/base64"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/flavors"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/images"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/security/rules"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
)

func TestPickFlavor(t *testing.T) {
	all := []flavors.Flavor{
		{ID: "3", Name: "big", RAM: 8192, Disk: 80, VCPUs: 4}, {ID: "1", Name: "tiny", RAM: 512, Disk: 1, VCPUs: 1},
		{ID: "2", Name: "fat", RAM: 4096, Disk: 20, VCPUs: 2}, {ID: "4", Name: "wide", RAM: 4096, Disk: 40, VCPUs: 2},
	}
	tests := []struct {
		name string
		want *flavorWant
		id   string // empty means that there is none
	}{
		{"tiny", nil, "1"}, {"3", nil, "3"}, {"Tiny", nil, ""},
		{"", &flavorWant{RAM: 4096, Disk: 40}, "4"}, {"", &flavorWant{RAM: 4096}, "2"}, {"", &flavorWant{}, "1"},
		{"", &flavorWant{VCPUs: 3}, "3"}, {"", &flavorWant{RAM: 9000}, ""},
	}
	for _, tt := range tests {
		got, err := pickFlavor(slices.Clone(all), tt.name, tt.want)
		if got.ID != tt.id || (err == nil) != (tt.id != "") {
			t.Errorf("%q %+v: %s, %v", tt.name, tt.want, got.ID, err)
		}
		if err != nil && !strings.Contains(err.Error(), "wide") {
			t.Errorf("%q %+v: %v does not say what there is", tt.name, tt.want, err)
		}
	}
}

func TestPickImageTakesTheNewest(t *testing.T) {
	at := func(day int) time.Time { return time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC) }
	all := []images.Image{
		{ID: "old", Status: "active", CreatedAt: at(1)}, {ID: "new", Status: "active", CreatedAt: at(3)}, {ID: "queued", Status: "queued", CreatedAt: at(5)},
	}
	if got, err := pickImage(all, nil); got.ID != "new" || err != nil {
		t.Errorf("got %s, %v", got.ID, err)
	}
	if _, err := pickImage(nil, map[string]string{"os_distro": "beos"}); plugins.CodeOf(err) != plugins.Invalid || !strings.Contains(err.Error(), "beos") {
		t.Errorf("got %v", err)
	}
}

func TestPickNetworks(t *testing.T) {
	net := func(id, name string, external bool) network {
		n := network{}
		n.ID, n.Name, n.External = id, name, external
		return n
	}
	a, b, ext := net("1", "a", false), net("2", "b", false), net("3", "ext", true)
	tests := []struct {
		all    []network
		wanted []string
		want   string
	}{
		{[]network{a, ext}, nil, "1"}, {[]network{ext}, nil, "3"}, {[]network{a, b, ext}, nil, "error"}, {nil, nil, "error"},
		{[]network{a, b}, []string{"b", "1"}, "2 1"}, {[]network{a, b}, []string{"c"}, "error"},
		{[]network{a, net("4", "a", false)}, []string{"a"}, "error"}, {[]network{a, net("4", "a", false)}, []string{"4"}, "4"},
	}
	for _, tt := range tests {
		found, err := pickNetworks(tt.all, tt.wanted)
		var ids []string
		for _, n := range found {
			ids = append(ids, n.ID)
		}
		got := strings.Join(ids, " ")
		if err != nil {
			got = "error"
		}
		if got != tt.want {
			t.Errorf("%v of %d networks: %s, %v; want %s", tt.wanted, len(tt.all), got, err, tt.want)
		}
	}
}

func TestOptions(t *testing.T) {
	table := func(kv ...any) map[string]any {
		m := map[string]any{}
		for i := 0; i < len(kv); i += 2 {
			m[kv[i].(string)] = kv[i+1]
		}
		return m
	}
	rule := func(kv ...any) map[string]any { return table("ingress", []any{table(kv...)}) }
	tests := []struct {
		config map[string]any
		field  string // of the error; empty means that there is none
	}{
		{nil, ""}, {rule("port", 22, "from", []any{"10.1.2.3/8"}), ""}, {rule("protocol", "icmp"), ""}, {rule("port", 8000, "to", 8100), ""},
		{rule("port", 22, "to", 21), "config.ingress[1].to"}, {rule("to", 21), "config.ingress[1].to"},
		{rule("port", 22, "from", []any{"10.0.0.1"}), "config.ingress[1].from[1]"}, {rule("protocol", "icmp", "port", 8), "config.ingress[1].port"},
		{table("flavor", table("ram", 1)), "config.flavor"}, {table("image", table("name", "x")), "config.image"}, {table("colour", "red"), "config"},
	}
	for _, tt := range tests {
		_, err := readOptions(cloud.Spec{Token: "t", Flavor: "f", Image: "i", Config: tt.config})
		e, _ := errors.AsType[*plugins.Error](err)
		if e == nil && tt.field != "" {
			t.Errorf("%v is taken, want an error at %s", tt.config, tt.field)
		} else if e != nil && e.Field != tt.field {
			t.Errorf("%v: %v at %q, want %q", tt.config, err, e.Field, tt.field)
		}
	}
	for field, s := range map[string]cloud.Spec{"flavor": {Image: "i"}, "image": {Flavor: "f"}} {
		if _, err := readOptions(s); plugins.CodeOf(err) != plugins.Invalid {
			t.Errorf("without %s: %v", field, err)
		}
	}
}

func TestSchemasAreValid(t *testing.T) {
	for name, s := range map[string]plugins.Schema{"settings": settingsSchema(), "config": optionsSchema()} {
		if err := s.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The keys of the schema are those that are read.
	for name, pair := range map[string]struct {
		schema plugins.Schema
		into   any
	}{"settings": {settingsSchema(), settings{}}, "config": {optionsSchema(), options{}}} {
		keys := map[string]bool{}
		typ := reflect.TypeOf(pair.into)
		for i := range typ.NumField() {
			if tag := typ.Field(i).Tag.Get("json"); tag != "" {
				keys[tag] = true
			}
		}
		for _, f := range pair.schema {
			if !keys[f.Name] {
				t.Errorf("%s: %s is documented and not read", name, f.Name)
			}
			delete(keys, f.Name)
		}
		for key := range keys {
			t.Errorf("%s: %s is read and not documented", name, key)
		}
	}
}

func TestDifference(t *testing.T) {
	want := rulesOf([]ingress{{Protocol: "tcp", Port: 22, To: 22, From: []string{"0.0.0.0/0", "::/0"}}, {Protocol: "icmp", From: []string{"::/0"}}})
	have := []rules.SecGroupRule{
		{ID: "out", Direction: "egress", EtherType: "IPv4"},
		{ID: "ssh", Direction: "ingress", EtherType: "IPv4", Protocol: "tcp", PortRangeMin: 22, PortRangeMax: 22},
		{ID: "again", Direction: "ingress", EtherType: "IPv4", Protocol: "tcp", PortRangeMin: 22, PortRangeMax: 22, RemoteIPPrefix: "0.0.0.0/0"},
		{ID: "ping", Direction: "ingress", EtherType: "IPv6", Protocol: "ipv6-icmp"},
		{ID: "hole", Direction: "ingress", EtherType: "IPv4", Protocol: "tcp", PortRangeMin: 1, PortRangeMax: 65535},
		{ID: "group", Direction: "ingress", EtherType: "IPv4", RemoteGroupID: "g"},
	}
	lacks, extra := difference(have, want)
	if len(lacks) != 1 || lacks[0].prefix != "::/0" || lacks[0].from != 22 || !slices.Equal(extra, []string{"again", "hole", "group"}) {
		t.Errorf("lacks %+v, extra %v", lacks, extra)
	}
	id := identify("i", "t")
	if id.groupName(rulesOf(nil)) == id.groupName(want) || id.groupName(want) != identify("i", "other").groupName(want) {
		t.Error("the name of a group must follow from the installation and the rules, and nothing else")
	}
}

func TestRetry(t *testing.T) {
	answer := func(status int, after string) *http.Response {
		return &http.Response{StatusCode: status, Header: http.Header{"Retry-After": {after}}}
	}
	lost := errors.New("reset")
	tests := []struct {
		name       string
		repeatable bool
		try        int
		answer     *http.Response
		err        error
		again      bool
		least      time.Duration
	}{
		{"a lost answer to a question", true, 1, nil, lost, true, 0},
		{"a lost answer to a request", false, 1, nil, lost, false, 0},
		{"the last try", true, maxTries, nil, lost, false, 0},
		{"503 to a question", true, 1, answer(503, "2"), nil, true, 2 * time.Second},
		{"503 to a request", false, 1, answer(503, "2"), nil, false, 0},
		{"429 to a request", false, 1, answer(429, "3"), nil, true, 3 * time.Second},
		{"429 for long", true, 1, answer(429, "60"), nil, false, 0},
		{"413 with a time", false, 1, answer(413, "1"), nil, true, time.Second},
		{"413 for good", false, 1, answer(413, ""), nil, false, 0},
		{"404", true, 1, answer(404, ""), nil, false, 0},
		{"409", true, 1, answer(409, ""), nil, false, 0},
	}
	for _, tt := range tests {
		pause, again := retry(tt.repeatable, tt.try, tt.answer, tt.err)
		if again != tt.again || again && pause < tt.least {
			t.Errorf("%s: again %v after %v", tt.name, again, pause)
		}
	}
}

func TestWrong(t *testing.T) {
	tests := []struct {
		status int
		body   string
		code   plugins.Code
	}{
		{400, `{"badRequest":{"message":"no such flavor","code":400}}`, plugins.Invalid},
		{401, `{"error":{"message":"who?","code":401}}`, plugins.Denied},
		{403, `{"forbidden":{"message":"Quota exceeded for cores","code":403}}`, plugins.Quota},
		{403, `{"forbidden":{"message":"Policy doesn't allow it","code":403}}`, plugins.Denied},
		{404, `{"itemNotFound":{"message":"no such server"}}`, plugins.NotFound},
		{404, `<html>default backend</html>`, plugins.Transient}, // of a proxy before the cloud
		{409, `{"NeutronError":{"message":"No more IP addresses available on network x."}}`, plugins.Quota},
		{409, `{"NeutronError":{"type":"OverQuota","message":"Quota exceeded for resources: ['port']."}}`, plugins.Quota},
		{409, `{"conflictingRequest":{"message":"busy"}}`, plugins.Transient},
		{413, `{"overLimit":{"message":"slow down"}}`, plugins.Transient},
		{429, ``, plugins.Transient}, {500, `<html>`, plugins.Transient}, {503, ``, plugins.Transient},
		{406, `{"choices":[]}`, plugins.Unsupported},
	}
	for _, tt := range tests {
		cause := gophercloud.ErrUnexpectedResponseCode{
			Method: "POST", URL: "http://user:pw@cloud.test/x?token=pw", Actual: tt.status, Body: []byte(tt.body), ResponseHeader: http.Header{"Retry-After": {"7"}},
		}
		err := wrong(t.Context(), "make it", cause)
		e, _ := errors.AsType[*plugins.Error](err)
		if e == nil || e.Code != tt.code || !strings.Contains(err.Error(), "POST http://cloud.test/x") || strings.Contains(err.Error(), "pw") {
			t.Errorf("%d %s: %v, code %q", tt.status, tt.body, err, plugins.CodeOf(err))
		}
		if e != nil && e.Code == plugins.Transient && e.RetryAfter != 7*time.Second {
			t.Errorf("%d: come again after %v", tt.status, e.RetryAfter)
		}
		if len(err.Error()) > 1000 {
			t.Errorf("%d: %d bytes", tt.status, len(err.Error()))
		}
	}
	if err := wrong(t.Context(), "list", gophercloud.ErrUnexpectedResponseCode{Actual: 500, Body: []byte(strings.Repeat("long ", 1e5))}); len(err.Error()) > 1000 {
		t.Errorf("%d bytes", len(err.Error()))
	}
}

func TestOrder(t *testing.T) {
	at := func(second int) time.Time { return time.Date(2026, 1, 1, 0, 0, second, 0, time.UTC) }
	make := func(id, status, claim string, second int) machine {
		return machine{Server: servers.Server{ID: id, Status: status}, record: record{Token: "t", Created: at(second), Ports: []string{claim}}}
	}
	claims := map[string]bool{"p": true}
	tests := []struct {
		name   string
		all    []machine
		claims map[string]bool
		want   string
	}{
		{"the oldest", []machine{make("b", "ACTIVE", "p", 2), make("a", "ACTIVE", "p", 1)}, claims, "a"},
		{"what runs before what does not yet", []machine{make("a", "BUILD", "p", 1), make("b", "ACTIVE", "p", 2)}, claims, "b"},
		{"whose claim is there", []machine{make("a", "ACTIVE", "gone", 1), make("b", "BUILD", "p", 2)}, claims, "b"},
		{"what failed last", []machine{make("a", "ERROR", "x", 1), make("b", "BUILD", "y", 2)}, nil, "b"},
	}
	for _, tt := range tests {
		order(tt.all, tt.claims)
		if tt.all[0].ID != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, tt.all[0].ID, tt.want)
		}
	}
	for status, useful := range map[string]bool{"ACTIVE": true, "BUILD": true, "SHUTOFF": true, "ERROR": false, "DELETED": false} {
		found := things{servers: []machine{make("a", status, "p", 1)}}
		if (found.standing() != nil) != useful {
			t.Errorf("%s: %v", status, found.standing())
		}
	}
}

func TestWithoutKeepsWhatBelongsToTheServer(t *testing.T) {
	all := things{
		servers: []machine{
			{Server: servers.Server{ID: "s"}, record: record{Ports: []string{"p1", "p2"}}}, {Server: servers.Server{ID: "late"}, record: record{Ports: []string{"p3"}}},
		},
		ports: []ports.Port{{ID: "p1", DeviceID: "s"}, {ID: "p2"}, {ID: "p3"}, {ID: "p4"}},
	}
	left := all.without("s")
	if len(left.servers) != 1 || left.servers[0].ID != "late" || len(left.ports) != 2 || left.ports[0].ID != "p3" || left.ports[1].ID != "p4" {
		t.Errorf("left are %+v", left)
	}
}

func TestSelected(t *testing.T) {
	rec := func(token, color string) record { return record{Token: token, Tags: map[string]string{"color": color}} }
	is := func(id, status string, r record) machine {
		return machine{Server: servers.Server{ID: id, Status: status}, record: r}
	}
	machines := []machine{
		is("1", "ERROR", rec("twice", "red")), is("2", "ACTIVE", rec("twice", "red")), is("3", "BUILD", rec("blue", "blue")), is("4", "ACTIVE", record{}),
	}
	damaged := 0
	got := selected(machines, []record{rec("twice", "red"), rec("claim", "red")}, map[string]string{"color": "red"}, func(machine) { damaged++ })
	states := map[string]string{}
	for _, s := range got {
		states[s.Token] = s.State
	}
	if len(got) != 2 || states["twice"] != cloud.Running || states["claim"] != cloud.Starting || damaged != 1 {
		t.Errorf("%v, %d damaged", states, damaged)
	}
}

func TestUserData(t *testing.T) {
	o := options{EnvFile: "/etc/env", SSHKeys: []string{"ssh-ed25519 AAAA x"}, UserData: "#!/bin/sh\ntrue\n"}
	got, err := o.data().Make(map[string]string{"A": "b"}, maxUserData)
	if err != nil || !strings.Contains(string(got), "text/x-shellscript") || base64.StdEncoding.EncodedLen(len(got)) > 65535 {
		t.Errorf("got %s, %v", got, err)
	}
	o.UserData = "#!" + strings.Repeat("x", 70_000)
	if _, err := o.data().Make(nil, maxUserData); plugins.CodeOf(err) != plugins.Invalid {
		t.Errorf("more than nova takes: %v", err)
	}
	plain, err := options{UserData: "anything"}.data().Make(map[string]string{"A": "b"}, maxUserData)
	if err != nil || string(plain) != "anything" {
		t.Errorf("%s, %v", plain, err)
	}
}
