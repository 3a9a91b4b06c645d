package suite

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/wright-build/wright/plugins"
)

const fillers = 4 // tags that make a call long

func (t *T) fillerTags() map[string]string {
	tags := t.ownTags()
	for i := range fillers {
		tags[fmt.Sprintf("filler-%d", i)] = strings.Repeat("f", 900)
	}
	return tags
}

// fails has some rounds of a long row call in vain, several at once: given up at
// the first word of progress or in their midst, or with a backend that does not
// work. What that left is taken away.
func (t *T) fails(round int, half time.Duration, call func(ctx context.Context, word string), undo func(word string)) {
	const at = 3
	limit := half
	switch {
	case t.proxy != nil && round%10 == 1:
		limit = 100 * time.Millisecond
		t.proxy.set(&Fault{Name: "503", Status: 503})
	case round%4 != 0:
		return
	}
	word := func(i int) string { return fmt.Sprintf("fails-%d-%d", round, i) }
	together(at, func(i int) {
		ctx, giveUp := context.WithCancel(t.within(limit))
		defer giveUp()
		call(plugins.WithReporter(ctx, func(plugins.Progress) { giveUp() }), word(i))
	})
	if t.proxy != nil {
		t.proxy.set(nil)
	}
	for i := range at {
		undo(word(i))
	}
}
