package main

import (
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/wright-build/wright/plugins/conformance"
	"github.com/wright-build/wright/plugins/lab"
	"github.com/wright-build/wright/plugins/lab/labtest"
)

// It makes some hundreds of SSH connections.
func TestConformance(t *testing.T) {
	if os.Getenv("WRIGHT_TEST_HEAVY") == "" {
		t.Skip("it takes minutes: set WRIGHT_TEST_HEAVY=1")
	}
	r := labtest.Start(t, "ssh")
	conformance.Cloud(t, conformance.Subject{
		Binary: conformance.Build(t, "."), Settings: settingsOf(t, r), Many: 12, Config: map[string]any{"clean": "sleep 0.05"},
		Wrong: map[string]any{"private-key": "file:" + r.Env["SSH_WRONG_KEY"]},
		Full:  map[string]any{"hosts": []any{}},
		Probe: "cat \"$WRIGHT_APPSERVER_ENVIRONMENT\"",
	})
}

// settingsOf are those of an inventory of all hosts of the lab.
func settingsOf(t *testing.T, r *lab.Running) map[string]any {
	t.Helper()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(r.Env["SSH_PORT"])
	if err != nil {
		t.Fatal(err)
	}
	var hosts []any
	for i, address := range strings.Fields(r.Env["SSH_HOSTS"]) {
		h := map[string]any{"address": address, "port": port, "user": me.Username, "directory": filepath.Join(r.Dir, "hosts", "it's "+address)}
		if i%2 == 0 {
			h["host-key"] = r.Env["SSH_HOST_KEY"]
		}
		hosts = append(hosts, h)
	}
	return map[string]any{"hosts": hosts, "private-key": "file:" + r.Env["SSH_KEY"], "known-hosts": r.Env["SSH_KNOWN_HOSTS"]}
}
