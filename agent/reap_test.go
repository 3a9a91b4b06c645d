package agent

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/conformance"
	"github.com/wright-build/wright/plugins/database"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// TestHoldingsComeInPieces: however much there is, each thing is told once, in
// messages of a bounded size, and the last says that it is all.
func TestHoldingsComeInPieces(t *testing.T) {
	binary := conformance.Build(t, "../plugins/providers/wright-database-sqlite")
	k, err := newKeepers(Config{Name: "one", Data: t.TempDir(), Plugins: []string{filepath.Dir(binary)}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer k.close()
	if err := k.welcome("home"); err != nil {
		t.Fatal(err)
	}
	p, err := k.host.Database(t.Context(), "sqlite")
	if err != nil {
		t.Fatal(err)
	}
	const many = piece + 7
	for i := range many {
		spec := database.Spec{Token: fmt.Sprintf("shop-%06d.1/db", i+1), Name: "db", Tags: map[string]string{plugins.InstallationTag: "home", "own": "x"}}
		if _, err := p.Create(t.Context(), spec); err != nil {
			t.Fatal(err)
		}
	}
	a := &Agent{keeper: k, link: &link{more: make(chan struct{}, 1)}}
	seen := map[string]bool{}
	parts := answers(t, a, &agentv1.Reap{Id: "r1", Kind: "database", Provider: "sqlite"})
	for i, part := range parts {
		if last := i == len(parts)-1; part.GetReap() != "r1" || part.GetMore() == last || len(part.GetHoldings()) > piece {
			t.Errorf("piece %d of %d: of %s, more %v, %d things", i, len(parts), part.GetReap(), part.GetMore(), len(part.GetHoldings()))
		}
		for _, h := range part.GetHoldings() {
			if seen[h.GetToken()] || len(h.GetTags()) != 1 || h.GetTags()[plugins.InstallationTag] != "home" {
				t.Errorf("told: %v", h)
			}
			seen[h.GetToken()] = true
		}
	}
	if len(seen) != many {
		t.Errorf("%d things were told of %d", len(seen), many)
	}
	parts = answers(t, a, &agentv1.Reap{Id: "r2", Kind: "database", Provider: "nonesuch"})
	if len(parts) != 1 || parts[0].GetError() == "" || parts[0].GetMore() {
		t.Errorf("a provider that is not there: %v", parts)
	}
}

// answers is what an agent queues for the master.
func answers(t *testing.T, a *Agent, r *agentv1.Reap) (all []*agentv1.Holdings) {
	t.Helper()
	a.reap(t.Context(), r)
	_, results := a.link.take()
	for _, m := range results {
		all = append(all, m.GetHoldings())
	}
	return all
}
