package suite

import "fmt"

// lookAlikes makes a thing of each of two tokens, and deletes the first.
func lookAlikes(b *bench) {
	_, m := b.start()
	for _, pair := range b.lookAlikes() {
		did := fmt.Sprintf("%s %.60q and %.60q, which differ", b.trade.verb, pair[0], pair[1])
		_, err := m.put(b.call(), pair[0], 1, b.ownTags())
		_, err2 := m.put(b.call(), pair[1], 1, b.ownTags())
		for _, e := range []error{err, err2} {
			if e != nil {
				b.refusal(did, e)
			}
		}
		if err == nil && err2 == nil {
			b.bothThere(m, did, pair)
		}
		if b.trade.dropDoc != "" {
			b.drop(m, pair[0], b.ownTags())
			b.drop(m, pair[1], b.ownTags())
		}
	}
}

func (b *bench) bothThere(m maker, did string, pair [2]string) {
	if found := b.mine(m); found[pair[0]].name == "" || found[pair[1]].name == "" {
		b.Report(Finding{Did: did + ", then " + b.trade.list, Got: names4(found)})
		return
	}
	if b.trade.dropDoc == "" {
		return
	}
	b.drop(m, pair[0], b.ownTags())
	if found := b.mine(m); found[pair[1]].name == "" {
		b.Report(Finding{Did: did + ", Delete the first, then " + b.trade.list, Got: "the second is not listed: " + names4(found)})
	}
}
