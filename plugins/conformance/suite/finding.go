package suite

import (
	"cmp"
	"fmt"
	"strings"
)

// Finding is one thing that a provider does wrong, told so that a stranger can
// mend it.
type Finding struct {
	Did  string // "create token "a", 16 times at once"
	Got  string // "3 servers are listed"
	Want string // the contract's words; default the check's Doc
	Mend string // what to mend; default the check's Mend
}

func (f Finding) text(c Check) string {
	var b strings.Builder
	b.WriteString(f.Did)
	if f.Got != "" {
		b.WriteString("\n  got:      " + indent(f.Got))
	}
	if want := cmp.Or(f.Want, c.Doc); want != "" {
		b.WriteString("\n  contract: " + indent(want))
	}
	if mend := cmp.Or(f.Mend, c.Mend); mend != "" {
		b.WriteString("\n  mend:     " + indent(mend))
	}
	return b.String()
}

func indent(s string) string {
	return strings.ReplaceAll(strings.TrimSpace(s), "\n", "\n            ")
}

// Report fails the check with a finding and goes on.
func (t *T) Report(f Finding) { t.fail(f.text(t.check)) }

// answer tells what a call came back with.
func answer(v any, err error) string {
	if err != nil {
		return fmt.Sprintf("error %s", errorText(err))
	}
	return fmt.Sprintf("%+v", v)
}
