package proxy_test

import (
	"net"
	"testing"

	"github.com/wright-build/wright/plugins/conformance"
)

// TestConformance: the proxy is a balancer like any other, and requests arrive.
func TestConformance(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil { // for the plugin
		t.Fatal(err)
	}
	conformance.Balancer(t, conformance.Subject{
		Binary: conformance.Build(t, "testdata/wright-balancer-proxy"), Settings: map[string]any{"listen": address}, Probe: "http://" + address + "/",
	})
}
