package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/wright-build/wright/plugins/database/ledger"
	"github.com/wright-build/wright/plugins/database/servers"
)

// quoted is a name as it must stand in a statement, whatever it is.
func quoted(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// executor is a session, or connections.
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

// Prepare implements ledger.Engine.
func (e *engine) Prepare(ctx context.Context) error {
	db, err := e.open("")
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	c, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	var there int
	const both = "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME IN ('wright_databases', 'wright_tokens')"
	if err := c.QueryRowContext(ctx, both, e.ledger).Scan(&there); err != nil || there == 2 {
		return err
	}
	all := []string{"CREATE DATABASE IF NOT EXISTS " + quoted(e.ledger), "USE " + quoted(e.ledger)}
	return run(ctx, c, append(all, ledger.Tables("MEDIUMTEXT", "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin")...)...)
}

// lockName stands for a key: names of locks are short, and the same at the whole
// server.
func lockName(key string) string { return "wright." + servers.Hash(key) }

// Lock implements ledger.Engine. A session whose client is gone leaves the queue
// by itself.
func (e *engine) Lock(ctx context.Context, c *sql.Conn, key string) error {
	for {
		var got sql.NullInt64
		if err := c.QueryRowContext(ctx, "SELECT GET_LOCK(?, 10)", lockName(key)).Scan(&got); err != nil {
			return err
		}
		if got.Int64 == 1 {
			return nil
		}
		if !got.Valid {
			return errors.New("the server gave up waiting for a lock")
		}
	}
}

// Unlock implements ledger.Engine.
func (e *engine) Unlock(ctx context.Context, c *sql.Conn, key string) error {
	var released sql.NullInt64
	err := c.QueryRowContext(ctx, "SELECT RELEASE_LOCK(?)", lockName(key)).Scan(&released)
	if err == nil && released.Int64 != 1 {
		err = errors.New("the lock was not held: is there a proxy before the server that shares sessions?")
	}
	return err
}

// Make implements ledger.Engine.
func (e *engine) Make(ctx context.Context, c *sql.Conn, t ledger.Thing) error {
	user := account(t.User)
	identified, err := identification(ctx, c, t.Password)
	if err != nil {
		return err
	}
	if err := run(ctx, c, "CREATE USER IF NOT EXISTS "+user+" "+identified, "ALTER USER "+user+" "+identified); err != nil {
		return err
	}
	var there int
	if err := c.QueryRowContext(ctx, schemata, t.Database).Scan(&there); err != nil {
		return err
	}
	grant := "GRANT ALL PRIVILEGES ON " + grantee(t.Database) + ".* TO " + user
	if there > 0 {
		return run(ctx, c, grant)
	}
	if err := run(ctx, c, "CREATE DATABASE "+quoted(t.Database)+" CHARACTER SET utf8mb4", grant); err != nil || t.Template == "" {
		return err
	}
	return e.fill(ctx, c, t)
}

// account is a user who may come from anywhere.
func account(user string) string { return quoted(user) + "@'%'" }

// grantee is a database as GRANT wants it: there _ would stand for any character,
// and the user might get into another one.
func grantee(database string) string {
	return strings.ReplaceAll(quoted(database), "_", `\_`)
}

// Drop implements ledger.Engine. Without the user nobody comes in any more, and
// without its sessions nothing keeps the database.
func (e *engine) Drop(ctx context.Context, c *sql.Conn, t ledger.Thing) error {
	if err := run(ctx, c, "DROP USER IF EXISTS "+account(t.User)); err != nil {
		return err
	}
	sessions, err := texts(ctx, c, "SELECT ID FROM information_schema.PROCESSLIST WHERE USER = ?", t.User)
	if err != nil {
		return err
	}
	for _, id := range sessions {
		if err := run(ctx, c, "KILL "+id[0]); err != nil && numberOf(err) != noSuchThread {
			return fmt.Errorf("end session %s of the user %s: %w", id[0], t.User, err)
		}
	}
	var there int // who may not make a database may not even drop one that is missing
	if err := c.QueryRowContext(ctx, schemata, t.Database).Scan(&there); err != nil || there == 0 {
		return err
	}
	return run(ctx, c, "DROP DATABASE IF EXISTS "+quoted(t.Database))
}

// texts gives the rows of an answer.
func texts(ctx context.Context, c *sql.Conn, query string, args ...any) ([][]string, error) {
	rows, err := c.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var all [][]string
	for rows.Next() {
		values, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		row := make([]string, len(columns))
		for i, v := range values {
			row[i] = v.String
		}
		all = append(all, row)
	}
	return all, rows.Err()
}
