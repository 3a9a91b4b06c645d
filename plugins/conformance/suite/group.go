package suite

import (
	"fmt"
	"io"
	"strings"
)

// group is failures that want the same and are mended by the same: most often
// one bug, met again and again.
type group struct {
	first string   // of them, in full
	also  []string // the others, each in a line
}

// groups puts failures with the same contract and mend together, in the order in
// which the first of each came.
func (r Report) groups() []*group {
	var all []*group
	of := map[string]*group{}
	for _, result := range r.Results {
		for _, f := range result.Failures {
			did, wants, told := strings.Cut(f, "\n  contract: ")
			g := of[wants]
			if g == nil || !told {
				g = &group{first: result.Check.Name + ": " + f}
				all, of[wants] = append(all, g), g
				continue
			}
			g.also = append(g.also, result.Check.Name+": "+did)
		}
	}
	return all
}

// write shows the first in full, and where else it was met.
func (g *group) write(w io.Writer) {
	const most, width = 4, 200
	_, _ = fmt.Fprintf(w, "\nFAILED  %s\n", clean(g.first))
	for i, f := range g.also {
		if i == most {
			_, _ = fmt.Fprintf(w, "  also:     and %d more, all of them in --junit FILE and -o json\n", len(g.also)-most)
			break
		}
		line := strings.Join(strings.Fields(clean(f)), " ")
		_, _ = fmt.Fprintf(w, "  also:     %.*s\n", width, line)
	}
}
