package appserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
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
	for _, name := range []string{"wright-cloud-process", "wright-database-sqlite", "wright-dns-hosts"} {
		dirs = append(dirs, filepath.Dir(conformance.Build(t, "../../plugins/providers/"+name)))
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
		"names, all at once":         namesAtOnce,
		"unknown":                    unknown,
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
		waitFor(t, "all processes to end", func() bool { return len(b.processes()) == 0 })
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
func (b *bench) processes() (lines []string) {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		if line, _ := os.ReadFile(f); strings.Contains(string(line), b.state) {
			lines = append(lines, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return lines
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
	deadline := time.Now().Add(20 * time.Second)
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

func spawnRepeated(t *testing.T, b *bench) {
	first := b.spawn(t)
	if again := b.spawn(t); again != first {
		t.Errorf("spawned at %s, and again at %s", first, again)
	}
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			if s, err := b.Spawn(t.Context(), work(t), nil); err != nil || s.Address+":8123" != first {
				t.Errorf("spawned at %s, and again: %v, %v", first, s, err)
			}
		})
	}
	all.Wait()
	if left := b.servers(); len(left) != 1 {
		t.Errorf("AppServers: %v", left)
	}
	b.wantTags(t)
	b.do(t, terminate, first)
}

// wantTags checks what the one AppServer can be found by.
func (b *bench) wantTags(t *testing.T) {
	t.Helper()
	p, err := b.host.Cloud(t.Context(), "process")
	if err != nil {
		t.Fatal(err)
	}
	tags := map[string]string{plugins.InstallationTag: "test", "wright-instance": "shop", "wright-build": "shop-000001"}
	if found, err := p.List(t.Context(), tags); err != nil || len(found) != 1 || found[0].Token != "shop-000001.1" {
		t.Errorf("by its tags: %+v, %v", found, err)
	}
}

// interrupted begins a deed and kills the plugin a moment later.
func (b *bench) interrupted(t *testing.T, delay time.Duration, do func() error) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- do() }()
	<-time.After(delay)
	b.kill(t, plugins.Cloud)
	if err := <-done; err != nil && errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the plugin died, and the deed hung: %v", err)
	}
}

func moments() []time.Duration {
	return []time.Duration{0, 500 * time.Microsecond, 2 * time.Millisecond, 5 * time.Millisecond}
}

func spawnDies(t *testing.T, b *bench) {
	b.spawn(t) // the plugin runs by now
	b.do(t, terminate, "")
	for _, delay := range moments() {
		spawn := func() error { _, err := b.Spawn(t.Context(), work(t), nil); return err }
		b.interrupted(t, delay, spawn)
		insist(t, spawn)
		if left := b.servers(); len(left) != 1 {
			t.Errorf("killed after %s: AppServers %v", delay, left)
		}
		b.wantTags(t)
		insist(t, func() error { return b.Do(t.Context(), operation(terminate, "")) })
	}
}

func terminateRepeated(t *testing.T, b *bench) {
	address := b.spawn(t)
	op := operation(terminate, address)
	op.Databases = sqlite("shop", "kept")
	if _, err := b.Databases(t.Context(), op.Appserver, "shop", "shop-000001", op.Databases); err != nil {
		t.Fatal(err)
	}
	b.do(t, activate, address)
	for range 2 {
		if err := b.Do(t.Context(), op); err != nil {
			t.Error(err)
		}
	}
	if hosts := b.hosts(t); hosts != "" {
		t.Errorf("its name: %q", hosts)
	}
	if left := b.files(t); !slices.Equal(left, []string{"persistent/shop/kept.sqlite"}) {
		t.Errorf("databases: %v", left)
	}
}

func terminateDies(t *testing.T, b *bench) {
	for _, delay := range moments() {
		var address string
		insist(t, func() error {
			s, err := b.Spawn(t.Context(), work(t), nil)
			if err == nil {
				address = s.Address + ":8123"
			}
			return err
		})
		end := func() error { return b.Do(t.Context(), operation(terminate, address)) }
		b.interrupted(t, delay, end)
		insist(t, end)
		if left := b.servers(); len(left) > 0 {
			t.Errorf("killed after %s: AppServers %v", delay, left)
		}
	}
}

// terminateUnnamed: what costs money ends though its name cannot be taken away,
// and the operation is tried again.
func terminateUnnamed(t *testing.T, b *bench) {
	op := operation(terminate, b.spawn(t))
	op.Dns.Provider = "nowhere"
	op.Databases = sqlite("shop")
	if _, err := b.Databases(t.Context(), op.Appserver, "shop", "shop-000001", op.Databases); err != nil {
		t.Fatal(err)
	}
	if err := b.Do(t.Context(), op); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("got %v", err)
	}
	if left, files := b.servers(), b.files(t); len(left) > 0 || len(files) > 0 {
		t.Errorf("left: %v, %v", left, files)
	}
}

// files are the databases that are there.
func (b *bench) files(t *testing.T) (all []string) {
	t.Helper()
	root := filepath.Join(b.state, "database-sqlite")
	for _, pattern := range []string{"ephemeral/*/*.sqlite", "persistent/*/*.sqlite"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			rel, _ := filepath.Rel(root, f)
			all = append(all, rel)
		}
	}
	return all
}

func databases(t *testing.T, b *bench) {
	wanted := sqlite("shop", "kept_1")
	vars, err := b.Databases(t.Context(), "shop-000001.1", "shop", "shop-000001", wanted)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"WRIGHT_DATABASE_SHOP_PATH", "WRIGHT_DATABASE_SHOP_URL", "WRIGHT_DATABASE_KEPT_1_PATH", "WRIGHT_DATABASE_KEPT_1_URL"} {
		if vars[name] == "" {
			t.Errorf("%s is missing: %v", name, vars)
		}
	}
	path := vars["WRIGHT_DATABASE_SHOP_PATH"]
	if err := os.WriteFile(path, []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := b.Databases(t.Context(), "shop-000001.1", "shop", "shop-000001", wanted)
	if err != nil || fmt.Sprint(again) != fmt.Sprint(vars) {
		t.Errorf("again: %v, %v; first %v", again, err, vars)
	}
	if data, err := os.ReadFile(path); string(data) != "content" {
		t.Errorf("made again it holds %q, %v", data, err)
	}
	other, err := b.Databases(t.Context(), "shop-000002.1", "shop", "shop-000002", wanted)
	if err != nil || other["WRIGHT_DATABASE_SHOP_PATH"] == path || other["WRIGHT_DATABASE_KEPT_1_PATH"] != vars["WRIGHT_DATABASE_KEPT_1_PATH"] {
		t.Errorf("of another AppServer: %v, %v; first %v", other, err, vars)
	}
	for _, owner := range []string{"shop-000001.1", "shop-000001.1", "shop-000002.1"} {
		if err := b.DropDatabases(t.Context(), owner, wanted); err != nil {
			t.Error(err)
		}
	}
	if left := b.files(t); !slices.Equal(left, []string{"persistent/shop/kept_1.sqlite"}) {
		t.Errorf("left: %v", left)
	}
	if none, err := b.Databases(t.Context(), "shop-000003.1", "shop", "shop-000003", nil); err != nil || len(none) != 0 {
		t.Errorf("none: %v, %v", none, err)
	}
}

func dropWhatCanBe(t *testing.T, b *bench) {
	if _, err := b.Databases(t.Context(), "shop-000001.1", "shop", "shop-000001", sqlite("one", "two")); err != nil {
		t.Fatal(err)
	}
	all := slices.Insert(sqlite("one", "two"), 1, &agentv1.Database{Provider: "nowhere", Name: "lost"})
	if err := b.DropDatabases(t.Context(), "shop-000001.1", all); err == nil || !strings.Contains(err.Error(), "lost") {
		t.Errorf("got %v", err)
	}
	if left := b.files(t); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	if _, err := b.Databases(t.Context(), "shop-000001.1", "shop", "shop-000001", all[1:2]); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("made with a provider that is not there: %v", err)
	}
}

// hosts is what names lead to: lines of address and name.
func (b *bench) hosts(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(b.state, "dns-hosts", "hosts"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	var out []string
	for line := range strings.Lines(string(data)) {
		entry, comment, _ := strings.Cut(line, "#")
		if !strings.Contains(comment, "wright:test") || !strings.Contains(comment, "wright-instance=shop") {
			t.Errorf("nobody owns %q", line)
		}
		out = append(out, strings.Join(strings.Fields(entry), " "))
	}
	return strings.Join(out, "\n")
}

func names(t *testing.T, b *bench) {
	const one, two = "127.9.9.1:8080", "127.9.9.2:8080"
	for i, step := range []struct {
		kind    agentv1.Operation_Kind
		address string
		want    string
	}{
		{deactivate, one, ""},
		{activate, one, "127.9.9.1 shop.example.test"},
		{activate, one, "127.9.9.1 shop.example.test"},
		{deactivate, two, "127.9.9.1 shop.example.test"},
		{activate, two, "127.9.9.2 shop.example.test"},
		{deactivate, one, "127.9.9.2 shop.example.test"},
		{terminate, one, "127.9.9.2 shop.example.test"}, // one that is gone already
		{terminate, "", "127.9.9.2 shop.example.test"},  // and one that was never up
		{activate, "[2001:db8::1]:80", "2001:db8::1 shop.example.test"},
		{deactivate, "[2001:db8::1]:80", ""},
		{activate, one, "127.9.9.1 shop.example.test"},
		{deactivate, one, ""},
		{deactivate, one, ""},
	} {
		b.do(t, step.kind, step.address)
		if got := b.hosts(t); got != step.want {
			t.Errorf("step %d, %s %s: %q, want %q", i, step.kind, step.address, got, step.want)
		}
	}
	if err := b.Do(t.Context(), operation(activate, "no address")); err == nil {
		t.Error("activated without an address")
	}
	unnamed := operation(activate, one)
	unnamed.Dns = nil
	if err := b.Do(t.Context(), unnamed); err != nil || b.hosts(t) != "" {
		t.Errorf("activated without a name: %q, %v", b.hosts(t), err)
	}
}

// namesAtOnce: the end of an old AppServer does not take the name away from the
// new one, whoever comes first.
func namesAtOnce(t *testing.T, b *bench) {
	for range 10 {
		b.do(t, activate, "127.9.9.1:80")
		var both sync.WaitGroup
		both.Go(func() { b.do(t, activate, "127.9.9.2:80") })
		both.Go(func() { b.do(t, deactivate, "127.9.9.1:80") })
		both.Wait()
		if got := b.hosts(t); got != "127.9.9.2 shop.example.test" {
			t.Fatalf("the name leads to %q", got)
		}
	}
	b.do(t, deactivate, "127.9.9.2:80")
}

func unknown(t *testing.T, b *bench) {
	if err := b.Do(t.Context(), operation(77, "")); err == nil || !strings.Contains(err.Error(), "upgrade") {
		t.Errorf("an operation of the future: %v", err)
	}
	w := work(t)
	w.Appserver.Cloud = "nowhere"
	if _, err := b.Spawn(t.Context(), w, nil); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("got %v", err)
	}
	w = work(t)
	w.Appserver.Config = &structpb.Struct{Fields: map[string]*structpb.Value{"port": structpb.NewNumberValue(-1)}}
	if _, err := b.Spawn(t.Context(), w, nil); err == nil || !strings.Contains(err.Error(), "port") || !strings.Contains(err.Error(), "shop-000001.1") {
		t.Errorf("a bad table: %v", err)
	}
}
