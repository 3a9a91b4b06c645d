package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
)

// spoil is what careless handling does to a request.
func (p *provider) spoil(s cloud.Spec) cloud.Spec {
	switch p.bug {
	case "name mangled":
		s.Name = strings.ReplaceAll(strings.ToLower(s.Name), " ", "-")
	case "name cut":
		s.Name = s.Name[:min(len(s.Name), 63)]
	case "name trimmed":
		s.Name = strings.TrimSpace(s.Name)
	}
	tags := map[string]string{}
	for k, v := range s.Tags {
		switch p.bug {
		case "tags lowercased":
			k, v = strings.ToLower(k), strings.ToLower(v)
		case "tags cut":
			v = v[:min(len(v), 63)]
		case "tags dropped":
			if k != plugins.InstallationTag {
				continue
			}
		case "wright- tags dropped":
			if strings.HasPrefix(k, "wright-") && k != plugins.InstallationTag {
				continue
			}
		case "tags that differ in case are one":
			for known := range tags {
				if strings.EqualFold(known, k) {
					k = known
				}
			}
		case "empty tags dropped":
			if v == "" {
				continue
			}
		}
		tags[k] = v
	}
	s.Tags = tags
	return s
}

// hoard keeps what nobody needs any more.
func (p *provider) hoard(s cloud.Spec) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch p.bug {
	case "memory grows":
		hoarded = append(hoarded, s)
	case "threads leak":
		go func() {
			runtime.LockOSThread()
			select {}
		}()
	case "names kept":
		f, err := os.OpenFile(p.dir+".calls", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return
		}
		defer f.Close()
		_, _ = f.Write(append(encode(s.Tags), '\n'))
	case "journal kept":
		f, err := os.OpenFile(p.dir+".journal", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return
		}
		defer f.Close()
		_, _ = f.Write(encode(s.Env))
	case "environment readable":
		_ = os.WriteFile(p.dir+".env", encode(s.Env), 0o644)
	case "environment in arguments":
		_ = exec.Command("sh", "-c", "sleep 0.05", "sh", fmt.Sprint(s.Env)).Run()
	}
}

// remember keeps a record for a bug that answers from memory.
func (p *provider) remember(r *record) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.has("second life like the first") || p.has("others unseen") {
		p.memory[r.Token] = r
	}
}

// unseen says whether a bug has the provider see only what it made itself, and
// what was there when it started.
func (p *provider) unseen(r *record) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.has("others unseen") && p.memory[r.Token] == nil && r.CreatedAt.After(p.begun)
}

// company gives the context of a call, or with a bug that of the first of several
// for one token.
func (p *provider) company(ctx context.Context, token string) (context.Context, func()) {
	if !p.has("context of the first") {
		return ctx, func() {}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if first, ok := firsts[token]; ok {
		return first, func() {}
	}
	firsts[token] = ctx
	return ctx, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(firsts, token)
	}
}

var firsts = map[string]context.Context{}

var hoarded []cloud.Spec

// stillWanted looks at the context when it is the call's turn at last.
func (p *provider) stillWanted(ctx context.Context, token string) error {
	switch p.bug {
	case "made for nobody", "leak on cancel", "cancel removes the record only", "artifact first":
		return nil
	}
	if !p.has("failures kept") {
		return ctx.Err()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed == nil {
		p.failed = map[string]error{}
	}
	if err := ctx.Err(); err != nil {
		p.failed[token] = err
	}
	return p.failed[token]
}
