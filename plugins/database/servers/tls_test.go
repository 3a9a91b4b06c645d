package servers

import (
	"crypto/tls"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/wright-build/wright/plugins"
)

// A server whose certificate nobody has signed is believed only as far as told.
func TestTLS(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	ca := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(ca, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		mode, ca string
		works    bool
	}{{TLSVerify, "", false}, {TLSVerify, ca, true}, {TLSInsecure, "", true}} {
		config, err := Server{Address: u.Host, TLS: tt.mode, CAFile: tt.ca}.TLSConfig("settings.servers[1]")
		if err != nil {
			t.Fatal(err)
		}
		conn, err := tls.Dial("tcp", u.Host, config)
		if (err == nil) != tt.works {
			t.Errorf("%s with %q: %v", tt.mode, tt.ca, err)
		}
		if err == nil {
			conn.Close()
		}
	}
	if config, err := (Server{TLS: TLSOff, CAFile: "none"}).TLSConfig("x"); config != nil || err != nil {
		t.Errorf("off: %v, %v", config, err)
	}
}

func TestTLSWithoutAuthority(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{empty, empty + ".none"} {
		_, err := Server{Address: "h:1", TLS: TLSVerify, CAFile: file}.TLSConfig("settings.servers[1]")
		e, ok := errors.AsType[*plugins.Error](err)
		if !ok || e.Field != "settings.servers[1].ca-file" {
			t.Errorf("%s: %v", file, err)
		}
	}
}
