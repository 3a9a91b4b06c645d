package detect

// maxDepth bounds how deep what is read may nest.
const maxDepth = 64

// shape is what a node is.
type shape int

const (
	isOther shape = iota // a number, a boolean, a date, nothing
	isText
	isList
	isTable
)

// node is a value in a JSON, TOML or YAML file, with its place. A nil node is
// one that is not there, and has nothing in it.
type node struct {
	shape shape
	key   string // its name in the table that it is in
	text  string // the value of a text; how anything else that is no list or table was written
	line  int    // of the value
	items []*node
	named map[string]*node // the items of a table by their keys; the last of a key
}

// put adds a member to a table.
func (n *node) put(key string, member *node) {
	if n.named == nil {
		n.named = map[string]*node{}
	}
	member.key = key
	n.named[key] = member
	n.items = append(n.items, member)
}

// at follows keys into tables.
func (n *node) at(keys ...string) *node {
	for _, key := range keys {
		if n == nil {
			return nil
		}
		n = n.named[key]
	}
	return n
}

// str is the text under keys, "" where there is none.
func (n *node) str(keys ...string) string {
	if n = n.at(keys...); n == nil || n.shape != isText {
		return ""
	}
	return n.text
}

// scalar is what is written under keys, also without quotes.
func (n *node) scalar(keys ...string) string {
	if n = n.at(keys...); n == nil {
		return ""
	}
	return n.text
}

// lineOf is the line of the member key, or else that of n.
func (n *node) lineOf(key string) int {
	if m := n.at(key); m != nil {
		return m.line
	}
	if n == nil {
		return 1
	}
	return n.line
}

// members are what is in a table, each with its key.
func (n *node) members() []*node {
	if n == nil || n.shape != isTable {
		return nil
	}
	return n.items
}

// list are the items of a list.
func (n *node) list() []*node {
	if n == nil || n.shape != isList {
		return nil
	}
	return n.items
}

// each calls visit for n and all that is in it, with the keys that lead there.
// The keys are only good during the call.
func (n *node) each(keys []string, visit func(keys []string, n *node)) {
	if n == nil {
		return
	}
	visit(keys, n)
	for _, item := range n.items {
		below := keys
		if n.shape == isTable {
			below = append(keys, item.key)
		}
		item.each(below, visit)
	}
}
