package suite

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/dns"
)

const (
	momentDoc  = "All or nothing: whoever looks while something is replaced sees what was there or what is set, and never nothing or half of it."
	momentMend = "put the new in the place of the old in one step: one request, or one file that is renamed; where the far side has no such call, add the new before you take the old away"
)

// replacements is how often something is replaced while others look.
const replacements = 10

// neverWithout replaces something while another lists it.
func neverWithout(b *bench) {
	_, m := b.start()
	name := b.name("replaced")
	b.whileListed(m, name, fmt.Sprintf("%s %q again and again", b.trade.verb, name), func(i int) (string, error) {
		return m.put(b.call(), name, i, b.ownTags())
	})
}

// lastTags sets a name with one tag and then with others: to something else, and to
// the same.
func lastTags(b *bench) {
	_, m := b.start()
	name := b.name("tagged")
	did, before := "", ""
	for i, color := range []string{"red", "blue", "green"} {
		tags, version := b.withTag("color", color), min(i, 1)
		what, err := m.put(b.call(), name, version, tags)
		if did += fmt.Sprintf(", then Set it to %s with color=%s", what, color); i == 0 {
			did = fmt.Sprintf("Set %s to %s with the tag color=%s", name, what, color)
		}
		if err != nil {
			b.Report(Finding{Did: did, Got: answer(nil, err)})
			return
		}
		b.equal(did+", then "+b.trade.list, what, b.mine(m)[name].what)
		b.want(m, tags, fmt.Sprintf("%s, and ask for color=%s", did, color), "", name)
		if before != "" {
			b.want(m, b.withTag("color", before), fmt.Sprintf("%s, and ask for color=%s", did, before), "", nil...)
		}
		before = color
	}
	b.drop(m, name, b.withTag("color", "red", "another", "tag"))
	b.want(m, b.ownTags(), did+", then Delete it with other tags of the same installation", "look at no tag in Delete but the installation's", nil...)
}

// aliasNeverGone replaces a CNAME by another: there is no moment without the name.
// A CNAME in the place of addresses is another matter: there are services that have
// no way to do that at once.
func aliasNeverGone(b *dnsBench) {
	name := b.domain("alias")
	alias := func(i int) []dns.Record {
		return []dns.Record{{Type: "CNAME", Value: fmt.Sprintf("target%d.example.test", i), TTL: 5 * time.Minute}}
	}
	if err := b.p.Set(b.call(), b.spec(name, alias(0))); plugins.CodeOf(err) == plugins.Unsupported {
		return
	}
	b.whileListed(b.m, name, fmt.Sprintf("Set %s to another CNAME again and again", name), func(i int) (string, error) {
		return recordsText(alias(i)), b.p.Set(b.call(), b.spec(name, alias(i)))
	})
}

// whileListed sets something anew while it is listed all the time.
func (b *bench) whileListed(m maker, name, did string, set func(i int) (string, error)) {
	if b.proxy != nil {
		b.proxy.set(&Fault{Delay: 10 * time.Millisecond}) // so that a moment is long enough to be seen
		defer b.proxy.set(nil)
	}
	values := make([]string, replacements)
	var mu sync.Mutex // guards values
	put := func(i int) bool {
		what, err := set(i)
		if err != nil {
			b.Report(Finding{Did: did, Got: answer(nil, err), Want: b.trade.putDoc})
		}
		mu.Lock()
		defer mu.Unlock()
		values[i] = what
		return err == nil
	}
	if !put(0) {
		return
	}
	var over atomic.Bool
	var setting sync.WaitGroup
	defer setting.Wait()
	setting.Go(func() {
		defer over.Store(true)
		const few, patience = 3, 5 * time.Second
		start := time.Now()
		for i := 1; i < replacements && (i < few || time.Since(start) < patience); i++ {
			if !put(i) || b.Failed() {
				return
			}
		}
	})
	var seen []string
	for !over.Load() {
		seen = append(seen, b.mine(m)[name].what)
	}
	for _, what := range seen {
		if !slices.Contains(values, what) && !b.Failed() {
			b.Report(Finding{Did: did + ", and " + b.trade.list + " all the while", Got: fmt.Sprintf("once it was %q, which nobody has set", short(what))})
		}
	}
}
