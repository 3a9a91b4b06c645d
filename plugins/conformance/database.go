package conformance

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/database"
	"github.com/wright-build/wright/plugins/host"
)

// Database tests a database provider.
func Database(t *testing.T, s Subject) {
	tests := []struct {
		name string
		test func(*testing.T, *databaseBench)
	}{
		{"create, list, delete", databaseLife},
		{"at the same time", databaseConcurrent},
		{"the persistent", databasePersistent},
		{"killed in the middle of create", databaseKilled},
		{"hostile names", databaseHostile},
		{"no time left", databaseNoTime},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := &databaseBench{bench: newBench(t, plugins.Database, s)}
			t.Cleanup(func() { b.deleteAll(t) })
			tt.test(t, b)
		})
	}
}

type databaseBench struct{ *bench }

func (b *databaseBench) provider(t *testing.T) (*host.Host, database.Provider) {
	t.Helper()
	h := b.open(t)
	p, err := h.Database(b.call(t), b.name)
	if err != nil {
		t.Fatal("launch:", err)
	}
	return h, p
}

func (b *databaseBench) spec(token, name string) database.Spec {
	return database.Spec{Token: token, Name: name, Instance: "conformance", Tags: ownTags(), Config: b.subject.Config}
}

func (b *databaseBench) create(t *testing.T, p database.Provider, s database.Spec) database.Database {
	t.Helper()
	made, err := p.Create(b.call(t), s)
	if err != nil {
		t.Fatal("create:", err)
	}
	return *made
}

func (b *databaseBench) list(t *testing.T, p database.Provider) map[string]database.Database {
	t.Helper()
	all, err := p.List(b.call(t), ownTags())
	if err != nil {
		t.Fatal("list:", err)
	}
	byToken := map[string]database.Database{}
	for _, d := range all {
		byToken[d.Token] = d
	}
	if len(byToken) != len(all) {
		t.Errorf("list gives a token twice: %v", all)
	}
	return byToken
}

// deleteAll runs when the test's own context has ended already.
func (b *databaseBench) deleteAll(t *testing.T) {
	h := b.open(t)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), b.subject.Limit)
	defer cancel()
	p, err := h.Database(ctx, b.name)
	if err != nil {
		t.Error("launch to clean up:", err)
		return
	}
	all, err := p.List(ctx, ownTags())
	if err != nil {
		t.Error("list to clean up:", err)
	}
	for _, d := range all {
		if err := p.Delete(ctx, d.Token); err != nil {
			t.Errorf("delete %q: %v", d.Token, err)
		}
	}
}

func databaseLife(t *testing.T, b *databaseBench) {
	_, p := b.provider(t)
	first := b.create(t, p, b.spec("life", "shop"))
	if first.Token != "life" || first.Name != "shop" || first.URL == "" || first.Persistent || !plugins.HasTags(first.Tags, ownTags()) {
		t.Errorf("create gave %+v", first)
	}
	if again := b.create(t, p, b.spec("life", "shop")); again.URL != first.URL {
		t.Errorf("the same token gave %s and %s", first.URL, again.URL)
	}
	if other := b.create(t, p, b.spec("other", "shop")); other.URL == first.URL {
		t.Errorf("two tokens share the ephemeral database %s", other.URL)
	}
	if l := b.list(t, p); len(l) != 2 || l["life"].URL != first.URL {
		t.Errorf("list gave %v", l)
	}
	for range 2 {
		if err := p.Delete(b.call(t), "life"); err != nil {
			t.Error("delete:", err)
		}
	}
	if l := b.list(t, p); len(l) != 1 {
		t.Errorf("after delete, list gave %v", l)
	}
	if err := p.Delete(b.call(t), "never made"); err != nil {
		t.Error("delete the missing:", err)
	}
}

func databaseConcurrent(t *testing.T, b *databaseBench) {
	_, p := b.provider(t)
	var wg sync.WaitGroup
	for i := range 4 {
		for range 4 {
			wg.Go(func() {
				if _, err := p.Create(b.call(t), b.spec(fmt.Sprintf("token-%d", i), "shop")); err != nil {
					t.Error("create:", err)
				}
			})
		}
	}
	wg.Wait()
	urls := map[string]bool{}
	for _, d := range b.list(t, p) {
		urls[d.URL] = true
	}
	if len(urls) != 4 {
		t.Errorf("%d databases for 4 tokens: %v", len(urls), urls)
	}
}

func databasePersistent(t *testing.T, b *databaseBench) {
	h, p := b.provider(t)
	s := b.spec("first", "kept")
	s.Persistent = true
	first := b.create(t, p, s)
	if !first.Persistent {
		t.Errorf("create gave %+v, not persistent", first)
	}
	if err := p.Delete(b.call(t), "first"); err != nil {
		t.Fatal("delete:", err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	_, p = b.provider(t)
	s.Token = "second"
	if second := b.create(t, p, s); second.URL != first.URL {
		t.Errorf("the persistent database was at %s and is at %s", first.URL, second.URL)
	}
	s.Token, s.Instance = "third", "another"
	if third := b.create(t, p, s); third.URL == first.URL {
		t.Errorf("two instances share the persistent database %s", first.URL)
	}
}

func databaseKilled(t *testing.T, b *databaseBench) {
	for i, delay := range killDelays() {
		token := fmt.Sprintf("killed-%d", i)
		h, p := b.provider(t)
		done := make(chan error, 1)
		go func() {
			_, err := p.Create(b.call(t), b.spec(token, "shop"))
			done <- err
		}()
		<-time.After(delay)
		b.kill(t, h)
		err := <-done
		_, p = b.provider(t)
		found, listed := b.list(t, p)[token]
		if err == nil && !listed {
			t.Errorf("the database that create gave before the kill after %v is not listed", delay)
		}
		again := b.create(t, p, b.spec(token, "shop"))
		if listed && found.URL != again.URL {
			t.Errorf("killed after %v: listed as %s, created again as %s", delay, found.URL, again.URL)
		}
		if err := p.Delete(b.call(t), token); err != nil {
			t.Errorf("delete after a kill after %v: %v", delay, err)
		}
		if l := b.list(t, p); len(l) != 0 {
			t.Errorf("killed after %v, deleted, and list gives %v", delay, l)
		}
	}
}

func databaseHostile(t *testing.T, b *databaseBench) {
	_, p := b.provider(t)
	for i, name := range hostile() {
		byName := b.spec(fmt.Sprintf("hostile-%d", i), name)
		byInstance := b.spec(fmt.Sprintf("instance-%d", i), "shop")
		byInstance.Instance, byInstance.Persistent = name, true
		for _, s := range []database.Spec{byName, byInstance, b.spec(name, "shop")} {
			made, err := p.Create(b.call(t), s)
			if err != nil {
				if !refused(err) {
					t.Errorf("%.60q: code %q, want invalid or none: %v", name, plugins.CodeOf(err), err)
				}
				continue
			}
			if made.Token != s.Token || made.Name != s.Name {
				t.Errorf("%.60q: accepted, but gave %+v", name, made)
			}
			if err := p.Delete(b.call(t), s.Token); err != nil {
				t.Errorf("%.60q: delete: %v", name, err)
			}
		}
	}
	s := b.spec("big config", "shop")
	s.Config = map[string]any{"big": strings.Repeat("x", plugins.MaxConfig)}
	if _, err := p.Create(b.call(t), s); !refused(err) {
		t.Errorf("a configuration of more than %d bytes gave %v", plugins.MaxConfig, err)
	}
	b.onlyState(t)
}

func databaseNoTime(t *testing.T, b *databaseBench) {
	_, p := b.provider(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Create(ctx, b.spec("late", "shop")); !errors.Is(err, context.Canceled) {
		t.Errorf("create with a cancelled context gave %v", err)
	}
}
