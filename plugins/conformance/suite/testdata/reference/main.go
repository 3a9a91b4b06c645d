// Command reference is a provider of each kind but cloud, by the name under
// which it is started: wright-dns-reference, wright-runner-reference and so on.
// It does what the contract says and keeps everything in files. Told a bug by
// its settings it is wrong in just this way, so that the suite's tests can see
// that the bug is caught.
package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/balancer"
	"github.com/wright-build/wright/plugins/database"
	"github.com/wright-build/wright/plugins/dns"
	"github.com/wright-build/wright/plugins/notifier"
	"github.com/wright-build/wright/plugins/runner"
)

func main() {
	kind, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(os.Args[0]), "wright-"), "-")
	p, ok := provider(kind)
	if !ok {
		fmt.Fprintf(os.Stderr, "%s: there is no reference for the kind %q\n", os.Args[0], kind)
		os.Exit(2)
	}
	p.Doc = "Keeps everything in files of its own directory."
	p.Settings = settings()
	p.Config = plugins.Schema{{Name: "color", Doc: "Has no effect.", Default: "red", OneOf: []string{"red", "blue"}}}
	plugins.Serve(p)
}

func provider(kind string) (plugins.Plugin, bool) {
	const name, version = "reference", "1.0.0"
	b := &base{}
	switch plugins.Kind(kind) {
	case plugins.DNS:
		return dns.Plugin(name, version, &zone{b}), true
	case plugins.Balancer:
		return balancer.Plugin(name, version, &routes{base: b}), true
	case plugins.Database:
		return database.Plugin(name, version, &databases{b}), true
	case plugins.Runner:
		return runner.Plugin(name, version, &sandboxes{b}), true
	case plugins.Notifier:
		return notifier.Plugin(name, version, &notices{base: b}), true
	}
	return plugins.Plugin{}, false
}

func settings() plugins.Schema {
	return plugins.Schema{
		{Name: "bug", Doc: "What to do wrong; empty means nothing."},
		{Name: "pause", Type: plugins.TypeDuration, Default: "2ms", Doc: "Of every change in its middle."},
		{Name: "backend", Doc: "URL of a service that keeps everything; default is the provider's directory."},
		{Name: "endpoint", Doc: "Where a notifier delivers; the address at which a balancer listens."},
		{Name: "scheme", Default: "file", Doc: "Of the URLs of databases, which are files whatever it says."},
		{Name: "by-hand", Doc: "A file with the name that a person has set, of a dns provider."},
		{Name: "full", Type: plugins.TypeBoolean, Default: false, Doc: "Whether there is no room."},
		{Name: "password", Secret: true, Required: true, Doc: "That of the far side; it begins with right."},
	}
}

// base is what all kinds share.
type base struct {
	mu       sync.Mutex // guards all below
	settings plugins.Settings
	kept     []*os.File // for the bugs that let things grow
	hoard    [][]byte
	changes  map[string]int    // when a domain was changed last
	count    int               // of changes
	once     map[string][]byte // for the bug that reads a file once only
}

var _ plugins.Configurer = (*base)(nil)

// Configure implements plugins.Configurer.
func (b *base) Configure(_ context.Context, s plugins.Settings) error {
	if password, _ := s.Config["password"].(string); !strings.HasPrefix(password, "right") {
		if s.Config["bug"] == "secret in error" {
			return plugins.Errorf(plugins.Denied, "the password %v is wrong", s.Config["password"])
		}
		if s.Config["bug"] != "wrong credentials accepted" && (s.Config["bug"] != "first settings for ever" || b.config().StateDir == "") {
			return plugins.Errorf(plugins.Denied, "the password is wrong")
		}
	}
	if s.Config["bug"] == "secret in log" {
		s.Log.Info("configured", "password", s.Config["password"])
	}
	if s.Config["bug"] == "SIGTERM ends everything" {
		asked := make(chan os.Signal, 1)
		signal.Notify(asked, syscall.SIGTERM)
		go func() {
			<-asked
			_ = os.RemoveAll(s.StateDir)
			os.Exit(0)
		}()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if s.Config["bug"] != "first settings for ever" || b.settings.StateDir == "" {
		b.settings = s
	}
	return nil
}

// slowly takes a while for each of n, whoever has given up meanwhile.
func (b *base) slowly(ctx context.Context, n int) context.Context {
	if !b.bug("overtaken") {
		return ctx
	}
	<-time.After(time.Duration(n) * time.Millisecond)
	return context.WithoutCancel(ctx)
}

func (b *base) config() plugins.Settings {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.settings
}

func (b *base) text(key string) string {
	s, _ := b.config().Config[key].(string)
	return s
}

func (b *base) bug(names ...string) bool { return slices.Contains(names, b.text("bug")) }

// pause is a moment in the middle of a change, in which it can be killed or
// cancelled.
func (b *base) pause(ctx context.Context) error {
	d, err := time.ParseDuration(b.text("pause"))
	if err != nil {
		return err
	}
	if b.bug("ignores cancel") {
		<-time.After(20 * d)
		return nil
	}
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// room fails where there is none.
func (b *base) room() error {
	switch {
	case b.config().Config["full"] != true, b.bug("quota leaves half"):
		return nil
	case b.bug("quota is transient"):
		return plugins.Errorf(plugins.Transient, "there is no room")
	}
	return plugins.Errorf(plugins.Quota, "there is no room: the quota is used up")
}

// dir is where the state lies.
func (b *base) dir() string {
	dir := b.config().StateDir
	if b.bug("forgets") {
		dir = filepath.Join(dir, strconv.Itoa(os.Getpid()))
	}
	return dir
}

// selects says whether a list for want holds what has the tags have.
func (b *base) selects(have, want map[string]string) bool {
	switch {
	case b.bug("list ignores tags"):
		return true
	case b.bug("nothing without tags"):
		return len(want) > 0 && plugins.HasTags(have, want)
	case b.bug("installation without case"):
		own, asked := maps.Clone(want), want[plugins.InstallationTag]
		if strings.EqualFold(have[plugins.InstallationTag], asked) {
			delete(own, plugins.InstallationTag)
		}
		return plugins.HasTags(have, own)
	case b.bug("list only of the installation"):
		return have[plugins.InstallationTag] == want[plugins.InstallationTag]
	}
	return plugins.HasTags(have, want)
}

// tags is what is kept of them.
func (b *base) tags(tags map[string]string) map[string]string {
	kept := map[string]string{}
	for k, v := range tags {
		switch {
		case b.bug("tags lowercased"):
			v = strings.ToLower(v)
		case b.bug("wright- tags dropped") && strings.HasPrefix(k, "wright-") && k != plugins.InstallationTag:
			continue
		case b.bug("tags cut") && len(v) > 20:
			v = v[:20]
		case b.bug("tags dropped") && k != plugins.InstallationTag:
			continue
		}
		kept[k] = v
	}
	return kept
}

// pages is what comes of a list at the far side that has pages of 20.
func pages[T any](b *base, list []T) []T {
	const page = 20
	switch {
	case b.bug("first page only"):
		return list[:min(page, len(list))]
	case b.bug("page twice") && len(list) > page:
		return append(list, list[:page]...)
	}
	return list
}
