package watchlist_test

import (
	"net/netip"
	"testing"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/watchlist"
)

func TestHostsCheckURL(t *testing.T) {
	none := manifests.HostsConfig{}
	names := manifests.HostsConfig{Allow: []string{"git.example.test", "*.forge.test"}, Deny: []string{"bad.forge.test"}}
	nets := manifests.HostsConfig{Allow: []string{"10.0.0.0/8", "git.example.test"}, Deny: []string{"10.1.0.0/16", "10.2.0.1"}}
	for _, c := range []struct {
		name   string
		config manifests.HostsConfig
		url    string
		ok     bool
	}{
		{"a name", none, "https://git.example.test/x", true},
		{"scp's form", none, "git@git.example.test:x", true},
		{"a path is no host", none, "/srv/x", true},
		{"a public address", none, "https://192.0.2.7/x", true},
		{"a private address", none, "ssh://git@10.0.0.1/x", true},
		{"metadata", none, "http://169.254.169.254/latest", false},
		{"metadata in scp's form", none, "git@169.254.169.254:x", false},
		{"metadata, mapped", none, "http://[::ffff:169.254.169.254]/x", false},
		{"metadata, through NAT64", none, "http://[64:ff9b::a9fe:a9fe]/x", false},
		{"metadata, through 6to4", none, "http://[2002:a9fe:a9fe::1]/x", false},
		{"metadata, compatible", none, "http://[::a9fe:a9fe]/x", false},
		{"metadata as one number", none, "http://2852039166/x", false},
		{"metadata in hex", none, "http://0xa9fea9fe/x", false},
		{"metadata in octal", none, "http://0251.0376.0251.0376/x", false},
		{"metadata of Amazon, IPv6", none, "http://[fd00:ec2::254]/x", false},
		{"metadata of Alibaba", none, "http://100.100.100.200/x", false},
		{"link-local with a zone", none, "http://[fe80::1%25eth0]/x", false},
		{"unspecified", none, "http://0.0.0.0/x", false},
		{"unspecified, IPv6", none, "http://[::]/x", false},
		{"multicast", none, "git://224.0.0.1/x", false},
		{"loopback", none, "http://127.0.0.1:8080/x", false},
		{"loopback, another", none, "http://127.9.9.9/x", false},
		{"loopback, IPv6", none, "http://[::1]/x", false},
		{"loopback, short", none, "http://127.1/x", false},
		{"localhost", none, "http://LocalHost./x", false},
		{"below localhost", none, "http://a.localhost/x", false},
		{"loopback allowed", manifests.HostsConfig{Loopback: true}, "http://127.0.0.1/x", true},
		{"localhost allowed", manifests.HostsConfig{Loopback: true}, "http://localhost/x", true},
		{"metadata is never allowed", manifests.HostsConfig{Allow: []string{"169.254.0.0/16"}, Loopback: true}, "http://169.254.169.254/x", false},
		{"among the names", names, "https://Git.Example.test/x", true},
		{"below a name", names, "https://a.b.forge.test/x", true},
		{"the name itself", names, "https://forge.test/x", false},
		{"denied name", names, "https://BAD.forge.test/x", false},
		{"another name", names, "https://evil.test/x", false},
		{"ends alike", names, "https://evilforge.test/x", false},
		{"an address where names are wanted", names, "https://192.0.2.7/x", false},
		{"in a network", nets, "https://10.9.0.1/x", true},
		{"in a denied network", nets, "https://10.1.0.1/x", false},
		{"denied address", nets, "https://10.2.0.1/x", false},
		{"outside of it", nets, "https://192.0.2.7/x", false},
		{"a name may turn out to be in it", nets, "https://any.test/x", true},
		{"no host", none, "https:///x", false},
	} {
		if err := watchlist.NewHosts(c.config).CheckURL(c.url); (err == nil) != c.ok {
			t.Errorf("%s: %s: %v, want allowed %t", c.name, c.url, err, c.ok)
		}
	}
}

func TestHostsCheckAddr(t *testing.T) {
	nets := manifests.HostsConfig{Allow: []string{"10.0.0.0/8", "git.example.test"}, Deny: []string{"10.1.0.0/16", "::ffff:192.0.2.0/120"}}
	for _, c := range []struct {
		name, host, addr string
		config           manifests.HostsConfig
		ok               bool
	}{
		{"a name that leads to metadata", "nice.test", "169.254.169.254", manifests.HostsConfig{}, false},
		{"a name that leads here", "nice.test", "127.0.0.1", manifests.HostsConfig{}, false},
		{"a name that leads here, mapped", "nice.test", "::ffff:127.0.0.1", manifests.HostsConfig{}, false},
		{"a name that leads elsewhere", "nice.test", "192.0.2.7", manifests.HostsConfig{}, true},
		{"an allowed name", "git.example.test", "198.51.100.1", nets, true},
		{"an allowed name at a denied address", "git.example.test", "10.1.2.3", nets, false},
		{"an allowed name at a denied address, mapped", "git.example.test", "192.0.2.3", nets, false},
		{"a name in an allowed network", "any.test", "10.3.0.1", nets, true},
		{"a name outside of it", "any.test", "198.51.100.1", nets, false},
	} {
		if err := watchlist.NewHosts(c.config).CheckAddr(c.host, netip.MustParseAddr(c.addr)); (err == nil) != c.ok {
			t.Errorf("%s: %v, want allowed %t", c.name, err, c.ok)
		}
	}
}

func FuzzHostsCheckURL(f *testing.F) {
	f.Add("https://[::ffff:169.254.169.254]/x")
	f.Add("git@127.1:x")
	h := watchlist.NewHosts(manifests.HostsConfig{})
	f.Fuzz(func(t *testing.T, url string) {
		if manifests.CheckURL("git", url) != nil || manifests.IsLocal(url) {
			return
		}
		if err := h.CheckURL(url); err == nil && manifests.CanonicalURL(url) == "any://127.0.0.1/x" {
			t.Errorf("%q is let through", url)
		}
	})
}
