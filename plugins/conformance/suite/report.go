package suite

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/wright-build/wright/plugins"
)

// Report is what a run found.
type Report struct {
	Plugin  string // wright-KIND-NAME
	About   *plugins.Description
	Results []Result
	Took    time.Duration
	All     int  // how many checks the kind has
	Partial bool // only some of them were run
}

// Count gives how many checks have a status.
func (r Report) Count(status string) int {
	n := 0
	for _, result := range r.Results {
		if result.Status == status {
			n++
		}
	}
	return n
}

// Passed says whether no check failed.
func (r Report) Passed() bool { return r.Count(Failed) == 0 }

// Table writes the verdicts for people: a line per check, then what failed, then the sum.
func (r Report) Table(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, result := range r.Results {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", strings.ToUpper(result.Status), result.Check.Name,
			result.Took.Round(10*time.Millisecond), result.Reason)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("write the table: %w", err)
	}
	var b strings.Builder
	for _, g := range r.groups() {
		g.write(&b)
	}
	fmt.Fprintf(&b, "\n%s: %s\n", r.Plugin, r.Summary())
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write the table: %w", err)
	}
	return nil
}

// Summary is one line about all of it.
func (r Report) Summary() string {
	verdict := "conformant"
	switch {
	case !r.Passed():
		verdict = "NOT conformant"
	case len(r.Results) < r.All:
		verdict = fmt.Sprintf("nothing failed, but not all was checked: %d of %d checks, and only all of them say whether it is conformant", len(r.Results), r.All)
	case r.Partial || r.Count(Passed) == 0:
		verdict = "nothing failed, but not all was checked"
	}
	version := ""
	if r.About != nil {
		version = cmp.Or(r.About.Version, "?")
		version = fmt.Sprintf(" (version %s, protocol %d)", clean(version), r.About.Protocol)
	}
	return fmt.Sprintf("%s%s: %d passed, %d failed, %d skipped in %v", verdict, version,
		r.Count(Passed), r.Count(Failed), r.Count(Skipped), r.Took.Round(100*time.Millisecond))
}

// clean keeps what a plugin said from steering a terminal or breaking XML.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r == 0xfffe || r == 0xffff {
			return '\ufffd'
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
}
