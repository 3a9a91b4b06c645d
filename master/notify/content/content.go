// Package content makes what a notice says: subject, text and the output that
// goes along. All that comes from builds, agents, remotes and manifests is
// foreign: it is bounded, and made one line where it must be. The package sends
// nothing and decides nothing.
package content

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/api/ansi"
	"github.com/wright-build/wright/master/state"
)

// Bounds on what is said.
const (
	maxSubject = 150  // characters
	maxLine    = 1000 // characters of a line of output
	maxError   = 4000
	maxChanges = 20
)

// Content is what a notice says.
type Content struct {
	Build   *state.Build // as it is now
	Subject string       // one line
	Text    string
	Page    string // URL of the build's page
	Log     *File  // nil: none goes along
}

// File is something attached.
type File struct {
	Name string
	Type string // of its content
	Data []byte
}

// Make says a notice of a build. page begins the URLs of pages.
func Make(n *state.Notice, b *state.Build, out Output, page string) Content {
	c := Content{Build: b, Page: page + "/builds/" + b.ID, Log: out.Whole}
	c.Subject = cut(fmt.Sprintf("[wright] %s: build %d %s", b.Instance, b.Number, headline(n, b)), maxSubject)
	var t strings.Builder
	fmt.Fprintf(&t, "Build %d of %s %s.\n\n", b.Number, b.Instance, whatHappened(n, b))
	for _, f := range facts(n, b, out) {
		if f[1] != "" {
			fmt.Fprintf(&t, "%-11s %s\n", f[0]+":", strings.ReplaceAll(f[1], "\n", "\n            "))
		}
	}
	fmt.Fprintf(&t, "\n%-11s %s\n%-11s %s/log\n", "Page:", c.Page, "Log:", c.Page)
	if n.Event == manifests.BuildFailed {
		writeOutput(&t, out)
	}
	c.Text = t.String()
	return c
}

// headline is what happened, in a few words.
func headline(n *state.Notice, b *state.Build) string {
	switch n.Event {
	case manifests.BuildRecovered:
		return fmt.Sprintf("succeeded again, after %s", times(n.Failures, "failure"))
	case manifests.BuildFailed:
		return cmp.Or(string(b.State), "failed") + after(": ", OneLine(b.Error))
	case manifests.BuildStarted:
		return "started"
	}
	return cmp.Or(string(b.State), "ended")
}

// whatHappened is the first sentence.
func whatHappened(n *state.Notice, b *state.Build) string {
	switch n.Event {
	case manifests.BuildRecovered:
		return fmt.Sprintf("succeeded, after %s in a row since %s", times(n.Failures, "failure"), n.Since)
	case manifests.BuildStarted:
		return "has started"
	case manifests.BuildFailed:
		if n.Failures > 1 {
			return fmt.Sprintf("%s: the %s in a row since %s", b.State, ordinal(n.Failures), n.Since)
		}
	}
	return string(b.State)
}

// facts are what is known of a build, in the order in which one asks.
func facts(n *state.Notice, b *state.Build, out Output) [][2]string {
	rows := [][2]string{{"Instance", b.Instance}, {"Build", b.ID}}
	if b.Attempt > 1 {
		rows = append(rows, [2]string{"Attempt", fmt.Sprint(b.Attempt)})
	}
	if n.Event == manifests.BuildFailed {
		rows = append(rows, [2]string{"Step", OneLine(out.Step)}, [2]string{"Error", Lines(b.Error, maxError)})
	} else {
		rows = append(rows, [2]string{"Error", Lines(b.Error, maxError)})
	}
	rows = append(rows, [2]string{"Reason", reason(b)}, [2]string{"Agent", OneLine(b.Agent)})
	for _, url := range slices.Sorted(maps.Keys(b.Revisions)) {
		rows = append(rows, [2]string{"Revision", OneLine(b.Revisions[url] + " of " + url)})
	}
	return append(rows, [2]string{"AppServer", OneLine(b.AppServer)}, [2]string{"Started", moment(b.StartedAt)}, [2]string{"Ended", ended(b)})
}

// reason is why the build was made, with the changes that led to it.
func reason(b *state.Build) string {
	text := OneLine(b.Reason.Text)
	if text == "" {
		text = OneLine(b.Reason.Kind)
	}
	for i, c := range b.Reason.Changes {
		if i == maxChanges {
			return text + fmt.Sprintf("\n… and %d more", len(b.Reason.Changes)-i)
		}
		text += "\n" + OneLine(fmt.Sprintf("%s %s: %s → %s", c.URL, c.Ref, cmp.Or(short(c.Old), "new"), cmp.Or(short(c.New), "gone")))
	}
	return text
}

func writeOutput(t *strings.Builder, out Output) {
	switch {
	case out.Problem != "":
		fmt.Fprintf(t, "\nIts output cannot be read: %s\n", OneLine(out.Problem))
	case len(out.Last) == 0:
		t.WriteString("\nIt has no output.\n")
	default:
		fmt.Fprintf(t, "\nThe last %s of its output:\n\n%s\n", times(len(out.Last), "line"), strings.Join(out.Last, "\n"))
	}
	if out.Whole == nil && out.Size > 0 {
		fmt.Fprintf(t, "\nThe whole output has %d bytes and is not attached: the page has it.\n", out.Size)
	}
}

// OneLine makes foreign text one line that can be shown anywhere.
func OneLine(s string) string {
	return cut(strings.Join(strings.Fields(Lines(s, maxError)), " "), maxLine)
}

// Lines makes foreign text harmless, at most so many bytes of it.
func Lines(s string, most int) string {
	if len(s) > most {
		s = s[:most] + " …"
	}
	text, _ := ansi.Text([]byte(s), true)
	return strings.TrimSpace(text)
}

// cut leaves so many characters.
func cut(s string, most int) string {
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return s
}

func after(lead, s string) string {
	if s == "" {
		return ""
	}
	return lead + s
}

func short(revision string) string { return revision[:min(len(revision), 12)] }

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

func ended(b *state.Build) string {
	if b.EndedAt.IsZero() || b.StartedAt.IsZero() || b.EndedAt.Before(b.StartedAt) {
		return moment(b.EndedAt)
	}
	return moment(b.EndedAt) + ", after " + b.EndedAt.Sub(b.StartedAt).Round(time.Second).String()
}

func times(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func ordinal(n int) string {
	suffix := "th"
	if tens := n % 100; tens < 11 || tens > 13 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return fmt.Sprint(n, suffix)
}
