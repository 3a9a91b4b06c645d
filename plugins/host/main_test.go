package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
)

// TestMain lets the test binary be a plugin, good or bad as its file name says,
// and a host that can be killed.
func TestMain(m *testing.M) {
	_, launched := os.LookupEnv(plugins.CookieKey)
	switch {
	case launched && strings.HasSuffix(os.Args[0], "-many"):
		serveMany(filepath.Base(os.Args[0]))
	case launched:
		servePlugin(strings.TrimPrefix(filepath.Base(os.Args[0]), "wright-cloud-"))
	case len(os.Args) == 4 && os.Args[1] == "--be-host":
		beHost(os.Args[2], os.Args[3])
	default:
		os.Exit(m.Run())
	}
}

func servePlugin(mode string) {
	misbehaveAtStart(mode)
	servePluginThat(mode)
	switch mode {
	case "silent":
		<-time.After(time.Hour)
	case "garbage":
		fmt.Println("Hello, I am no plugin|1|2|3|4")
	case "exits":
		fmt.Fprintln(os.Stderr, "panic: no config")
		os.Exit(3)
	case "wrongname":
		plugins.Serve(cloud.Plugin("another", "1", &fake{}))
	default:
		plugins.Serve(cloud.Plugin(mode, "1.2.3", &fake{mode: mode}))
	}
}

// fake is a provider that misbehaves as its mode and the token say.
type fake struct {
	mode     string
	settings plugins.Settings
}

func (f *fake) Configure(_ context.Context, s plugins.Settings) error {
	f.settings = s
	switch f.mode {
	case "diesinconfigure":
		os.Exit(4)
	case "hangsinconfigure":
		select {}
	case "eatsatstart":
		eat(1 << 30)
	case "refuses":
		return plugins.Invalidf("config.region", "there is no region on the moon")
	}
	return nil
}

func (f *fake) Create(ctx context.Context, s cloud.Spec) (*cloud.Server, error) {
	misbehave(ctx, s.Token)
	switch s.Token {
	case "hang":
		select {}
	case "wait":
		<-ctx.Done()
		return nil, fmt.Errorf("GET http://cloud.test/servers: %w", ctx.Err())
	case "die":
		os.Exit(7)
	case "panic":
		panic("the provider is broken")
	case "stop":
		_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
		select {} // the signal may take a moment
	case "flood":
		f.flood()
	case "children":
		return spawnChildren(f.settings.StateDir)
	case "log":
		f.settings.Log.Warn("provider speaks", "token", s.Token)
		fmt.Fprintln(os.Stderr, `{"@message":1,"@level":{}}`)
		fmt.Fprintln(os.Stdout, "provider prints")
	}
	for _, c := range allCodes() {
		if s.Token == string(c) {
			return nil, &plugins.Error{Code: c, Field: "config.x", RetryAfter: 3 * time.Second, Err: errors.New("as wanted")}
		}
	}
	return &cloud.Server{Token: s.Token, State: cloud.Running, Variables: map[string]string{
		"PID": fmt.Sprint(os.Getpid()), "ENV": strings.Join(os.Environ(), "\n"),
		"STATE": f.settings.StateDir, "INSTALLATION": f.settings.Installation,
		"CONFIG": fmt.Sprint(f.settings.Config), "SOCKETS": os.Getenv("PLUGIN_UNIX_SOCKET_DIR"),
	}}, nil
}

func allCodes() []plugins.Code {
	return []plugins.Code{
		plugins.NotFound, plugins.Exists, plugins.Quota, plugins.Denied,
		plugins.Invalid, plugins.Transient, plugins.Unsupported,
	}
}

func (f *fake) flood() {
	line := strings.Repeat("x", 100)
	for range 100_000 {
		fmt.Fprintln(os.Stderr, line)
	}
	fmt.Fprint(os.Stderr, strings.Repeat("y", 10<<20))
	for range 50_000 {
		f.settings.Log.Info(line)
	}
}

// spawnChildren leaves one process in the plugin's group, and one outside that
// keeps the plugin's output open.
func spawnChildren(dir string) (*cloud.Server, error) {
	inside := exec.Command("sleep", "1000")
	outside := exec.Command("sleep", "1000")
	outside.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	out := os.NewFile(2, "stderr")
	inside.Stderr, outside.Stderr = out, out
	if err := errors.Join(inside.Start(), outside.Start()); err != nil {
		return nil, err
	}
	return &cloud.Server{Token: "children", State: cloud.Running, Variables: map[string]string{
		"INSIDE": fmt.Sprint(inside.Process.Pid), "OUTSIDE": fmt.Sprint(outside.Process.Pid),
	}}, nil
}

func (f *fake) Get(context.Context, string) (*cloud.Server, error) {
	return nil, plugins.Errorf(plugins.NotFound, "none")
}

func (f *fake) List(_ context.Context, tags map[string]string) ([]cloud.Server, error) {
	if tags["size"] == "huge" {
		return []cloud.Server{{Name: strings.Repeat("x", plugins.MaxMessage)}}, nil
	}
	return []cloud.Server{{Token: "one", Name: "one", State: cloud.Running, Tags: tags}}, nil
}

func (f *fake) Delete(context.Context, string) error { return errors.New("an error without a code") }

// beHost launches a plugin, says where it is, and waits to be killed.
func beHost(dir, state string) {
	h := New(Config{Dirs: []string{dir}, StateDir: state})
	p, err := h.Cloud(context.Background(), "good")
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	s, err := p.Create(context.Background(), cloud.Spec{Token: "t"})
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	c, err := p.Create(context.Background(), cloud.Spec{Token: "children"})
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	fmt.Println(s.Variables["PID"], c.Variables["INSIDE"], c.Variables["OUTSIDE"], s.Variables["SOCKETS"])
	go func() { _, _ = p.Create(context.Background(), cloud.Spec{Token: "hang"}) }()
	<-time.After(time.Hour)
}

// linkPlugins makes a directory with this binary under the names of plugins.
func linkPlugins(t *testing.T, names ...string) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, n := range names {
		if err := os.Symlink(exe, filepath.Join(dir, plugins.BinaryName(plugins.Cloud, n))); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// records keeps what is logged.
type records struct {
	mu   sync.Mutex // guards all below
	list []string   // "LEVEL message attributes"
}

func (r *records) Enabled(context.Context, slog.Level) bool { return true }
func (r *records) WithAttrs([]slog.Attr) slog.Handler       { return r }
func (r *records) WithGroup(string) slog.Handler            { return r }

func (r *records) Handle(_ context.Context, rec slog.Record) error {
	s := rec.Level.String() + " " + rec.Message
	rec.Attrs(func(a slog.Attr) bool { s += " " + a.String(); return true })
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, s)
	return nil
}

func (r *records) count(prefix string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, s := range r.list {
		if strings.HasPrefix(s, prefix) {
			n++
		}
	}
	return n
}

// open makes a host with one plugin of the test binary.
func open(t *testing.T, mode string, change func(*Host)) (*Host, *records) {
	t.Helper()
	logged := &records{}
	h := New(Config{
		Dirs: []string{linkPlugins(t, mode)}, StateDir: t.TempDir(), Installation: "inst", Log: slog.New(logged),
		Providers: map[string]map[string]any{"cloud-good": {"region": "moon"}},
	})
	if change != nil {
		change(h)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h, logged
}

func launch(t *testing.T, h *Host, mode string) cloud.Provider {
	t.Helper()
	p, err := h.Cloud(t.Context(), mode)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// eventually waits until the condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.After(2 * time.Minute)
	for !condition() {
		select {
		case <-deadline:
			t.Fatalf("never: %s", what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// gone says whether a process has ended; a zombie has.
func gone(pid string) bool {
	b, err := os.ReadFile(filepath.Join("/proc", pid, "stat"))
	return err != nil || strings.Contains(string(b), ") Z ")
}
