package main

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/wright-build/wright/plugins/dns"
)

// moved remembers that a domain is the last that was changed.
func (b *base) moved(domain string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.changes == nil {
		b.changes = map[string]int{}
	}
	b.count++
	b.changes[domain] = b.count
}

func (b *base) changed(domain string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.changes[domain]
}

// recent is a list in pages of ten, each asked for on its own, with what was changed
// last at the front: what is changed meanwhile moves past the reader.
func (z *zone) recent(ctx context.Context, tags map[string]string) ([]dns.Entry, error) {
	const size = 10
	list, seen := []dns.Entry{}, map[string]bool{}
	for from := 0; ; from += size {
		all, err := z.entries().sorted(ctx)
		if err != nil {
			return nil, err
		}
		all = slices.DeleteFunc(all, func(e dns.Entry) bool { return !z.selects(e.Tags, tags) })
		if from >= len(all) {
			return list, nil
		}
		slices.SortStableFunc(all, func(a, b dns.Entry) int { return cmp.Compare(z.changed(b.Domain), z.changed(a.Domain)) })
		for _, e := range all[from:min(from+size, len(all))] {
			if !seen[e.Domain] {
				list, seen[e.Domain] = append(list, e), true
			}
		}
		<-time.After(2 * time.Millisecond)
	}
}
