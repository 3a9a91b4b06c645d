package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
	"github.com/wright-build/wright/plugins/database"
	"github.com/wright-build/wright/plugins/dns"
)

// buildOld builds the plugin and host of the release that spoke protocol 1 only.
func buildOld(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "protocol1")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, "./testdata/protocol1").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

// TestPluginsOfProtocol1 are used as if nothing had happened.
func TestPluginsOfProtocol1(t *testing.T) {
	old, dir := buildOld(t), t.TempDir()
	for _, kind := range []plugins.Kind{plugins.Cloud, plugins.DNS, plugins.Database} {
		if err := os.Symlink(old, filepath.Join(dir, plugins.BinaryName(kind, "old"))); err != nil {
			t.Fatal(err)
		}
	}
	h, _ := open(t, "other", func(h *Host) { h.cfg.Dirs = []string{dir} })
	about, err := h.Describe(t.Context(), plugins.DNS, "old")
	if err != nil || about.Protocol != 1 || about.Version != "0.1" || about.Settings != nil {
		t.Errorf("described as %+v, %v", about, err)
	}
	ctx := plugins.WithReporter(t.Context(), func(p plugins.Progress) { t.Errorf("progress of protocol 1: %v", p) })
	t.Run("cloud", func(t *testing.T) {
		p, err := h.Cloud(ctx, "old")
		if err != nil {
			t.Fatal(err)
		}
		made, err1 := p.Create(ctx, cloud.Spec{Token: "t", Name: "n"})
		found, err2 := p.Get(ctx, "t")
		list, err3 := p.List(ctx, tags())
		err4 := p.Delete(ctx, "t")
		if err := errors.Join(err1, err2, err3, err4); err != nil || made.Token != "t" || found.Token != "t" || len(list) != 1000 {
			t.Errorf("made %+v, found %+v, listed %d: %v", made, found, len(list), err)
		}
		if _, err := p.(cloud.Consoler).Console(ctx, "t"); plugins.CodeOf(err) != plugins.Unsupported {
			t.Errorf("what is new gave %v", err)
		}
	})
	t.Run("dns", func(t *testing.T) {
		p, err := h.DNS(ctx, "old")
		if err != nil {
			t.Fatal(err)
		}
		err1 := p.Set(ctx, dns.Spec{Domain: "a.example", Tags: tags()})
		list, err2 := p.List(ctx, tags())
		if err := errors.Join(err1, err2, p.Delete(ctx, "a.example", tags())); err != nil || len(list) != 1 {
			t.Errorf("listed %v: %v", list, err)
		}
	})
	t.Run("database", func(t *testing.T) {
		p, err := h.Database(ctx, "old")
		if err != nil {
			t.Fatal(err)
		}
		made, err1 := p.Create(ctx, database.Spec{Token: "t", Name: "n"})
		list, err2 := p.List(ctx, tags())
		if err := errors.Join(err1, err2, p.Delete(ctx, "t")); err != nil || len(list) != 1 || made.Token != "t" {
			t.Errorf("made %+v, listed %v: %v", made, list, err)
		}
	})
}

// TestHostsOfProtocol1 get whole lists and no progress.
func TestHostsOfProtocol1(t *testing.T) {
	old, dir := buildOld(t), t.TempDir()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"cloud", "dns", "database"} {
		path := filepath.Join(dir, "wright-"+kind+"-many")
		if err := os.Symlink(exe, path); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), old, "host", path, kind)
		if _, err := cmd.StdinPipe(); err != nil { // the plugin gets it, and ends with it
			t.Fatal(err)
		}
		out, err := cmd.Output()
		var got struct {
			Protocol                int
			Kind, Name, Made, Ended string
			Listed                  int
		}
		if err := errors.Join(err, json.Unmarshal(out, &got)); err != nil {
			if exit, ok := errors.AsType[*exec.ExitError](err); ok {
				t.Errorf("%s", exit.Stderr)
			}
			t.Fatalf("%s: %v: %s", kind, err, out)
		}
		if got.Protocol != 1 || got.Kind != kind || got.Name != "many" || got.Listed != manyThings || got.Ended != "<nil>" ||
			kind != "dns" && got.Made != "t" {
			t.Errorf("%s: the old host heard %+v", kind, got)
		}
	}
}

// manyThings are so many that a list of them comes in pieces.
const manyThings = 300

// many is a provider of all kinds with long lists and much to report.
type many struct{ cloud.Provider }

// serveMany is a plugin of today.
func serveMany(binary string) {
	switch strings.Split(binary, "-")[1] {
	case "dns":
		plugins.Serve(dns.Plugin("many", "1", manyNames{}))
	case "database":
		plugins.Serve(database.Plugin("many", "1", manyDatabases{}))
	default:
		plugins.Serve(cloud.Plugin("many", "1", many{&fake{}}))
	}
}

func (many) Create(ctx context.Context, s cloud.Spec) (*cloud.Server, error) {
	plugins.Report(ctx, "booting", 0.5)
	return &cloud.Server{Token: s.Token, State: cloud.Running}, nil
}

func (many) Get(_ context.Context, token string) (*cloud.Server, error) {
	return &cloud.Server{Token: token, State: cloud.Running}, nil
}

func (many) List(context.Context, map[string]string) ([]cloud.Server, error) {
	var list []cloud.Server
	for i := range manyThings {
		list = append(list, cloud.Server{Token: fmt.Sprint(i), State: cloud.Running, Variables: map[string]string{"X": strings.Repeat("x", 5000)}})
	}
	return list, nil
}

func (many) Delete(ctx context.Context, _ string) error {
	plugins.Report(ctx, "ending", 0.5)
	return nil
}

type manyNames struct{}

func (manyNames) Set(context.Context, dns.Spec) error { return nil }

func (manyNames) Delete(context.Context, string, map[string]string) error { return nil }

func (manyNames) List(context.Context, map[string]string) ([]dns.Entry, error) {
	var list []dns.Entry
	for i := range manyThings {
		records := []dns.Record{}
		for range 6 {
			records = append(records, dns.Record{Type: "TXT", Value: strings.Repeat("x", 1000)})
		}
		list = append(list, dns.Entry{Domain: fmt.Sprintf("a%d.example", i), Records: records})
	}
	return list, nil
}

type manyDatabases struct{}

func (manyDatabases) Create(ctx context.Context, s database.Spec) (*database.Database, error) {
	plugins.Report(ctx, "making", 0.5)
	return &database.Database{Token: s.Token, Name: s.Name}, nil
}

func (manyDatabases) Delete(context.Context, string) error { return nil }

func (manyDatabases) List(context.Context, map[string]string) ([]database.Database, error) {
	var list []database.Database
	for i := range manyThings {
		list = append(list, database.Database{Token: fmt.Sprint(i), Name: "n", URL: strings.Repeat("x", 4000)})
	}
	return list, nil
}
