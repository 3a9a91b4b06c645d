package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/agent/workspace/gittest"
	"github.com/wright-build/wright/cmd/wright/wrighttest"
)

// TestKilledMaster: kill -9 of the master takes nothing from builds, whatever
// they are doing: steps go on, and after the restart all succeed at their first
// attempt, with every byte of their output once.
func TestKilledMaster(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	master := h.Master()
	h.Agent("one")
	crash(t, h, master.Kill, func() { h.Master() })
}

// TestKilledAgent: kill -9 of the agent takes nothing from builds, whatever
// they are doing; the restarted agent takes them up.
func TestKilledAgent(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	h.Master()
	agent := h.Agent("one")
	crash(t, h, agent.Kill, func() { h.Agent("one") })
}

// TestKilledDev: kill -9 of a whole wright dev, and starting it again on the
// same data, takes nothing from builds, and leaves no lease behind.
func TestKilledDev(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	dev := h.Dev("--slots", "4")
	crash(t, h, dev.Kill, func() { h.Dev("--slots", "4") })
	h.StopAll()
	h.Master()
	var agents []struct{ Name string }
	if h.JSON(&agents, "agent", "list"); len(agents) > 0 {
		t.Errorf("these agents still have leases: %v", agents)
	}
}

// crash has four builds stand at four places, kills, starts again, and lets
// them go on.
func crash(t *testing.T, h *wrighttest.House, kill, again func()) {
	t.Helper()
	beat, gate, asked := filepath.Join(h.Dir, "beat"), filepath.Join(h.Dir, "gate"), make(chan struct{}, 100)
	remote := slowRemote(t, gate, asked)
	h.Manifest("counts", fmt.Sprintf("[[step]]\nname = \"count\"\nrun = '''%s'''\n", counting(beat, gate)))
	h.Manifest("fetches", fmt.Sprintf("[source]\ngit = %q\nbranch = \"main\"\n[[step]]\nrun = \"cat file\"\n", remote))
	h.Manifest("provisions", appServer(t, "one", "echo provisioning; "+untilThere(gate)))
	h.Manifest("ails", appServer(t, "two", "", "provision = '''"+strings.ReplaceAll(runScript(t, "two"), "exec", untilThere(gate)+"\nexec")+"'''"))

	ids := map[string]string{}
	for _, name := range []string{"counts", "fetches", "provisions", "ails"} {
		ids[name] = h.Start(name).ID
	}
	follow := h.Go("build", "log", "--follow", ids["counts"])
	h.AwaitPhase(ids["counts"], "step count")
	h.AwaitPhase(ids["provisions"], "step provision")
	h.AwaitPhase(ids["ails"], "health")
	<-asked
	last := awaitBeat(h, beat, "")

	kill()
	awaitBeat(h, beat, last)
	again()
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, id := range ids {
		if b := h.AwaitState(id, "succeeded"); b.Attempt != 1 {
			t.Errorf("%s took %d attempts:\n%s", name, b.Attempt, h.WholeLog(id))
		}
	}
	checkCount(t, h.Log(ids["counts"]))
	if got := h.Log(ids["fetches"]); got != "content\n" {
		t.Errorf("log of the build that was fetching: %q", got)
	}
	if r := follow(); r.Status != 0 || r.Out != h.Log(ids["counts"]) {
		t.Errorf("build log --follow ended with status %d after %d bytes of %d: %s", r.Status, len(r.Out), len(h.Log(ids["counts"])), r.Err)
	}
	for name, text := range map[string]string{"provisions": "one", "ails": "two"} {
		if status, body := h.Visit(name); status != 200 || body != text {
			t.Errorf("the AppServer of %s answers %d %q, want %q", name, status, body, text)
		}
	}
}

// counting is a step that writes numbered lines until gate is there, and shows
// in the file beat that it lives.
func counting(beat, gate string) string {
	return fmt.Sprintf("i=0\nwhile [ ! -e '%s' ]; do i=$((i+1)); echo \"line $i\"; echo $i > '%s'; sleep 0.01; done\necho \"end $i\"", gate, beat)
}

// checkCount wants every line of counting once and in order.
func checkCount(t *testing.T, text string) {
	t.Helper()
	lines := strings.Split(text, "\n")
	n := len(lines) - 2
	if n < 1 || lines[n] != fmt.Sprintf("end %d", n) || lines[n+1] != "" {
		t.Fatalf("the log has %d lines and ends with %q", len(lines), lines[max(0, n-3):])
	}
	for i, line := range lines[:n] {
		if line != fmt.Sprintf("line %d", i+1) {
			t.Fatalf("line %d of the log is %q", i+1, line)
		}
	}
}

// awaitBeat waits until the beat is another than last, and returns it.
func awaitBeat(h *wrighttest.House, path, last string) (now string) {
	h.Await("the step to go on", func() bool {
		text, _ := os.ReadFile(path)
		now = string(text)
		return now != "" && now != last
	})
	return now
}

// untilThere is a shell command that waits until a file is there.
func untilThere(path string) string {
	return fmt.Sprintf("while [ ! -e '%s' ]; do sleep 0.02; done", path)
}

// slowRemote is a repository whose commits cannot be had before gate is there.
// It tells when somebody asks for them.
func slowRemote(t *testing.T, gate string, asked chan<- struct{}) string {
	t.Helper()
	repo := gittest.New(t)
	repo.Commit("first", map[string]string{"file": "content\n"})
	served, err := url.Parse(repo.ServeHTTP())
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: served.Scheme, Host: served.Host})
	proxy.ErrorLog = log.New(io.Discard, "", 0) // who asks may be killed meanwhile
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			select {
			case asked <- struct{}{}:
			default:
			}
			awaitFile(r.Context(), gate)
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	return server.URL + served.Path
}

// awaitFile waits until a file is there, or the context ends.
func awaitFile(ctx context.Context, path string) {
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for deadline := time.After(time.Minute); ; {
		if _, err := os.Stat(path); err == nil {
			return
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return
		case <-deadline:
			return
		}
	}
}
