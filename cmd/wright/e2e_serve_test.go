package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wright-build/wright/cmd/wright/wrighttest"
)

// runScript is a provisioning command that has the AppServer answer text, which
// may name variables of the build.
func runScript(t *testing.T, text string) string {
	t.Helper()
	return fmt.Sprintf(`cat > "$WRIGHT_APPSERVER_DIR/run.new" <<END
#!/bin/sh
export %s
END
chmod +x "$WRIGHT_APPSERVER_DIR/run.new"
mv "$WRIGHT_APPSERVER_DIR/run.new" "$WRIGHT_APPSERVER_DIR/run"
`, strings.Replace(wrighttest.Task(t, "serve "+text), "' '", "'\nexec '", 1))
}

// wantAnswer waits until the AppServer of an instance answers so: the proxy
// hears of a switch a moment after the facts say it.
func wantAnswer(t *testing.T, h *wrighttest.House, instance string, status int, body string) {
	t.Helper()
	h.Await(fmt.Sprintf("%s to answer %d %q", instance, status, body), func() bool {
		s, text := h.Visit(instance)
		return s == status && (body == "" || text == body)
	})
}

// appServer is a manifest whose AppServer answers text, after before has run.
func appServer(t *testing.T, text, before string, lines ...string) string {
	t.Helper()
	all := []string{
		"[appserver]", `cloud = "process"`, `health = { http = "/", within = "30s" }`,
		"provision = '''\n" + before + "\n" + runScript(t, text) + "'''",
	}
	if len(lines) > 0 && strings.HasPrefix(lines[0], "provision") {
		all = all[:3]
	}
	return strings.Join(append(all, lines...), "\n") + "\n"
}
