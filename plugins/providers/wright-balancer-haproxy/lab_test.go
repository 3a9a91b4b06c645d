package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/balancer"
	"github.com/wright-build/wright/plugins/lab"
	"github.com/wright-build/wright/plugins/lab/labtest"
)

// bench is an HAProxy and the provider before it.
type bench struct {
	*provider
	lab *lab.Running
}

func newBench(t *testing.T, over map[string]any) *bench {
	t.Helper()
	b := &bench{&provider{}, labtest.Start(t, "haproxy")}
	b.configure(t, over)
	return b
}

func (b *bench) configure(t *testing.T, over map[string]any) {
	t.Helper()
	s := settingsOf(b.lab)
	maps.Copy(s, over)
	if err := b.Configure(t.Context(), plugins.Settings{Config: s}); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) set(t *testing.T, name string, to ...balancer.Target) {
	t.Helper()
	if err := b.Set(t.Context(), specOf(name, to...)); err != nil {
		t.Fatal(err)
	}
}

// files lists the directory of the routes, without locks.
func (b *bench) files(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(b.lab.Env["HAPROXY_FRAGMENTS"])
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if e.Name() != changeLock && e.Name() != placeLock {
			names = append(names, e.Name())
		}
	}
	return names
}

func (b *bench) fragment(name string) string {
	return filepath.Join(b.lab.Env["HAPROXY_FRAGMENTS"], name)
}

func (b *bench) reloads(t *testing.T) int {
	t.Helper()
	p, err := b.desk.works().master.processes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p.reloads
}

// app is an AppServer that says its name.
type app struct {
	*http.Server
	balancer.Target
	served chan struct{}
}

func newApp(t testing.TB, name string) *app {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a := &app{
		Server: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = io.WriteString(w, name)
		})},
		Target: balancer.Target{Address: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port}, served: make(chan struct{}),
	}
	go func() { defer close(a.served); _ = a.Serve(l) }()
	t.Cleanup(func() { _ = a.Close(); <-a.served })
	return a
}

// visitor keeps one connection to HAProxy.
type visitor struct {
	net.Conn
	answers *bufio.Reader
}

func (b *bench) visit(t *testing.T) *visitor {
	t.Helper()
	conn, err := net.Dial("tcp", b.lab.Env["HAPROXY_ADDRESS"])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	return &visitor{conn, bufio.NewReader(conn)}
}

// ask gives status and text, without a retry.
func (v *visitor) ask(name string) string {
	if _, err := fmt.Fprintf(v, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", name); err != nil {
		return err.Error()
	}
	answer, err := http.ReadResponse(v.answers, nil)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(answer.StatusCode, " ", strings.TrimSpace(string(text)))
}

func (b *bench) ask(t *testing.T, name, want string) {
	t.Helper()
	v := b.visit(t)
	defer func() { _ = v.Close() }() // a storm asks very often
	if got := v.ask(name); got != want {
		t.Errorf("asked for %s: %q, it must be %q", name, got, want)
	}
}

func TestNames(t *testing.T) {
	b := newBench(t, nil)
	one, all, below := newApp(t, "one"), newApp(t, "all"), newApp(t, "below")
	b.set(t, "shop.test", one.Target)
	b.set(t, "*.shop.test", all.Target)
	b.set(t, "special.shop.test", below.Target)
	for name, want := range map[string]string{
		"shop.test": "200 one", "SHOP.test:80": "200 one", "shop.test.": "200 one", "www.shop.test": "200 all", "special.shop.test": "200 below",
		"a.www.shop.test": "503 no such name", "test": "503 no such name", "xshop.test": "503 no such name",
	} {
		b.ask(t, name, want)
	}
}

// What a person or another program has put there is not touched, and what they
// broke is said to be theirs.
func TestOthersFiles(t *testing.T) {
	b := newBench(t, nil)
	write := func(name, text string) {
		if err := os.WriteFile(b.fragment(name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	one := newApp(t, "one")
	b.set(t, "a.test", one.Target)

	write("mine.cfg", "backend wright:taken.test\n  server x 127.0.0.1:9\n")
	write("wright-b.test.cfg", "backend mine\n  server x 127.0.0.1:9\n")
	var wg sync.WaitGroup
	errs := map[string]error{}
	var mu sync.Mutex // guards errs
	for _, name := range []string{"taken.test", "b.test", "c.test", "d.test"} {
		wg.Go(func() {
			err := b.Set(t.Context(), specOf(name, one.Target))
			mu.Lock()
			defer mu.Unlock()
			errs[name] = err
		})
	}
	wg.Wait()
	if err := errs["taken.test"]; plugins.CodeOf(err) != plugins.Invalid || !strings.Contains(err.Error(), "taken.test") || !strings.Contains(err.Error(), "same name") {
		t.Errorf("a backend that is there already: %v", err)
	}
	if err := errs["b.test"]; plugins.CodeOf(err) != plugins.Exists {
		t.Errorf("a file that is there already: %v", err)
	}
	for _, name := range []string{"c.test", "d.test"} {
		if errs[name] != nil {
			t.Error(errs[name])
		}
		b.ask(t, name, "200 one")
	}
	if files := strings.Join(b.files(t), " "); files != "mine.cfg wright-a.test.cfg wright-b.test.cfg wright-c.test.cfg wright-d.test.cfg" {
		t.Errorf("there are %s", files)
	}

	write("mine.cfg", "nonsense\n")
	err := b.Set(t.Context(), specOf("e.test", one.Target))
	if plugins.CodeOf(err) != plugins.Transient || !strings.Contains(err.Error(), "mine.cfg") || !strings.Contains(err.Error(), "without this change") {
		t.Errorf("with a file that is wrong already: %v", err)
	}
	if len(b.files(t)) != 5 {
		t.Errorf("left are %v", b.files(t))
	}
	b.ask(t, "a.test", "200 one")
	write("mine.cfg", "")
	b.set(t, "e.test", one.Target)
	b.ask(t, "e.test", "200 one")
}

// What the check did not find and the reload does is taken back.
func TestTakenBack(t *testing.T) {
	b := newBench(t, nil)
	one, two := newApp(t, "one"), newApp(t, "two")
	b.set(t, "a.test", one.Target)
	main := b.lab.Env["HAPROXY_CONFIG"]
	text, err := os.ReadFile(main)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "copy.cfg")
	if err := os.WriteFile(copied, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(main, append(text, "backend wright:b.test\n  server x 127.0.0.1:9\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	b.configure(t, map[string]any{"config": []any{copied}})
	if err := b.Set(t.Context(), specOf("b.test", two.Target)); plugins.CodeOf(err) != plugins.Invalid || !strings.Contains(err.Error(), "reload failed") {
		t.Errorf("a route that fails the reload: %v", err)
	}
	if files := b.files(t); len(files) != 1 {
		t.Errorf("there are %v", files)
	}
	b.set(t, "a.test", two.Target)
	b.ask(t, "a.test", "200 two")

	elsewhere := t.TempDir()
	b.configure(t, map[string]any{"fragments": elsewhere})
	if err := b.Set(t.Context(), specOf("c.test", two.Target)); plugins.CodeOf(err) != plugins.Invalid || !strings.Contains(err.Error(), "-f "+elsewhere) {
		t.Errorf("a directory that HAProxy does not read: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(elsewhere, "*.cfg")); len(left) > 0 {
		t.Errorf("left are %v", left)
	}
}

func TestManyAtOnceShareReloads(t *testing.T) {
	b := newBench(t, nil)
	one := newApp(t, "one")
	before := b.reloads(t)
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() { b.set(t, fmt.Sprintf("of%d.test", i), one.Target) })
	}
	wg.Wait()
	for i := range 100 {
		b.ask(t, fmt.Sprintf("of%d.test", i), "200 one")
	}
	if n := b.reloads(t) - before; n > 10 {
		t.Errorf("100 routes at once took %d reloads", n)
	}
	before = b.reloads(t)
	b.set(t, "of7.test", one.Target)
	if err := b.Delete(t.Context(), "never.test", specOf("x").Tags); err != nil {
		t.Error(err)
	}
	if n := b.reloads(t) - before; n > 0 {
		t.Errorf("what changes nothing took %d reloads", n)
	}
}

// Whoever dies between writing a file and the reload leaves the file, and the
// next call does what is left to do.
func TestDiedBeforeTheReload(t *testing.T) {
	b := newBench(t, nil)
	one, two := newApp(t, "one"), newApp(t, "two")
	b.set(t, "a.test", one.Target)
	w := b.desk.works()
	before, err := w.folder.read("a.test")
	if err != nil {
		t.Fatal(err)
	}
	wanted := fragmentOf(t, specOf("a.test", two.Target), "nobody")
	if err := w.put(t.Context(), []edit{{name: "a.test", before: before, after: &wanted}}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(b.fragment(stagedPrefix+"wright-c.test"), []byte("backend ha"), 0o644); err != nil {
		t.Fatal(err)
	}
	b.ask(t, "a.test", "200 one")
	b.set(t, "a.test", two.Target)
	b.ask(t, "a.test", "200 two")
	if files := b.files(t); len(files) != 1 {
		t.Errorf("there are %v", files)
	}
	if err := os.Remove(b.fragment("wright-a.test.cfg")); err != nil {
		t.Fatal(err)
	}
	b.ask(t, "a.test", "200 two")
	if err := b.Delete(t.Context(), "a.test", specOf("a.test").Tags); err != nil {
		t.Fatal(err)
	}
	b.ask(t, "a.test", "503 no such name")
}

// A client that keeps its connection has an old process of HAProxy answer once
// more; the answer is the new AppServer's all the same, and none after Delete.
func TestKeptConnections(t *testing.T) {
	b := newBench(t, nil)
	one, two, three := newApp(t, "one"), newApp(t, "two"), newApp(t, "three")
	b.set(t, "a.test", one.Target, one.Target)
	var kept []*visitor
	for range 3 {
		v := b.visit(t)
		if got := v.ask("a.test"); got != "200 one" {
			t.Fatal(got)
		}
		kept = append(kept, v)
	}
	b.set(t, "a.test", two.Target)
	_ = one.Close()
	if got := kept[0].ask("a.test"); got != "200 two" {
		t.Errorf("over a connection of before: %q", got)
	}
	b.set(t, "a.test", three.Target)
	if got := kept[1].ask("a.test"); got != "200 three" {
		t.Errorf("over a connection of long before: %q", got)
	}
	if err := b.Delete(t.Context(), "a.test", specOf("a.test").Tags); err != nil {
		t.Fatal(err)
	}
	if got := kept[2].ask("a.test"); !strings.HasPrefix(got, "503") {
		t.Errorf("over a connection of before the Delete: %q", got)
	}
}

func TestOptionsAreTaken(t *testing.T) {
	b := newBench(t, nil)
	one := newApp(t, "one")
	for i, balance := range []string{"roundrobin", "leastconn", "source"} {
		s := specOf(fmt.Sprintf("of%d.test", i), one.Target, balancer.Target{Address: "app.example.test", Port: 80})
		s.Config = map[string]any{"balance": balance, "check": "/healthz?a=b&c=d,e;f~", "timeout": "90s"}
		if err := b.Set(t.Context(), s); err != nil {
			t.Errorf("%v: %v", s.Config, err)
		}
		b.ask(t, s.Name, "200 one")
	}
}

func TestWithoutHAProxy(t *testing.T) {
	b := newBench(t, nil)
	one := newApp(t, "one")
	b.set(t, "a.test", one.Target)
	b.lab.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := b.Set(ctx, specOf("b.test", one.Target)); plugins.CodeOf(err) != plugins.Transient || !strings.Contains(err.Error(), b.lab.Env["HAPROXY_MASTER"]) {
		t.Errorf("Set: %v", err)
	}
	if err := b.Delete(ctx, "a.test", specOf("a.test").Tags); plugins.CodeOf(err) != plugins.Transient {
		t.Errorf("Delete: %v", err)
	}
	if files := b.files(t); len(files) != 1 {
		t.Errorf("there are %v", files)
	}
}
