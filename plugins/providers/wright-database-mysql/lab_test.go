package main

import (
	"database/sql"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/conformance"
	"github.com/wright-build/wright/plugins/database"
	"github.com/wright-build/wright/plugins/database/ledger/ledgertest"
	"github.com/wright-build/wright/plugins/lab/labtest"
)

func TestLedger(t *testing.T) {
	heavy(t)
	one := start(t)
	ledgertest.Run(t, ledgertest.Subject{
		Dir: filepath.Dir(conformance.Build(t, ".")), Name: "mysql", One: one, Two: start(t), Open: open,
		SetPassword: func(password string) string {
			execute(t, one.Admin, "ALTER USER admin@'%' IDENTIFIED BY '"+password+"'")
			return password
		},
	})
}

// heavy skips what takes minutes on a busy machine.
func heavy(t *testing.T) {
	if os.Getenv("WRIGHT_TEST_HEAVY") == "" {
		t.Skip("it takes minutes: set WRIGHT_TEST_HEAVY=1")
	}
}

// start starts a server that logs every statement. The tests have an
// administrator of their own.
func start(t *testing.T) ledgertest.Server {
	lab := labtest.Start(t, "mariadb")
	log := filepath.Join(lab.Dir, "statements.log")
	address := lab.Env["MYSQL_ADDRESS"]
	execute(t, open(t, at(address, lab.Env["MYSQL_USER"], lab.Env["MYSQL_PASSWORD"], "")), "CREATE USER tester@'%' IDENTIFIED BY 'tester'",
		"GRANT ALL ON *.* TO tester@'%' WITH GRANT OPTION", "SET GLOBAL general_log_file = '"+log+"'", "SET GLOBAL general_log = ON")
	return ledgertest.Server{
		Entry:     map[string]any{"address": address, "user": lab.Env["MYSQL_USER"], "password": lab.Env["MYSQL_PASSWORD"]},
		Admin:     open(t, at(address, "tester", "tester", "wright")),
		Users:     "SELECT User FROM mysql.user",
		Databases: "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA",
		Log: func(t testing.TB) string {
			text, err := os.ReadFile(log)
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		},
	}
}

// at is a URL as the provider gives them.
func at(address, user, password, database string) string {
	return (&url.URL{Scheme: "mysql", Host: address, User: url.UserPassword(user, password), Path: "/" + database}).String()
}

func open(t testing.TB, location string) *sql.DB {
	t.Helper()
	u, err := url.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	config := mysql.NewConfig()
	config.Net, config.Addr, config.User, config.DBName = "tcp", u.Host, u.User.Username(), strings.TrimPrefix(u.Path, "/")
	config.Passwd, _ = u.User.Password()
	config.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
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
		return server, ledgertest.Subject{Dir: dir, Name: "mysql"}.Start(t, "tests", settings)
	}
	t.Run("grants", func(t *testing.T) { grants(t, one) })
	t.Run("template", func(t *testing.T) { template(t, one) })
	t.Run("modest administrator", func(t *testing.T) { modest(t, one) })
}

// starter starts a provider whose settings are changed.
type starter func(t *testing.T, change func(settings, server map[string]any)) (ledgertest.Server, ledgertest.Agent)

// asTheyAre changes nothing.
func asTheyAre(_, _ map[string]any) {}

// denied wants the server to refuse a statement for want of rights.
func denied(t *testing.T, db *sql.DB, statement string) {
	t.Helper()
	_, err := db.ExecContext(t.Context(), statement)
	if plugins.CodeOf(explain(err)) != plugins.Denied {
		t.Errorf("%s: %v, want a refusal", statement, err)
	}
}

// What a program may do with the user that it gets, and what not.
func grants(t *testing.T, one starter) {
	server, a := one(t, asTheyAre)
	mine, theirs := a.Make(t, ledgertest.Spec("mine")), a.Make(t, ledgertest.Spec("theirs"))
	name := theirs.Variables["NAME"]
	// Another one that differs in a single _, which GRANT takes for any character.
	similar := strings.Replace(mine.Variables["NAME"], "_", "x", 1)
	execute(t, server.Admin, "CREATE DATABASE "+similar, "CREATE TABLE "+similar+".t (i INT)")
	db := open(t, mine.URL)
	execute(t, db, "CREATE TABLE t (i INT, word VARCHAR(10))", "INSERT INTO t VALUES (1, '😀')", "CREATE VIEW v AS SELECT * FROM t",
		"CREATE FUNCTION f() RETURNS INT DETERMINISTIC RETURN 1", "CREATE TRIGGER r BEFORE INSERT ON t FOR EACH ROW SET NEW.i = 2", "CREATE TEMPORARY TABLE x (i INT)", "DROP TABLE t")
	for _, statement := range []string{
		"CREATE DATABASE more", "USE " + name, "SELECT * FROM " + similar + ".t", "DROP DATABASE " + name, "SELECT * FROM wright.wright_databases",
		"CREATE USER more", "SELECT * FROM mysql.user", "SET GLOBAL general_log = OFF", "GRANT SELECT ON " + mine.Variables["NAME"] + ".* TO admin",
		"SELECT 1 INTO OUTFILE '/tmp/wright-must-not-be'", "SHUTDOWN", "FLUSH TABLES",
	} {
		denied(t, db, statement)
	}
	execute(t, server.Admin, "DROP DATABASE "+similar)
	held, err := db.Conn(t.Context()) // a session that goes on, with a lock, keeps nothing alive
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = held.Close() }()
	if err := run(t.Context(), held, "CREATE TABLE held (i INT)", "LOCK TABLES held WRITE"); err != nil {
		t.Fatal(err)
	}
	a.End(t, "mine", "theirs")
	ledgertest.Subject{One: server, Two: server}.Empty(t)
	if err := held.PingContext(t.Context()); err == nil {
		t.Error("a program's session goes on after the end of its database")
	}
}

func template(t *testing.T, one starter) {
	const odd = "my `template`"
	server, a := one(t, func(settings, _ map[string]any) { settings["templates"] = []any{odd, "missing"} })
	address := server.Entry["address"].(string)
	execute(t, open(t, at(address, "tester", "tester", "")), "CREATE DATABASE "+quoted(odd), "CREATE DATABASE secret", "CREATE TABLE secret.t (i INT)")
	inside := open(t, at(address, "tester", "tester", odd))
	inside.SetMaxOpenConns(1)
	execute(t, inside, "SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'",
		"CREATE TABLE shop (id INT AUTO_INCREMENT PRIMARY KEY, item VARCHAR(20) DEFAULT (UPPER('x')), day DATE, n INT DEFAULT 1, twice INT AS (n * 2) VIRTUAL, thrice INT AS (n * 3) STORED) CHARACTER SET utf8mb4",
		"INSERT INTO shop (id, item, day) VALUES (0, 'zero', '0000-00-00'), (7, 'seven 😀', '2026-02-31')",
		"CREATE TABLE `odd ``table` (id INT, FOREIGN KEY (id) REFERENCES shop (id))", "INSERT INTO `odd ``table` VALUES (7)",
		"CREATE VIEW z AS SELECT item FROM shop", "CREATE VIEW a_needs_z AS SELECT * FROM z", "CREATE VIEW thief AS SELECT * FROM secret.t",
		"CREATE FUNCTION f(a INT) RETURNS INT READS SQL DATA RETURN (SELECT COUNT(*) FROM shop)", "CREATE PROCEDURE p() BEGIN SELECT 'a;b'; END",
		"CREATE VIEW uses_f AS SELECT f(1) AS n", "CREATE TRIGGER shout BEFORE INSERT ON shop FOR EACH ROW SET NEW.item = UPPER(NEW.item)",
		"CREATE SEQUENCE counter NOCACHE", "DO NEXTVAL(counter)")
	spec := func(token, template string) database.Spec {
		s := ledgertest.Spec(token)
		s.Config = map[string]any{"template": template}
		return s
	}
	made := a.Make(t, spec("copy", odd))
	db := open(t, made.URL)
	execute(t, db, "INSERT INTO shop (item) VALUES ('new')", "CALL p()", "INSERT INTO `odd ``table` VALUES (8)")
	for query, want := range map[string]string{
		"SELECT GROUP_CONCAT(item ORDER BY id) FROM shop":                       "zero,seven 😀,NEW",
		"SELECT GROUP_CONCAT(CONCAT(twice, '/', thrice) ORDER BY id) FROM shop": "2/3,2/3,2/3",
		"SELECT GROUP_CONCAT(day ORDER BY id) FROM shop":                        "0000-00-00,2026-02-31",
		"SELECT COUNT(*) FROM a_needs_z":                                        "3",
		"SELECT n FROM uses_f":                                                  "3",
		"SELECT NEXTVAL(counter)":                                               "2",
		"SELECT COUNT(*) FROM information_schema.TABLE_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = DATABASE() AND CONSTRAINT_TYPE = 'FOREIGN KEY'": "1",
	} {
		var got string
		if err := db.QueryRowContext(t.Context(), query).Scan(&got); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", query, got, err, want)
		}
	}
	if _, err := db.ExecContext(t.Context(), "INSERT INTO `odd ``table` VALUES (4711)"); numberOf(err) != 1452 {
		t.Errorf("a foreign key was not copied: %v", err)
	}
	if _, err := db.ExecContext(t.Context(), "SELECT * FROM thief"); err == nil {
		t.Error("a view of the template still runs with the rights of whoever made that")
	}
	a.Refused(t, spec("secret", "secret"), plugins.Invalid, "config.template")
	a.Refused(t, spec("missing", "missing"), plugins.Invalid, "config.template")
	a.Make(t, ledgertest.Spec("after")) // in the session that made the copy
	a.End(t, "copy", "after")
	ledgertest.Subject{One: server, Two: server}.Empty(t)
}

// An administrator of a rented server has no rights over everything.
func modest(t *testing.T, one starter) {
	server, a := one(t, func(_, server map[string]any) { server["user"], server["password"] = "modest", "modest" })
	first := open(t, at(server.Entry["address"].(string), "tester", "tester", ""))
	a.Refused(t, ledgertest.Spec("denied"), plugins.Denied, "server one")
	execute(t, first, "CREATE USER modest@'%' IDENTIFIED BY 'modest'")
	a.Refused(t, ledgertest.Spec("denied"), plugins.Denied, "server one")
	execute(t, first, "GRANT ALL ON wright.* TO modest@'%'", "GRANT CREATE USER, PROCESS, CONNECTION ADMIN ON *.* TO modest@'%'")
	a.Refused(t, ledgertest.Spec("denied"), plugins.Denied, "server one")
	if list, err := a.List(t.Context(), nil); err != nil || len(list) != 0 {
		t.Errorf("after a refusal the list has %d, %v", len(list), err)
	}
	execute(t, first, "GRANT ALL ON `w\\_%`.* TO modest@'%' WITH GRANT OPTION")
	made := a.Make(t, ledgertest.Spec("modest"))
	execute(t, open(t, made.URL), "CREATE TABLE t (i INT)")
	a.Make(t, ledgertest.Spec("modest"))
	a.End(t, "modest")
	ledgertest.Subject{One: server, Two: server}.Empty(t)
	users := []string{}
	rows, err := first.QueryContext(t.Context(), "SELECT Db FROM mysql.db WHERE User LIKE 'w\\_%'")
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		users = append(users, name)
	}
	if slices.Sort(users); len(users) > 0 {
		t.Errorf("rights are left: %q", users)
	}
}
