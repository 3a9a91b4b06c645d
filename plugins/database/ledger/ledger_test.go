package ledger

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/database"
	"github.com/wright-build/wright/plugins/database/seal"
)

func TestNames(t *testing.T) {
	ours, theirs := &Provider{Installation: "a"}, &Provider{Installation: "b"}
	seen := map[string]bool{}
	for _, tt := range []struct {
		p *Provider
		s database.Spec
	}{
		{ours, database.Spec{Token: "1", Instance: "shop", Name: "main"}},
		{ours, database.Spec{Token: "2", Instance: "shop", Name: "main"}},
		{theirs, database.Spec{Token: "1", Instance: "shop", Name: "main"}},
		{ours, database.Spec{Token: "1", Instance: "shop", Name: "main", Persistent: true}},
		{theirs, database.Spec{Token: "1", Instance: "shop", Name: "main", Persistent: true}},
		{ours, database.Spec{Token: "1", Instance: "shopmain", Name: "", Persistent: true}},
		{ours, database.Spec{Token: "1", Instance: strings.Repeat("a-", 500), Name: "main", Persistent: true}},
		{ours, database.Spec{Token: "1", Instance: strings.Repeat("a-", 501), Name: "main", Persistent: true}},
	} {
		e := tt.p.wanted(tt.s)
		if seen[e.Database] || seen[e.User] {
			t.Errorf("%+v: %s, %s are another's", tt.s, e.Database, e.User)
		}
		seen[e.Database], seen[e.User] = true, true
		if len(e.Database)+strings.Count(e.Database, "_") > 64 || len(e.User) > 32 {
			t.Errorf("%s or %s is too long", e.Database, e.User)
		}
	}
	kept := database.Spec{Token: "1", Instance: "shop", Name: "main", Persistent: true}
	other := kept
	other.Token = "2"
	if ours.wanted(kept).Database != ours.wanted(other).Database {
		t.Error("another token has another persistent database")
	}
}

func TestBind(t *testing.T) {
	for query, want := range map[string]string{
		"SELECT 1":               "SELECT 1",
		"a = ?":                  "a = $1",
		"VALUES (?, ?, ?) x = ?": "VALUES ($1, $2, $3) x = $4",
	} {
		if got := (Dialect{Numbered: true}).bind(query); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
		if got := (Dialect{}).bind(query); got != query {
			t.Errorf("%s: %s", query, got)
		}
	}
}

func TestPasswordOf(t *testing.T) {
	key, err := seal.NewKey("admin", "x")
	if err != nil {
		t.Fatal(err)
	}
	stored := entry{User: "u", Sealed: key.Seal("stored", "u")}
	for name, tt := range map[string]struct {
		e            entry
		wanted, want string
		code         plugins.Code
	}{
		"given":             {entry{}, "given", "given", ""},
		"given again":       {stored, "given", "given", ""},
		"stored":            {stored, "", "stored", ""},
		"another's":         {entry{User: "v", Sealed: stored.Sealed}, "", "", plugins.Invalid},
		"closed, but given": {entry{User: "v", Sealed: stored.Sealed}, "given", "given", ""},
	} {
		got, err := passwordOf(key, tt.e, tt.wanted)
		if got != tt.want || plugins.CodeOf(err) != tt.code {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestEnded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	err := plugins.Errorf(plugins.Denied, "no")
	if got := ended(ctx, err); !errors.Is(got, err) || plugins.CodeOf(got) != plugins.Denied {
		t.Errorf("%v", got)
	}
	cancel()
	if got := ended(ctx, err); !errors.Is(got, context.Canceled) || plugins.CodeOf(got) != plugins.Unknown || !strings.Contains(got.Error(), "no") {
		t.Errorf("%v", got)
	}
	if got := ended(ctx, nil); got != nil {
		t.Errorf("%v", got)
	}
}

func TestRead(t *testing.T) {
	table := func(change func(map[string]any)) map[string]any {
		m := map[string]any{"ledger": "wright", "servers": []any{
			map[string]any{"name": "b", "address": "h", "user": "u", "password": "p"}, map[string]any{"name": "a", "address": "i", "user": "u", "password": "p"},
		}}
		change(m)
		return m
	}
	s, err := Read(table(func(map[string]any) {}), 7)
	if err != nil || len(s.Servers) != 2 || s.Servers[0].Name != "a" || s.Servers[0].Address != "i:7" {
		t.Errorf("%+v, %v; want both, in the order of their names", s, err)
	}
	for field, change := range map[string]func(map[string]any){
		"settings.templates": func(m map[string]any) { m["templates"] = []any{"x", "wright"} },
		"settings.ledger":    func(m map[string]any) { m["ledger"] = "" },
		"settings.servers":   func(m map[string]any) { delete(m, "servers") },
	} {
		_, err := Read(table(change), 7)
		if e, ok := errors.AsType[*plugins.Error](err); !ok || e.Code != plugins.Invalid || e.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	if _, err := new(Late).List(t.Context(), nil); err == nil {
		t.Error("a provider without settings lists")
	}
}
