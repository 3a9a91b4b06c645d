package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/wright-build/wright/plugins/database"
	"github.com/wright-build/wright/plugins/database/seal"
	"github.com/wright-build/wright/plugins/database/servers"
)

// Tables are the statements that make the tables. longText is the
// type of texts of any length, and options go behind each.
// What people gave stands in the texts, as JSON, and keys are hashes of it: so no
// server folds, pads or cuts what is compared.
func Tables(longText, options string) []string {
	return []string{
		fmt.Sprintf(`CREATE TABLE IF NOT EXISTS wright_databases (
	name VARCHAR(64) NOT NULL PRIMARY KEY,
	installation VARCHAR(64) NOT NULL,
	login VARCHAR(64) NOT NULL,
	persistent BOOLEAN NOT NULL,
	ready BOOLEAN NOT NULL,
	password %[1]s NOT NULL,
	record %[1]s NOT NULL,
	created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP) %[2]s`, longText, options),
		fmt.Sprintf(`CREATE TABLE IF NOT EXISTS wright_tokens (
	id VARCHAR(64) NOT NULL PRIMARY KEY,
	name VARCHAR(64) NOT NULL REFERENCES wright_databases (name),
	record %s NOT NULL) %s`, longText, options),
	}
}

// entry is a database and one use of it. One that nobody uses has no token.
type entry struct {
	ID, Token                    string // ID stands for the token
	Tags                         map[string]string
	Installation, Instance, Name string
	Database, User               string // their names at the server
	Persistent                   bool
	Ready                        bool   // it was made, and may have been given to somebody
	Sealed                       string // the password

	fresh bool // this call wrote it down, and there was no such database
}

// record is what people gave, of a database or a token.
type record struct {
	Installation string            `json:"installation,omitempty"`
	Instance     string            `json:"instance,omitempty"`
	Name         string            `json:"name,omitempty"`
	Token        string            `json:"token,omitempty"`
	Tags         map[string]string `json:"tags"`
}

func (p *Provider) id(token string) string { return servers.Hash(p.Installation, token) }

// Limits of the names: MySQL's users have 32 characters, and its databases 64 in a
// GRANT, where each _ counts twice.
const maxUser, maxDatabase = 32, 48

// wanted is the entry of a new database.
func (p *Provider) wanted(s database.Spec) entry {
	identity := []string{p.Installation, "token", s.Token}
	if s.Persistent {
		identity = []string{p.Installation, "kept", s.Instance, s.Name}
	}
	words := []string{s.Instance, s.Name}
	return entry{
		ID: p.id(s.Token), Token: s.Token, Tags: s.Tags, Installation: p.Installation, Instance: s.Instance, Name: s.Name,
		Database: servers.Name(maxDatabase, words, identity...), User: servers.Name(maxUser, words, identity...), Persistent: s.Persistent,
	}
}

// The questions; each has one parameter.
const (
	columns = `SELECT d.name, d.login, d.persistent, d.ready, d.password, d.record, t.id, t.record
FROM wright_databases d LEFT JOIN wright_tokens t ON t.name = d.name WHERE `
	byToken        = columns + "t.id = ?"
	byDatabase     = columns + "d.name = ?"
	ofInstallation = columns + "d.installation = ?"
)

func (s *session) entries(ctx context.Context, query, key string) ([]entry, error) {
	rows, err := s.conn.QueryContext(ctx, s.p.Dialect.bind(query), key)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var list []entry
	for rows.Next() {
		e, err := scan(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, rows.Err()
}

func scan(rows *sql.Rows) (entry, error) {
	var e entry
	var id, use sql.NullString
	var about string
	if err := rows.Scan(&e.Database, &e.User, &e.Persistent, &e.Ready, &e.Sealed, &about, &id, &use); err != nil {
		return e, err
	}
	var r record
	if err := json.Unmarshal([]byte(about), &r); err != nil {
		return e, fmt.Errorf("read the record of database %s: %w", e.Database, err)
	}
	e.Installation, e.Instance, e.Name, e.Tags, e.ID = r.Installation, r.Instance, r.Name, r.Tags, id.String
	if !use.Valid {
		return e, nil
	}
	r = record{}
	if err := json.Unmarshal([]byte(use.String), &r); err != nil {
		return e, fmt.Errorf("read the record of a token of database %s: %w", e.Database, err)
	}
	e.Token, e.Tags = r.Token, r.Tags
	return e, nil
}

// number asks a question whose answer is a number.
func (s *session) number(ctx context.Context, query string, args ...any) (n int, err error) {
	err = s.conn.QueryRowContext(ctx, s.p.Dialect.bind(query), args...).Scan(&n)
	return n, err
}

// insert writes a new database down, with its token.
func (s *session) insert(ctx context.Context, e entry) error {
	about, use, err := e.records()
	if err != nil {
		return err
	}
	return s.together(ctx, []statement{
		{"INSERT INTO wright_databases (name, installation, login, persistent, ready, password, record) VALUES (?, ?, ?, ?, ?, ?, ?)",
			[]any{e.Database, servers.Hash(e.Installation), e.User, e.Persistent, e.Ready, e.Sealed, about}},
		{"INSERT INTO wright_tokens (id, name, record) VALUES (?, ?, ?)", []any{e.ID, e.Database, use}},
	})
}

// use writes down that a token uses a database. Its tags are from now on those of
// the database, too: a list finds it by them when nobody uses it.
func (s *session) use(ctx context.Context, e entry) error {
	about, use, err := e.records()
	if err != nil {
		return err
	}
	return s.together(ctx, []statement{
		{"UPDATE wright_databases SET record = ? WHERE name = ?", []any{about, e.Database}},
		{"INSERT INTO wright_tokens (id, name, record) VALUES (?, ?, ?)", []any{e.ID, e.Database, use}},
	})
}

// remember stores a password before it is set.
func (s *session) remember(ctx context.Context, e entry, key *seal.Key, password string) error {
	if stored, err := key.Open(e.Sealed, e.User); err == nil && stored == password {
		return nil
	}
	return s.together(ctx, []statement{{"UPDATE wright_databases SET password = ? WHERE name = ?", []any{key.Seal(password, e.User), e.Database}}})
}

func (s *session) ready(ctx context.Context, e entry, is bool) error {
	return s.together(ctx, []statement{{"UPDATE wright_databases SET ready = ? WHERE name = ?", []any{is, e.Database}}})
}

// admit writes down that a database is gone that was made once: its end was
// interrupted, or a person dropped it. It is made anew, and until that is done it
// may be half made again.
func (s *session) admit(ctx context.Context, e *entry) error {
	if !e.Ready {
		return nil
	}
	n, err := s.number(ctx, s.p.Dialect.Exists, e.Database)
	if err != nil || n > 0 {
		return err
	}
	e.Ready = false
	return s.ready(ctx, *e, false)
}

// release crosses out one token.
func (s *session) release(ctx context.Context, e entry) error {
	return s.together(ctx, []statement{{"DELETE FROM wright_tokens WHERE id = ?", []any{e.ID}}})
}

// forget crosses out a database.
func (s *session) forget(ctx context.Context, e entry) error {
	return s.together(ctx, []statement{
		{"DELETE FROM wright_tokens WHERE name = ?", []any{e.Database}},
		{"DELETE FROM wright_databases WHERE name = ?", []any{e.Database}},
	})
}

func (e entry) records() (about, use string, err error) {
	a, err := json.Marshal(record{Installation: e.Installation, Instance: e.Instance, Name: e.Name, Tags: e.Tags})
	if err != nil {
		return "", "", err
	}
	u, err := json.Marshal(record{Token: e.Token, Tags: e.Tags})
	return string(a), string(u), err
}

// bind writes the parameters of a statement, which are ? here, as the server
// wants them.
func (d Dialect) bind(query string) string {
	if !d.Numbered {
		return query
	}
	var b strings.Builder
	for i, part := range strings.Split(query, "?") {
		if i > 0 {
			fmt.Fprintf(&b, "$%d", i)
		}
		b.WriteString(part)
	}
	return b.String()
}

type statement struct {
	text string
	args []any
}

// together carries out statements, all or none.
func (s *session) together(ctx context.Context, all []statement) error {
	tx, err := s.conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	for _, st := range all {
		if _, err := tx.ExecContext(ctx, s.p.Dialect.bind(st.text), st.args...); err != nil {
			return err
		}
	}
	return tx.Commit()
}
