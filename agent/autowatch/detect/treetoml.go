package detect

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// tomlTree reads TOML. What makes no sense is left out with an error.
func (s *sheet) tomlTree() *node {
	r := &tomlReader{text: s.text, line: 1, root: &node{shape: isTable, line: 1}}
	r.read(func(line int, err error) { s.failed(fmt.Errorf("line %d: read TOML: %w", line, err)) })
	return r.root
}

// tomlReader makes a tree of a TOML text. It takes more than TOML allows,
// since it is not its task to judge, and goes on in the next line after an error.
type tomlReader struct {
	text string
	pos  int
	line int // of pos
	root *node
}

func (r *tomlReader) read(failed func(line int, err error)) {
	current := r.root
	for {
		r.blank(true)
		if r.pos >= len(r.text) {
			return
		}
		var err error
		if r.peek() == '[' {
			current, err = r.header()
		} else {
			err = r.assignment(current, 0)
		}
		if r.blank(false); err == nil && r.pos < len(r.text) && r.peek() != '\n' {
			err = errors.New("want the end of the line")
		}
		if err != nil {
			failed(r.line, err)
			r.skipLine()
		}
	}
}

func (r *tomlReader) peek() byte {
	if r.pos < len(r.text) {
		return r.text[r.pos]
	}
	return 0
}

func (r *tomlReader) take(prefix string) bool {
	if !strings.HasPrefix(r.text[r.pos:], prefix) {
		return false
	}
	r.pos += len(prefix)
	return true
}

func (r *tomlReader) skipLine() {
	for r.pos < len(r.text) && r.text[r.pos] != '\n' {
		r.pos++
	}
}

// blank skips white space and comments, and line ends if lines is set.
func (r *tomlReader) blank(lines bool) {
	for r.pos < len(r.text) {
		switch c := r.text[r.pos]; {
		case c == '\n' && lines:
			r.line++
			r.pos++
		case c == ' ' || c == '\t' || c == '\r':
			r.pos++
		case c == '#':
			r.skipLine()
		default:
			return
		}
	}
}

// header reads "[a.b]" or "[[a.b]]" and returns the table that it opens. After
// an error it is a table of its own, so that what follows lands nowhere.
func (r *tomlReader) header() (*node, error) {
	line := r.line
	end, array := "]", r.take("[[")
	if array {
		end = "]]"
	} else {
		r.take("[")
	}
	keys, err := r.keys()
	if err != nil {
		return &node{shape: isTable, line: line}, err
	}
	if !r.take(end) {
		return &node{shape: isTable, line: line}, errors.New("want " + end)
	}
	last := len(keys) - 1
	if !array {
		return r.root.enter(keys, line), nil
	}
	parent := r.root.enter(keys[:last], line)
	items := parent.named[keys[last]]
	if items == nil || items.shape != isList {
		items = &node{shape: isList, line: line}
		parent.put(keys[last], items)
	}
	n := &node{shape: isTable, line: line}
	items.items = append(items.items, n)
	return n, nil
}

// enter is the table under keys, made if it is new. A list of tables stands
// for its last one.
func (n *node) enter(keys []string, line int) *node {
	for _, key := range keys {
		next := n.named[key]
		if next != nil && next.shape == isList && len(next.items) > 0 {
			next = next.items[len(next.items)-1]
		}
		if next == nil || next.shape != isTable {
			next = &node{shape: isTable, line: line}
			n.put(key, next)
		}
		n = next
	}
	return n
}

// keys reads a dotted key, with the blanks after it.
func (r *tomlReader) keys() ([]string, error) {
	var keys []string
	for {
		r.blank(false)
		key, err := r.key()
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
		if len(keys) > maxDepth {
			return nil, errors.New("it nests too deep")
		}
		r.blank(false)
		if !r.take(".") {
			return keys, nil
		}
	}
}

func (r *tomlReader) key() (string, error) {
	if c := r.peek(); c == '"' || c == '\'' {
		return r.str()
	}
	start := r.pos
	for r.pos < len(r.text) && !strings.ContainsRune(" \t\r\n.=[]{}#\"',", rune(r.text[r.pos])) {
		r.pos++
	}
	if r.pos == start {
		return "", errors.New("want a key")
	}
	return r.text[start:r.pos], nil
}

func (r *tomlReader) assignment(to *node, depth int) error {
	line := r.line
	keys, err := r.keys()
	if err != nil {
		return err
	}
	if !r.take("=") {
		return errors.New("want =")
	}
	last := len(keys) - 1
	parent := to.enter(keys[:last], line)
	return r.value(func(n *node) { parent.put(keys[last], n) }, depth)
}

// value reads a value. attach takes it before it is complete.
func (r *tomlReader) value(attach func(*node), depth int) error {
	r.blank(false)
	n := &node{line: r.line}
	if depth > maxDepth {
		return errors.New("it nests too deep")
	}
	switch r.peek() {
	case '"', '\'':
		var err error
		n.shape = isText
		if n.text, err = r.str(); err != nil {
			return err
		}
		attach(n)
		return nil
	case '[':
		n.shape = isList
		attach(n)
		return r.sequence("]", func() error {
			return r.value(func(item *node) { n.items = append(n.items, item) }, depth+1)
		})
	case '{':
		n.shape = isTable
		attach(n)
		return r.sequence("}", func() error { return r.assignment(n, depth+1) })
	}
	start := r.pos
	for r.pos < len(r.text) && !strings.ContainsRune(",]}#\n", rune(r.text[r.pos])) {
		r.pos++
	}
	if n.text = strings.TrimSpace(r.text[start:r.pos]); n.text == "" {
		return errors.New("want a value")
	}
	attach(n)
	return nil
}

// sequence reads what is between brackets, from the opening one on.
func (r *tomlReader) sequence(end string, element func() error) error {
	r.pos++
	for {
		r.blank(true)
		if r.take(end) {
			return nil
		}
		if err := element(); err != nil {
			return err
		}
		r.blank(true)
		if !r.take(",") && r.peek() != end[0] {
			return errors.New("want " + end)
		}
	}
}

// str reads any of the four kinds of strings.
func (r *tomlReader) str() (string, error) {
	quote := r.text[r.pos : r.pos+1]
	multi := strings.Repeat(quote, 3)
	if !r.take(multi) {
		r.pos++
		return r.until(quote, quote == `"`, false)
	}
	if r.take("\n") || r.take("\r\n") {
		r.line++
	}
	return r.until(multi, quote == `"`, true)
}

func (r *tomlReader) until(end string, escapes, multi bool) (string, error) {
	var b strings.Builder
	for r.pos < len(r.text) {
		c := r.text[r.pos]
		switch {
		case r.take(end):
			for multi && r.take(end[:1]) { // up to two quotes may stand before the end
				b.WriteString(end[:1])
			}
			return b.String(), nil
		case c == '\n' && !multi:
			return "", errors.New("the text has no end")
		case c == '\\' && escapes:
			r.escape(&b)
		default:
			if c == '\n' {
				r.line++
			}
			b.WriteByte(c)
			r.pos++
		}
	}
	return "", errors.New("the text has no end")
}

// escape reads a backslash and what it stands for.
func (r *tomlReader) escape(b *strings.Builder) {
	r.pos++
	c := r.peek()
	switch digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]; {
	case digits > 0:
		r.pos++
		r.codepoint(b, digits)
	case c == '\n' || c == ' ' || c == '\t' || c == '\r':
		for strings.IndexByte(" \t\r\n", r.peek()) >= 0 && r.pos < len(r.text) {
			if r.peek() == '\n' {
				r.line++
			}
			r.pos++
		}
	case r.pos < len(r.text):
		if i := strings.IndexByte("btnfre", c); i >= 0 {
			c = "\b\t\n\f\r\x1b"[i]
		}
		b.WriteByte(c)
		r.pos++
	}
}

func (r *tomlReader) codepoint(b *strings.Builder, digits int) {
	var c rune
	for ; digits > 0 && r.pos < len(r.text); digits-- {
		d := strings.IndexByte("0123456789abcdef", r.text[r.pos]|0x20)
		if d < 0 {
			break
		}
		c = c<<4 | rune(d)
		r.pos++
	}
	if !utf8.ValidRune(c) {
		c = utf8.RuneError
	}
	b.WriteRune(c)
}
