package build

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/wright-build/wright/plugins"
)

// reporting makes the context of a call to a provider: how far it is becomes
// lines of the build's log.
func (a *Attempt) reporting(ctx context.Context, who string) context.Context {
	p := &progress{line: func(text string) { a.note("%s: %s", who, text) }}
	return plugins.WithReporter(ctx, func(r plugins.Progress) { p.report(r, time.Now()) })
}

// What a call may say: each new message, and of one that stays how far it is
// once a second; and however much there is to say, so many lines a second.
const (
	sayEvery      = time.Second
	maxLinesEvery = 5
)

// progress is what a call has told so far.
type progress struct {
	line func(text string)

	mu    sync.Mutex // guards all below
	last  plugins.Progress
	said  time.Time // the last line
	began time.Time // of the second whose lines are counted
	lines int
}

func (p *progress) report(r plugins.Progress, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.began) >= sayEvery {
		p.began, p.lines = now, 0
	}
	fresh := r.Message != p.last.Message && p.lines < maxLinesEvery
	further := percent(r.Done) != percent(p.last.Done) && now.Sub(p.said) >= sayEvery
	if r.Message == "" && percent(r.Done) == 0 || !fresh && !further {
		return
	}
	p.last, p.said = r, now
	p.lines++
	text := printable(r.Message)
	if n := percent(r.Done); n > 0 {
		text = strings.TrimSpace(fmt.Sprintf("%s (%d%%)", text, n))
	}
	p.line(text)
}

// percent believes no plugin.
func percent(done float64) int {
	if math.IsNaN(done) {
		return 0
	}
	return int(100 * max(0, min(done, 1)))
}

// printable makes one line of what a plugin says, without what moves a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(s, "?"))
}
