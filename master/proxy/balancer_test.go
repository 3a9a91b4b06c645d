package proxy_test

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"testing"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/balancer"
)

func target(t testing.TB, address string) balancer.Target {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	n, bad := strconv.Atoi(port)
	if err != nil || bad != nil {
		t.Fatal(address)
	}
	return balancer.Target{Address: host, Port: n}
}

func owned(by string) map[string]string {
	return map[string]string{plugins.InstallationTag: by, "wright-instance": "shop"}
}

// TestRoutesByContract: routes are set, replaced, listed and taken away, each
// by its owner only, and requests go round among the targets.
func TestRoutesByContract(t *testing.T) {
	p := newProxy()
	client, _ := front(t, p)
	one, two := target(t, backend(t, says("one"))), target(t, backend(t, says("two")))
	set := func(name, by string, to ...balancer.Target) error {
		return p.Set(t.Context(), balancer.Spec{Name: name, Targets: to, Tags: owned(by)})
	}
	if err := set("Shop.Example.Test.", "us", one, two); err != nil {
		t.Fatal(err)
	}
	heard := map[string]int{}
	for range 10 {
		_, body := get(t, client, "http://shop.example.test/")
		heard[body]++
	}
	if heard["one"] != 5 || heard["two"] != 5 {
		t.Errorf("10 requests went to %v", heard)
	}
	if err := set("shop.example.test", "others", one); plugins.CodeOf(err) != plugins.Exists {
		t.Errorf("somebody else's route: %v", err)
	}
	if err := set("shop.example.test", "us", two); err != nil {
		t.Error(err)
	}
	if _, body := get(t, client, "http://SHOP.example.test:8080/"); body != "two" {
		t.Errorf("replaced, and answered by %q", body)
	}
	list, err := p.List(t.Context(), owned("us"))
	if err != nil || len(list) != 1 || list[0].Name != "shop.example.test" || !slices.Equal(list[0].Targets, []balancer.Target{two}) {
		t.Errorf("listed: %+v, %v", list, err)
	}
	if list, err := p.List(t.Context(), owned("others")); err != nil || len(list) != 0 {
		t.Errorf("of others: %+v, %v", list, err)
	}
	for i, by := range []string{"others", "us", "us"} {
		if err := p.Delete(t.Context(), "shop.example.test.", owned(by)); err != nil {
			t.Error(err)
		}
		resp, _ := get(t, client, "http://shop.example.test/")
		if want := []int{200, 404, 404}[i]; resp.StatusCode != want {
			t.Errorf("deleted by %s: %d, want %d", by, resp.StatusCode, want)
		}
	}
}

// TestContractLeavesInstancesAlone: what the facts say cannot be set, listed or
// taken away, and what was set outlives a change of the facts.
func TestContractLeavesInstancesAlone(t *testing.T) {
	p := newProxy()
	client, _ := front(t, p)
	fact, other := backend(t, says("fact")), target(t, backend(t, says("other")))
	p.Follow(map[string]string{"shop": fact})
	err := p.Set(t.Context(), balancer.Spec{Name: "shop.localhost", Targets: []balancer.Target{other}, Tags: owned("us")})
	if plugins.CodeOf(err) != plugins.Exists {
		t.Errorf("set: %v", err)
	}
	if err := p.Delete(t.Context(), "shop.localhost", owned("")); plugins.CodeOf(err) != plugins.Invalid {
		t.Errorf("deleted by nobody: %v", err)
	}
	if err := p.Delete(t.Context(), "shop.localhost", owned("us")); err != nil {
		t.Error(err)
	}
	if list, _ := p.List(t.Context(), nil); len(list) != 0 {
		t.Errorf("listed: %+v", list)
	}
	for _, name := range []string{"mine.example.test", "mine.localhost"} {
		if err := p.Set(t.Context(), balancer.Spec{Name: name, Targets: []balancer.Target{other}, Tags: owned("us")}); err != nil {
			t.Error(err)
		}
	}
	p.Follow(map[string]string{"mine": ""})
	for url, want := range map[string]string{
		"http://mine.example.test/": "200 other", "http://shop.localhost/": "404", "http://mine.localhost/": "503",
	} {
		resp, body := get(t, client, url)
		if got := fmt.Sprint(resp.StatusCode, " ", body); got[:len(want)] != want {
			t.Errorf("%s: %s, want %s", url, got, want)
		}
	}
}

// TestRefusedRoutes: what cannot be is invalid or unsupported, and changes nothing.
func TestRefusedRoutes(t *testing.T) {
	p := newProxy()
	to := []balancer.Target{{Address: "127.0.0.1", Port: 80}}
	for i, tt := range []struct {
		spec balancer.Spec
		code plugins.Code
	}{
		{balancer.Spec{Name: "shop.test", Targets: to}, plugins.Invalid},
		{balancer.Spec{Name: "shop.test", Tags: owned("us")}, plugins.Invalid},
		{balancer.Spec{Name: "sh op", Targets: to, Tags: owned("us")}, plugins.Invalid},
		{balancer.Spec{Name: "shop.test", Targets: []balancer.Target{{Address: "127.0.0.1"}}, Tags: owned("us")}, plugins.Invalid},
		{balancer.Spec{Name: "*.shop.test", Targets: to, Tags: owned("us")}, plugins.Unsupported},
	} {
		if err := p.Set(t.Context(), tt.spec); plugins.CodeOf(err) != tt.code {
			t.Errorf("%d: %v, want %s", i, err, tt.code)
		}
	}
	if list, _ := p.List(t.Context(), nil); len(list) != 0 {
		t.Errorf("listed: %+v", list)
	}
}
