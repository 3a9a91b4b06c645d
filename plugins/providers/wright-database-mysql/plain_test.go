package main

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/wright-build/wright/plugins"
)

func TestExplain(t *testing.T) {
	number := func(n uint16) error { return fmt.Errorf("do: %w", &mysql.MySQLError{Number: n, Message: "no"}) }
	for _, tt := range []struct {
		err   error
		code  plugins.Code
		later bool
	}{
		{number(1045), plugins.Denied, false},
		{number(1044), plugins.Denied, false},
		{number(1114), plugins.Quota, false},
		{number(1819), plugins.Invalid, false},
		{number(1040), plugins.Transient, true},
		{number(1205), plugins.Transient, true},
		{number(1062), plugins.Transient, false},
		{number(1064), plugins.Unknown, false},
		{driver.ErrBadConn, plugins.Transient, true},
		{context.Canceled, plugins.Unknown, false},
		{plugins.Invalidf("x", "y"), plugins.Invalid, false},
		{nil, plugins.Unknown, false},
	} {
		err := explain(tt.err)
		e, _ := errors.AsType[*plugins.Error](err)
		if plugins.CodeOf(err) != tt.code || !errors.Is(err, tt.err) || (e != nil && e.RetryAfter > 0) != tt.later {
			t.Errorf("%v: %v (%q), want %q", tt.err, err, plugins.CodeOf(err), tt.code)
		}
	}
}

// The hash is the one in MySQL's manual of PASSWORD('mypass').
func TestStored(t *testing.T) {
	if got := stored("mypass"); got != "*6C8989366EAF75BB670AD8EA7A7FC1176A95CEF4" {
		t.Error(got)
	}
}

func TestQuoting(t *testing.T) {
	for _, tt := range [][2]string{
		{quoted("a`b"), "`a``b`"},
		{grantee("w_a_b"), "`w\\_a\\_b`"},
		{literal(`a'b\c`), `'a\'b\\c'`},
		{account("w_a"), "`w_a`@'%'"},
	} {
		if tt[0] != tt[1] {
			t.Errorf("%s, want %s", tt[0], tt[1])
		}
	}
}

func TestDefined(t *testing.T) {
	for statement, want := range map[string]string{
		"CREATE DEFINER=`root`@`localhost` TRIGGER t":                                    "CREATE DEFINER=`u`@'%' TRIGGER t",
		"CREATE ALGORITHM=UNDEFINED DEFINER=`a``b ` `@`%` SQL SECURITY DEFINER VIEW `v`": "",
		"CREATE ALGORITHM=MERGE DEFINER=`a``b`@`%` SQL SECURITY DEFINER VIEW `v`":        "CREATE ALGORITHM=MERGE DEFINER=`u`@'%' SQL SECURITY DEFINER VIEW `v`",
		"CREATE DEFINER=`a` DEFINER=`x`@`y` VIEW v":                                      "",
		"CREATE VIEW v AS SELECT ' DEFINER=`a`@`b` '":                                    "",
		"": "",
	} {
		got, err := defined(statement, "`u`@'%'")
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %s, %v; want %s", statement, got, err, want)
		}
	}
}

func FuzzDefined(f *testing.F) {
	f.Add("a", "b", "VIEW v")
	f.Add("`", "``", "x")
	f.Fuzz(func(t *testing.T, user, host, rest string) {
		rest = strings.TrimLeft(rest, "`") // a quote would make it part of the host
		got, err := defined("CREATE DEFINER="+quoted(user)+"@"+quoted(host)+" "+rest, "D")
		if want := "CREATE DEFINER=D " + rest; err != nil || got != want {
			t.Errorf("%q@%q %q: %q, %v", user, host, rest, got, err)
		}
	})
}
