package host

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
	"github.com/wright-build/wright/plugins/dns"
	pluginv1 "github.com/wright-build/wright/proto/plugin/v1"
)

// misbehaveAtStart is what a plugin does that does not even use the SDK.
func misbehaveAtStart(mode string) {
	switch mode {
	case "endlessline":
		pour(os.Stdout, bytes.Repeat([]byte("x"), 4096))
	case "binary":
		urandom, _ := os.Open("/dev/urandom")
		_, _ = io.Copy(io.MultiWriter(os.Stdout, os.Stderr), urandom)
	case "floods":
		go pour(os.Stderr, []byte("panic\n"))
		pour(os.Stdout, []byte("hello\n"))
	case "protocol99":
		sayHello("1|99|unix|/nowhere|grpc|%s")
	case "protocol0":
		sayHello("1|0|unix|/nowhere|grpc|%s")
	case "core7":
		sayHello("7|2|unix|/nowhere|grpc|%s")
	case "tcp":
		sayHello("1|2|tcp|127.0.0.1:1|grpc|%s")
	case "netrpc":
		sayHello("1|2|unix|/nowhere|netrpc|%s")
	case "nocertificate":
		sayHello("1|2|unix|/nowhere|grpc|AAAA%.0s")
	case "nosocket":
		sayHello("1|2|unix|/nowhere|grpc|%s")
	case "neverserves":
		path := filepath.Join(os.Getenv("PLUGIN_UNIX_SOCKET_DIR"), "s")
		l, err := net.Listen("unix", path)
		if err != nil {
			panic(err)
		}
		defer func() { _ = l.Close() }()
		sayHello("1|2|unix|" + path + "|grpc|%s")
	}
}

func pour(w io.Writer, b []byte) {
	for {
		if _, err := w.Write(b); err != nil {
			return
		}
	}
}

// sayHello prints a handshake with a certificate and stays.
func sayHello(format string) {
	fmt.Printf(format+"\n", someCertificate)
	<-time.After(time.Hour)
}

// someCertificate is one whose key nobody has.
const someCertificate = "MIIBfzCCASWgAwIBAgIUZu6Qz31LcuXJiVHY4B9wZBxC8EcwCgYIKoZIzj0EAwIwFDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMTE1MzYyNVoYDzIwNTQwNDA4MTUzNjI1WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATjp2yAdTryWcthaGAK9e/wQhGpZvbw70Ct6WnGcOsrFOQHn8HW9mHCvap1UdeWxdTjMvBwsVNUtBgVp0i+N7aGo1MwUTAdBgNVHQ4EFgQUH9z3Thxgorp7hVfCcZqvdGHa92QwHwYDVR0jBBgwFoAUH9z3Thxgorp7hVfCcZqvdGHa92QwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiAPuc421JMA1ZaXvaIg3pruQSHAkkgDyzEz4DQvOd5iawIhANphEHrwVw8UryrZ7harPkAdy39RjYqQ5HfTzA4q0Vjm"

func TestHostileLaunches(t *testing.T) {
	tests := []struct{ mode, says string }{
		{"endlessline", "its first line of output is longer than"},
		{"binary", "output"},
		{"floods", `it wrote "hello"`},
		{"garbage", `it wrote "Hello, I am no plugin|1|2|3|4"`},
		{"exits", "its last words: panic: no config"},
		{"protocol99", "it speaks protocol 99, this Wright only 1 to 2: upgrade Wright"},
		{"protocol0", "take a newer plugin"},
		{"core7", "must be the handshake"},
		{"tcp", "want a unix socket"},
		{"netrpc", "want grpc"},
		{"nocertificate", "no certificate"},
		{"nosocket", "ask"},
		{"neverserves", "not ready in time"},
		{"silent", "not ready in time"},
		{"wrongkind", `says that it is the "dns" provider`},
		{"diesinconfigure", "configure"},
		{"hangsinconfigure", "not ready in time"},
		{"hugeschema", "more than 200 fields"},
		{"eatsatstart", "MiB of memory, at most 150 are allowed"},
	}
	for _, tt := range tests {
		t.Run(tt.mode, func(t *testing.T) {
			t.Parallel()
			limit := time.Minute
			if tt.says == "not ready in time" {
				limit = time.Second
			}
			h := hostile(t, tt.mode, Limits{Memory: 150 << 20}, func(h *Host) { h.limits.start = limit })
			start := time.Now()
			_, err := h.Cloud(t.Context(), tt.mode)
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want %q in it", err, tt.says)
			}
			if took := time.Since(start); took > limit+20*time.Second {
				t.Errorf("it took %v", took)
			}
			if err != nil && (len(err.Error()) > 1000 || !isText(err.Error())) {
				t.Errorf("its error is no text: %q", err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			start = time.Now()
			_, err = h.Describe(ctx, plugins.Cloud, tt.mode)
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("with little time it took %v until %v", took, err)
			}
			wellBeside(t, h)
		})
	}
}

// hostile makes a host with a plugin that misbehaves and a good one.
func hostile(t *testing.T, mode string, limits Limits, change func(*Host)) *Host {
	h, _ := open(t, mode, func(h *Host) {
		h.cfg.Dirs = append(h.cfg.Dirs, linkPlugins(t, "good"))
		h.cfg.Limits = limits.withDefaults()
		h.limits.stop = 500 * time.Millisecond
	})
	if _, err := h.Cloud(t.Context(), "good"); err != nil {
		t.Fatal(err)
	}
	change(h) // those launched from now on
	return h
}

// wellBeside says whether the good plugin still answers at once.
func wellBeside(t *testing.T, h *Host) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	p, err := h.Cloud(ctx, "good")
	if err == nil {
		_, err = p.List(ctx, nil)
	}
	if err != nil {
		t.Errorf("another plugin suffers: %v", err)
	}
}

func TestHostileCalls(t *testing.T) {
	tests := []struct{ token, says string }{
		{"hang", "deadline"},
		{"stop", "deadline"},
		{"pour", "deadline"},
		{"fork", "processes, at most 40 are allowed"},
		{"bomb", "processes, at most 40 are allowed"},
		{"thread", "threads, at most 640 are allowed"},
		{"eat", "MiB of memory, at most 150 are allowed"},
		{"eat together", "MiB of memory, at most 150 are allowed"},
		{"open files", "open files, at most 500 are allowed"},
		{"die", "ended while it was asked"},
		{"die in progress", "ended while it was asked"},
		{"endless progress", "more than"},
	}
	for _, tt := range tests {
		t.Run(tt.token, func(t *testing.T) {
			t.Parallel()
			h := hostile(t, "bad", Limits{Memory: 150 << 20, Processes: 40, OpenFiles: 500}, func(*Host) {})
			limit := time.Minute
			if tt.says == "deadline" {
				limit = 2 * time.Second
			}
			callsEnd(t, h, limit, tt.says, func(ctx context.Context, p cloud.Provider) error {
				_, err := p.Create(ctx, cloud.Spec{Token: tt.token})
				return err
			})
		})
	}
}

func TestHostileLists(t *testing.T) {
	tests := []struct{ how, says string }{
		{"endless", "more than 100000 things"},
		{"endless empty", "list servers: "}, // the bound or, on a slow machine, the deadline
		{"endless large", "more than"},
		{"die", "ended while it was asked"},
		{"cancel", "cancelled a call by itself"},
	}
	for _, tt := range tests {
		t.Run(tt.how, func(t *testing.T) {
			t.Parallel()
			h := hostile(t, "raw", Limits{}, func(*Host) {})
			const limit = time.Minute
			callsEnd(t, h, limit, tt.says, func(ctx context.Context, p cloud.Provider) error {
				_, err := p.List(ctx, map[string]string{"how": tt.how})
				if errors.Is(err, context.Canceled) {
					t.Error("the caller is told that it cancelled")
				}
				return err
			})
		})
	}
}

// callsEnd makes a call that must fail in time, and others after it.
func callsEnd(t *testing.T, h *Host, limit time.Duration, says string, call func(context.Context, cloud.Provider) error) {
	t.Helper()
	name := "bad"
	if _, err := find(h.cfg.Dirs, key{plugins.Cloud, name}); err != nil {
		name = "raw"
	}
	p := launch(t, h, name)
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	start := time.Now()
	err := call(ctx, p)
	if err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("got %v, want %q in it", err, says)
	}
	if took := time.Since(start); took > limit+20*time.Second {
		t.Errorf("it took %v", took)
	}
	wellBeside(t, h)
	if says == "deadline" {
		return // it hangs on until its health is looked at
	}
	eventually(t, "another call answered", func() bool { _, err := p.List(t.Context(), nil); return err == nil })
}

// misbehave does what a token says, if anything.
func misbehave(ctx context.Context, token string) {
	switch token {
	case "pour":
		go pour(os.NewFile(1, "stdout"), []byte("\x00\xff"))
		pour(os.Stderr, bytes.Repeat([]byte("x"), 1<<16))
	case "fork":
		for range 500 {
			_ = exec.Command("sleep", "100").Start()
		}
		select {}
	case "bomb": // that would end at 2048
		_ = exec.Command("/bin/sh", "-c", "f() { [ $1 -gt 0 ] && { f $(($1-1)) & f $(($1-1)) & }; sleep 100; }; f 10").Run()
		select {}
	case "thread":
		for range 2000 {
			go func() { runtime.LockOSThread(); select {} }()
		}
		select {}
	case "eat":
		eat(1 << 30)
	case "eat together":
		for range 5 {
			_ = exec.Command("/bin/sh", "-c", "(head -c 60000000 /dev/zero; sleep 100) | tail").Start()
		}
		eat(20 << 20)
		select {}
	case "open files":
		var all []*os.File
		for range 5000 {
			f, _ := os.Open("/dev/null")
			all = append(all, f)
		}
		<-time.After(time.Hour)
		_ = all
	case "die in progress":
		plugins.Report(ctx, "dying", 0.5)
		os.Exit(7)
	case "endless progress":
		for ctx.Err() == nil {
			plugins.Report(ctx, strings.Repeat("x", 1000), 0.5)
		}
	}
}

// eat takes memory and keeps it until it is stopped.
func eat(n int) {
	var all [][]byte
	for ; n > 0; n -= 1 << 20 {
		all = append(all, bytes.Repeat([]byte{1}, 1<<20))
	}
	runtime.KeepAlive(all)
}

// raw answers without the SDK's help.
type raw struct {
	pluginv1.UnimplementedCloudServiceServer
}

func rawPlugin(name string) plugins.Plugin {
	p := cloud.Plugin(name, "1", &fake{})
	p.Register = func(r grpc.ServiceRegistrar, _ plugins.Schema) { pluginv1.RegisterCloudServiceServer(r, raw{}) }
	return p
}

// ListServers implements pluginv1.CloudServiceServer.
func (raw) ListServers(r *pluginv1.ListServersRequest, stream grpc.ServerStreamingServer[pluginv1.ListServersResponse]) error {
	one := &pluginv1.Server{Token: "t", State: cloud.Running, Tags: r.GetTags()}
	part := &pluginv1.ListServersResponse{Servers: []*pluginv1.Server{one, one, one, one, one, one, one, one}}
	switch r.GetTags()["how"] {
	case "die":
		_ = stream.Send(part)
		os.Exit(3)
	case "cancel":
		return context.Canceled
	case "":
		return stream.Send(part)
	case "endless empty":
		part = &pluginv1.ListServersResponse{}
	case "endless large":
		one.Variables = map[string]string{"A": strings.Repeat("x", plugins.MaxEnv-100)}
		part.Servers = part.GetServers()[:1]
	}
	for stream.Send(part) == nil {
	}
	return nil
}

// servePluginThat starts as the SDK has it and misbehaves later.
func servePluginThat(mode string) {
	switch mode {
	case "wrongkind":
		plugins.Serve(dns.Plugin("x", "1", nil))
	case "hugeschema":
		p := cloud.Plugin(mode, "1", &fake{})
		for i := range 300 {
			p.Settings = append(p.Settings, plugins.Field{Name: fmt.Sprintf("f%d", i)})
		}
		plugins.Serve(p)
	case "raw":
		plugins.Serve(rawPlugin(mode))
	}
}

func TestExceeded(t *testing.T) {
	l := Limits{}.withDefaults()
	tests := []struct {
		usage usage
		says  string // empty: it may go on
	}{
		{usage{}, ""},
		{usage{256, 4096, 1 << 30, 4096}, ""},
		{usage{processes: 257}, "257 processes, at most 256"},
		{usage{threads: 4097}, "4097 threads"},
		{usage{memory: 2<<30 + 1}, "2048 MiB of memory, at most 1024"},
		{usage{files: 4097}, "4097 open files"},
	}
	for _, tt := range tests {
		err := l.exceeded(tt.usage)
		if (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%+v: %v, want %q", tt.usage, err, tt.says)
		}
	}
}

func FuzzHandshake(f *testing.F) {
	f.Add("1|2|unix|/x|grpc|" + someCertificate)
	f.Add("1|99|tcp|x|grpc||")
	f.Fuzz(func(t *testing.T, s string) {
		line, err := readHandshake(bufio.NewReaderSize(strings.NewReader(s), maxHandshake))
		if err != nil && (len(err.Error()) > 1000 || !isText(err.Error())) {
			t.Errorf("%q: an error that is no text: %q", s, err)
		}
		if err == nil && len(line) > maxHandshake {
			t.Errorf("%d bytes got through", len(line))
		}
	})
}
