package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/wright-build/wright/cmd/wright/wrighttest"
)

// TestBalancerFollows: the balancer of the manifest leads to the active
// AppServer, also when it or the agent is killed, and to none when there is none.
func TestBalancerFollows(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	address := freeAddress(t)
	settings := filepath.Join(h.Dir, "providers.toml")
	if err := os.WriteFile(settings, fmt.Appendf(nil, "[balancer-proxy]\nlisten = %q\n", address), 0o600); err != nil {
		t.Fatal(err)
	}
	flags := []string{"--plugins", filepath.Join(wrighttest.Programs(t), "plugins"), "--plugins", wrighttest.Balancer(t), "--providers", settings}
	h.Master()
	agent := h.Agent("one", flags...)
	answers := func(status int, body string) {
		t.Helper()
		var s int
		var text string
		h.Await(fmt.Sprintf("the balancer to answer %d %q", status, body), func() bool {
			s, text = h.VisitAt("http://"+address, "shop.example.test")
			return s == status && (body == "" || text == body)
		})
	}
	h.Manifest("shop", numbered(t, "keep = 2", "[balancer]", `provider = "proxy"`, `name = "shop.example.test"`))
	h.AwaitState(h.Start("shop").ID, "succeeded")
	answers(200, "1")
	h.AwaitState(h.Start("shop").ID, "succeeded")
	answers(200, "2")
	agent.Kill()
	h.Agent("one", flags...)
	do := func(verb, id string) {
		t.Helper()
		if r := h.Run("appserver", verb, id); r.Status != 0 {
			t.Fatalf("appserver %s %s: %d %s", verb, id, r.Status, r.Err)
		}
	}
	do("activate", "shop-000001.1")
	answers(200, "1")
	do("terminate", "shop-000002.1") // the route leads elsewhere: it stays
	wantStates(t, h, "shop", "shop-000001.1 healthy active")
	answers(200, "1")
	do("terminate", "shop-000001.1")
	wantStates(t, h, "shop")
	answers(http.StatusNotFound, "")
}

// freeAddress is one where nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}
