package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// table is rows of cells under a head, or, without a head, keys and values.
type table struct {
	head  []string
	rows  [][]string
	empty string // said on stderr when there are no rows
}

func (t *table) row(cells ...string) { t.rows = append(t.rows, cells) }

// print shows v: as JSON itself, otherwise as the table made of it.
func (a *app) print(v any, t table) error {
	if a.format == "json" {
		return a.printJSON(v)
	}
	if len(t.rows) == 0 && t.empty != "" {
		fmt.Fprintln(a.stderr, t.empty)
		return nil
	}
	if t.head == nil {
		t.rows = slices.DeleteFunc(t.rows, func(r []string) bool { return r[1] == "" })
	}
	w := t.widths()
	var b strings.Builder
	colour := a.format == "table" && a.onTerminal && os.Getenv("NO_COLOR") == ""
	if t.head != nil {
		writeRow(&b, t.head, w, func(s string) string { return paint(colour, "1", s) })
	}
	for _, r := range t.rows {
		writeRow(&b, r, w, func(s string) string { return paint(colour, stateColour(s), s) })
	}
	_, err := io.WriteString(a.stdout, b.String())
	return err
}

func (a *app) printJSON(v any) error {
	enc := json.NewEncoder(a.stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

func (t *table) widths() []int {
	var w []int
	for _, r := range append([][]string{t.head}, t.rows...) {
		for i, cell := range r {
			if i == len(w) {
				w = append(w, 0)
			}
			r[i] = visible(cell)
			w[i] = max(w[i], utf8.RuneCountInString(r[i]))
		}
	}
	return w
}

func writeRow(b *strings.Builder, cells []string, w []int, painted func(string) string) {
	for i, cell := range cells {
		if cell == "" {
			cell = "-"
		}
		b.WriteString(painted(cell))
		if i < len(cells)-1 {
			b.WriteString(strings.Repeat(" ", w[i]-min(w[i], utf8.RuneCountInString(cell))+2))
		}
	}
	b.WriteByte('\n')
}

func paint(colour bool, code, s string) string {
	if !colour || code == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// stateColour is the colour of a cell that is a state.
func stateColour(s string) string {
	switch s {
	case "succeeded", "healthy", "active", "idle", "in force":
		return "32"
	case "failed", "errored", "bad manifest", "lost":
		return "31"
	case "running", "building", "assigned", "busy", "spawned":
		return "36"
	case "queued", "planned", "draining", "terminating":
		return "33"
	case "cancelled", "archived", "terminated", "never built", "no manifest":
		return "90"
	}
	return ""
}

// visible replaces what could move the cursor or worse: cells and errors come
// from builds, remotes and manifests.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == utf8.RuneError:
			return '�'
		}
		return r
	}, s)
}

// ago is how long ago t was, roughly; "" for no time.
func ago(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return span(time.Since(t)) + " ago"
}

// span writes a duration as people say it.
func span(d time.Duration) string {
	switch d = max(d, 0); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

// moment writes a time of an object that is shown alone.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04:05 -0700")
}

// short cuts a commit ID to what people compare.
func short(revision string) string { return revision[:min(len(revision), 12)] }

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
