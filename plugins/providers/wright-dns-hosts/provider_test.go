package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/dns"
)

func configured(t *testing.T, file string) *provider {
	t.Helper()
	p := &provider{}
	err := p.Configure(t.Context(), plugins.Settings{StateDir: t.TempDir(), Config: map[string]any{"file": file}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestFileKeepsModeAndLink(t *testing.T) {
	dir := t.TempDir()
	real, link := filepath.Join(dir, "real", "hosts"), filepath.Join(dir, "hosts")
	if err := os.Mkdir(filepath.Dir(real), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(real, []byte("127.0.0.1 localhost\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(real, link); err != nil {
		t.Fatal(err)
	}
	p := configured(t, link)
	if err := p.Set(t.Context(), dns.Spec{Domain: "shop.test", Records: []dns.Record{{Type: "a", Value: "192.0.2.1"}}, Tags: tagsOf("me")}); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is %v, %v", info.Mode(), err)
	}
	if info, err := os.Stat(real); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the file is %v, %v", info.Mode(), err)
	}
	if b, _ := os.ReadFile(real); string(b) != "127.0.0.1 localhost\n192.0.2.1\tshop.test\t# wright:me\n" {
		t.Errorf("the file holds %q", b)
	}
}

// Two providers, as of two agents, share a file without losing a line.
func TestTwoProvidersShareAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "hosts")
	providers := []*provider{configured(t, file), configured(t, file)}
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			err := providers[i%2].Set(t.Context(), dns.Spec{Domain: fmt.Sprintf("h%d.test", i), Records: []dns.Record{{Type: "A", Value: "192.0.2.1"}}, Tags: tagsOf(fmt.Sprint(i % 2))})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	b, err := os.ReadFile(file)
	if err != nil || strings.Count(string(b), "\n") != 40 {
		t.Errorf("%d lines, %v", strings.Count(string(b), "\n"), err)
	}
	entries, _ := os.ReadDir(filepath.Dir(file))
	if len(entries) != 2 { // the file and its lock
		t.Errorf("left beside the file: %v", entries)
	}
}

func TestRefusals(t *testing.T) {
	p := configured(t, filepath.Join(t.TempDir(), "hosts"))
	tests := []struct {
		domain string
		record dns.Record
		tags   map[string]string
		code   plugins.Code
	}{
		{"a.test", dns.Record{Type: "CNAME", Value: "b.test"}, tagsOf("me"), plugins.Unsupported},
		{"*.a.test", dns.Record{Type: "A", Value: "192.0.2.1"}, tagsOf("me"), plugins.Unsupported},
		{"a.test", dns.Record{Type: "A", Value: "2001:db8::1"}, tagsOf("me"), plugins.Invalid},
		{"a.test", dns.Record{Type: "AAAA", Value: "192.0.2.1"}, tagsOf("me"), plugins.Invalid},
		{"a.test", dns.Record{Type: "AAAA", Value: "fe80::1%eth0\n"}, tagsOf("me"), plugins.Invalid},
		{"a.test\n10.0.0.1 bank.test", dns.Record{Type: "A", Value: "192.0.2.1"}, tagsOf("me"), plugins.Invalid},
		{"a.test", dns.Record{Type: "A", Value: "192.0.2.1"}, nil, plugins.Invalid},
	}
	for _, tt := range tests {
		if err := p.Set(t.Context(), dns.Spec{Domain: tt.domain, Records: []dns.Record{tt.record}, Tags: tt.tags}); plugins.CodeOf(err) != tt.code {
			t.Errorf("%q %v: %v, want the code %q", tt.domain, tt.record, err, tt.code)
		}
	}
	if b, err := os.ReadFile(p.path); err == nil {
		t.Errorf("something was written: %q", b)
	}
	for _, bad := range []map[string]any{{"file": "relative"}, {"flie": "/x"}} {
		err := (&provider{}).Configure(t.Context(), plugins.Settings{StateDir: "/x", Config: bad})
		if plugins.CodeOf(err) != plugins.Invalid {
			t.Errorf("%v: %v", bad, err)
		}
	}
}
