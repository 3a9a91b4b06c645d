package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/master/api/view"
)

const attack = "\x1b]52;c;eA==\a\x1b[31mred\x1b[6n\n"

func TestTablesOnATerminalAndPiped(t *testing.T) {
	tests := []struct {
		name       string
		onTerminal bool
		format     string
		noColor    string
		colour     bool
	}{
		{"terminal", true, "table", "", true},
		{"NO_COLOR", true, "table", "1", false},
		{"plain on a terminal", true, "plain", "", false},
		{"piped", false, "plain", "", false},
		{"table, but piped", false, "table", "", false},
	}
	for _, tt := range tests {
		t.Setenv("NO_COLOR", tt.noColor)
		var out bytes.Buffer
		a := app{stdout: &out, onTerminal: tt.onTerminal, format: tt.format}
		cells := table{head: []string{"NAME", "STATE", "ERROR"}}
		cells.row("shop", "failed", attack)
		if err := a.print(nil, cells); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(out.String(), "\x1b[31mfailed\x1b[0m"); got != tt.colour {
			t.Errorf("%s: colour %v, want %v: %q", tt.name, got, tt.colour, out.String())
		}
		if strings.Contains(out.String(), "\x1b]") || strings.Contains(out.String(), "\x1b[6n") {
			t.Errorf("%s: a cell controls the terminal: %q", tt.name, out.String())
		}
	}
}

func TestColumnsAreAligned(t *testing.T) {
	var out bytes.Buffer
	a := app{stdout: &out, format: "plain"}
	cells := table{head: []string{"NAME", "STATE"}}
	cells.row("ä", "x")
	cells.row("long name", "")
	if err := a.print(nil, cells); err != nil {
		t.Fatal(err)
	}
	if want := "NAME       STATE\nä          x\nlong name  -\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

// Piped, the log is the bytes; a terminal gets of them what does no harm.
func TestLogOnATerminalAndPiped(t *testing.T) {
	for onTerminal, want := range map[bool]string{false: attack, true: "\x1b[31mred\n\x1b[m"} {
		var out bytes.Buffer
		a := app{stdout: &out, onTerminal: onTerminal}
		to, end := a.logTo()
		if _, err := io.WriteString(to, attack); err != nil {
			t.Fatal(err)
		}
		if err := end(); err != nil || out.String() != want {
			t.Errorf("on a terminal %v: %q, %v; want %q", onTerminal, out.String(), err, want)
		}
	}
}

func TestProgress(t *testing.T) {
	at := time.Now()
	queued := view.Build{ID: "shop-000001", State: "queued", Waiting: "\x1b[2Jnobody", QueuedAt: at}
	done := view.Build{ID: "shop-000001", State: "succeeded", Attempt: 2, QueuedAt: at, FinishedAt: at.Add(3 * time.Second)}
	tests := []struct {
		onTerminal bool
		want       string
	}{
		{false, "shop-000001 queued �[2Jnobody\nshop-000001 succeeded (attempt 2)\n"},
		{true, eraseLine + "shop-000001 queued �[2J…" + eraseLine + "shop-000001 succeeded (…" + eraseLine + "shop-000001 succeeded (attempt 2) in 3s\n"},
	}
	for _, tt := range tests {
		var out bytes.Buffer
		a := app{stderr: &out, errTerminal: tt.onTerminal, errWidth: func() int { return 25 }}
		p := a.startProgress(queued)
		p.show(done)
		p.stop()
		if out.String() != tt.want {
			t.Errorf("on a terminal %v: %q, want %q", tt.onTerminal, out.String(), tt.want)
		}
	}
}
