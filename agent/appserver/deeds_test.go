package appserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/wright-build/wright/plugins"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

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
