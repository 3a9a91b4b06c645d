package ask

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/watchlist"
)

// strictAsker allows no address of this machine.
func strictAsker(t testing.TB) *Asker {
	a := New(Config{})
	t.Cleanup(a.CloseIdleConnections)
	return a
}

// listener counts connections.
func listener(t testing.TB) (address string, count func() int) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conns := make(chan struct{}, 1000)
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			conns <- struct{}{}
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = ln.Close() })
	return ln.Addr().String(), func() int { return len(conns) }
}

// TestPolicyHoldsForEveryScheme: what only a build named does not reach this
// machine, whatever it is called; what a manifest names does.
func TestPolicyHoldsForEveryScheme(t *testing.T) {
	address, count := listener(t)
	_, port, _ := net.SplitHostPort(address)
	for _, vcs := range []string{"git", "hg"} {
		for _, scheme := range []string{"http", "https", "git", "ssh"} {
			if vcs == "hg" && scheme == "git" {
				continue
			}
			for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "169.254.169.254"} {
				_, err := strictAsker(t).List(t.Context(), Remote{VCS: vcs, URL: scheme + "://" + host + ":" + port + "/x", Refs: []string{"HEAD"}})
				if err == nil || !strings.Contains(err.Error(), "this machine") && !strings.Contains(err.Error(), "never asked") && !strings.Contains(err.Error(), "neither a name") {
					t.Errorf("%s %s %s: %v", vcs, scheme, host, err)
				}
			}
		}
	}
	if n := count(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
	_, _ = strictAsker(t).List(t.Context(), Remote{VCS: "git", URL: "git://127.0.0.1:" + port + "/x", Refs: []string{"HEAD"}, Trusted: true})
	if count() != 1 {
		t.Error("what a manifest names was not asked")
	}
}

// TestPolicyHoldsWhenTheNameIsResolved: a name that is fine leads to an address
// that is not, as with a DNS that answers otherwise the second time.
func TestPolicyHoldsWhenTheNameIsResolved(t *testing.T) {
	address, count := listener(t)
	_, port, _ := net.SplitHostPort(address)
	a := strictAsker(t)
	if _, err := a.dial(t.Context(), false, "localhost", port); err == nil || !strings.Contains(err.Error(), "this machine") {
		t.Errorf("%v", err)
	}
	if _, err := a.lookUp(t.Context(), "localhost", false); err == nil {
		t.Error("a look-up of this machine was let through")
	}
	if n := count(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
}

// TestPolicyHoldsForRedirects: also where a manifest named the first host.
func TestPolicyHoldsForRedirects(t *testing.T) {
	address, count := listener(t)
	for _, to := range []string{"http://" + address, "http://169.254.169.254", "ftp://h.test", "file:///etc", "http://user@h.test"} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			http.Redirect(w, req, to+req.URL.String(), http.StatusFound)
		}))
		_, err := strictAsker(t).List(t.Context(), remote(srv.URL+"/x", "HEAD"))
		srv.Close()
		if err == nil {
			t.Errorf("redirected to %s", to)
		} else {
			t.Log(err)
		}
	}
	if n := count(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
}

// TestRedirectsAreFollowed: to hosts that are allowed.
func TestRedirectsAreFollowed(t *testing.T) {
	r := newRepo(t)
	revision := r.commit()
	to := strings.TrimSuffix(r.serve(), "/.git/")
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		http.Redirect(w, req, to+req.URL.String(), http.StatusMovedPermanently)
	}))
	defer srv.Close()
	answer, err := newAsker(t).List(t.Context(), remote(srv.URL+"/.git", "HEAD"))
	if err != nil || answer.Refs["HEAD"] != revision {
		t.Errorf("%v, %v", answer, err)
	}
}

// TestAProxyDoesNotGetAroundThePolicy: with a proxy, names and the addresses
// that they have here are checked all the same; what is unknown here is the
// proxy's matter, which may be on this machine.
func TestAProxyDoesNotGetAroundThePolicy(t *testing.T) {
	asked := 0
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		asked++
		http.Error(w, req.URL.Host, http.StatusTeapot)
	}))
	defer proxy.Close()
	a := New(Config{Hosts: watchlist.NewHosts(manifests.HostsConfig{Deny: []string{"denied.test"}})})
	defer a.CloseIdleConnections()
	a.proxy = func(*http.Request) (*url.URL, error) { return url.Parse(proxy.URL) }
	for host, want := range map[string]string{
		"denied.test": "is denied", "169.254.169.254": "never asked", "localhost": "this machine",
		"ip6-localhost.": "this machine", "nobody.invalid": "418",
	} {
		_, err := a.List(t.Context(), Remote{VCS: "git", URL: "http://" + host + "/x", Refs: []string{"HEAD"}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", host, err, want)
		}
	}
	if asked != 1 {
		t.Errorf("the proxy was asked %d times", asked)
	}
	if _, err := a.lookUp(t.Context(), "localhost", true); err == nil {
		t.Error("a name that leads here was let through to the proxy")
	}
}

func TestCheckRedirect(t *testing.T) {
	for _, c := range []struct {
		from, to string
		ok       bool
	}{
		{"http://a.test", "http://b.test", true},
		{"http://a.test", "https://a.test", true},
		{"https://a.test", "http://a.test", false},
		{"http://a.test", "ftp://a.test", false},
		{"http://a.test", "http://user@a.test", false},
	} {
		to, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.to, nil)
		if err != nil {
			t.Fatal(err)
		}
		from, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.from, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := checkRedirect(to, []*http.Request{from}); (err == nil) != c.ok {
			t.Errorf("%s to %s: %v", c.from, c.to, err)
		}
		if err := checkRedirect(to, slices.Repeat([]*http.Request{from}, maxRedirects+1)); err == nil {
			t.Errorf("%s: no end", c.to)
		}
	}
}

// TestALoginStaysWithItsHost: neither a redirect to another host nor an error
// gets to see it.
func TestALoginStaysWithItsHost(t *testing.T) {
	var seen []string
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		seen = append(seen, req.Header.Get("Authorization"))
		http.NotFound(w, req)
	}))
	defer other.Close()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		user, password, _ := req.BasicAuth()
		seen = append(seen, user+" "+password)
		http.Redirect(w, req, strings.Replace(other.URL, "127.0.0.1", "localhost", 1)+"/x", http.StatusFound)
	}))
	defer srv.Close()
	a := newAsker(t)
	a.logins = keyring{Login{User: "ann", Password: "S3CRET"}}
	_, err := a.List(t.Context(), remote(srv.URL+"/x", "HEAD"))
	if err == nil || strings.Contains(err.Error(), "S3CRET") || !strings.Contains(err.Error(), "to the credential for it") {
		t.Errorf("error %v", err)
	}
	if strings.Join(seen, "|") != "ann S3CRET|" {
		t.Errorf("logins seen: %q", seen)
	}
}
