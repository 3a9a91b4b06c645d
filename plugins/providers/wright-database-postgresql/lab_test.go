package main

import (
	"context"
	"database/sql"
	"maps"
	"os"
	"path/filepath"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/conformance"
	"github.com/wright-build/wright/plugins/database"
	"github.com/wright-build/wright/plugins/database/ledger/ledgertest"
	"github.com/wright-build/wright/plugins/lab/labtest"
)

func TestLedger(t *testing.T) {
	heavy(t)
	s := subject(t)
	ledgertest.Run(t, s)
}

// heavy skips what takes minutes on a busy machine: the server needs half a second
// for each database.
func heavy(t *testing.T) {
	if os.Getenv("WRIGHT_TEST_HEAVY") == "" {
		t.Skip("it takes minutes: set WRIGHT_TEST_HEAVY=1")
	}
}

// subject starts two servers.
func subject(t *testing.T) ledgertest.Subject {
	one := start(t)
	s := ledgertest.Subject{
		Dir: filepath.Dir(conformance.Build(t, ".")), Name: "postgresql", One: one, Two: start(t), Open: open,
		SetPassword: func(password string) string {
			execute(t, one.Admin, "ALTER ROLE admin PASSWORD '"+password+"'")
			return password
		},
	}
	return s
}

// start starts a server that logs every statement. The tests have an
// administrator of their own.
func start(t *testing.T) ledgertest.Server {
	lab := labtest.Start(t, "postgresql")
	first := open(t, lab.Env["POSTGRES_URL"])
	execute(t, first, "CREATE ROLE tester SUPERUSER LOGIN PASSWORD 'tester'", "ALTER SYSTEM SET log_statement = 'all'", "SELECT pg_reload_conf()")
	server := ledgertest.Server{
		Entry:     map[string]any{"address": lab.Env["POSTGRES_ADDRESS"], "user": lab.Env["POSTGRES_USER"], "password": lab.Env["POSTGRES_PASSWORD"]},
		Admin:     open(t, "postgres://tester:tester@"+lab.Env["POSTGRES_ADDRESS"]+"/wright?sslmode=disable"),
		Users:     "SELECT rolname FROM pg_roles",
		Databases: "SELECT datname FROM pg_database",
		Log: func(t testing.TB) string {
			text, err := os.ReadFile(filepath.Join(lab.Dir, "log", "postgres.log"))
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		},
	}
	return server
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, url string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func execute(t testing.TB, db *sql.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// TestServer is what needs one server.
func TestServer(t *testing.T) {
	server, dir := start(t), filepath.Dir(conformance.Build(t, "."))
	one := func(t *testing.T, change func(settings, server map[string]any)) (ledgertest.Server, ledgertest.Agent) {
		entry := maps.Clone(server.Entry)
		entry["name"] = "one"
		settings := map[string]any{"servers": []any{entry}}
		change(settings, entry)
		return server, ledgertest.Subject{Dir: dir, Name: "postgresql"}.Start(t, "tests", settings)
	}
	t.Run("grants", func(t *testing.T) { grants(t, one) })
	t.Run("template", func(t *testing.T) { template(t, one) })
	t.Run("modest administrator", func(t *testing.T) { modest(t, one) })
	t.Run("a lock ends with its session", func(t *testing.T) { lockEnds(t, one) })
	t.Run("encrypted", func(t *testing.T) { encrypted(t, one, t.TempDir()) })
}

// starter starts a provider whose settings are changed.
type starter func(t *testing.T, change func(settings, server map[string]any)) (ledgertest.Server, ledgertest.Agent)

// asTheyAre changes nothing.
func asTheyAre(_, _ map[string]any) {}

// refused wants the server to refuse a statement with an SQLSTATE.
func refused(t *testing.T, db *sql.DB, state, statement string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), statement); stateOf(err) != state {
		t.Errorf("%s: %v, want the state %s", statement, err, state)
	}
}

// What a program may do with the user that it gets, and what not.
func grants(t *testing.T, one starter) {
	server, a := one(t, asTheyAre)
	mine, theirs := a.Make(t, ledgertest.Spec("mine")), a.Make(t, ledgertest.Spec("theirs"))
	db := open(t, mine.URL)
	execute(t, db, "CREATE TABLE t (i int)", "CREATE SCHEMA s", "CREATE VIEW v AS SELECT * FROM t", "CREATE EXTENSION pg_trgm",
		"CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "CREATE TEMP TABLE x (i int)", "DROP TABLE t CASCADE")
	const denied = "42501"
	refused(t, db, denied, "CREATE DATABASE more")
	refused(t, db, denied, "CREATE ROLE more")
	refused(t, db, denied, "ALTER ROLE admin PASSWORD 'x'")
	refused(t, db, denied, "SELECT rolpassword FROM pg_authid")
	refused(t, db, denied, "SELECT pg_read_file('/etc/passwd')")
	refused(t, db, denied, "COPY (SELECT 1) TO PROGRAM 'true'")
	refused(t, db, denied, "SET ROLE "+theirs.Variables["USER"])
	refused(t, db, denied, "DROP DATABASE "+theirs.Variables["NAME"])
	refused(t, db, denied, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'admin'")
	for _, name := range []string{theirs.Variables["NAME"], "wright"} {
		u := "postgres://" + mine.Variables["USER"] + ":" + mine.Variables["PASSWORD"] + "@" + server.Entry["address"].(string) + "/" + name + "?sslmode=disable"
		if err := open(t, u).PingContext(t.Context()); stateOf(err) != denied {
			t.Errorf("log in to database %s: %v", name, err)
		}
	}
	// A session that goes on, and things in a database that is open to all, do not
	// keep the user alive.
	public := open(t, "postgres://"+mine.Variables["USER"]+":"+mine.Variables["PASSWORD"]+"@"+server.Entry["address"].(string)+"/postgres?sslmode=disable")
	execute(t, public, "SELECT lo_create(0)", "CREATE TEMP TABLE x (i int)")
	a.End(t, "mine", "theirs")
	ledgertest.Subject{One: server, Two: server}.Empty(t)
	if err := db.PingContext(t.Context()); err == nil {
		t.Error("a program's session goes on after the end of its database")
	}
}

func template(t *testing.T, one starter) {
	server, a := one(t, func(settings, _ map[string]any) { settings["templates"] = []any{`my "template"`, "missing", "broken"} })
	address := server.Entry["address"].(string)
	first := open(t, "postgres://tester:tester@"+address+"/postgres?sslmode=disable")
	execute(t, first, "CREATE ROLE builder", `CREATE DATABASE "my ""template""" OWNER builder`)
	inside := open(t, "postgres://tester:tester@"+address+"/my%20%22template%22?sslmode=disable")
	execute(t, inside, "CREATE EXTENSION hstore", "CREATE TABLE shop (id serial PRIMARY KEY, item text)", "INSERT INTO shop (item) VALUES ('a'), ('b')",
		`CREATE SCHEMA "odd ""schema"`, `CREATE TABLE "odd ""schema"."odd table" (id int GENERATED ALWAYS AS IDENTITY, h hstore)`, "CREATE TYPE mood AS ENUM ('good')",
		"CREATE DOMAIN small AS int", "CREATE TYPE pair AS (a int, b int)", "CREATE SEQUENCE free", "CREATE VIEW items AS SELECT item FROM shop", "CREATE MATERIALIZED VIEW m AS SELECT item FROM shop",
		"CREATE FUNCTION f(int, text) RETURNS int LANGUAGE sql AS 'SELECT 1'", "CREATE PROCEDURE p() LANGUAGE sql AS ''", "CREATE AGGREGATE total (int) (sfunc = int4pl, stype = int)",
		"CREATE TABLE parts (i int) PARTITION BY RANGE (i)", "CREATE TABLE part1 PARTITION OF parts FOR VALUES FROM (0) TO (9)", "SELECT lo_create(4711)",
		"CREATE INDEX ON shop (item)", "ALTER TABLE shop OWNER TO builder", "CREATE TYPE span AS RANGE (subtype = int)")
	_ = inside.Close()

	spec := ledgertest.Spec("copy")
	spec.Config = map[string]any{"template": `my "template"`}
	made := a.Make(t, spec)
	db := open(t, made.URL)
	execute(t, db, "INSERT INTO shop (item) VALUES ('c')", "ALTER TABLE shop ADD more int", `INSERT INTO "odd ""schema"."odd table" (h) VALUES ('a=>1')`, "REFRESH MATERIALIZED VIEW m",
		"CREATE OR REPLACE VIEW items AS SELECT item FROM shop WHERE true", "ALTER TYPE mood ADD VALUE 'bad'", "DROP DOMAIN small", "DROP TYPE pair", "DROP SEQUENCE free", "DROP FUNCTION f(int, text)",
		"DROP PROCEDURE p", "DROP AGGREGATE total(int)", "DROP TABLE parts", "SELECT lo_unlink(4711)", `DROP SCHEMA "odd ""schema" CASCADE`, "DROP TYPE span")
	var n int
	if err := db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM shop").Scan(&n); err != nil || n != 3 {
		t.Errorf("%d rows, %v", n, err)
	}
	_ = db.Close()
	var owner string
	if err := first.QueryRowContext(t.Context(), `SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'my "template"'`).Scan(&owner); err != nil || owner != "builder" {
		t.Errorf("the template belongs to %s, %v", owner, err)
	}

	with := func(token, template string) database.Spec {
		spec := ledgertest.Spec(token)
		spec.Config = map[string]any{"template": template}
		return spec
	}
	a.Refused(t, with("refused", "postgres"), plugins.Invalid, "config.template")
	a.Refused(t, with("missing", "missing"), plugins.Invalid, "config.template")
	execute(t, first, "CREATE DATABASE broken")
	busy := open(t, "postgres://tester:tester@"+address+"/broken?sslmode=disable")
	if err := busy.PingContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.Refused(t, with("busy", "broken"), plugins.Transient, "accessed by other users")
	_ = busy.Close()
	a.Make(t, with("busy", "broken"))
	a.End(t, "copy", "busy")
	ledgertest.Subject{One: server, Two: server}.Empty(t)
}

// An administrator of a rented server is no superuser.
func modest(t *testing.T, one starter) {
	server, a := one(t, func(settings, server map[string]any) {
		settings["ledger"] = "another"
		server["user"], server["password"] = "modest", "modest"
	})
	first := open(t, "postgres://tester:tester@"+server.Entry["address"].(string)+"/postgres?sslmode=disable")
	a.Refused(t, ledgertest.Spec("denied"), plugins.Denied, "one")
	execute(t, first, "CREATE ROLE modest LOGIN PASSWORD 'modest'")
	a.Refused(t, ledgertest.Spec("denied"), plugins.Denied, "permission denied to create database")
	execute(t, first, "ALTER ROLE modest CREATEDB")
	a.Refused(t, ledgertest.Spec("denied"), plugins.Denied, "permission denied")
	if list, err := a.List(t.Context(), nil); err != nil || len(list) != 0 {
		t.Errorf("after a refusal the list has %d, %v", len(list), err)
	}
	execute(t, first, "ALTER ROLE modest CREATEROLE")
	made := a.Make(t, ledgertest.Spec("modest"))
	db := open(t, made.URL)
	execute(t, db, "CREATE TABLE t (i int)")
	made = a.Make(t, ledgertest.Spec("modest"))
	open(t, made.URL)
	a.End(t, "modest")
	ledgertest.Subject{One: server, Two: server}.Empty(t)
}

// What a session waits for ends with its client, so that no lock outlives a crash.
func lockEnds(t *testing.T, one starter) {
	server, a := one(t, asTheyAre)
	a.Make(t, ledgertest.Spec("token"))
	holder, err := server.Admin.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = holder.Close() }()
	if err := run(t.Context(), holder, "BEGIN", "LOCK TABLE wright_tokens IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Delete(ctx, "token") }()
	waiting := func() (n int) {
		err := holder.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM pg_stat_activity WHERE application_name = 'wright' AND wait_event_type = 'Lock'").Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for waiting() == 0 {
	}
	cancel()
	if err := <-done; err == nil {
		t.Error("a call that was cancelled gave no error")
	}
	for waiting() > 0 {
	}
	if err := run(t.Context(), holder, "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	a.End(t, "token")
}
