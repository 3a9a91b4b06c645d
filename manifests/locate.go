package manifests

import (
	"errors"
	"strconv"
	"strings"
)

// maxDepth bounds how deep tables and arrays nest, and how long a dotted key
// is: the decoder recurses, and its work grows with the square of the depth.
const maxDepth = 32

// node is where one key or item was written, with what is inside it.
type node struct {
	key   int // offset of the key, or of an item
	value int // offset of the value; that of the key for a table's header
	set   bool
	keys  map[string]*node
	items []*node
}

// child is the node of a key inside n. It is never nil: a key that cannot be
// found is where n is.
func (n *node) child(key string) *node {
	if c := n.keys[key]; c != nil {
		return c
	}
	return &node{key: n.key, value: n.value}
}

// item is the node of the i-th item of n, never nil.
func (n *node) item(i int) *node {
	if 0 <= i && i < len(n.items) {
		return n.items[i]
	}
	return &node{key: n.key, value: n.value}
}

// enter is the node of key inside n, made at offset if it is new.
func (n *node) enter(key string, offset int) *node {
	if c := n.keys[key]; c != nil {
		return c
	}
	if n.keys == nil {
		n.keys = make(map[string]*node)
	}
	c := &node{key: offset, value: offset}
	n.keys[key] = c
	return c
}

func (n *node) add(offset int) *node {
	c := &node{key: offset, value: offset}
	n.items = append(n.items, c)
	return c
}

// scanError says where the text stopped making sense.
type scanError struct {
	offset int
	cause  error
}

func (e *scanError) Error() string { return e.cause.Error() }
func (e *scanError) Unwrap() error { return e.cause }

// errTooDeep is the one scanError that the decoder must not be asked about.
var errTooDeep = errors.New("tables and arrays nest too deep")

// duplicate is a key written twice.
type duplicate struct {
	name          string
	first, second int
}

// scanner finds where the keys of a TOML text are. It takes more than TOML
// allows: the decoder judges, the scanner locates.
type scanner struct {
	text string
	pos  int
	root node
	dup  *duplicate // the first one found
}

// scan locates all keys of text.
func scan(text string) (*scanner, error) {
	s := &scanner{text: text}
	current := &s.root
	for {
		s.blank(true)
		if s.pos >= len(s.text) {
			return s, nil
		}
		var err error
		if s.peek() == '[' {
			current, err = s.header()
		} else {
			err = s.assignment(current, 0)
		}
		if err != nil {
			return s, err
		}
		s.blank(false)
		if s.pos < len(s.text) && s.peek() != '\n' {
			return s, s.fail("want the end of the line")
		}
	}
}

func (s *scanner) fail(message string) error {
	return &scanError{offset: s.pos, cause: errors.New(message)}
}

// peek is the byte at the position, 0 at the end.
func (s *scanner) peek() byte {
	if s.pos < len(s.text) {
		return s.text[s.pos]
	}
	return 0
}

func (s *scanner) take(prefix string) bool {
	if !strings.HasPrefix(s.text[s.pos:], prefix) {
		return false
	}
	s.pos += len(prefix)
	return true
}

// blank skips white space and comments, and line ends if lines is set.
func (s *scanner) blank(lines bool) {
	for s.pos < len(s.text) {
		switch c := s.text[s.pos]; {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n' && lines:
			s.pos++
		case c == '#':
			end := strings.IndexByte(s.text[s.pos:], '\n')
			if end < 0 {
				end = len(s.text) - s.pos
			}
			s.pos += end
		default:
			return
		}
	}
}

// header reads "[a.b]" or "[[a.b]]" and returns the table that it opens.
func (s *scanner) header() (*node, error) {
	end, array := "]", s.take("[[")
	if array {
		end = "]]"
	} else {
		s.pos++
	}
	at := &s.root
	last, offset, err := s.path(func(key string, offset int) {
		at = at.enter(key, offset)
		if n := len(at.items); n > 0 {
			at = at.items[n-1]
		}
	})
	if err != nil {
		return nil, err
	}
	if !s.take(end) {
		return nil, s.fail("want " + end)
	}
	at = at.enter(last, offset)
	if array {
		return at.add(offset), nil
	}
	s.mark(at, last, offset)
	return at, nil
}

// mark notes that the key was written out at offset.
func (s *scanner) mark(n *node, name string, offset int) {
	if n.set && s.dup == nil {
		s.dup = &duplicate{name: name, first: n.key, second: offset}
	}
	if !n.set {
		n.key, n.value = offset, offset // a header before may have implied it
	}
	n.set = true
}

// assignment reads "a.b = value" into the table at.
func (s *scanner) assignment(at *node, depth int) error {
	last, offset, err := s.path(func(key string, offset int) { at = at.enter(key, offset) })
	if err != nil {
		return err
	}
	if !s.take("=") {
		return s.fail("want = and a value after the key")
	}
	s.blank(false)
	at = at.enter(last, offset)
	s.mark(at, last, offset)
	at.value = s.pos
	return s.value(at, depth)
}

// path reads a dotted key: parent is called for all parts but the last, which
// is returned with its offset.
func (s *scanner) path(parent func(key string, offset int)) (last string, offset int, err error) {
	for range maxDepth {
		s.blank(false)
		offset = s.pos
		if last, err = s.part(); err != nil {
			return "", 0, err
		}
		s.blank(false)
		if !s.take(".") {
			return last, offset, nil
		}
		parent(last, offset)
	}
	return "", 0, &scanError{offset: s.pos, cause: errTooDeep}
}

// part reads one part of a dotted key.
func (s *scanner) part() (string, error) {
	start := s.pos
	if c := s.peek(); c == '"' || c == '\'' {
		if err := s.quoted(); err != nil {
			return "", err
		}
		return unquote(s.text[start:s.pos]), nil
	}
	for s.pos < len(s.text) && isBare(s.text[s.pos]) {
		s.pos++
	}
	if s.pos == start {
		return "", s.fail("want a key")
	}
	return s.text[start:s.pos], nil
}

func isBare(c byte) bool {
	return c == '-' || c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// unquote is the key that a quoted part stands for. Escapes that Go does not
// know stay as they are, which costs such a key its exact place.
func unquote(quoted string) string {
	inner := quoted[1 : len(quoted)-1]
	if quoted[0] == '\'' || !strings.Contains(inner, `\`) {
		return inner
	}
	if key, err := strconv.Unquote(quoted); err == nil {
		return key
	}
	return inner
}

// value reads one value and locates what is inside it.
func (s *scanner) value(at *node, depth int) error {
	if depth >= maxDepth {
		return &scanError{offset: s.pos, cause: errTooDeep}
	}
	switch s.peek() {
	case '[':
		return s.array(at, depth)
	case '{':
		return s.inline(at, depth)
	case '"', '\'':
		return s.quoted()
	}
	start := s.pos
	for s.pos < len(s.text) && !strings.ContainsRune(",]}#\n", rune(s.text[s.pos])) {
		s.pos++
	}
	if s.pos == start {
		return s.fail("want a value")
	}
	return nil
}

func (s *scanner) array(at *node, depth int) error {
	s.pos++
	for {
		s.blank(true)
		if s.take("]") {
			return nil
		}
		if err := s.value(at.add(s.pos), depth+1); err != nil {
			return err
		}
		s.blank(true)
		if !s.take(",") && s.peek() != ']' {
			return s.fail("want , or ] in the array")
		}
	}
}

func (s *scanner) inline(at *node, depth int) error {
	s.pos++
	for {
		s.blank(true)
		if s.take("}") {
			return nil
		}
		if err := s.assignment(at, depth+1); err != nil {
			return err
		}
		s.blank(true)
		if !s.take(",") && s.peek() != '}' {
			return s.fail("want , or } in the table")
		}
	}
}

// quoted skips a string of any of the four kinds.
func (s *scanner) quoted() error {
	start, quote := s.pos, s.text[s.pos:s.pos+1]
	if triple := strings.Repeat(quote, 3); s.take(triple) {
		quote = triple
	} else {
		s.pos++
	}
	for s.pos < len(s.text) {
		switch {
		case s.take(quote):
			if len(quote) == 3 { // up to two more belong to the string
				if s.take(quote[:1]) {
					s.take(quote[:1])
				}
			}
			return nil
		case s.peek() == '\n' && len(quote) == 1:
			return s.fail("the string has no end on its line")
		case s.peek() == '\\' && quote[0] == '"':
			s.pos += 2
		default:
			s.pos++
		}
	}
	s.pos = start
	return s.fail("the string has no end")
}
