// Package ledgertest holds tests of database providers that the conformance suite
// cannot have, because they look at the servers themselves: for providers that are
// made of package ledger, against two real servers. It speaks no dialect, and knows
// none of the providers.
package ledgertest

import (
	"context"
	"database/sql"
	"maps"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/database"
	"github.com/wright-build/wright/plugins/host"
)

// Subject is a provider and the servers "one" and "two", which run and are empty.
type Subject struct {
	Dir  string // where the binary is
	Name string // of the provider
	One  Server
	Two  Server

	// Open connects as a program does that is given a URL.
	Open func(t testing.TB, url string) *sql.DB
	// SetPassword changes the administrator's password.
	SetPassword func(password string) string
}

// Server is one of the servers.
type Server struct {
	Entry map[string]any // of the setting "servers", without the name
	Admin *sql.DB        // in the ledger's place, which may not be there yet
	// Users and Databases are questions for what the server has.
	Users, Databases string
	Log              func(t testing.TB) string // every statement that it was sent
}

// Run runs all tests.
func Run(t *testing.T, s Subject) {
	t.Run("several servers", s.several)
	t.Run("a server is down", s.down)
	t.Run("another agent at once", s.agents)
	t.Run("half made, with two users", s.unfinished)
	t.Run("half made again", s.gone)
	t.Run("the ledger is lost", s.lost)
	t.Run("passwords", s.passwords)
	t.Run("two installations", s.neighbours)
	t.Run("the administrator's password changes", s.changed)
	t.Run("killed", s.killed)
	t.Run("no password was in a statement", s.secrets)
}

// settings are the provider's, with servers of the names one and two.
func (s Subject) settings(named ...string) map[string]any {
	var list []any
	for name, entry := range map[string]map[string]any{"one": s.One.Entry, "two": s.Two.Entry} {
		if len(named) == 0 || slices.Contains(named, name) {
			e := maps.Clone(entry)
			e["name"] = name
			list = append(list, e)
		}
	}
	return map[string]any{"servers": list}
}

// Agent is a host with the provider.
type Agent struct {
	database.Provider
	host *host.Host
	name string
}

// Start starts one of an installation.
func (s Subject) Start(t testing.TB, installation string, settings map[string]any) Agent {
	t.Helper()
	h := host.New(host.Config{
		Dirs: []string{s.Dir}, StateDir: t.TempDir(), Installation: installation,
		Providers: map[string]map[string]any{"database-" + s.Name: settings},
	})
	t.Cleanup(func() { _ = h.Close() })
	p, err := h.Database(t.Context(), s.Name)
	if err != nil {
		t.Fatal(err)
	}
	return Agent{p, h, s.Name}
}

// kill kills the provider's process as the out-of-memory killer would.
func (a Agent) kill(t testing.TB) {
	for _, i := range a.host.Plugins() {
		if i.Kind == plugins.Database && i.Name == a.name && i.PID != 0 {
			if err := syscall.Kill(i.PID, syscall.SIGKILL); err != nil {
				t.Error(err)
			}
			return
		}
	}
	t.Error("there is no process to kill")
}

// Spec is of an ephemeral database with a password.
func Spec(token string) database.Spec {
	return database.Spec{
		Token: token, Name: "main", Instance: "shop", Password: "Secret-of-" + token,
		Tags: map[string]string{plugins.InstallationTag: "tests"},
	}
}

func kept(token string) database.Spec {
	s := Spec(token)
	s.Name, s.Persistent = "kept", true
	return s
}

func limit(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// Make calls Create, which must work.
func (a Agent) Make(t testing.TB, s database.Spec) database.Database {
	t.Helper()
	d, err := a.Create(limit(t), s)
	if err != nil {
		t.Fatalf("Create %s: %v", s.Token, err)
	}
	return *d
}

// Refused calls Create, which must fail with a code.
func (a Agent) Refused(t testing.TB, s database.Spec, code plugins.Code, says string) {
	t.Helper()
	d, err := a.Create(limit(t), s)
	if err == nil || plugins.CodeOf(err) != code || !strings.Contains(err.Error(), says) {
		t.Errorf("Create %s: %v, %v; want the code %q and that it says %q", s.Token, d, err, code, says)
	}
}

// End calls Delete, which must work.
func (a Agent) End(t testing.TB, tokens ...string) {
	t.Helper()
	for _, token := range tokens {
		if err := a.Delete(limit(t), token); err != nil {
			t.Errorf("Delete %s: %v", token, err)
		}
	}
}

// tokens are those that are listed, with the servers' addresses.
func (a Agent) tokens(t testing.TB) map[string]string {
	t.Helper()
	list, err := a.List(limit(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, d := range list {
		found[d.Token] = d.Variables["HOST"] + ":" + d.Variables["PORT"]
	}
	return found
}

// LogIn fails the test unless a program gets in with the URL.
func (s Subject) LogIn(t testing.TB, location string) {
	t.Helper()
	db := s.Open(t, location)
	defer func() { _ = db.Close() }()
	if err := db.PingContext(limit(t)); err != nil {
		u, _ := url.Parse(location)
		t.Errorf("log in at %s: %v", u.Redacted(), err)
	}
}

// made are the users and databases of ours that a server has, and the rows of the
// ledger.
func (s Server) made(t testing.TB) []string {
	t.Helper()
	var found []string
	for _, query := range []string{s.Users, s.Databases} {
		rows, err := s.Admin.QueryContext(limit(t), query)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var name string
			if err := rows.Scan(&name); err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(name, "w_") {
				found = append(found, name)
			}
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
	for _, table := range []string{"wright_databases", "wright_tokens"} {
		var n int
		if err := s.Admin.QueryRowContext(limit(t), "SELECT COUNT(*) FROM "+table).Scan(&n); err == nil && n > 0 {
			found = append(found, "rows of "+table)
		}
	}
	return found
}

// Empty fails the test if a server has anything of ours.
func (s Subject) Empty(t testing.TB) {
	t.Helper()
	if left := append(s.One.made(t), s.Two.made(t)...); len(left) > 0 {
		t.Errorf("left at the servers: %q", left)
	}
}
