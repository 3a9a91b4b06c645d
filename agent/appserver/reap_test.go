package appserver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
	"github.com/wright-build/wright/plugins/database"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

func (b *bench) reap(t *testing.T, kind plugins.Kind, provider string, end ...string) (tokens []string) {
	t.Helper()
	all, err := b.Reap(t.Context(), &agentv1.Reap{Kind: string(kind), Provider: provider, End: end})
	if err != nil {
		t.Fatalf("reap %s/%s: %v", kind, provider, err)
	}
	for _, h := range all {
		tokens = append(tokens, h.GetToken())
		if h.GetTags()[plugins.InstallationTag] != "test" {
			t.Errorf("%s/%s lists %v", kind, provider, h)
		}
	}
	slices.Sort(tokens)
	return tokens
}

// reaped: of every kind it is listed what carries the installation's tag, and
// only of that something ends.
func reaped(t *testing.T, b *bench) {
	address := b.spawn(t)
	b.do(t, activate, address)
	another := cloud.Spec{Token: "theirs-000001.1", Name: "theirs", Tags: map[string]string{plugins.InstallationTag: "another"}}
	p, err := b.host.Cloud(t.Context(), "process")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Create(t.Context(), another); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Databases(t.Context(), "shop-000001.1", "shop", "shop-000001", sqlite("db", "kept")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		kind     plugins.Kind
		provider string
		holds    []string
		end      []string
		then     []string
	}{
		{plugins.Cloud, "process", []string{"shop-000001.1"}, []string{"theirs-000001.1", "nobody"}, []string{"shop-000001.1"}},
		{plugins.Cloud, "process", []string{"shop-000001.1"}, []string{"shop-000001.1"}, nil},
		{plugins.DNS, "hosts", []string{"shop.example.test"}, []string{"shop.example.test"}, nil},
		{plugins.Database, "sqlite", []string{"shop-000001.1/db", "shop-000001.1/kept"}, []string{"shop-000001.1/db", "shop-000001.1/kept"}, []string{"shop-000001.1/kept"}},
	} {
		if got := b.reap(t, c.kind, c.provider); !slices.Equal(got, c.holds) {
			t.Errorf("%s/%s holds %v, want %v", c.kind, c.provider, got, c.holds)
		}
		if failed := b.reap(t, c.kind, c.provider, c.end...); len(failed) > 0 {
			t.Errorf("%s/%s could not end %v", c.kind, c.provider, failed)
		}
		if got := b.reap(t, c.kind, c.provider); !slices.Equal(got, c.then) {
			t.Errorf("then %s/%s holds %v, want %v", c.kind, c.provider, got, c.then)
		}
	}
	if err := p.Delete(t.Context(), another.Token); err != nil {
		t.Error(err)
	}
	if _, err := b.Reap(t.Context(), &agentv1.Reap{Kind: "notifier", Provider: "file"}); err == nil {
		t.Error("what is of no use was listed")
	}
}

// moved: a name that somebody sets after it was listed stays.
func namesThatMoved(t *testing.T, b *bench) {
	address := b.spawn(t)
	b.do(t, activate, address)
	h, err := b.records(t.Context(), "hosts")
	if err != nil {
		t.Fatal(err)
	}
	tags := map[string]string{plugins.InstallationTag: "test"}
	if all, err := h.list(t.Context(), tags); err != nil || len(all) != 1 {
		t.Fatalf("listed %v, %v", all, err)
	}
	b.do(t, activate, "127.9.9.9:80")
	if err := h.end(t.Context(), "shop.example.test"); err != nil {
		t.Error(err)
	}
	if all, err := h.list(t.Context(), tags); err != nil || len(all) != 1 {
		t.Errorf("the name went that somebody had just set: %v, %v", all, err)
	}
	if err := h.end(t.Context(), "shop.example.test"); err != nil {
		t.Error(err)
	}
	if all, err := h.list(t.Context(), tags); err != nil || len(all) != 0 {
		t.Errorf("left: %v, %v", all, err)
	}
	b.do(t, terminate, address)
}

// deputies refuse what only the agent's own host can do.
func deputies(t *testing.T, b *bench) {
	address := b.spawn(t)
	op := operation(terminate, address)
	op.Deputy = true
	if err := b.Do(t.Context(), op); !errors.Is(err, ErrElsewhere) {
		t.Errorf("terminate: %v", err)
	}
	if len(b.servers()) != 1 {
		t.Error("a server of the deputy's own host was ended")
	}
	op.Deputy = false
	if err := b.Do(t.Context(), op); err != nil {
		t.Error(err)
	}
	free := &agentv1.Operation{Kind: deactivate, Deputy: true, Balancer: &agentv1.Balancer{Provider: "proxy", Name: "shop.test"}}
	if err := b.deputise(t.Context(), free); err != nil {
		t.Errorf("a provider that any agent reaches: %v", err)
	}
	free.Balancer.Provider = "nonesuch"
	if err := b.deputise(t.Context(), free); !errors.Is(err, ErrElsewhere) {
		t.Errorf("a provider that is not there: %v", err)
	}
}

// failures: what cannot be ended is named, and the rest ends.
func endFailures(t *testing.T, b *bench) {
	p, err := b.host.Database(t.Context(), "sqlite")
	if err != nil {
		t.Fatal(err)
	}
	var tokens []string
	for i := range 9 {
		spec := database.Spec{Token: fmt.Sprintf("shop-%06d.1/db", i+1), Name: "db", Instance: "shop", Tags: b.tags("shop", "")}
		if _, err := p.Create(t.Context(), spec); err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, spec.Token)
	}
	h, err := b.databases(t.Context(), "sqlite")
	if err != nil {
		t.Fatal(err)
	}
	all, err := h.list(t.Context(), map[string]string{plugins.InstallationTag: "test"})
	if err != nil {
		t.Fatal(err)
	}
	end := h.end
	h.end = func(ctx context.Context, token string) error {
		if token == tokens[3] {
			return errors.New("no")
		}
		return end(ctx, token)
	}
	failed := b.endAll(t.Context(), h, all, tokens)
	if len(failed) != 1 || failed[0].GetToken() != tokens[3] || failed[0].GetError() != "no" {
		t.Errorf("failed: %v", failed)
	}
	if left := b.reap(t, plugins.Database, "sqlite"); !slices.Equal(left, tokens[3:4]) {
		t.Errorf("left: %v", left)
	}
	b.reap(t, plugins.Database, "sqlite", tokens...)
}
