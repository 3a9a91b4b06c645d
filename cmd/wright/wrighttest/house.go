package wrighttest

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/master/api/client"
	"github.com/wright-build/wright/master/api/view"
)

// patience is how long anything may take before a test gives up.
const patience = 2 * time.Minute

// House is one installation: everything is below Dir.
type House struct {
	Dir       string // of the test; the only one in which anything may be
	Data      string // of the master, or of dev
	Manifests string
	Address   string // of the master
	t         testing.TB
	processes []*Process
	under     []*Process  // members of etcd, which outlive the processes
	network   *network    // nil: the machine's
	release   string      // directory with the programs to start; "": those of this release
	secure    *tls.Config // to etcd; nil: in clear
	token     string      // of the masters; "": they want none
	versions  int         // of manifests that were replaced

	failpoints []string // variables of gofail, for processes that are started now
}

// New makes an empty installation. When the test ends, its AppServers are
// terminated and its processes stopped, and then nothing of it may be left.
func New(t testing.TB) *House {
	t.Helper()
	if testing.Short() {
		t.Skip("real processes take their time")
	}
	Programs(t)
	return empty(t)
}

// empty is New for a test that says itself which programs are started.
func empty(t testing.TB) *House {
	t.Helper()
	dir := t.TempDir()
	h := &House{Dir: dir, Data: filepath.Join(dir, "data"), Manifests: filepath.Join(dir, "manifests"), t: t}
	if err := os.MkdirAll(h.Manifests, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.close)
	return h
}

// environment is that of every process: nothing of the caller's Wright, git or
// home directory.
func (h *House) environment() []string {
	env := []string{
		"HOME=" + h.Dir, "XDG_STATE_HOME=" + filepath.Join(h.Dir, "state"),
		"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
	}
	for _, name := range []string{"PATH", "LANG", "TMPDIR", "GOCOVERDIR"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// Dev starts wright dev and waits until it serves.
func (h *House) Dev(args ...string) *Process {
	h.t.Helper()
	p := h.start("dev", true, append([]string{
		"dev", "--data", h.Data, "--manifests", h.Manifests, "--listen", h.listen(), "--poll", "200ms",
	}, args...)...)
	h.Address = p.Ready
	return p
}

// Master starts a master and waits until it serves. One that is started again
// listens where the one before did.
func (h *House) Master(args ...string) *Process {
	h.t.Helper()
	p := h.start("master", true, h.masterArgs(args)...)
	h.Address = p.Ready
	return p
}

// StartMaster starts a master, which serves in its own time, at an address that
// is known before.
func (h *House) StartMaster(args ...string) *Process {
	h.t.Helper()
	if h.Address == "" {
		h.Address = "http://127.0.0.1:" + freePort(h.t)
	}
	return h.start("master", false, h.masterArgs(args)...)
}

func (h *House) masterArgs(more []string) []string {
	return append([]string{
		"master", "run", "--data", h.Data, "--manifests", h.Manifests, "--listen", h.listen(), "--poll", "200ms",
	}, more...)
}

// listen is where the master is to listen.
func (h *House) listen() string {
	if h.Address == "" {
		return "127.0.0.1:0"
	}
	return strings.TrimPrefix(h.Address, "http://")
}

// Agent starts an agent and waits until the master knows it.
func (h *House) Agent(name string, args ...string) *Process {
	h.t.Helper()
	before := h.connectedAt(name)
	p := h.StartAgent(name, args...)
	h.Await(name+" to connect", func() bool {
		if !p.running() {
			h.t.Fatalf("%s ended:\n%s", name, p.Log())
		}
		return h.connectedAt(name).After(before)
	})
	return p
}

// StartAgent starts an agent, which finds its master in its own time.
func (h *House) StartAgent(name string, args ...string) *Process {
	h.t.Helper()
	return h.start(name, false, append([]string{
		"agent", "run", "--address", h.Address, "--name", name, "--data", h.AgentData(name), "--slots", "4",
	}, args...)...)
}

// AgentData is where an agent keeps its things.
func (h *House) AgentData(name string) string { return filepath.Join(h.Dir, "agents", name) }

func (h *House) connectedAt(name string) (at time.Time) {
	all, _ := Ask(h, func(ctx context.Context, c *client.Client) ([]view.Agent, error) { return c.Agents(ctx) })
	for _, a := range all {
		if a.Name == name {
			at = a.ConnectedAt
		}
	}
	return at
}

// Write writes a manifest as people should, whole or not at all, and leaves it
// to the master to notice.
func (h *House) Write(instance, text string) {
	h.t.Helper()
	path := filepath.Join(h.Manifests, instance+".toml")
	err := os.WriteFile(path+".new", []byte(text), 0o644)
	if err = errors.Join(err, os.Rename(path+".new", path)); err != nil {
		h.t.Fatal(err)
	}
}

// Manifest writes a good manifest and waits until it is in force.
func (h *House) Manifest(instance, text string) {
	h.t.Helper()
	h.Write(instance, text)
	h.Await("the manifest of "+instance+" to be in force", func() bool {
		i, err := h.Instance(instance)
		if err == nil && len(i.Errors) > 0 {
			h.t.Fatalf("the test's own manifest is bad: %s", i.Errors)
		}
		return err == nil && i.InForce
	})
}

// Replace writes another good version of a manifest, told from all others by a
// watch of nothing, and waits until it is in force.
func (h *House) Replace(instance, text string) {
	h.t.Helper()
	h.versions++
	mark := fmt.Sprintf("file:///version/%d", h.versions)
	h.Write(instance, fmt.Sprintf("%s\n[[watch]]\ngit = %q\n", text, mark))
	h.Await("the new manifest of "+instance+" to be in force", func() bool { return h.Watches(instance)[mark].Origin == "manifest" })
}

// Ask asks the master something.
func Ask[T any](h *House, question func(context.Context, *client.Client) (T, error)) (v T, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := client.New(h.Address, h.token)
	if err != nil {
		return v, err
	}
	defer c.Close()
	return question(ctx, c)
}

// must is the answer to a question that the master must answer.
func must[T any](h *House, question func(context.Context, *client.Client) (T, error)) T {
	h.t.Helper()
	v, err := Ask(h, question)
	if err != nil {
		h.t.Fatal(err)
	}
	return v
}

// Await waits until holds says yes.
func (h *House) Await(what string, holds func() bool) {
	h.t.Helper()
	if !h.await(holds) {
		h.t.Fatalf("waited %s for %s", patience, what)
	}
}

func (h *House) await(holds func() bool) bool {
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-look.C {
		if holds() {
			return true
		}
	}
	return holds()
}

// Result is what a command of a person came to.
type Result struct {
	Out, Err string
	Status   int
}

// Run runs wright with the master's address, as a person does.
func (h *House) Run(args ...string) Result {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, filepath.Join(Programs(h.t), "wright"), h.admitted(args)...)
	cmd.Env = append(h.environment(), "WRIGHT_ADDRESS="+h.Address)
	cmd.Dir, cmd.Stdout, cmd.Stderr = h.Dir, &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		h.t.Fatalf("wright %s: %v\n%s", strings.Join(args, " "), errors.Join(err, ctx.Err()), errs.Bytes())
	}
	return Result{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

// JSON runs wright with -o json and reads what it prints into v.
func (h *House) JSON(v any, args ...string) {
	h.t.Helper()
	r := h.Run(append(args, "-o", "json")...)
	if r.Status != 0 {
		h.t.Fatalf("wright %s: status %d\n%s", strings.Join(args, " "), r.Status, r.Err)
	}
	if err := json.Unmarshal([]byte(r.Out), v); err != nil {
		h.t.Fatalf("wright %s -o json prints no JSON: %v\n%s", strings.Join(args, " "), err, r.Out)
	}
}

// Go runs wright in the background; the function returned waits for its end.
func (h *House) Go(args ...string) (wait func() Result) {
	done := make(chan Result, 1)
	go func() {
		defer close(done) // Run may have ended this goroutine with the test
		done <- h.Run(args...)
	}()
	return func() Result { return <-done }
}

// Visit asks the active AppServer of an instance for its first page, through
// the master, as a browser does at http://INSTANCE.localhost:PORT/.
func (h *House) Visit(instance string) (status int, body string) {
	h.t.Helper()
	address, _, _ := strings.Cut(h.Address, ",")
	_, port, _ := strings.Cut(strings.TrimPrefix(address, "http://"), ":")
	return h.VisitAt(address, instance+".localhost:"+port)
}

// VisitAt asks an address for its first page under the name of a host.
func (h *House) VisitAt(address, host string) (status int, body string) {
	h.t.Helper()
	req, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	req.Host = host
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(text)
}
