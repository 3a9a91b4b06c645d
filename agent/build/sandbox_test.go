package build

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/wright-build/wright/agent/appserver"
	"github.com/wright-build/wright/agent/sandbox"
	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/conformance"
	"github.com/wright-build/wright/plugins/host"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// TestSandbox carries out builds with our own runner.
func TestSandbox(t *testing.T) {
	dir := filepath.Dir(conformance.Build(t, "../../plugins/providers/wright-runner-local"))
	for name, test := range map[string]func(t *testing.T, dir string){
		"steps run in it":            stepsRunInTheSandbox,
		"it outlives the agent":      sandboxOutlivesTheAgent,
		"verdict of a former agent":  verdictWithASandbox,
		"manifest that does not fit": manifestThatDoesNotFit,
	} {
		t.Run(name, func(t *testing.T) { test(t, dir) })
	}
}

// sandboxed are tools with the runner local, and what tells its sandboxes.
func sandboxed(t *testing.T, dir string) (Tools, *deaf, func() int) {
	t.Helper()
	tools, master := tools(t)
	tools.Supervisor = supervisor(t)
	h := host.New(host.Config{
		Dirs: []string{dir}, StateDir: t.TempDir(), Installation: "test", Log: slog.New(slog.DiscardHandler),
	})
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	k, err := sandbox.New(sandbox.Config{Dir: filepath.Join(t.TempDir(), "sandboxes"), Providers: h, Installation: "test", Agent: "one", Log: tools.Log})
	if err != nil {
		t.Fatal(err)
	}
	tools.Sandboxes = func(context.Context) (*sandbox.Keeper, error) { return k, nil }
	tools.Keeper = func(context.Context) (*appserver.Keeper, error) {
		return &appserver.Keeper{Providers: h, Installation: "test"}, nil
	}
	return tools, master, func() int {
		t.Helper()
		p, err := h.Runner(t.Context(), "local")
		if err != nil {
			t.Fatal(err)
		}
		list, err := p.List(t.Context(), map[string]string{plugins.InstallationTag: "test", "wright-agent": "one", "wright-instance": "shop"})
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
}

func local(steps ...string) *agentv1.Work {
	w := work(steps...)
	w.Runner = &agentv1.Runner{Provider: "local"}
	return w
}

func attempt(t *testing.T, tools Tools, w *agentv1.Work) *Attempt {
	t.Helper()
	a, err := New(tools, filepath.Join(t.TempDir(), "shop-000001.1"), w)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// stepsRunInTheSandbox, and with the build all ends that they have left,
// however the build ends.
func stepsRunInTheSandbox(t *testing.T, dir string) {
	tools, master, sandboxes := sandboxed(t, dir)
	for name, tt := range map[string]struct {
		last string
		want agentv1.State
	}{
		"good": {"true", agentv1.State_STATE_SUCCEEDED},
		"bad":  {"false", agentv1.State_STATE_FAILED},
	} {
		file := filepath.Join(t.TempDir(), "pid")
		daemon := fmt.Sprintf(`test -n "$WRIGHT_SANDBOX"
			test "$PWD" = "$WRIGHT_WORKSPACE"
			env -u WRIGHT_STEP_ID -u WRIGHT_STEP_SUPERVISOR setsid sh -c 'echo $$ > %s; exec sleep 1000' & while [ ! -s %[1]s ]; do :; done`, file)
		w := local(daemon, tt.last)
		w.Build = "shop-00000" + fmt.Sprint(len(name))
		run(t, attempt(t, tools, w), master)
		if u := master.last(); u.GetState() != tt.want {
			t.Errorf("%s: it says %v", name, u)
		}
		if pid := pidIn(t, file); alive(pid) {
			t.Errorf("%s: what a step left goes on", name)
		}
		if n := sandboxes(); n != 0 {
			t.Errorf("%s: %d sandboxes are left", name, n)
		}
	}
}

// sandboxOutlivesTheAgent as its step does; the next agent ends both.
func sandboxOutlivesTheAgent(t *testing.T, dir string) {
	for name, cancel := range map[string]bool{"to its end": false, "cancelled": true} {
		t.Run(name, func(t *testing.T) {
			tools, master, sandboxes := sandboxed(t, dir)
			file, goOn := filepath.Join(t.TempDir(), "pid"), filepath.Join(t.TempDir(), "go-on")
			a := attempt(t, tools, local(fmt.Sprintf("echo $$ > %s; while [ ! -e %s ]; do sleep 0.01; done", file, goOn), "true"))
			ctx, stop := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- a.Run(ctx) }()
			pid := pidIn(t, file)
			stop()
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Fatalf("stopped: %v", err)
			}
			if n := sandboxes(); !alive(pid) || n != 1 {
				t.Errorf("without an agent the step runs: %v, in %d sandboxes", alive(pid), n)
			}
			a, err := Resume(tools, a.dir)
			if err != nil {
				t.Fatal(err)
			}
			want := agentv1.State_STATE_SUCCEEDED
			if cancel {
				a.Cancel("ann had enough", false)
				want = agentv1.State_STATE_CANCELLED
			} else if err := os.WriteFile(goOn, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			run(t, a, master)
			if u := master.last(); u.GetState() != want {
				t.Errorf("it says %v, want %v", u, want)
			}
			if n := sandboxes(); alive(pid) || n != 0 {
				t.Errorf("in the end the step runs: %v, in %d sandboxes", alive(pid), n)
			}
		})
	}
}

// verdictWithASandbox: one that a former agent process came to a verdict
// on, and could not end the sandbox of, is ended with the delivery.
func verdictWithASandbox(t *testing.T, dir string) {
	tools, master, sandboxes := sandboxed(t, dir)
	a := attempt(t, tools, local("true"))
	if _, err := a.makeSandbox(t.Context()); err != nil || sandboxes() != 1 {
		t.Fatalf("%v, %d sandboxes", err, sandboxes())
	}
	r := record{Version: 4, State: agentv1.State_STATE_RUNNING, Verdict: agentv1.State_STATE_ERRORED, Error: "odd"}
	if err := errors.Join(write(a.journal, entry{Record: &r}), a.journal.Close()); err != nil {
		t.Fatal(err)
	}
	a, err := Resume(tools, a.dir)
	if err != nil {
		t.Fatal(err)
	}
	run(t, a, master)
	if n := sandboxes(); n != 0 {
		t.Errorf("%d sandboxes are left", n)
	}
}

// manifestThatDoesNotFit ends a build before its first step.
func manifestThatDoesNotFit(t *testing.T, dir string) {
	tools, master, sandboxes := sandboxed(t, dir)
	config, err := structpb.NewStruct(map[string]any{"image": "debian"})
	if err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(w *agentv1.Work){
		"runner.local.image: there is no such key": func(w *agentv1.Work) { w.Runner.Config = config },
		`no runner provider "nowhere"`:             func(w *agentv1.Work) { w.Runner.Provider = "nowhere" },
		`no database provider "nowhere"`: func(w *agentv1.Work) {
			w.Databases = []*agentv1.Database{{Provider: "nowhere", Name: "shop"}}
		},
	} {
		file := filepath.Join(t.TempDir(), "ran")
		w := local("touch " + file)
		change(w)
		run(t, attempt(t, tools, w), master)
		if u := master.last(); u.GetState() != agentv1.State_STATE_ERRORED || !strings.Contains(u.GetError(), want) {
			t.Errorf("it says %v, want %q", u, want)
		}
		if _, err := os.Stat(file); err == nil {
			t.Errorf("%s: its step has run", want)
		}
		if n := sandboxes(); n != 0 {
			t.Errorf("%s: %d sandboxes are left", want, n)
		}
	}
}
