package main

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wright-build/wright/plugins"
)

const cloudsYAML = `clouds:
  one:
    auth: {auth_url: "https://one.test/v3", username: u, password: p, project_name: shop, user_domain_name: D, project_domain_name: D}
    region_name: North
  two:
    auth_type: v3applicationcredential
    auth: {auth_url: "https://two.test/v3", application_credential_id: id, application_credential_secret: s}
`

func TestSettingsOverrideClouds(t *testing.T) {
	dir := t.TempDir()
	file, secret := filepath.Join(dir, "clouds.yaml"), filepath.Join(dir, "secret")
	for path, text := range map[string]string{file: cloudsYAML, secret: "from a file\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	secret = "file:" + secret
	tests := []struct {
		name string
		with access
		want string // who logs in where
	}{
		{"clouds.yaml", access{CloudsFile: file, Cloud: "one"}, "https://one.test/v3 North u D p shop"},
		{"its password", access{CloudsFile: file, Cloud: "one", Password: secret, UserDomain: "Default"}, "https://one.test/v3 North u D from a file shop"},
		{"its user", access{CloudsFile: file, Cloud: "one", Username: "v", Password: "q", UserDomain: "E"}, "https://one.test/v3 North v E q shop"},
		{"its region and project", access{CloudsFile: file, Cloud: "one", Region: "South", Project: "bar"}, "https://one.test/v3 South u D p bar"},
		{"a credential", access{CloudsFile: file, Cloud: "two"}, "https://two.test/v3  id s"},
		{"its secret", access{CloudsFile: file, Cloud: "two", CredentialSecret: secret}, "https://two.test/v3  id from a file"},
		{"a credential over a password", access{CloudsFile: file, Cloud: "one", CredentialID: "x", CredentialSecret: "y", Project: "bar"}, "https://one.test/v3 North x y"},
		{"no file", access{AuthURL: "https://x.test/v3", Username: "u", UserDomain: "D", Password: "p", Project: "shop"}, "https://x.test/v3  u D p shop"},
	}
	for _, tt := range tests {
		auth, at, _, err := tt.with.options()
		got := fmt.Sprintf("%s %s %s %s", auth.IdentityEndpoint, at.Region, auth.ApplicationCredentialID, auth.ApplicationCredentialSecret)
		if auth.Scope != nil {
			got = fmt.Sprintf("%s %s %s %s %s %s", auth.IdentityEndpoint, at.Region, auth.Username, auth.DomainName, auth.Password, auth.Scope.ProjectName)
		}
		if err != nil || got != tt.want {
			t.Errorf("%s: %q, %v; want %q", tt.name, got, err, tt.want)
		}
	}
	for says, with := range map[string]access{
		"auth-url": {Password: "hunter2"}, "clouds-file": {Cloud: "one", Password: "hunter2"}, "three": {CloudsFile: file, Cloud: "three"},
		"neither a password": {AuthURL: "https://x.test"}, "/no/such": {AuthURL: "https://x.test", Password: "file:/no/such"},
		"settings.ca-file": {AuthURL: "https://x.test", Password: "hunter2", CAFile: file},
	} {
		if _, _, _, err := with.options(); err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%+v: %v", with, err)
		}
	}
}

// cloudWith is Keystone and Designate behind a certificate of their own; h may
// answer first, which it says.
func cloudWith(t *testing.T, h func(w http.ResponseWriter, r *http.Request) bool) (at string, ca string) {
	var server *httptest.Server
	server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case h(w, r):
		case r.URL.Path == "/v3/auth/tokens":
			w.Header().Set("X-Subject-Token", "token")
			w.WriteHeader(http.StatusCreated)
			_, _ = fmt.Fprintf(w, `{"token": {"expires_at": "2100-01-01T00:00:00Z", "catalog": [{"type": "dns", "endpoints": [
				{"interface": "public", "region": "North", "url": "%s/dns"}]}]}}`, server.URL)
		default:
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{}`)
		}
	}))
	t.Cleanup(server.Close)
	ca = filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(ca, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return server.URL, ca
}

func someone(at, ca string) access {
	return access{AuthURL: at + "/v3", Region: "North", CAFile: ca, Username: "u", UserDomain: "D", Password: "hunter2", Project: "shop", ProjectDomain: "D"}
}

// More zones than fit on a page come from Designate, found in the catalog and
// known by its certificate. A token that ended is renewed once.
func TestZonesOfManyPages(t *testing.T) {
	const all = pageSize*2 + 3
	var logins, refused atomic.Int32
	at, ca := cloudWith(t, func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case r.URL.Path == "/v3/auth/tokens":
			logins.Add(1)
		case r.URL.Path == "/dns/v2/zones" && r.URL.Query().Get("marker") != "" && refused.Add(1) == 1:
			w.WriteHeader(http.StatusUnauthorized)
			return true
		case r.URL.Path == "/dns/v2/zones":
			writeZones(w, r.URL.Query(), all)
			return true
		}
		return false
	})
	b := &backend{session: newSession(someone(at, ca))}
	names, err := b.Zones(t.Context())
	slices.Sort(names)
	if err != nil || len(slices.Compact(names)) != all || logins.Load() != 2 {
		t.Errorf("%d zones after %d logins, %v", len(names), logins.Load(), err)
	}
}

// A 404 counts only in Designate's own words: a gateway that lost its way has none.
func TestOwnWords(t *testing.T) {
	for said, want := range map[string]plugins.Code{
		`{"code": 404, "type": "zone_not_found"}`: plugins.NotFound,
		`<html>no such page</html>`:               plugins.Transient,
		`{}`:                                      plugins.Transient,
		``:                                        plugins.Transient,
	} {
		at, ca := cloudWith(t, func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != "/dns/v2/zones" {
				return false
			}
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, said)
			return true
		})
		b := &backend{session: newSession(someone(at, ca))}
		if _, err := b.Zones(t.Context()); plugins.CodeOf(err) != want {
			t.Errorf("%q: %v, want %s", said, err, want)
		}
	}
}

func writeZones(w http.ResponseWriter, query url.Values, all int) {
	first, limit := 0, 0
	_, _ = fmt.Sscan(query.Get("limit"), &limit)
	if marker := query.Get("marker"); marker != "" {
		_, _ = fmt.Sscan(marker, &first)
		first++
	}
	zones := []map[string]string{}
	for i := first; i < min(first+limit, all); i++ {
		zones = append(zones, map[string]string{"id": fmt.Sprint(i), "name": fmt.Sprintf("z%d.test.", i)})
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"zones": zones})
}

func TestLoginErrors(t *testing.T) {
	tests := []struct {
		name string
		do   func(w http.ResponseWriter, r *http.Request)
		code plugins.Code
	}{
		{"refused", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }, plugins.Denied},
		{"broken", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }, plugins.Transient},
		{"cut", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, plugins.Transient},
		{"repeated", func(w http.ResponseWriter, r *http.Request) {
			text, _ := io.ReadAll(r.Body)
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = w.Write(text)
		}, plugins.Transient},
		{"silent", func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // or nobody notices that the client is gone
			<-r.Context().Done()
		}, plugins.Transient},
	}
	for _, tt := range tests {
		at, ca := cloudWith(t, func(w http.ResponseWriter, r *http.Request) bool {
			tt.do(w, r)
			return true
		})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		_, err := (&backend{session: newSession(someone(at, ca))}).Zones(ctx)
		cancel()
		if err == nil || plugins.CodeOf(err) != tt.code || !strings.Contains(err.Error(), at) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v, code %q", tt.name, err, plugins.CodeOf(err))
		}
	}
}

// An answer that lacks what was asked for is no empty zone.
func TestAnEmptyAnswerIsNoEmptyList(t *testing.T) {
	at, ca := cloudWith(t, func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, "/dns/") {
			return false
		}
		_, _ = io.WriteString(w, `{}`)
		return true
	})
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	b := &backend{session: newSession(someone(at, ca))}
	if names, err := b.Zones(ctx); err == nil {
		t.Errorf("zones %q", names)
	}
	if sets, err := b.sets(ctx, "x.test", ""); err == nil {
		t.Errorf("record sets %v", sets)
	}
}
