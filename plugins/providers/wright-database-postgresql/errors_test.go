package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/wright-build/wright/plugins"
)

func TestExplain(t *testing.T) {
	state := func(code string) error { return fmt.Errorf("do: %w", &pgconn.PgError{Code: code, Message: "no"}) }
	for _, tt := range []struct {
		err   error
		code  plugins.Code
		later bool
	}{
		{state("28P01"), plugins.Denied, false},
		{state("42501"), plugins.Denied, false},
		{state("53100"), plugins.Quota, false},
		{state("53300"), plugins.Transient, true},
		{state("57P03"), plugins.Transient, true},
		{state("57P09"), plugins.Transient, true},
		{state("08006"), plugins.Transient, true},
		{state("55006"), plugins.Transient, true},
		{state("40P01"), plugins.Transient, false},
		{state(noSuchDatabase), plugins.Invalid, false},
		{state("42601"), plugins.Unknown, false},
		{state(""), plugins.Unknown, false},
		{io.ErrUnexpectedEOF, plugins.Transient, false},
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
