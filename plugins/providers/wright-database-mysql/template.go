package main

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"strings"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/database/ledger"
)

// copying fills a new database with what a template has. It is done in the session
// that holds the locks, whose current database changes to and fro.
type copying struct {
	c        *sql.Conn
	from, to string
	definer  string // in whose name views, routines and triggers of the copy run
}

// fill copies tables with their data, sequences, routines, views and triggers, in
// that order; events are left out. If it fails the session is given up.
func (e *engine) fill(ctx context.Context, c *sql.Conn, t ledger.Thing) error {
	var there int
	if err := c.QueryRowContext(ctx, schemata, t.Template).Scan(&there); err != nil {
		return err
	}
	if there == 0 {
		return plugins.Invalidf("config.template", "there is no database %.60q at server %s", t.Template, e.server.Name)
	}
	f := copying{c: c, from: t.Template, to: t.Database, definer: account(t.User)}
	if err := run(ctx, c, "SET SESSION foreign_key_checks = 0, unique_checks = 0"); err != nil {
		return err
	}
	for _, part := range []func(context.Context) error{f.tables, f.routines, f.views, f.triggers} {
		if err := part(ctx); err != nil {
			return fmt.Errorf("copy from the template %s: %w", t.Template, err)
		}
	}
	return run(ctx, c, "SET SESSION foreign_key_checks = 1, unique_checks = 1, sql_mode = "+sqlMode, "USE "+quoted(e.ledger))
}

// use makes a database the current one: what is said of things in it is then said
// without its name.
func (f copying) use(ctx context.Context, database string) error {
	return run(ctx, f.c, "USE "+quoted(database))
}

func (f copying) tables(ctx context.Context) error {
	names, err := texts(ctx, f.c, "SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_TYPE <> 'VIEW'", f.from)
	if err != nil {
		return err
	}
	for _, n := range names {
		if err := f.table(ctx, n[0]); err != nil {
			return fmt.Errorf("table %s: %w", n[0], err)
		}
	}
	return nil
}

// table keeps rows as they are: also those with 0 in a column that counts by
// itself, and dates that are none.
func (f copying) table(ctx context.Context, name string) error {
	create, err := f.created(ctx, "TABLE", name, 1)
	if err != nil {
		return err
	}
	const mode = "SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'"
	if err := run(ctx, f.c, "USE "+quoted(f.to), mode, create[1]); err != nil {
		return err
	}
	const stored = "SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?" +
		" AND EXTRA NOT LIKE '%VIRTUAL GENERATED%' AND EXTRA NOT LIKE '%STORED GENERATED%' ORDER BY ORDINAL_POSITION"
	columns, err := texts(ctx, f.c, stored, f.from, name)
	if err != nil || len(columns) == 0 {
		return err
	}
	var list []string
	for _, column := range columns {
		list = append(list, quoted(column[0]))
	}
	all := strings.Join(list, ", ")
	return run(ctx, f.c, "INSERT INTO "+quoted(f.to)+"."+quoted(name)+" ("+all+") SELECT "+all+" FROM "+quoted(f.from)+"."+quoted(name))
}

// created gives the server's answer to how a thing of the template is made, with
// the statement in one of its columns.
func (f copying) created(ctx context.Context, kind, name string, column int) ([]string, error) {
	if err := f.use(ctx, f.from); err != nil {
		return nil, err
	}
	rows, err := texts(ctx, f.c, "SHOW CREATE "+kind+" "+quoted(f.from)+"."+quoted(name))
	if err != nil {
		return nil, err
	}
	if len(rows) != 1 || len(rows[0]) <= column || rows[0][column] == "" {
		return nil, plugins.Errorf(plugins.Denied, "the server does not show how %s %s is made", strings.ToLower(kind), name)
	}
	return rows[0], nil
}

func (f copying) routines(ctx context.Context) error {
	names, err := texts(ctx, f.c, "SELECT ROUTINE_NAME, ROUTINE_TYPE FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = ?"+
		" AND ROUTINE_TYPE IN ('FUNCTION', 'PROCEDURE')", f.from)
	if err != nil {
		return err
	}
	for _, n := range names {
		if err := f.program(ctx, n[1], n[0]); err != nil {
			return err
		}
	}
	return nil
}

func (f copying) triggers(ctx context.Context) error {
	names, err := texts(ctx, f.c, "SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = ?"+
		" ORDER BY EVENT_OBJECT_TABLE, ACTION_TIMING, EVENT_MANIPULATION, ACTION_ORDER", f.from)
	if err != nil {
		return err
	}
	for _, n := range names {
		if err := f.program(ctx, "TRIGGER", n[0]); err != nil {
			return err
		}
	}
	return nil
}

// program makes a thing that is read under the mode that it was written in.
func (f copying) program(ctx context.Context, kind, name string) error {
	shown, err := f.created(ctx, kind, name, 2)
	if err != nil {
		return err
	}
	create, err := defined(shown[2], f.definer)
	if err == nil {
		err = run(ctx, f.c, "USE "+quoted(f.to), "SET SESSION sql_mode = "+literal(shown[1]), create)
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", strings.ToLower(kind), name, err)
	}
	return run(ctx, f.c, "SET SESSION sql_mode = "+sqlMode)
}

// views may be made of other views: those that cannot be made yet come later.
func (f copying) views(ctx context.Context) error {
	names, err := texts(ctx, f.c, "SELECT TABLE_NAME FROM information_schema.VIEWS WHERE TABLE_SCHEMA = ?", f.from)
	if err != nil {
		return err
	}
	for len(names) > 0 {
		var later [][]string
		for _, n := range names {
			if viewErr := f.view(ctx, n[0]); viewErr != nil {
				later, err = append(later, n), fmt.Errorf("view %s: %w", n[0], viewErr)
			}
		}
		if len(later) == len(names) {
			return err
		}
		names = later
	}
	return nil
}

func (f copying) view(ctx context.Context, name string) error {
	shown, err := f.created(ctx, "VIEW", name, 1)
	if err != nil {
		return err
	}
	create, err := defined(shown[1], f.definer)
	if err != nil {
		return err
	}
	return run(ctx, f.c, "USE "+quoted(f.to), create)
}

// definition is the beginning of a statement as the server shows it.
var definition = regexp.MustCompile("^(CREATE (?:ALGORITHM=[A-Z]+ )?)DEFINER=`(?:[^`]|``)*`@`(?:[^`]|``)*` ")

// defined has a statement make a thing in another's name: the copy must not run
// with the rights of whoever made the template.
func defined(statement, definer string) (string, error) {
	at := definition.FindStringSubmatchIndex(statement)
	if at == nil {
		return "", plugins.Invalidf("config.template", "it has something whose definer cannot be told: %.80q", statement)
	}
	return statement[:at[3]] + "DEFINER=" + definer + " " + statement[at[1]:], nil
}
