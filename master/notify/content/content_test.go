package content

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/logs"
	"github.com/wright-build/wright/master/state"
)

var epoch = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func failed() *state.Build {
	return &state.Build{
		ID: "shop-000012", Instance: "shop", Number: 12, State: state.Failed, Attempt: 2, Agent: "a1", Error: `step "test" failed: exit status 2`,
		Reason: state.Reason{Kind: "change", Text: "a change", Changes: []state.Change{
			{URL: "https://git.example.test/shop.git", Ref: "refs/heads/main", Old: strings.Repeat("a", 40), New: strings.Repeat("b", 40)},
		}},
		Revisions: map[string]string{"https://git.example.test/shop.git": strings.Repeat("b", 40)},
		StartedAt: epoch, EndedAt: epoch.Add(90 * time.Second),
	}
}

func TestMakeFailure(t *testing.T) {
	n := &state.Notice{Event: manifests.BuildFailed, Build: "shop-000012", Failures: 3, Since: "shop-000010"}
	c := Make(n, failed(), Output{Step: "test", Last: []string{"one", "two"}, Size: 8 << 20}, "https://wright.example.test")
	if want := `[wright] shop: build 12 failed: step "test" failed: exit status 2`; c.Subject != want {
		t.Errorf("subject %q, want %q", c.Subject, want)
	}
	want := `Build 12 of shop failed: the 3rd in a row since shop-000010.

Instance:   shop
Build:      shop-000012
Attempt:    2
Step:       test
Error:      step "test" failed: exit status 2
Reason:     a change
            https://git.example.test/shop.git refs/heads/main: aaaaaaaaaaaa → bbbbbbbbbbbb
Agent:      a1
Revision:   bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb of https://git.example.test/shop.git
Started:    2026-11-21 12:00:00 UTC
Ended:      2026-11-21 12:01:30 UTC, after 1m30s

Page:       https://wright.example.test/builds/shop-000012
Log:        https://wright.example.test/builds/shop-000012/log

The last 2 lines of its output:

one
two

The whole output has 8388608 bytes and is not attached: the page has it.
`
	if c.Text != want {
		t.Errorf("got\n%s\nwant\n%s", c.Text, want)
	}
}

func TestMakeOthers(t *testing.T) {
	good := failed()
	good.State, good.Error = state.Succeeded, ""
	for event, want := range map[string]string{
		manifests.BuildRecovered: "[wright] shop: build 12 succeeded again, after 2 failures",
		manifests.BuildStarted:   "[wright] shop: build 12 started",
		manifests.BuildSucceeded: "[wright] shop: build 12 succeeded",
	} {
		c := Make(&state.Notice{Event: event, Failures: 2, Since: "shop-000010"}, good, Output{}, "http://h")
		if c.Subject != want || strings.Contains(c.Text, "output") {
			t.Errorf("%s: %q\n%s", event, c.Subject, c.Text)
		}
	}
}

// FuzzMake: whatever builds and agents say, a subject is one line, and nothing
// in the text hides or moves anything.
func FuzzMake(f *testing.F) {
	f.Add("a\r\nBcc: eve@example.test", "\x1b]0;title\a\u202ehidden", "refs/heads/\n\nx")
	f.Fuzz(func(t *testing.T, e, step, ref string) {
		b := failed()
		b.Error, b.Reason.Changes[0].Ref, b.Agent = e, ref, step
		c := Make(&state.Notice{Event: manifests.BuildFailed}, b, Output{Step: step, Last: last(e)}, "http://h")
		if strings.IndexFunc(c.Subject, func(r rune) bool { return unicode.IsControl(r) || r >= 0x202a && r <= 0x202e }) >= 0 || len([]rune(c.Subject)) > maxSubject {
			t.Fatalf("subject %q", c.Subject)
		}
		if strings.IndexFunc(c.Text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' || r >= 0x202a && r <= 0x202e }) >= 0 {
			t.Fatalf("text %q", c.Text)
		}
	})
}

// output writes parts of an attempt.
func output(t *testing.T, l *logs.Logs, attempt int, parts ...string) {
	t.Helper()
	at := logs.Attempt{Instance: "shop", Build: "shop-000012", Attempt: attempt}
	for i, text := range parts {
		if _, err := l.Append(at, i, fmt.Sprint("part-", i), 0, []byte(text), true); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Finish(at); err != nil {
		t.Fatal(err)
	}
}

func opened(t *testing.T) *logs.Logs {
	t.Helper()
	l, err := logs.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func same(s string) string { return s }

// TestRead: the last lines are of the steps of the last attempt that wrote
// something; without steps, of what Wright itself said.
func TestRead(t *testing.T) {
	l := opened(t)
	if o := Read(l, failed(), same); o.Problem != "" || len(o.Last) != 0 || o.Whole != nil {
		t.Errorf("without output: %+v", o)
	}
	output(t, l, 1, "cannot reach the remote\n")
	if o := Read(l, failed(), same); len(o.Last) != 1 || o.Last[0] != "cannot reach the remote" || o.Step != "" {
		t.Errorf("of Wright: %+v", o)
	}
	coming := failed()
	coming.Output = 1000
	if o := Read(l, coming, same); !strings.HasPrefix(o.Problem, "not all of it") {
		t.Errorf("of what its agent is to bring again: %+v", o)
	}
	var lines strings.Builder
	for i := range 300 {
		fmt.Fprintf(&lines, "line %d \x1b[31mred\x1b[0m\n", i)
	}
	output(t, l, 2, "wright\n", "make\n", lines.String())
	o := Read(l, failed(), same)
	if len(o.Last) != 100 || o.Last[0] != "line 200 red" || o.Last[99] != "line 299 red" || o.Step != "part-2" {
		t.Errorf("got %d lines, %q to %q, step %s", len(o.Last), o.Last[0], o.Last[len(o.Last)-1], o.Step)
	}
	if o.Whole == nil || o.Whole.Type != "text/plain" || !bytes.HasPrefix(o.Whole.Data, []byte("make\nline 0 red\n")) {
		t.Errorf("whole %+v", o.Whole)
	}
}

// TestLargeOutput: what is large is attached compressed, what is very large not
// at all; secrets are hidden in both, also where the text is cut.
func TestLargeOutput(t *testing.T) {
	hide := func(s string) string { return strings.ReplaceAll(s, "hunter2", "***") }
	for _, c := range []struct {
		lines    int
		attached bool
	}{{20_000, true}, {300_000, false}} {
		l := opened(t)
		output(t, l, 1, "wright\n", strings.Repeat("the word is hunter2\n", c.lines))
		o := Read(l, failed(), hide)
		if len(o.Last) != 100 || strings.Contains(strings.Join(o.Last, ""), "hunter2") || o.Last[0] != "the word is ***" {
			t.Errorf("%d lines: last %q", len(o.Last), o.Last[0])
		}
		if (o.Whole != nil) != c.attached {
			t.Errorf("%d lines: attached %v", c.lines, o.Whole != nil)
		}
		if o.Whole == nil {
			continue
		}
		z, err := gzip.NewReader(bytes.NewReader(o.Whole.Data))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(z)
		if err != nil || strings.Count(string(text), "the word is ***\n") != c.lines {
			t.Errorf("%d bytes, %v", len(text), err)
		}
	}
	l := opened(t)
	output(t, l, 1, "wright\n", strings.Repeat("x", 5<<20)+"hunter2"+strings.Repeat("y", lastBytes-3))
	if o := Read(l, failed(), hide); len(o.Last) != 1 || len([]rune(o.Last[0])) != maxLine || o.Whole != nil || strings.HasPrefix(o.Last[0], "er2") {
		t.Errorf("one long line: %d lines, the last %.20q", len(o.Last), o.Last[0])
	}
}
