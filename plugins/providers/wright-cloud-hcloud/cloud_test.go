package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
	"github.com/wright-build/wright/plugins/providers/wright-cloud-hcloud/testdata/hetzner"
)

// agent makes a provider with a directory of its own, as an agent has.
func agent(t *testing.T, c *hetzner.Cloud, installation string) *front {
	t.Helper()
	f := &front{}
	settings, errs := settingsSchema().Check("settings", settingsOf(c))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	err := f.Configure(t.Context(), plugins.Settings{
		StateDir: t.TempDir(), Installation: installation, Config: settings, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func specOf(t *testing.T, token string, config map[string]any) cloud.Spec {
	t.Helper()
	if config == nil {
		config = map[string]any{}
	}
	if _, ok := config["wait-port"]; !ok {
		config["wait-port"] = 0
	}
	checked, errs := optionsSchema().Check("config", config)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return cloud.Spec{
		Token: token, Name: "shop 12", Config: checked, Env: map[string]string{"PASSWORD": "s3cret-of-the-server"},
		Tags: map[string]string{plugins.InstallationTag: "one", "wright-instance": "shop", "Ünï": "cödé"},
	}
}

func create(t *testing.T, f *front, s cloud.Spec) *cloud.Server {
	t.Helper()
	made, err := f.Create(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func empty(t *testing.T, c *hetzner.Cloud) {
	t.Helper()
	if servers, firewalls, ips := c.Left(); len(servers)+len(firewalls)+ips > 0 {
		t.Errorf("left are the servers %v, the firewalls %v and %d primary IPs", servers, firewalls, ips)
	}
}

func fails(t *testing.T, err error, code plugins.Code, words ...string) {
	t.Helper()
	if err == nil || plugins.CodeOf(err) != code {
		t.Errorf("got %q %v, want %q", plugins.CodeOf(err), err, code)
		return
	}
	for _, w := range append(words, "hcloud") {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
	for _, secret := range []string{testToken, "s3cret", "root-password"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%q shows a secret", err)
		}
	}
}

// What was asked for arrives at the cloud.
func TestLife(t *testing.T) {
	c := start(t, hetzner.Options{})
	f := agent(t, c, "one")
	s := specOf(t, "shop-12-1", map[string]any{
		"locations": []any{"nbg1"}, "networks": []any{"internal"}, "key-names": []any{"ops"}, "port": 443, "placement-group": "spread",
		"user-data": "#!/bin/sh\ntrue\n", "ingress": []any{map[string]any{"port": 443, "to": 444, "from": []any{"192.0.2.7/24"}}, map[string]any{"protocol": "icmp"}},
	})
	made := create(t, f, s)
	if made.State != cloud.Running || made.Port != 443 || !strings.HasPrefix(made.Address, "127.88.") || made.Variables["WRIGHT_APPSERVER_USER"] != "root" ||
		made.Variables["WRIGHT_APPSERVER_PRIVATE_ADDRESS"] == "" {
		t.Errorf("got %+v", made)
	}
	data, location, networks := c.Data()
	if !strings.HasPrefix(data, "MIME-Version") || location != "nbg1" || len(networks) != 1 {
		t.Errorf("the cloud has %q in %q with the networks %v", data, location, networks)
	}
	servers, firewalls, ips := c.Left()
	if len(servers) != 1 || !strings.HasPrefix(servers[0], "shop-12-1-") || len(firewalls) != 1 || ips != 2 {
		t.Errorf("the cloud has %v, %v and %d IPs", servers, firewalls, ips)
	}
	if ports := c.Rules(firewalls[0], "1-65535"); fmt.Sprint(ports) != "[443-444]" {
		t.Errorf("open are %v", ports)
	}
	if l := c.Labels(); l["wright-instance"] != "shop" || l["wright-installation"] != "one" {
		t.Errorf("people see %v", l)
	}
	s.Token = "shop-13-1"
	create(t, f, s)
	if ports := c.Rules(firewalls[0], ""); fmt.Sprint(ports) != "[443-444]" {
		t.Errorf("a firewall that somebody opened is not put back: %v", ports)
	}
	for _, token := range []string{"shop-12-1", "shop-13-1"} {
		if err := f.Delete(t.Context(), token); err != nil {
			t.Error(err)
		}
	}
	empty(t, c)
}

// A firewall ends with the last server of its rules, while others' stay. Nobody
// lists in between, which would clear away as well.
func TestDeleteDropsTheFirewall(t *testing.T) {
	c := start(t, hetzner.Options{})
	f := agent(t, c, "one")
	for token, port := range map[string]int{"web-1": 443, "web-2": 443, "mail": 25} {
		create(t, f, specOf(t, token, map[string]any{"ingress": []any{map[string]any{"port": port}}}))
	}
	for _, step := range []struct {
		token string
		want  int
	}{{"web-1", 2}, {"web-2", 1}, {"mail", 0}} {
		if err := f.Delete(t.Context(), step.token); err != nil {
			t.Fatal(err)
		}
		if _, firewalls, _ := c.Left(); len(firewalls) != step.want {
			t.Errorf("without %s there are the firewalls %v, want %d", step.token, firewalls, step.want)
		}
	}
	empty(t, c)
}

func TestErrors(t *testing.T) {
	c := start(t, hetzner.Options{Full: map[string]string{"cax11": "*"}, Fails: "cx99"})
	f := agent(t, c, "one")
	for _, tt := range []struct {
		name   string
		change func(*cloud.Spec)
		code   plugins.Code
		says   []string
	}{
		{"no room", func(s *cloud.Spec) { s.Flavor = "cax11" }, plugins.Transient, []string{"POST http://127.0.0.1", "resource_unavailable", "location disabled"}},
		{"the project's limit", func(s *cloud.Spec) { s.Flavor = "ccx63" }, plugins.Quota, []string{"resource_limit_exceeded"}},
		{"no such type", func(s *cloud.Spec) { s.Flavor = "huge" }, plugins.Invalid, []string{"server_type", "not found"}},
		{"no such image", func(s *cloud.Spec) { s.Image = "windows" }, plugins.Invalid, []string{"image"}},
		{"no such location", func(s *cloud.Spec) { s.Config["locations"] = []any{"mars1"} }, plugins.Invalid, []string{"location"}},
		{"no such key", func(s *cloud.Spec) { s.Config["key-names"] = []any{"nobody"} }, plugins.Invalid, nil},
		{"it does not start", func(s *cloud.Spec) { s.Flavor = "cx99" }, plugins.Unknown, []string{"action_failed", "could not start"}},
		{"it does not answer", func(s *cloud.Spec) { s.Config["wait-port"], s.Config["boot-timeout"] = 9, "300ms" }, plugins.Unknown, []string{"not up within 300ms"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := specOf(t, "shop-12-1", nil)
			tt.change(&s)
			_, err := f.Create(t.Context(), s)
			if tt.name == "no such key" {
				if plugins.CodeOf(err) != tt.code {
					t.Error(err)
				}
			} else {
				fails(t, err, tt.code, tt.says...)
			}
			if servers, _, _ := c.Left(); len(servers) > 0 {
				t.Errorf("left is %v", servers)
			}
		})
	}
	if err := f.Delete(t.Context(), "shop-12-1"); err != nil {
		t.Error(err)
	}
	empty(t, c)
}

// The second location is tried when the first has no room.
func TestLocations(t *testing.T) {
	c := start(t, hetzner.Options{Full: map[string]string{"cx23": "fsn1"}})
	create(t, agent(t, c, "one"), specOf(t, "a", map[string]any{"locations": []any{"fsn1", "hel1"}}))
	if _, location, _ := c.Data(); location != "hel1" {
		t.Errorf("it is in %q", location)
	}
}

func TestWaitPort(t *testing.T) {
	c := start(t, hetzner.Options{})
	f := agent(t, c, "one")
	l, err := net.Listen("tcp", "0.0.0.0:0") // so at the server's address, too
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	create(t, f, specOf(t, "a", map[string]any{"wait-port": l.Addr().(*net.TCPAddr).Port}))
}

// Agents that know nothing of each other make one server of a token.
func TestAgents(t *testing.T) {
	c := start(t, hetzner.Options{Conflicts: 7})
	var wg sync.WaitGroup
	var mu sync.Mutex
	seen := map[string]bool{}
	for range 8 {
		f := agent(t, c, "one")
		wg.Go(func() {
			made, err := f.Create(t.Context(), specOf(t, "a", nil))
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			seen[made.Address+made.CreatedAt.String()] = true
		})
	}
	wg.Wait()
	if servers, firewalls, _ := c.Left(); len(seen) != 1 || len(servers) != 1 || len(firewalls) != 1 {
		t.Errorf("%v: the cloud has %v and %v", seen, servers, firewalls)
	}
}

// Another installation's server, or a person's, is not touched.
func TestOthers(t *testing.T) {
	c := start(t, hetzner.Options{})
	one, two := agent(t, c, "one"), agent(t, c, "two")
	create(t, one, specOf(t, "a", nil))
	if _, err := two.Get(t.Context(), "a"); plugins.CodeOf(err) != plugins.NotFound {
		t.Error(err)
	}
	if list, err := two.List(t.Context(), nil); err != nil || len(list) != 0 {
		t.Error(list, err)
	}
	if err := two.Delete(t.Context(), "a"); err != nil {
		t.Error(err)
	}
	if servers, _, _ := c.Left(); len(servers) != 1 {
		t.Errorf("another installation deleted it: %v", servers)
	}
	c.Person(identify("one", "b").name(), false, false)
	_, err := one.Create(t.Context(), specOf(t, "b", nil))
	fails(t, err, plugins.Exists, "not this installation's")
	c.Person("", true, false)
	fails(t, one.Delete(t.Context(), "a"), plugins.Denied, "protected")
}

// Somebody switched it off: that is seen, and the next Create switches it on.
func TestOff(t *testing.T) {
	c := start(t, hetzner.Options{})
	f := agent(t, c, "one")
	create(t, f, specOf(t, "a", nil))
	c.Person("", false, true)
	if got, err := f.Get(t.Context(), "a"); err != nil || got.State != cloud.Failed {
		t.Error(got, err)
	}
	if made := create(t, f, specOf(t, "a", nil)); made.State != cloud.Running {
		t.Error(made.State)
	}
}

// Who asks too often is told when to come again; a moment is waited for.
func TestRateLimit(t *testing.T) {
	c := start(t, hetzner.Options{})
	f := agent(t, c, "one")
	c.Set(func(o *hetzner.Options) { o.Limit = 360 }) // one in 10 s
	var err error
	for range 400 {
		if _, err = f.List(t.Context(), nil); err != nil {
			break
		}
	}
	fails(t, err, plugins.Transient, "rate_limit_exceeded")
	if e, ok := errors.AsType[*plugins.Error](err); !ok || e.RetryAfter < 5*time.Second || e.RetryAfter > time.Minute {
		t.Errorf("retry after %+v", err)
	}
}

// A call that died while it asked is waited for: its server may come late.
func TestLate(t *testing.T) {
	c := start(t, hetzner.Options{})
	f := agent(t, c, "one")
	f.now.settles = time.Hour
	id := identify("one", "a")
	turn, err := f.now.turns.Take(t.Context(), id.token)
	if err != nil {
		t.Fatal(err)
	}
	if err := turn.Ask(t.Context()); err != nil {
		t.Fatal(err)
	}
	turn.Release(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Delete(t.Context(), "a") }()
	other := agent(t, c, "one") // stands for the request that was on its way
	if _, err := other.Create(context.WithoutCancel(t.Context()), specOf(t, "a", nil)); err != nil && plugins.CodeOf(err) != plugins.Transient {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	empty(t, c)
}

// A server that is locked while it is made is deleted all the same.
func TestDeleteWhileMade(t *testing.T) {
	c := start(t, hetzner.Options{Step: 3 * time.Second})
	f := agent(t, c, "one")
	ctx, cancel := context.WithCancel(t.Context())
	go func() { // gives the call up as soon as there is a server
		defer cancel()
		for tick := time.NewTicker(5 * time.Millisecond); ; <-tick.C {
			if servers, _, _ := c.Left(); len(servers) > 0 || t.Context().Err() != nil {
				return
			}
		}
	}()
	if _, err := f.Create(ctx, specOf(t, "a", nil)); err == nil {
		t.Fatal("it was made")
	}
	list, err := f.List(t.Context(), nil)
	if err != nil || len(list) != 1 || list[0].State != cloud.Starting {
		t.Errorf("listed are %+v, %v", list, err)
	}
	if err := f.Delete(t.Context(), "a"); err != nil {
		t.Error(err)
	}
	empty(t, c)
}

// Lists of more than a page are whole, also while servers of their beginning go.
func TestPages(t *testing.T) {
	c := start(t, hetzner.Options{Step: time.Millisecond})
	f := agent(t, c, "one")
	const many = 120
	var wg sync.WaitGroup
	slots := make(chan struct{}, 8)
	for i := range many {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if _, err := f.Create(t.Context(), specOf(t, fmt.Sprintf("t-%d", i), nil)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	going := make(chan struct{})
	go func() {
		defer close(going)
		for i := range 20 {
			if err := f.Delete(t.Context(), fmt.Sprintf("t-%d", i)); err != nil {
				t.Error(err)
			}
		}
	}()
	for range 10 {
		list, err := f.List(t.Context(), nil)
		seen := map[string]bool{}
		for _, s := range list {
			seen[s.Token] = true
		}
		for i := 20; i < many; i++ {
			if token := fmt.Sprintf("t-%d", i); err != nil || !seen[token] {
				t.Fatalf("%s, which stays, is not listed: %d are; %v", token, len(list), err)
			}
		}
	}
	<-going
	if list, err := f.List(t.Context(), nil); err != nil || len(list) != many-20 {
		t.Errorf("%d are listed, %v", len(list), err)
	}
}
