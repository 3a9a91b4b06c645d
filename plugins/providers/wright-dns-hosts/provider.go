package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/dns"
)

// provider keeps records in one file.
type provider struct {
	mu   sync.Mutex // guards all below
	path string
}

var (
	_ dns.Provider       = (*provider)(nil)
	_ plugins.Configurer = (*provider)(nil)
)

// options is the provider's table of the agent's configuration.
type options struct {
	File string `json:"file"` // absolute; default: hosts in the provider's directory
}

// Configure implements plugins.Configurer.
func (p *provider) Configure(_ context.Context, s plugins.Settings) error {
	o := options{File: filepath.Join(s.StateDir, "hosts")}
	if err := plugins.ReadConfig(s.Config, &o); err != nil {
		return err
	}
	if !filepath.IsAbs(o.File) {
		return plugins.Invalidf("settings.file", "%.200q is not an absolute path", o.File)
	}
	// A link to the file stays a link: what it leads to is replaced.
	real, err := filepath.EvalSymlinks(o.File)
	if errors.Is(err, fs.ErrNotExist) {
		real, err = o.File, nil
	}
	if err != nil {
		return fmt.Errorf("find the hosts file: %w", err)
	}
	p.mu.Lock()
	p.path = real
	p.mu.Unlock()
	return nil
}

// Set implements dns.Provider. TTLs have no place in the file and are dropped.
func (p *provider) Set(ctx context.Context, s dns.Spec) error {
	domain, err := normal(s.Domain)
	if err != nil {
		return err
	}
	if strings.HasPrefix(domain, "*") {
		return plugins.Errorf(plugins.Unsupported, "a hosts file has no wildcards such as %s", domain)
	}
	fresh := make([]line, 0, len(s.Records))
	for i, r := range s.Records {
		address, err := addressOf(fmt.Sprintf("records[%d]", i), r)
		if err != nil {
			return err
		}
		fresh = append(fresh, line{address: address, domain: domain, tags: s.Tags})
	}
	return p.change(ctx, domain, fresh, s.Tags)
}

// Delete implements dns.Provider.
func (p *provider) Delete(ctx context.Context, domain string, tags map[string]string) error {
	domain, err := normal(domain)
	if err != nil {
		return err
	}
	return p.change(ctx, domain, nil, tags)
}

func (p *provider) change(ctx context.Context, domain string, fresh []line, tags map[string]string) error {
	installation := tags[plugins.InstallationTag]
	if installation == "" {
		return plugins.Invalidf("tags."+plugins.InstallationTag, "is missing: nobody would own the records")
	}
	path, err := p.file()
	if err != nil {
		return err
	}
	lock, err := lockFile(path)
	if err != nil {
		return fmt.Errorf("lock the hosts file: %w", err)
	}
	defer func() { _ = lock.Close() }()
	before, err := readFile(path)
	if err != nil {
		return fmt.Errorf("read the hosts file: %w", err)
	}
	after := replace(before, installation, domain, fresh)
	if bytes.Equal(before, after) {
		return nil
	}
	// A call that was given up must not undo the one that came after it.
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("write the hosts file: %w", err)
	}
	if err := replaceFile(path, after); err != nil {
		return fmt.Errorf("write the hosts file: %w", err)
	}
	return nil
}

// List implements dns.Provider.
func (p *provider) List(_ context.Context, tags map[string]string) ([]dns.Entry, error) {
	path, err := p.file()
	if err != nil {
		return nil, err
	}
	b, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the hosts file: %w", err)
	}
	var list []dns.Entry
	index := map[[2]string]int{} // by installation and domain
	for raw := range bytes.Lines(b) {
		l, ok := parseLine(raw)
		if !ok || !plugins.HasTags(l.tags, tags) {
			continue
		}
		k := [2]string{l.tags[plugins.InstallationTag], l.domain}
		i, ok := index[k]
		if !ok {
			i = len(list)
			index[k] = i
			list = append(list, dns.Entry{Domain: l.domain, Tags: l.tags})
		}
		list[i].Records = append(list[i].Records, dns.Record{Type: typeOf(l.address), Value: l.address.String()})
	}
	return list, nil
}

func (p *provider) file() (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.path == "" {
		return "", errors.New("the provider is not configured yet")
	}
	return p.path, nil
}

// normal is the form in which domains are compared and written. It checks the
// domain again: a line break in it would write lines of its own.
func normal(domain string) (string, error) {
	if err := dns.CheckDomain(domain); err != nil {
		return "", err
	}
	return strings.ToLower(strings.TrimSuffix(domain, ".")), nil
}

func addressOf(field string, r dns.Record) (netip.Addr, error) {
	kind := strings.ToUpper(r.Type)
	if kind != "A" && kind != "AAAA" {
		return netip.Addr{}, plugins.Errorf(plugins.Unsupported, "%s.type: a hosts file has no records of type %.20q, only A and AAAA", field, r.Type)
	}
	address, err := netip.ParseAddr(r.Value)
	if err != nil || typeOf(address) != kind || address.Zone() != "" {
		return netip.Addr{}, plugins.Invalidf(field+".value", "%.60q is no address for a record of type %s", r.Value, kind)
	}
	return address, nil
}

func typeOf(a netip.Addr) string {
	if a.Is4() {
		return "A"
	}
	return "AAAA"
}
