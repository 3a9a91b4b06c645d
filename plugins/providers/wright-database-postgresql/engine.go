package main

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/wright-build/wright/plugins/database/ledger"
)

// quoted is a name as it must stand in a statement, whatever it is.
func quoted(name string) string { return pgx.Identifier{name}.Sanitize() }

// Prepare implements ledger.Engine. Agents that come at the same time wait for
// each other: making a table twice at once fails even where it may be there.
func (e *engine) Prepare(ctx context.Context) error {
	err := e.in(e.ledger, func(db *sql.DB) error { return e.tables(ctx, db) })
	if stateOf(err) != noSuchDatabase {
		return err
	}
	if err := e.in("postgres", func(db *sql.DB) error { return e.makeLedger(ctx, db) }); err != nil {
		return fmt.Errorf("make the database %s for the ledger: %w", e.ledger, err)
	}
	return e.in(e.ledger, func(db *sql.DB) error { return e.tables(ctx, db) })
}

func (e *engine) makeLedger(ctx context.Context, db *sql.DB) error {
	if err := run(ctx, db, fmt.Sprintf("SELECT pg_advisory_lock(%d)", number("prepare"))); err != nil {
		return err
	}
	err := run(ctx, db, "CREATE DATABASE "+quoted(e.ledger)+" ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
	if stateOf(err) == duplicateDatabase {
		return nil
	}
	return err
}

// tables also closes the ledger to the public.
func (e *engine) tables(ctx context.Context, db *sql.DB) error {
	var there int
	const both = "SELECT COUNT(*) FROM pg_class WHERE relname IN ('wright_databases', 'wright_tokens') AND relnamespace = 'public'::regnamespace"
	if err := db.QueryRowContext(ctx, both).Scan(&there); err != nil || there == 2 {
		return err
	}
	begin := []string{
		fmt.Sprintf("SELECT pg_advisory_lock(%d)", number("prepare")),
		"REVOKE ALL ON DATABASE " + quoted(e.ledger) + " FROM PUBLIC",
		"SET search_path = public",
	}
	return run(ctx, db, append(begin, ledger.Tables("TEXT", "")...)...)
}

// executor is a session, or a database with only one.
type executor interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// run carries out statements that have no parameters.
func run(ctx context.Context, on executor, statements ...string) error {
	for _, s := range statements {
		if _, err := on.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// number stands for a key, since locks of the server have numbers.
func number(key string) int64 {
	sum := sha256.Sum256([]byte(key))
	return int64(binary.BigEndian.Uint64(sum[:8]))
}

// Lock implements ledger.Engine.
func (e *engine) Lock(ctx context.Context, c *sql.Conn, key string) error {
	return run(ctx, c, fmt.Sprintf("SELECT pg_advisory_lock(%d)", number(key)))
}

// Unlock implements ledger.Engine.
func (e *engine) Unlock(ctx context.Context, c *sql.Conn, key string) error {
	var held bool
	err := c.QueryRowContext(ctx, fmt.Sprintf("SELECT pg_advisory_unlock(%d)", number(key))).Scan(&held)
	if err == nil && !held {
		err = errors.New("the lock was not held: is there a pooler before the server that shares sessions?")
	}
	return err
}

// Make implements ledger.Engine. Nobody gets into the new database before it is
// closed to the public.
func (e *engine) Make(ctx context.Context, c *sql.Conn, t ledger.Thing) error {
	if err := makeUser(ctx, c, t); err != nil {
		return err
	}
	var there bool
	const ask = "SELECT EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = $1)"
	if err := c.QueryRowContext(ctx, ask, t.Database).Scan(&there); err != nil || there {
		return err
	}
	name := quoted(t.Database)
	create := "CREATE DATABASE " + name + " OWNER " + quoted(t.User) + " ALLOW_CONNECTIONS false"
	if t.Template != "" {
		create += " TEMPLATE " + quoted(t.Template)
	}
	if err := run(ctx, c, create, "REVOKE ALL ON DATABASE "+name+" FROM PUBLIC", "ALTER DATABASE "+name+" ALLOW_CONNECTIONS true"); err != nil {
		return err
	}
	if t.Template == "" {
		return nil
	}
	return e.in(t.Database, func(db *sql.DB) error { return handOver(ctx, db, t.User) })
}

// makeUser makes the user unless there is one, and gives it the password, of which
// the server sees no more than it would store.
func makeUser(ctx context.Context, c *sql.Conn, t ledger.Thing) error {
	secret, err := verifier(t.Password)
	if err != nil {
		return err
	}
	var there, super bool
	const ask = `SELECT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = $1),
	EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = current_user AND rolsuper)`
	if err := c.QueryRowContext(ctx, ask, t.User).Scan(&there, &super); err != nil {
		return err
	}
	name := quoted(t.User)
	if there {
		return run(ctx, c, "ALTER ROLE "+name+" LOGIN PASSWORD '"+secret+"'")
	}
	all := []string{"CREATE ROLE " + name + " LOGIN PASSWORD '" + secret + "'"}
	if !super { // who is none may only give databases to roles that it is a member of
		all = append(all, "GRANT "+name+" TO CURRENT_USER")
	}
	return run(ctx, c, all...)
}

// Drop implements ledger.Engine.
func (e *engine) Drop(ctx context.Context, c *sql.Conn, t ledger.Thing) error {
	var there bool
	if err := c.QueryRowContext(ctx, "SELECT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = $1)", t.User).Scan(&there); err != nil {
		return err
	}
	dropDatabase := "DROP DATABASE IF EXISTS " + quoted(t.Database) + " WITH (FORCE)"
	if !there { // who may not make users may not even drop one that is missing
		return run(ctx, c, dropDatabase)
	}
	const end = "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE usename = $1"
	if err := run(ctx, c, "ALTER ROLE "+quoted(t.User)+" NOLOGIN"); err != nil {
		return err
	}
	if _, err := c.ExecContext(ctx, end, t.User); err != nil {
		return err
	}
	dropUser := "DROP ROLE IF EXISTS " + quoted(t.User)
	err := run(ctx, c, dropDatabase, dropUser)
	if stateOf(err) != dependentObjects {
		return err
	}
	if err := e.disown(ctx, c, t.User); err != nil {
		return err
	}
	return run(ctx, c, dropUser)
}

// disown removes what the user has left in databases that are open to the public.
func (e *engine) disown(ctx context.Context, c *sql.Conn, user string) error {
	rows, err := c.QueryContext(ctx, `SELECT DISTINCT d.datname FROM pg_catalog.pg_shdepend s
JOIN pg_catalog.pg_roles r ON s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass AND s.refobjid = r.oid
JOIN pg_catalog.pg_database d ON d.oid = s.dbid WHERE r.rolname = $1`, user)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, name := range names {
		err := e.in(name, func(db *sql.DB) error { return run(ctx, db, "DROP OWNED BY "+quoted(user)) })
		if err != nil {
			return fmt.Errorf("remove what the user %s has in database %s: %w", user, name, err)
		}
	}
	return nil
}

// stateOf gives the SQLSTATE of a server's refusal, or "".
func stateOf(err error) string {
	if refusal, ok := errors.AsType[*pgconn.PgError](err); ok {
		return refusal.Code
	}
	return ""
}
