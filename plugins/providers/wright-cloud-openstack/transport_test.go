package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"

	"github.com/wright-build/wright/plugins"
)

func TestPlausible(t *testing.T) {
	tests := []struct {
		method, path string
		status       int
		body         string
		ok           bool
	}{
		{"GET", "/compute/v2.1/servers/detail", 200, `{"servers": []}`, true},
		{"GET", "/compute/v2.1/servers/detail", 200, `{}`, false},
		{"GET", "/compute/v2.1/servers/detail", 200, `{"servers": null}`, false},
		{"GET", "/compute/v2.1/servers/detail", 200, `[]`, false},
		{"GET", "/v2.0/security-groups", 200, `{"security_groups": []}`, true},
		{"GET", "/v2.0/security-groups", 200, `{"status": "ok"}`, false},
		{"GET", "/v2.0/security-groups/ports-and-more", 200, `{"security_group": {}}`, true},
		{"POST", "/v2.0/ports", 201, `{"port": {}}`, true},
		{"POST", "/v2.0/ports", 201, `{}`, false},
		{"POST", "/v2.0/ports", 201, `{"port": {}}{"port": {}}`, false},
		{"GET", "/v2.0/ports/x", 200, `<html>`, false},
		{"GET", "/v2.0/ports/x", 404, `<html>`, true}, // it is an error anyway, see missing
		{"GET", "/v2.0/ports/x", 302, ``, false},
		{"GET", "/identity/", 300, `{"versions": {}}`, true},
		{"DELETE", "/v2.0/ports/x", 204, ``, true},
		{"DELETE", "/v2.0/ports/x", 200, ` `, true},
		{"DELETE", "/v2.0/ports/x", 200, `<html>`, false},
	}
	for _, tt := range tests {
		r := &http.Request{Method: tt.method, URL: &url.URL{Path: tt.path}}
		if err := plausible(r, &http.Response{StatusCode: tt.status}, []byte(tt.body)); (err == nil) != tt.ok {
			t.Errorf("%s %s: %d %s: %v", tt.method, tt.path, tt.status, tt.body, err)
		}
	}
}

func FuzzPlausible(f *testing.F) {
	f.Add("/servers/detail", `{"servers": [{}]}`)
	f.Add("/ports", `{}`)
	f.Fuzz(func(t *testing.T, path, body string) {
		r := &http.Request{Method: http.MethodGet, URL: &url.URL{Path: path}}
		if plausible(r, &http.Response{StatusCode: http.StatusOK}, []byte(body)) == nil && !strings.Contains(body, "{") {
			t.Errorf("%q is taken for an answer", body)
		}
	})
}

// cloudOf is a session whose cloud is a handler.
func cloudOf(t *testing.T, secrets []string, h http.HandlerFunc) *session {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	client := &gophercloud.ProviderClient{TokenID: "the-token-of-the-session"}
	client.HTTPClient = http.Client{Transport: &transport{base: http.DefaultTransport, timeout: 5 * time.Second, secrets: secrets}}
	service := &gophercloud.ServiceClient{ProviderClient: client, Endpoint: server.URL + "/"}
	return &session{compute: service, network: service, image: service}
}

// A server that repeats what it was sent does not get secrets into errors.
func TestErrorsHideSecrets(t *testing.T) {
	s := cloudOf(t, []string{"correct horse", "lab"}, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"badRequest": {"message": "no ` + r.Header.Get("X-Auth-Token") + ` and no correct horse", "password": "lab"}}`))
	})
	_, err := s.servers(t.Context(), "tag")
	if err == nil || !strings.Contains(err.Error(), "no [hidden] and no [hidden]") || plugins.CodeOf(err) != plugins.Invalid {
		t.Errorf("got %v", err)
	}
}

// When a call ends, its error still says which server gave which trouble.
func TestErrorsSayWhatWentBefore(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var asked atomic.Int32
	s := cloudOf(t, nil, func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) == 2 {
			cancel()
			return
		}
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	_, err := s.servers(ctx, "tag")
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "GET http://127.0.0.1:") || !strings.Contains(err.Error(), "503 Service Unavailable") {
		t.Errorf("got %v", err)
	}
}

// Nova's lists lack the servers of a cell that is down. The port still knows.
func TestAServerThatIsNotListedIsNotGone(t *testing.T) {
	id := identify("i", "t")
	for name, tt := range map[string]struct {
		status int
		body   string
		want   int // servers
		ok     bool
	}{
		"the cell is down":  {500, `{"computeFault": {"message": "cell"}}`, 0, false},
		"it is there":       {200, `{"server": {"id": "s", "tags": ["` + id.installationTag() + `", "` + id.tokenTag() + `"]}}`, 1, true},
		"somebody else's":   {200, `{"server": {"id": "s", "tags": []}}`, 0, true},
		"it is really gone": {404, `{"itemNotFound": {"message": "gone"}}`, 0, true},
	} {
		s := cloudOf(t, nil, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(tt.status)
			_, _ = w.Write([]byte(tt.body))
		})
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		got, err := s.strays(ctx, things{ports: []ports.Port{{ID: "p", DeviceID: "s", DeviceOwner: "compute:nova"}, {ID: "free"}}}, id)
		cancel()
		if len(got) != tt.want || (err == nil) != tt.ok {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}
