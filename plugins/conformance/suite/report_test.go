package suite

import (
	"encoding/xml"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/plugins"
)

func sample() Report {
	return Report{
		Plugin: "wright-cloud-x", Took: 1234 * time.Millisecond,
		About: &plugins.Description{Version: "1.2\x1b[2J", Protocol: 2},
		Results: []Result{
			{Check: Check{Name: "good"}, Status: Passed, Took: 12 * time.Millisecond},
			{Check: Check{Name: "bad"}, Status: Failed, Failures: []string{"first <&> \x1b[31m\x00\n  mend: \"this\"", "second \xff\u202e"}, Log: "said ]]> this", Took: time.Second},
			{Check: Check{Name: "other"}, Status: Skipped, Reason: "nothing to see"},
		},
	}
}

func TestTable(t *testing.T) {
	var b strings.Builder
	if err := sample().Table(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"PASSED   good ", "FAILED   bad ", "SKIPPED  other ", "nothing to see", "\nFAILED  bad: first <&>", "\nFAILED  bad: second",
		"wright-cloud-x: NOT conformant (version 1.2", "1 passed, 1 failed, 1 skipped in 1.2s",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, b.String())
		}
	}
	if strings.ContainsAny(b.String(), "\x1b\x00\u202e") {
		t.Errorf("the table holds what steers a terminal: %q", b.String())
	}
}

func TestJUnit(t *testing.T) {
	var b strings.Builder
	if err := sample().JUnit(&b); err != nil {
		t.Fatal(err)
	}
	var got junitSuites
	if err := xml.Unmarshal([]byte(b.String()), &got); err != nil {
		t.Fatalf("%v:\n%s", err, b.String())
	}
	cases := got.Suites[0].Cases
	if got.Tests != 3 || got.Failures != 1 || got.Skipped != 1 || got.Time != "1.234" || len(cases) != 3 || got.Suites[0].Name != "wright-cloud-x" {
		t.Errorf("%+v", got)
	}
	bad := cases[1]
	if bad.Class != "wright-cloud-x" || bad.Failure == nil || !strings.HasPrefix(bad.Failure.Message, "first <&>") ||
		!strings.Contains(bad.Failure.Text, `mend: "this"`) || !strings.Contains(bad.Failure.Text, "second") || bad.Output != "said ]]> this" {
		t.Errorf("%+v, %+v", bad, bad.Failure)
	}
	if cases[0].Failure != nil || cases[0].Output != "" || cases[2].Skipped == nil || cases[2].Skipped.Message != "nothing to see" {
		t.Errorf("%+v", cases)
	}
}

func FuzzClean(f *testing.F) {
	f.Add("a\x1b[2J\u202e\xff\x00")
	f.Fuzz(func(t *testing.T, s string) {
		r := Report{Plugin: "p", Results: []Result{{Check: Check{Name: "c"}, Status: Failed, Failures: []string{s}, Log: s}}}
		var b strings.Builder
		if err := r.JUnit(&b); err != nil {
			t.Fatal(err)
		}
		if err := xml.Unmarshal([]byte(b.String()), &junitSuites{}); err != nil {
			t.Fatalf("%q makes XML that nobody can read: %v", s, err)
		}
	})
}
