package build

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/wright-build/wright/plugins"
)

// TestProgressIsNoFlood: a new message is a line, the same one only when it is
// further, once a second; and no plugin can fill the log.
func TestProgressIsNoFlood(t *testing.T) {
	type said struct {
		after   time.Duration
		message string
		done    float64
	}
	for name, tt := range map[string]struct {
		said []said
		want []string
	}{
		"new messages":       {[]said{{0, "boot", 0}, {0, "net", 0}, {0, "boot", 0}}, []string{"boot", "net", "boot"}},
		"the same again":     {[]said{{0, "boot", 0}, {0, "boot", 0}, {2 * time.Second, "boot", 0}}, []string{"boot"}},
		"further":            {[]said{{0, "boot", 0.1}, {300 * time.Millisecond, "boot", 0.2}, {time.Second, "boot", 0.5}}, []string{"boot (10%)", "boot (50%)"}},
		"without words":      {[]said{{0, "", 0}, {0, "", 0.5}, {time.Second, "", 0.6}}, []string{"(50%)", "(60%)"}},
		"nonsense":           {[]said{{0, "a", math.NaN()}, {0, "b", 7}, {0, "c", -1}, {0, "d", math.Inf(1)}}, []string{"a", "b (100%)", "c", "d (100%)"}},
		"control characters": {[]said{{0, "a\nb\x1b[2J\u202ec\xff", 0}}, []string{"a b [2J c?"}},
	} {
		var got []string
		p := &progress{line: func(text string) { got = append(got, text) }}
		now := time.Unix(1e9, 0)
		for _, s := range tt.said {
			now = now.Add(s.after)
			p.report(plugins.Progress{Message: s.message, Done: s.done}, now)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
	lines := 0
	p := &progress{line: func(string) { lines++ }}
	for i := range 3000 {
		p.report(plugins.Progress{Message: fmt.Sprint(i)}, time.Unix(1e9, 0).Add(time.Duration(i)*time.Millisecond))
	}
	if lines != 3*maxLinesEvery {
		t.Errorf("%d lines in 3 seconds", lines)
	}
}
