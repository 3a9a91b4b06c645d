// Command cloud-files is a cloud provider whose servers are files, to test the
// suite with: with the setting bug it does one thing wrong.
package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
)

func main() {
	p := cloud.Plugin("files", "1.0.0", &provider{})
	p.Doc = "Servers that are files."
	p.Settings = plugins.Schema{
		{Name: "bug", Doc: "What to do wrong."},
		{Name: "latency", Type: plugins.TypeDuration, Default: "6ms", Doc: "How long a create takes."},
		{Name: "room", Type: plugins.TypeInteger, Default: 5000, Doc: "How many servers there may be."},
		{Name: "password", Required: true, Secret: true, Doc: "The magic words."},
	}
	p.Config = plugins.Schema{
		{Name: "port", Type: plugins.TypeInteger, Default: 80, Min: plugins.Bound(1), Max: plugins.Bound(65535), Doc: "The main port."},
		{Name: "size", Default: "small", OneOf: []string{"small", "big"}, Doc: "How big."},
	}
	atStart(&p)
	plugins.Serve(p)
}

// atStart is for bugs that are there before any setting is: they go by a file
// beside the binary.
func atStart(p *plugins.Plugin) {
	self, _ := os.Executable()
	b, _ := os.ReadFile(self + ".bug")
	switch string(b) {
	case "secret not marked":
		p.Settings[3].Secret = false
	case "no documentation":
		p.Config[1].Doc = ""
	case "SIGTERM ignored":
		signal.Ignore(syscall.SIGTERM)
	case "unknown keys accepted":
		p.Settings, p.Config = nil, nil
	case "version missing":
		p.Version = " "
	case "prints before the handshake":
		fmt.Println("starting")
	}
}

type provider struct {
	mu       sync.Mutex // guards all below
	bug      string
	dir      string
	latency  time.Duration
	room     int
	password string
	log      *slog.Logger
	calls    int // of Configure
	memory   map[string]*record
	current  cloud.Spec
	tokens   map[string]*sync.Mutex
	failed   map[string]error // for the bug of that name
	begun    time.Time
}

func (p *provider) has(bug string) bool { return p.bug == bug }

func (p *provider) Configure(_ context.Context, s plugins.Settings) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bug, _ = s.Config["bug"].(string)
	p.password, _ = s.Config["password"].(string)
	latency, _ := s.Config["latency"].(string)
	p.latency, _ = time.ParseDuration(latency)
	p.room = 5000
	if room, ok := s.Config["room"].(float64); ok {
		p.room = int(room)
	}
	p.dir, p.log = filepath.Join(s.StateDir, "servers"), s.Log
	if p.memory == nil {
		p.memory, p.tokens = map[string]*record{}, map[string]*sync.Mutex{}
	}
	p.begun = time.Now()
	if p.calls++; p.calls > 1 && p.has("configure once") {
		return fmt.Errorf("mkdir %s: file exists", p.dir)
	}
	if p.password != "open sesame" && p.password != "" {
		switch p.bug {
		case "wrong credentials accepted":
		case "wrong credentials without a code":
			return fmt.Errorf("the password is wrong")
		case "wrong credentials hang":
			time.Sleep(time.Hour)
		case "secret in error":
			return plugins.Errorf(plugins.Denied, "the password %q is wrong", p.password)
		case "secret in a URL":
			return plugins.Errorf(plugins.Denied, "GET https://%s@files.example.test/: 401", url.UserPassword("files", p.password))
		default:
			return plugins.Errorf(plugins.Denied, "the password is wrong")
		}
	}
	if p.has("secret in log") {
		s.Log.Info("configured", "settings", s.Config)
	}
	if p.has("secret in a header") {
		s.Log.Info("asking", "authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("files:"+p.password)))
	}
	if p.has("SIGTERM ends the servers") {
		asked := make(chan os.Signal, 1)
		signal.Notify(asked, syscall.SIGTERM)
		go func() { <-asked; _ = os.RemoveAll(p.dir); os.Exit(0) }()
	}
	if p.has("child left behind") {
		c := exec.Command("sleep", "300")
		c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		_ = c.Start()
	}
	if p.has("writes to HOME") {
		_ = os.WriteFile(filepath.Join(os.Getenv("HOME"), ".files"), []byte("x"), 0o600)
	}
	if p.has("writes to TMPDIR") {
		_, _ = os.CreateTemp("", "files")
	}
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return err
	}
	for i := range locks {
		f, err := os.OpenFile(filepath.Join(p.dir, fmt.Sprintf(".lock-%d", i)), os.O_CREATE, 0o600)
		if err != nil {
			return err
		}
		_ = f.Close()
	}
	return nil
}

// locks is how many files calls of different processes wait at for each other.
const locks = 16

// Console implements cloud.Consoler.
func (p *provider) Console(ctx context.Context, token string) ([]byte, error) {
	if p.has("console declared and missing") {
		return nil, fmt.Errorf("no console")
	}
	if _, err := p.Get(ctx, token); err != nil {
		if p.has("console of the missing") {
			return nil, nil
		}
		return nil, err
	}
	return []byte("booted\n"), nil
}

// lockFor has calls with one token wait for each other, in this process and others.
func (p *provider) lockFor(token string) (unlock func(), err error) {
	if p.has("double create at once") {
		return func() {}, nil
	}
	if p.has("made for nobody") || p.has("failures kept") {
		token = "all wait for each other"
	}
	p.mu.Lock()
	m := p.tokens[token]
	if m == nil {
		m = &sync.Mutex{}
		p.tokens[token] = m
	}
	p.mu.Unlock()
	m.Lock()
	if p.has("double create of two processes") {
		return m.Unlock, nil
	}
	f, err := os.Open(filepath.Join(p.dir, fmt.Sprintf(".lock-%d", crc32.ChecksumIEEE([]byte(token))%locks)))
	if err != nil {
		m.Unlock()
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		m.Unlock()
		return nil, err
	}
	return func() { _ = f.Close(); m.Unlock() }, nil
}

func encode(v any) []byte {
	b, _ := json.Marshal(v)
	return b
}
