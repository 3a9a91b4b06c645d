package api_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/api"
	"github.com/wright-build/wright/master/api/apitest"
	"github.com/wright-build/wright/master/api/client"
	"github.com/wright-build/wright/master/secrets"
)

// TestSecrets: they go in and never come out; who shows no token does nothing.
func TestSecrets(t *testing.T) {
	w := apitest.New(t)
	kept := secrets.New(w.Store, filepath.Join(t.TempDir(), "secrets.key"))
	cfg := w.Config()
	cfg.Listen, cfg.Secrets, cfg.Token = "127.0.0.1:0", kept, "the master's token"
	srv := httptest.NewServer(api.New(cfg))
	t.Cleanup(srv.Close)
	c, err := client.New(srv.URL, cfg.Token)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := c.SetSecret(t.Context(), "forge", "hunter2-hunter2\n", nil); err != nil || s.Name != "forge" || s.CreatedAt.IsZero() {
		t.Errorf("set: %+v, %v", s, err)
	}
	if got, err := kept.Resolve(manifests.SecretRef{Scheme: "secret", Name: "forge"}); string(got) != "hunter2-hunter2" || err != nil {
		t.Errorf("kept: %q, %v", got, err)
	}
	all, err := c.Secrets(t.Context())
	if err != nil || len(all) != 1 || all[0].Name != "forge" {
		t.Errorf("list: %+v, %v", all, err)
	}
	for _, path := range []string{"/secrets", "/secrets/forge"} {
		req, _ := http.NewRequest(http.MethodGet, srv.URL+api.Prefix+path, nil)
		req.Header.Set("Authorization", "Bearer "+cfg.Token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if strings.Contains(string(text), "hunter2") || strings.Contains(string(text), "age-encryption") {
			t.Errorf("%s tells it: %s", path, text)
		}
	}
	for _, f := range []struct {
		name, value string
		status      int
	}{{"Forge", "x", 400}, {"forge", "", 400}, {"forge", strings.Repeat("secret", 8<<10), 400}, {"forge", strings.Repeat("secret", 20<<10), 413}} {
		var refused *client.Error
		_, err := c.SetSecret(t.Context(), f.name, f.value, nil)
		if !errors.As(err, &refused) || refused.Status != f.status || strings.Contains(err.Error(), "secretsecret") {
			t.Errorf("%q with %d bytes: %v", f.name, len(f.value), err)
		}
	}
	stranger, _ := client.New(srv.URL, "")
	if _, err := stranger.SetSecret(t.Context(), "forge", "theirs", nil); err == nil {
		t.Error("a stranger sets it")
	}
	if err := stranger.DeleteSecret(t.Context(), "forge"); err == nil {
		t.Error("a stranger deletes it")
	}
	if err := c.DeleteSecret(t.Context(), "forge"); err != nil {
		t.Error(err)
	}
	var gone *client.Error
	if err := c.DeleteSecret(t.Context(), "forge"); !errors.As(err, &gone) || gone.Status != 404 {
		t.Errorf("deleted twice: %v", err)
	}
}
