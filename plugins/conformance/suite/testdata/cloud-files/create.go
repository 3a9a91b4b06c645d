package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
)

// record is the file of a server.
type record struct {
	Token, Name, Address, State string
	Port                        int
	Tags                        map[string]string
	CreatedAt                   time.Time
	Hidden                      bool
}

// path is where the server of a token has its files; it is named by a hash.
func (p *provider) path(token string) string {
	switch {
	case p.has("token cut"):
		token = token[:min(len(token), 20)]
	case p.has("token trimmed"):
		token = strings.TrimSpace(token)
	case p.has("token lowercased"):
		token = strings.ToLower(token)
	case p.has("token as a path"):
		return filepath.Join(p.dir, token)
	}
	sum := sha256.Sum256([]byte(token))
	return filepath.Join(p.dir, hex.EncodeToString(sum[:12]))
}

func (p *provider) read(path string) (*record, error) {
	b, err := os.ReadFile(path + ".json")
	if err != nil {
		return nil, err
	}
	var r record
	return &r, json.Unmarshal(b, &r)
}

// write puts the record there at once or not at all.
func (p *provider) write(path string, r *record) error {
	b := encode(r)
	if p.has("half-written files") {
		f, err := os.Create(path + ".json")
		if err != nil {
			return err
		}
		defer f.Close()
		_, _ = f.Write(b[:len(b)/2])
		time.Sleep(4 * time.Millisecond)
		_, err = f.Write(b[len(b)/2:])
		return err
	}
	if err := os.WriteFile(path+".tmp", b, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".tmp", path+".json")
}

// Create implements cloud.Provider.
func (p *provider) Create(ctx context.Context, s cloud.Spec) (*cloud.Server, error) {
	s = p.spoil(s)
	if p.has("refuses without a field") && strings.ContainsFunc(s.Name, func(r rune) bool { return r > 127 }) {
		return nil, plugins.Errorf(plugins.Invalid, "the name %.60q has letters that nobody knows", s.Name)
	}
	if p.has("panics on unicode") && strings.ContainsFunc(s.Name, func(r rune) bool { return r > 127 }) {
		panic("a letter that I do not know")
	}
	if p.has("token ignored") {
		s.Token = "by-name-" + s.Name
	}
	if p.has("cancel ignored") {
		ctx = context.WithoutCancel(ctx)
	}
	if p.has("calls deadlock") {
		p.mu.Lock()
		busy := p.current.Token != ""
		p.current = s
		p.mu.Unlock()
		if busy {
			select {}
		}
		defer func() { p.current = cloud.Spec{} }()
	}
	if p.has("descriptors leak") {
		keep, _ := os.Open(os.DevNull)
		kept = append(kept, keep)
	}
	p.hoard(s)
	ctx, leave := p.company(ctx, s.Token)
	defer leave()
	unlock, err := p.lockFor(s.Token)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := p.stillWanted(ctx, s.Token); err != nil {
		return nil, err
	}
	if p.has("calls mixed up") {
		p.mu.Lock()
		p.current = s
		p.mu.Unlock()
		time.Sleep(time.Millisecond)
		s.Tags, s.Name = p.current.Tags, p.current.Name
		if p.current.Token != s.Token {
			s.Config = map[string]any{"port": 1.0}
		}
	}
	if p.has("mixed up addresses") {
		s.Name = "x"
	}
	return p.make(ctx, s)
}

// kept holds what leaks.
var kept []*os.File

// make is Create under the lock of the token.
func (p *provider) make(ctx context.Context, s cloud.Spec) (*cloud.Server, error) {
	path := p.path(s.Token)
	if p.has("memory only") {
		path = filepath.Join(p.dir, fmt.Sprint(os.Getpid()), filepath.Base(path))
		_ = os.MkdirAll(filepath.Dir(path), 0o700)
	}
	if p.has("room before the token") {
		if err := p.admit(); err != nil {
			return nil, err
		}
	}
	r, err := p.read(path)
	if err == nil && p.has("repeated create fails") {
		return nil, plugins.Errorf(plugins.Exists, "it is there")
	}
	if errors.Is(err, fs.ErrNotExist) || p.has("double create") {
		r, err = p.begin(ctx, path, s)
	}
	if err != nil {
		return nil, err
	}
	if r.State == cloud.Deleting {
		return nil, plugins.RetryAfter(time.Second, errors.New("the server is being deleted"))
	}
	if r.Hidden {
		r.Hidden = false
	}
	if p.has("returns while it starts") {
		made := p.server(path, *r)
		go func() { _ = p.boot(context.WithoutCancel(ctx), path, r, s) }()
		return &made, nil
	}
	if err := p.boot(ctx, path, r, s); err != nil {
		if p.has("descriptors leak when it fails") {
			keep, _ := os.Open(os.DevNull)
			kept = append(kept, keep)
		}
		return nil, err
	}
	made := p.server(path, *r)
	if port, ok := s.Config["port"].(float64); ok && p.has("port of the call") {
		made.Port = int(port)
	}
	if p.has("running too early") {
		made.State = cloud.Running
	}
	return &made, nil
}

// begin writes down what will be made, before it is made.
func (p *provider) begin(ctx context.Context, path string, s cloud.Spec) (*record, error) {
	n, err := p.count()
	if err != nil {
		return nil, err
	}
	port := 80
	if f, ok := s.Config["port"].(float64); ok && !p.has("default ignored") {
		port = int(f)
	} else if p.has("default ignored") {
		port = 8080
		if f != 0 && f != 80 {
			port = int(f)
		}
	}
	r := &record{
		Token: s.Token, Name: s.Name, State: cloud.Starting, Port: port, Tags: s.Tags, CreatedAt: time.Now().UTC(),
		Address: fmt.Sprintf("10.%d.%d.%d", n>>16&255, n>>8&255, n&255),
	}
	if old := p.memory[s.Token]; old != nil && p.has("second life like the first") {
		r.Name, r.Tags = old.Name, old.Tags
	}
	p.remember(r)
	if p.has("address shared") {
		r.Address = "10.0.0.1"
	}
	if p.has("artifact first") { // what no list finds when the process dies here
		if err := os.WriteFile(path+".disk", []byte("disk"), 0o600); err != nil {
			return nil, err
		}
		if err := p.wait(ctx, p.latency/2); err != nil {
			return nil, err
		}
	}
	if err := p.admit(); err != nil {
		if p.has("quota leaves half") {
			_ = p.write(path, r)
		}
		return nil, err
	}
	if p.has("leak on cancel") || p.has("cancel ignored") || p.has("double create at once") {
		if err := p.wait(ctx, p.latency/2); err != nil {
			_ = os.WriteFile(path+".disk", []byte("disk"), 0o600)
			return nil, err
		}
	}
	return r, p.write(path, r)
}

func (p *provider) admit() error {
	made, _ := filepath.Glob(filepath.Join(p.dir, "*.json"))
	failed := p.dir + ".failed"
	if _, err := os.Stat(failed); len(made) < p.room && err != nil {
		return nil
	}
	if p.has("failure remembered") {
		_ = os.WriteFile(failed, nil, 0o600)
	}
	switch p.bug {
	case "quota as transient":
		return plugins.Errorf(plugins.Transient, "there is no room")
	case "quota without a code":
		return fmt.Errorf("there is no room")
	}
	return plugins.Errorf(plugins.Quota, "there is no room for more than %d servers", p.room)
}

// boot takes its time.
func (p *provider) boot(ctx context.Context, path string, r *record, s cloud.Spec) error {
	if r.State == cloud.Running {
		return nil
	}
	if p.has("secret in progress") {
		plugins.Report(ctx, "logging in with "+p.password, 0)
	}
	for i := range 3 {
		plugins.Report(ctx, fmt.Sprintf("booting %d/3", i+1), float64(i)/3)
		if err := p.wait(ctx, p.latency/3); err != nil {
			if p.has("cancel removes the record only") {
				_ = os.WriteFile(path+".disk", nil, 0o600)
				_ = os.Remove(path + ".json")
			}
			return fmt.Errorf("wait for the server to boot: %w", err)
		}
	}
	env := s.Env
	if p.has("environment trimmed") {
		env = maps.Clone(env)
		for k, v := range env {
			env[k] = strings.TrimSpace(v)
		}
	}
	if p.has("environment too big") && len(encode(env)) > 128<<10 {
		return errors.New("argument list too long")
	}
	if p.has("environment cut") {
		env = maps.Clone(env)
		for k, v := range env {
			env[k] = v[:min(len(v), 128<<10)]
		}
	}
	if p.has("environment dropped") {
		env = nil
	}
	if p.has("environment in log") {
		p.log.Info("booting", "env", s.Env)
	}
	if err := os.WriteFile(path+".env", encode(env), 0o600); err != nil {
		return err
	}
	if !p.has("running too early") {
		r.State = cloud.Running
	}
	return p.write(path, r)
}

func (p *provider) wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// count gives a number that no server has had.
func (p *provider) count() (int, error) {
	f, err := os.OpenFile(p.dir+".count", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return int(info.Size()) + 1, f.Truncate(info.Size() + 1)
}
