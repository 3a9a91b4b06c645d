package api_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/wright-build/wright/master/api"
	"github.com/wright-build/wright/master/api/apitest"
	"github.com/wright-build/wright/master/api/view"
	"github.com/wright-build/wright/master/state"
)

func TestRefusals(t *testing.T) {
	w, c, url := serve(t)
	b := start(t, c)
	w.Begin(b.ID, "")
	w.End(b.ID, state.Succeeded, "")
	tests := []struct {
		method, path, body string
		want               int
	}{
		{"GET", "/nothing", "", 404},
		{"GET", "/instances/nobody", "", 404},
		{"GET", "/builds/shop-7", "", 404},
		{"GET", "/builds/..%2f..%2fetc", "", 404},
		{"GET", "/builds?limit=1001", "", 400},
		{"GET", "/builds?state=lost", "", 400},
		{"GET", "/builds?instance=nobody", "", 404},
		{"GET", "/appservers?instance=nobody", "", 404},
		{"GET", "/appservers/shop-000001.9", "", 404},
		{"GET", "/watches?instance=nobody", "", 404},
		{"GET", "/builds/shop-1/log?attempt=2", "", 404},
		{"GET", "/builds/shop-1/log?part=nothing", "", 404},
		{"GET", "/builds/shop-1/log?offset=99", "", 416},
		{"POST", "/builds", `{"instance":"nobody"}`, 404},
		{"POST", "/builds", `{"instance":"shop","count":0}`, 400},
		{"POST", "/builds", `{"instance":"shop","revision":"--upload-pack=x"}`, 400},
		{"POST", "/builds", `{"instance":"shop","force":true}`, 400},
		{"POST", "/builds", `{"instance":`, 400},
		{"POST", "/builds", `{"instance":"` + strings.Repeat("x", 70000) + `"}`, 413},
		{"POST", "/builds/shop-1/cancel", "", 409},
		{"POST", "/appservers/shop-000001.1/activate", "", 404},
		{"POST", "/changes", `{"url":"https://git.example.test/unknown.git"}`, 404},
		{"POST", "/changes", `{"url":"ext::sh -c id"}`, 400},
		{"POST", "/agents/nobody/drain", "", 501},
		{"POST", "/agents/nobody/drain", `{"deadline":"soon"}`, 400},
		{"POST", "/agents/nobody/drain", `{"deadline":"-1s"}`, 400},
		{"POST", "/agents/nobody/drain", `{"deadline":"721h"}`, 400},
		{"DELETE", "/builds/shop-1", "", 404},
	}
	for _, tt := range tests {
		status, failure := ask(t, tt.method, url+api.Prefix+tt.path, tt.body)
		if status != tt.want || failure.Error == "" {
			t.Errorf("%s %s %.60s: %d %+v, want %d", tt.method, tt.path, tt.body, status, failure, tt.want)
		}
	}
}

func ask(t *testing.T, method, url, body string) (int, view.Failure) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var f view.Failure
	_ = json.NewDecoder(resp.Body).Decode(&f)
	return resp.StatusCode, f
}

func TestGuard(t *testing.T) {
	w := apitest.New(t)
	tests := []struct {
		name, listen, token string
		change              func(*http.Request)
		want                int
	}{
		{"plain", "127.0.0.1:8080", "", func(*http.Request) {}, 200},
		{"localhost", "127.0.0.1:8080", "", func(r *http.Request) { r.Host = "localhost:8080" }, 200},
		{"a name under localhost", "127.0.0.1:8080", "", func(r *http.Request) { r.Host = "Wright.localhost:8080" }, 200},
		{"rebound name", "127.0.0.1:8080", "", func(r *http.Request) { r.Host = "evil.example:8080" }, 421},
		{"name that ends alike", "127.0.0.1:8080", "", func(r *http.Request) { r.Host = "evillocalhost" }, 421},
		{"any name when the world may ask", "0.0.0.0:8080", "", func(r *http.Request) { r.Host = "wright.example" }, 200},
		{"other origin", "127.0.0.1:8080", "", func(r *http.Request) {
			r.Method = "POST"
			r.Header.Set("Sec-Fetch-Site", "cross-site")
		}, 403},
		{"no token", "127.0.0.1:8080", "secret", func(*http.Request) {}, 401},
		{"wrong token", "127.0.0.1:8080", "secret", func(r *http.Request) { r.Header.Set("Authorization", "Bearer secre") }, 401},
		{"right token", "127.0.0.1:8080", "secret", func(r *http.Request) { r.Header.Set("Authorization", "Bearer secret") }, 200},
	}
	for _, tt := range tests {
		cfg := w.Config()
		cfg.Listen, cfg.Token = tt.listen, tt.token
		r := httptest.NewRequest(http.MethodGet, api.Prefix+"/info", nil)
		r.Host = "127.0.0.1:8080"
		tt.change(r)
		rec := httptest.NewRecorder()
		api.New(cfg).ServeHTTP(rec, r)
		if rec.Code != tt.want {
			t.Errorf("%s: %d %s, want %d", tt.name, rec.Code, rec.Body, tt.want)
		}
	}
}
