package catalog

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/catalog/repos"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
	"github.com/wright-build/wright/master/store/storetest"
)

const step = "[[step]]\nname = \"test\"\nrun = \"%s\"\n"

// snapshot is a directory with these manifests, "shop=make", and faults, "blog!why".
func snapshot(t *testing.T, files ...string) manifests.Snapshot {
	t.Helper()
	s := manifests.Snapshot{Manifests: map[string]*manifests.Manifest{}, Texts: map[string][]byte{}, Errors: map[string]manifests.Errors{}}
	for _, f := range files {
		if name, why, bad := strings.Cut(f, "!"); bad {
			s.Errors[name] = manifests.Errors{{Message: why}}
			continue
		}
		name, run, _ := strings.Cut(f, "=")
		text := fmt.Appendf(nil, step, run)
		m, err := manifests.Parse(name+".toml", text)
		if err != nil {
			t.Fatal(err)
		}
		s.Manifests[name], s.Texts[name] = m, text
	}
	return s
}

// directory is a snapshot as the only source.
func directory(t *testing.T, files ...string) []Source {
	t.Helper()
	return []Source{{Said: &Said{Snapshot: snapshot(t, files...)}}}
}

// facts are what a store has after the snapshots given, in turn.
func facts(t *testing.T, f *state.Facts, writes []state.Write, rev int64) {
	t.Helper()
	for _, w := range writes {
		if now := revision(f, w.Key); w.Rev != now {
			t.Errorf("the write of %s expects revision %d, the fact is at %d", w.Key, w.Rev, now)
		}
		if w.Value == nil {
			f.Delete(w.Key)
			continue
		}
		value, err := json.Marshal(w.Value)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Put(w.Key, value, rev); err != nil {
			t.Fatal(err)
		}
	}
}

func revision(f *state.Facts, k state.Key) int64 {
	if m := f.Manifests[k.Name]; k.Kind == state.KindInForce && m != nil {
		return m.Rev
	}
	if x := f.Faults[k.Name]; k.Kind == state.KindFault && x != nil {
		return x.Rev
	}
	if k.Kind == state.KindInForce {
		return f.Unreadable[k.Name]
	}
	return 0
}

func show(writes []state.Write) string {
	var out []string
	for _, w := range writes {
		text := w.Key.String()
		switch v := w.Value.(type) {
		case nil:
			text = "-" + text
		case *state.InForce:
			text += "=" + strings.Split(string(v.Text), `"`)[3]
		case *state.Fault:
			text += "!" + v.Errors[0].Message
		}
		out = append(out, text)
	}
	return strings.Join(out, " ")
}

func TestDifference(t *testing.T) {
	for name, c := range map[string]struct {
		before, after []string
		want          string
	}{
		"nothing":                      {nil, nil, ""},
		"a new one":                    {nil, []string{"shop=make"}, "manifest/shop=make"},
		"two, in order":                {nil, []string{"shop=make", "blog=hugo"}, "manifest/blog=hugo manifest/shop=make"},
		"as it was":                    {[]string{"shop=make"}, []string{"shop=make"}, ""},
		"changed":                      {[]string{"shop=make"}, []string{"shop=just"}, "manifest/shop=just"},
		"gone":                         {[]string{"shop=make", "blog=hugo"}, []string{"blog=hugo"}, "-manifest/shop"},
		"gone bad: the last one stays": {[]string{"shop=make"}, []string{"shop!why"}, "fault/shop!why"},
		"bad from the beginning":       {nil, []string{"shop!why"}, "fault/shop!why"},
		"bad as before":                {[]string{"shop!why"}, []string{"shop!why"}, ""},
		"bad in another way":           {[]string{"shop!why"}, []string{"shop!how"}, "fault/shop!how"},
		"good again":                   {[]string{"shop!why"}, []string{"shop=make"}, "manifest/shop=make -fault/shop"},
		"a bad one is removed":         {[]string{"shop!why"}, nil, "-fault/shop"},
		"a file without a name":        {nil, []string{"Sh op.toml!name"}, "fault/Sh op.toml!name"},
		"one bad does not stop two":    {[]string{"a=x"}, []string{"a!why", "b=y", "c=z"}, "manifest/b=y manifest/c=z fault/a!why"},
	} {
		t.Run(name, func(t *testing.T) {
			f := state.NewFacts()
			facts(t, f, Difference(f, directory(t, c.before...), time.Unix(1, 0)), 7)
			writes := Difference(f, directory(t, c.after...), time.Unix(2, 0))
			if got := show(writes); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			facts(t, f, writes, 8)
			if again := Difference(f, directory(t, c.after...), time.Unix(3, 0)); len(again) > 0 {
				t.Errorf("once more: %s", show(again))
			}
		})
	}
}

func TestDifferenceKeepsTheLastGoodVersion(t *testing.T) {
	f := state.NewFacts()
	for rev, s := range []string{"shop=make", "shop!why", "shop!how"} {
		facts(t, f, Difference(f, directory(t, s), time.Unix(1, 0)), int64(rev+1))
	}
	if m := f.Manifests["shop"]; m == nil || m.Manifest.Steps[0].Run != "make" || f.Faults["shop"].Errors[0].Message != "how" {
		t.Errorf("in force %+v, fault %+v", m, f.Faults["shop"])
	}
}

// What another release put in force, and this one cannot read, gives way.
func TestDifferenceAfterADowngrade(t *testing.T) {
	f := state.NewFacts()
	for _, name := range []string{"shop", "blog"} {
		value := `{"instance":"` + name + `","file":"` + name + `.toml","text":"dG9tb3Jyb3cgPSAx"}`
		if err := f.Put(state.Key{Kind: state.KindInForce, Name: name}, []byte(value), 5); err == nil {
			t.Fatal("a key of tomorrow was understood")
		}
	}
	writes := Difference(f, directory(t, "shop=make"), time.Unix(1, 0))
	if got := show(writes); got != "manifest/shop=make -manifest/blog" {
		t.Errorf("got %s", got)
	}
	facts(t, f, writes, 6)
	if f.Manifests["shop"] == nil || len(f.Unreadable) > 0 {
		t.Errorf("in force %v, unreadable %v", f.Manifests, f.Unreadable)
	}
}

// A directory is put in force, and what changes in it.
func TestRun(t *testing.T) {
	st := storetest.Embedded(t)
	path := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(path, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 20 {
		write(fmt.Sprintf("i%d.toml", i), fmt.Sprintf(step, "make"))
	}
	write("bad.toml", "[[step]\n")
	dir, err := manifests.OpenDir(path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() { _ = New(st, dir, repos.New(repos.Config{}), slog.New(slog.DiscardHandler)).Run(ctx) })
	defer func() { cancel(); all.Wait() }()
	until(t, st, func(f *state.Facts) bool { return len(f.Manifests) == 20 && f.Faults["bad"] != nil })
	write("i3.toml", "bogus")
	write("bad.toml", fmt.Sprintf(step, "make"))
	if err := os.Remove(filepath.Join(path, "i4.toml")); err != nil {
		t.Fatal(err)
	}
	until(t, st, func(f *state.Facts) bool {
		return len(f.Manifests) == 20 && f.Manifests["i4"] == nil && f.Manifests["i3"] != nil && f.Faults["i3"] != nil && f.Faults["bad"] == nil
	})
}

func until(t *testing.T, st *store.Store, holds func(f *state.Facts) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := st.Await(ctx, holds); err != nil {
		t.Fatalf("it never came to that: %v", err)
	}
}
