package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/applicationcredentials"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
)

// faults makes servers and deletes them while one in seven requests to keystone,
// nova, neutron and glance goes wrong, logged in with an application credential.
// There is never a second server of a token, no list lacks one that is there,
// nothing is left, and no error repeats a secret.
func faults(t *testing.T, b *bench) {
	const many = 12
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	c := newChaos(t, b.settings["auth-url"].(string), seed)
	_ = b.host.Close()
	var secret string
	b.settings, secret = b.credential(t, c.url())
	b.settings["timeout"] = "3s"
	b.open(t)
	w := &witness{t: t, bench: b, chaos: c, secrets: []string{secret, "hunter2", base64.StdEncoding.EncodeToString([]byte("PASSWORD='hunter2'\n"))}}
	ctx, stop := context.WithTimeout(t.Context(), 15*time.Minute)
	defer stop()
	start := time.Now()
	c.be(false)
	w.each(many, func(i int) { w.create(ctx, w.spec(i)) })
	w.each(many, func(i int) { w.look(ctx, fmt.Sprintf("fault-%d", i), many) })
	w.once(ctx, many)
	w.each(many, func(i int) {
		w.persist(ctx, func(ctx context.Context) error { return b.Delete(ctx, fmt.Sprintf("fault-%d", i)) })
	})
	c.be(true)
	t.Logf("%d servers, faults: %v, %d calls that failed, %v", many, c.met, len(w.errors), time.Since(start).Round(time.Second))
	t.Logf("they said:\n%s", strings.Join(w.errors, "\n"))
	w.judge()
	if left := b.left(t, ctx); len(left) > 0 {
		t.Errorf("left are %d things:\n%s", len(left), strings.Join(left, "\n"))
	}
}

// credential makes an application credential at the lab, and gives the settings
// with which the provider uses it at another address.
func (b *bench) credential(t *testing.T, at string) (with map[string]any, secret string) {
	t.Helper()
	client := b.direct.compute.ProviderClient
	user, err := client.GetAuthResult().(tokens.CreateResult).ExtractUser()
	if err != nil {
		t.Fatal(err)
	}
	identity, err := openstack.NewIdentityV3(client, gophercloud.EndpointOpts{})
	if err != nil {
		t.Fatal(err)
	}
	secret = "a-secret-" + fmt.Sprint(rand.Uint64())
	made, err := applicationcredentials.Create(t.Context(), identity, user.ID, applicationcredentials.CreateOpts{Name: secret[9:], Secret: secret}).Extract()
	if err != nil {
		t.Fatal(err)
	}
	return map[string]any{
		"auth-url": at, "region": b.settings["region"], "application-credential-id": made.ID, "application-credential-secret": secret,
	}, secret
}

// witness calls the provider and remembers every error.
type witness struct {
	t *testing.T
	*bench
	chaos   *chaos
	secrets []string

	mu     sync.Mutex // guards all below
	errors []string
}

func (w *witness) spec(i int) cloud.Spec {
	return w.bench.spec(fmt.Sprintf("fault-%d", i), map[string]any{"floating-ip": []string{"", "public"}[i%2]})
}

func (w *witness) each(n int, do func(int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { do(i) })
	}
	all.Wait()
}

// persist repeats a call until it succeeds. Each has time enough also on a busy
// machine: when it is over the host answers, who does not know what the cloud said.
func (w *witness) persist(ctx context.Context, call func(context.Context) error) {
	for {
		once, cancel := context.WithTimeout(ctx, 5*time.Minute)
		err := call(once)
		cancel()
		if err == nil {
			return
		}
		w.mu.Lock()
		w.errors = append(w.errors, fmt.Sprintf("%v (code %q)", err, plugins.CodeOf(err)))
		w.mu.Unlock()
		if !sleep(ctx, 200*time.Millisecond) {
			w.t.Error("it never worked:", err)
			return
		}
	}
}

func (w *witness) create(ctx context.Context, s cloud.Spec) {
	w.persist(ctx, func(ctx context.Context) error {
		made, err := w.Create(ctx, s)
		if err == nil && (made.Token != s.Token || made.Address == "") {
			w.t.Errorf("made is %+v", made)
		}
		return err
	})
}

// look asks for what is there by now.
func (w *witness) look(ctx context.Context, token string, all int) {
	w.persist(ctx, func(ctx context.Context) error {
		_, err := w.Get(ctx, token)
		if plugins.CodeOf(err) == plugins.NotFound {
			w.t.Errorf("get %s, which is there: %v", token, err)
		}
		return err
	})
	w.persist(ctx, func(ctx context.Context) error {
		list, err := w.List(ctx, nil)
		if err == nil && len(list) != all {
			w.t.Errorf("the list has %d servers, want %d", len(list), all)
		}
		return err
	})
}

// once counts, at the cloud itself, the servers of each token that are of use.
func (w *witness) once(ctx context.Context, many int) {
	machines, err := w.direct.servers(ctx, identify(w.installation, "").installationTag())
	if err != nil {
		w.t.Fatal(err)
	}
	counts := map[string]int{}
	for _, m := range machines {
		if s := m.state(); s == cloud.Running || s == cloud.Starting {
			counts[m.record.Token]++
		}
	}
	for token, n := range counts {
		if n != 1 {
			w.t.Errorf("%s has %d servers", token, n)
		}
	}
	if len(counts) != many {
		w.t.Errorf("there are servers of %q, want %d", slices.Sorted(maps.Keys(counts)), many)
	}
}

// judge wants of every error that it says who failed at what, and no secret.
func (w *witness) judge() {
	secrets := append(w.secrets, w.chaos.issued()...)
	for _, err := range w.errors {
		for _, s := range secrets {
			if strings.Contains(err, s) {
				w.t.Errorf("a secret is in %s", err)
			}
		}
		if !strings.Contains(err, "openstack: ") || !strings.Contains(err, w.chaos.server.URL) {
			w.t.Errorf("this does not say which server of openstack failed at what: %s", err)
		}
	}
}
