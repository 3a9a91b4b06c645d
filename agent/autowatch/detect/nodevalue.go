package detect

// value is the text of what is written under keys, "" for nothing and for null.
// A template that reads as a mapping in braces is text that is computed.
func (n *node) value(keys ...string) string {
	n = n.at(keys...)
	switch {
	case n == nil:
		return ""
	case n.shape == isTable && n.named[""] != nil:
		return "{{}}"
	case n.shape == isOther && (n.text == "null" || n.text == "~"):
		return ""
	}
	return n.text
}

// firstOf is the value of the first of keys that has one, and its line.
func (n *node) firstOf(keys ...string) (string, int) {
	for _, key := range keys {
		if v := n.value(key); v != "" {
			return v, n.lineOf(key)
		}
	}
	return "", n.lineOf("")
}

// some are the items of a list; anything else counts as a list of itself.
func (n *node) some() []*node {
	switch {
	case n == nil:
		return nil
	case n.shape == isList:
		return n.items
	}
	return []*node{n}
}

// tables calls visit for n and all tables in it, the outer ones first.
func (n *node) tables(visit func(table *node)) {
	n.each(nil, func(_ []string, n *node) {
		if n.shape == isTable {
			visit(n)
		}
	})
}

// textsOf are the texts of nodes, "" for what is none.
func textsOf(nodes []*node) []string {
	texts := make([]string, len(nodes))
	for i, n := range nodes {
		texts[i] = n.str()
	}
	return texts
}
