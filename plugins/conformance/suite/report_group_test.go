package suite

import (
	"strings"
	"testing"
)

// What wants the same and is mended by the same is told once.
func TestGroups(t *testing.T) {
	failure := func(did, mend string) string {
		return Finding{Did: did, Got: "a list\nof two lines", Want: "w", Mend: mend}.text(Check{})
	}
	r := Report{All: 9, Results: []Result{
		{Check: Check{Name: "one"}, Status: Failed, Failures: []string{failure("a1", "m"), failure("a2", "m"), failure("b1", "other")}},
		{Check: Check{Name: "two"}, Status: Failed, Failures: []string{failure("a3", "m"), failure("a4", "m"), failure("a5", "m"), failure("a6", "m"), "bare", "bare"}},
	}}
	var b strings.Builder
	if err := r.Table(&b); err != nil {
		t.Fatal(err)
	}
	for text, n := range map[string]int{
		"FAILED  one: a1\n": 1, "mend:     m\n": 1, "mend:     other\n": 1, "FAILED  two: bare\n": 2,
		"  also:     one: a2 got: a list of two lines\n": 1, "  also:     and 1 more, all of them in --junit": 1, "a6": 0, "FAILED  two: a": 0,
	} {
		if got := strings.Count(b.String(), text); got != n {
			t.Errorf("%q is there %d times, not %d:\n%s", text, got, n, b.String())
		}
	}
	if passed := (Report{All: 9, Partial: true, Results: []Result{{Status: Passed}}}).Summary(); !strings.Contains(passed, "1 of 9 checks, and only all of them say whether it is conformant") {
		t.Error(passed)
	}
}
