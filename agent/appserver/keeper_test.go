package appserver

import (
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/conformance"
	"github.com/wright-build/wright/plugins/host"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// TestKeeper does what agents do to AppServers, with our own plugins.
func TestKeeper(t *testing.T) {
	var dirs []string
	for _, main := range []string{
		"plugins/providers/wright-cloud-process", "plugins/providers/wright-database-sqlite", "plugins/providers/wright-dns-hosts",
		"master/proxy/testdata/wright-balancer-proxy",
	} {
		dirs = append(dirs, filepath.Dir(conformance.Build(t, "../../"+main)))
	}
	for name, test := range map[string]func(t *testing.T, b *bench){
		"spawn is repeated":          spawnRepeated,
		"spawn dies":                 spawnDies,
		"terminate is repeated":      terminateRepeated,
		"terminate dies":             terminateDies,
		"terminate without its name": terminateUnnamed,
		"databases":                  databases,
		"drop what can be dropped":   dropWhatCanBe,
		"names":                      names,
		"routes":                     routes,
		"routes, all at once":        routesAtOnce,
		"names, all at once":         namesAtOnce,
		"unknown":                    unknown,
		"reap":                       reaped,
		"reap names that moved":      namesThatMoved,
		"reap what cannot be ended":  endFailures,
		"deputies":                   deputies,
	} {
		t.Run(name, func(t *testing.T) { test(t, newBench(t, dirs)) })
	}
}

// bench is a keeper and its plugins. In the end nothing may be left of what it
// made.
type bench struct {
	*Keeper
	host  *host.Host
	state string
}

func newBench(t *testing.T, dirs []string) *bench {
	t.Helper()
	b := &bench{state: filepath.Join(t.TempDir(), "state")}
	b.host = host.New(host.Config{Dirs: dirs, StateDir: b.state, Installation: "test", Log: slog.New(slog.DiscardHandler)})
	b.Keeper = &Keeper{Providers: b.host, Installation: "test"}
	t.Cleanup(func() {
		if err := b.host.Close(); err != nil {
			t.Error(err)
		}
		if left := b.servers(); len(left) > 0 {
			t.Errorf("AppServers are left: %v", left)
		}
		if !t.Failed() {
			waitFor(t, "all processes to end", func() bool { return len(b.processes()) == 0 })
		}
		for _, pid := range b.processes() { // a failed test leaves none to the machine
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	return b
}

// servers are the directories of AppServers, whole ones or not.
func (b *bench) servers() (names []string) {
	entries, _ := os.ReadDir(filepath.Join(b.state, "cloud-process", "servers"))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// processes are those that were started for the bench.
func (b *bench) processes() (pids []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		if line, _ := os.ReadFile(f); strings.Contains(string(line), b.state) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(f)))
			pids = append(pids, pid)
		}
	}
	return pids
}

// kill kills the process of a plugin.
func (b *bench) kill(t *testing.T, kind plugins.Kind) {
	t.Helper()
	for _, p := range b.host.Plugins() {
		if p.Kind == kind && p.PID != 0 {
			_ = syscall.Kill(p.PID, syscall.SIGKILL)
		}
	}
}

// insist does something again until it works, as the master does.
func insist(t *testing.T, do func() error) {
	t.Helper()
	var err error
	if !await(func() bool { err = do(); return err == nil }) {
		t.Fatalf("it does not work however often it is tried: %v", err)
	}
}

func await(ok func() bool) bool {
	deadline := time.Now().Add(2 * time.Minute)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			return false
		}
		<-tick.C
	}
	return true
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	if !await(ok) {
		t.Fatalf("waited too long for %s", what)
	}
}

func work(t *testing.T) *agentv1.Work {
	t.Helper()
	config, err := structpb.NewStruct(map[string]any{"port": 8123, "stop-timeout": "100ms"})
	if err != nil {
		t.Fatal(err)
	}
	return &agentv1.Work{
		Build: "shop-000001", Attempt: 1, Instance: "shop", Number: 1,
		Appserver: &agentv1.AppServer{Id: "shop-000001.1", Cloud: "process", Config: config},
	}
}

func sqlite(names ...string) (all []*agentv1.Database) {
	for _, name := range names {
		all = append(all, &agentv1.Database{Provider: "sqlite", Name: name, Persistent: strings.HasPrefix(name, "kept")})
	}
	return all
}

func operation(kind agentv1.Operation_Kind, address string) *agentv1.Operation {
	return &agentv1.Operation{
		Id: "op", Kind: kind, Appserver: "shop-000001.1", Instance: "shop", Cloud: "process", Address: address,
		Dns: &agentv1.DNS{Provider: "hosts", Domain: "shop.example.test", Ttl: durationpb.New(time.Minute)},
	}
}

const (
	activate   = agentv1.Operation_KIND_ACTIVATE
	deactivate = agentv1.Operation_KIND_DEACTIVATE
	terminate  = agentv1.Operation_KIND_TERMINATE
)

func (b *bench) do(t *testing.T, kind agentv1.Operation_Kind, address string) {
	t.Helper()
	if err := b.Do(t.Context(), operation(kind, address)); err != nil {
		t.Errorf("%s %s: %v", kind, address, err)
	}
}

// address is that of an AppServer as facts have it.
func (b *bench) spawn(t *testing.T) (address string) {
	t.Helper()
	s, err := b.Spawn(t.Context(), work(t), map[string]string{"GREETING": "hello"})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(s.Address, "127.") || s.Port != 8123 || s.Variables["WRIGHT_APPSERVER_DIR"] == "" {
		t.Errorf("spawned %+v", s)
	}
	return s.Address + ":" + strconv.Itoa(s.Port)
}
