package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
	"github.com/wright-build/wright/plugins/lab"
	"github.com/wright-build/wright/plugins/lab/labtest"
)

// agentOf is the provider of an agent that has no directory in common with others.
// It has the first hosts of the lab.
func agentOf(t *testing.T, r *lab.Running, hosts int, over map[string]any) *provider {
	t.Helper()
	s := settingsOf(t, r)
	s["hosts"] = s["hosts"].([]any)[:hosts]
	maps.Copy(s, over)
	p := &provider{}
	if err := p.Configure(t.Context(), plugins.Settings{StateDir: t.TempDir(), Config: s}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.now.hangUp)
	return p
}

func specOf(token string) cloud.Spec {
	return cloud.Spec{Token: token, Name: "the " + token, Tags: map[string]string{plugins.InstallationTag: "me"}, Env: map[string]string{"A": "it's\na line"}}
}

func create(t *testing.T, p *provider, s cloud.Spec) *cloud.Server {
	t.Helper()
	made, err := p.Create(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// on is the path of a file in the directory of a host.
func on(r *lab.Running, address, name string) string {
	return filepath.Join(r.Dir, "hosts", "it's "+address, name)
}

func TestHosts(t *testing.T) {
	r := labtest.Start(t, "ssh")
	t.Run("any agent sees a lease", func(t *testing.T) { anyAgent(t, r) })
	t.Run("agents at the same time", func(t *testing.T) { sameTime(t, r) })
	t.Run("a look of before", func(t *testing.T) { lookOfBefore(t, r) })
	t.Run("cleaning", func(t *testing.T) { cleans(t, r) })
	t.Run("what is not ours", func(t *testing.T) { notOurs(t, r) })
	t.Run("a host that is away", func(t *testing.T) { hostAway(t, r) })
	t.Run("keys", func(t *testing.T) { keys(t, r) })
}

func anyAgent(t *testing.T, r *lab.Running) {
	one, other := agentOf(t, r, 2, nil), agentOf(t, r, 2, nil)
	s := specOf("seen")
	s.Config = map[string]any{"port": 8080}
	made := create(t, one, s)
	text, err := os.ReadFile(on(r, made.Address, "lease"))
	if err != nil || !strings.Contains(string(text), `"token":"seen"`) || !strings.Contains(string(text), `"wright-installation":"me"`) {
		t.Errorf("on the host stands %q, %v", text, err)
	}
	if env, err := os.ReadFile(made.Variables["WRIGHT_APPSERVER_ENVIRONMENT"]); err != nil || string(env) != "A='it'\\''s\na line'\n" {
		t.Errorf("the environment is %q, %v", env, err)
	}
	if strings.Contains(string(text), "a line") {
		t.Error("the lease holds the environment")
	}
	got, err := other.Get(t.Context(), "seen")
	if err != nil || got.Address != made.Address || got.Port != 8080 || !got.CreatedAt.Equal(made.CreatedAt) {
		t.Errorf("another agent sees %v, %v", got, err)
	}
	if again := create(t, other, s); again.Address != made.Address {
		t.Errorf("another agent makes %v", again)
	}
	if err := other.Delete(t.Context(), "seen"); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(on(r, made.Address, "*e*")); len(left) > 0 {
		t.Errorf("left are %v", left)
	}
	if _, err := one.Get(t.Context(), "seen"); plugins.CodeOf(err) != plugins.NotFound {
		t.Error(err)
	}
}

// Agents that share nothing make the same server at once, and others meanwhile.
func sameTime(t *testing.T, r *lab.Running) {
	const rounds, agents, hosts = 5, 3, 4
	var all []*provider
	for range agents {
		all = append(all, agentOf(t, r, hosts, nil))
	}
	for round := range rounds {
		var wg sync.WaitGroup
		var made [agents]*cloud.Server
		for i, p := range all {
			wg.Go(func() {
				var err error
				if made[i], err = p.Create(t.Context(), specOf(fmt.Sprintf("same-%d", round))); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if t.Failed() {
			return
		}
		leases, _ := filepath.Glob(filepath.Join(r.Dir, "hosts", "*", "lease"))
		if made[0].Address != made[1].Address || made[1].Address != made[2].Address || len(leases) != 1 {
			t.Fatalf("%v, %v and %v; there are %v", made[0].Address, made[1].Address, made[2].Address, leases)
		}
		if err := all[round%agents].Delete(t.Context(), fmt.Sprintf("same-%d", round)); err != nil {
			t.Error(err)
		}
	}
}

// An agent saw a host free; until it acts, another leases it, or a person does.
// Whatever the first wants to write, theirs stays.
func lookOfBefore(t *testing.T, r *lab.Running) {
	slow, fast := agentOf(t, r, 1, nil), agentOf(t, r, 1, nil)
	before := slow.now.look(t.Context())
	made := create(t, fast, specOf("fast"))
	path := on(r, made.Address, "lease")
	late, err := newLease(specOf("slow"), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	environment := "A=slow\n"
	for what, change := range map[string]func() (seen, error){
		"a claim":       func() (seen, error) { return slow.now.change(t.Context(), before[0], &late, nil) },
		"a whole lease": func() (seen, error) { return slow.now.change(t.Context(), before[0], &late, &environment) },
		"an end":        func() (seen, error) { return slow.now.change(t.Context(), before[0], nil, nil) },
	} {
		now, err := change()
		if err != nil || now.lease.Token != "fast" || now.lease.State != cloud.Running {
			t.Errorf("%s by who looked before: the host has %+v, %v", what, now.lease, err)
		}
	}
	if _, err := slow.Create(t.Context(), specOf("slow")); plugins.CodeOf(err) != plugins.Quota {
		t.Errorf("two agents lease one host: %v", err)
	}
	text, err := os.ReadFile(path)
	env, err2 := os.ReadFile(made.Variables["WRIGHT_APPSERVER_ENVIRONMENT"])
	if err != nil || err2 != nil || !strings.Contains(string(text), `"token":"fast"`) || string(env) == environment {
		t.Errorf("on the host stand %q, %v and %q, %v", text, err, env, err2)
	}
	before = slow.now.look(t.Context())
	if err := fast.Delete(t.Context(), "fast"); err != nil {
		t.Fatal(err)
	}
	if now, err := slow.now.change(t.Context(), before[0], &late, nil); err != nil || now.text != "" {
		t.Errorf("who saw a lease that is over writes %+v, %v", now.lease, err)
	}
}

func cleans(t *testing.T, r *lab.Running) {
	ran, broken := filepath.Join(t.TempDir(), "ran"), filepath.Join(t.TempDir(), "broken")
	p := agentOf(t, r, 1, map[string]any{"clean": "echo operator >>" + ran + "; ! ls " + broken})
	s := specOf("dirty")
	s.Config = map[string]any{"clean": "echo 'the manifest' >>" + ran}
	made := create(t, p, s)
	if err := os.WriteFile(broken, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err := p.Delete(t.Context(), "dirty")
	if plugins.CodeOf(err) != plugins.Transient || !strings.Contains(err.Error(), broken) || !strings.Contains(err.Error(), made.Address) {
		t.Errorf("a cleaning that fails: %v", err)
	}
	if got, err := p.Get(t.Context(), "dirty"); err != nil || got.State != cloud.Deleting {
		t.Errorf("then it is %v, %v", got, err)
	}
	if _, err := p.Create(t.Context(), specOf("next")); plugins.CodeOf(err) != plugins.Quota {
		t.Errorf("a host that is not clean is given away: %v", err)
	}
	if err := os.Remove(broken); err != nil {
		t.Fatal(err)
	}
	if err := p.Delete(t.Context(), "dirty"); err != nil {
		t.Error(err)
	}
	if b, err := os.ReadFile(ran); err != nil || string(b) != strings.Repeat("the manifest\noperator\n", 2) {
		t.Errorf("what ran: %q, %v", b, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	s.Config = map[string]any{"clean": "touch " + broken + "; sleep 10"}
	create(t, p, s)
	go func() {
		defer cancel()
		for ctx.Err() == nil {
			if _, err := os.Stat(broken); err == nil {
				return
			}
		}
	}()
	if err := p.Delete(ctx, "dirty"); err == nil || ctx.Err() == nil {
		t.Errorf("a cleaning that is given up: %v", err)
	}
	_ = os.Remove(on(r, made.Address, "lease")) // it would take the 10 s
}

func notOurs(t *testing.T, r *lab.Running) {
	p := agentOf(t, r, 1, nil)
	made := create(t, p, specOf("ours"))
	lease := on(r, made.Address, "lease")
	if err := p.Delete(t.Context(), "ours"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(lease, []byte("Ann's, until Friday\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Create(t.Context(), specOf("ours")); plugins.CodeOf(err) != plugins.Quota {
		t.Errorf("Create: %v", err)
	}
	if list, err := p.List(t.Context(), nil); err != nil || len(list) > 0 {
		t.Errorf("List: %v, %v", list, err)
	}
	if b, err := os.ReadFile(lease); err != nil || string(b) != "Ann's, until Friday\n" {
		t.Errorf("there stands %q, %v", b, err)
	}
	_ = os.Remove(lease)
	s := specOf("ours")
	s.Flavor = "large"
	if _, err := p.Create(t.Context(), s); plugins.CodeOf(err) != plugins.Quota {
		t.Errorf("a flavor that nobody has: %v", err)
	}
}

func hostAway(t *testing.T, r *lab.Running) {
	hosts := settingsOf(t, r)["hosts"].([]any)[:2]
	away := maps.Clone(hosts[0].(map[string]any))
	away["port"] = 1 // nobody listens
	p := agentOf(t, r, 2, map[string]any{"hosts": []any{away, hosts[1]}, "known-hosts": r.Env["SSH_KNOWN_HOSTS"]})
	for i := range 5 { // whichever host comes first
		made := create(t, p, specOf(fmt.Sprintf("here-%d", i)))
		if made.Address == away["address"] {
			t.Errorf("it is at a host that does not answer: %v", made)
		}
		if err := p.Delete(t.Context(), made.Token); err != nil {
			t.Error(err)
		}
	}
	create(t, p, specOf("here"))
	for what, call := range map[string]func() error{
		"List":                                func() error { _, err := p.List(t.Context(), nil); return err },
		"Get":                                 func() error { _, err := p.Get(t.Context(), "elsewhere"); return err },
		"Create, where all others are leased": func() error { _, err := p.Create(t.Context(), specOf("more")); return err },
		"Delete":                              func() error { return p.Delete(t.Context(), "elsewhere") },
	} {
		if err := call(); plugins.CodeOf(err) != plugins.Transient || !strings.Contains(err.Error(), away["address"].(string)+":1") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := p.Get(t.Context(), "here"); err != nil {
		t.Error(err)
	}
	if err := p.Delete(t.Context(), "here"); err != nil {
		t.Error(err)
	}
}

func keys(t *testing.T, r *lab.Running) {
	private, err := os.ReadFile(r.Env["SSH_WRONG_KEY"])
	if err != nil {
		t.Fatal(err)
	}
	host := settingsOf(t, r)["hosts"].([]any)[0].(map[string]any)
	stranger := maps.Clone(host)
	stranger["host-key"] = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	unknown := maps.Clone(host)
	delete(unknown, "host-key")
	empty := filepath.Join(t.TempDir(), "known_hosts")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for what, over := range map[string]map[string]any{
		"a key that may not log in":         {"private-key": string(private)},
		"a key that is none":                {"private-key": "s3cret"},
		"a file that is not there":          {"private-key": "file:/nonexistent/key"},
		"a host with another key":           {"hosts": []any{stranger}},
		"a host that nobody knows":          {"hosts": []any{unknown}, "known-hosts": empty},
		"a file of hosts that is not there": {"hosts": []any{unknown}, "known-hosts": "/nonexistent/hosts"},
	} {
		_, err := agentOf(t, r, 1, over).List(t.Context(), nil)
		if plugins.CodeOf(err) != plugins.Denied {
			t.Errorf("%s: %v", what, err)
		} else if strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "BEGIN") {
			t.Errorf("%s: the error holds it: %v", what, err)
		}
	}
}
