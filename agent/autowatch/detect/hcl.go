package detect

import (
	"regexp"
	"strings"
)

// hclAttribute is a string that a file in HCL gives to a name.
type hclAttribute struct {
	path  []string // the types and labels of the blocks around it, and the keys of objects
	key   string
	value string
	items []string // of a list of strings, which has no value
	line  int
}

// hclAttributes lists the attributes of a file in HCL whose values are strings,
// or lists of them, and nothing else. It is no full parser: expressions are passed over.
func hclAttributes(text string) []hclAttribute {
	p := &hclParser{scanner: scanner{text: text, line: 1}}
	p.body(nil, 0)
	return p.found
}

type hclParser struct {
	scanner
	found []hclAttribute
}

const maxNesting = 100

// body reads up to the brace that ends it, or the end of the file.
func (p *hclParser) body(path []string, depth int) {
	var words []string // what may become the name of an attribute, or the head of a block
	for {
		t := p.next()
		switch t.kind {
		case tokenEnd:
			return
		case tokenWord, tokenString:
			words = append(words, t.text)
		case tokenNewline:
			words = nil
		default:
			switch t.text {
			case "}":
				return
			case "{":
				p.nested(path, words, depth)
				words = nil
			case "=", ":":
				if len(words) > 0 {
					p.value(path, words[len(words)-1], depth)
				}
				words = nil
			}
		}
	}
}

func (p *hclParser) nested(path, words []string, depth int) {
	if depth >= maxNesting {
		p.pos = len(p.text)
		return
	}
	p.body(append(path[:len(path):len(path)], words...), depth+1)
}

// value takes the value of an attribute if it is one string.
func (p *hclParser) value(path []string, key string, depth int) {
	t := p.next()
	switch {
	case t.kind == tokenString:
		after := p.peek()
		if after.kind == tokenNewline || after.kind == tokenEnd || after.text == "}" || after.text == "," {
			p.found = append(p.found, hclAttribute{path: path, key: key, value: t.text, line: t.line})
		}
	case t.text == "{":
		p.nested(path, []string{key}, depth)
	case t.text == "[":
		p.list(path, key, t.line)
	}
}

// list takes a list if all that it has are strings; else what is in it is read
// like the rest.
func (p *hclParser) list(path []string, key string, line int) {
	saved := p.scanner
	var items []string
	for len(items) <= maxItems {
		switch t := p.next(); {
		case t.kind == tokenString:
			items = append(items, t.text)
		case t.kind == tokenNewline || t.text == ",":
		case t.text == "]":
			p.found = append(p.found, hclAttribute{path: path, key: key, items: items, line: line})
			return
		default:
			p.scanner = saved
			return
		}
	}
	p.scanner = saved
}

type hclKind int

const (
	tokenEnd hclKind = iota
	tokenWord
	tokenString
	tokenNewline
	tokenOther // one character
)

type hclToken struct {
	kind hclKind
	text string
	line int
}

// scanner splits HCL into tokens.
type scanner struct {
	text string
	pos  int
	line int
}

func (s *scanner) peek() hclToken {
	saved := *s
	t := s.next()
	*s = saved
	return t
}

func (s *scanner) next() hclToken {
	for s.pos < len(s.text) {
		rest := s.text[s.pos:]
		switch c := rest[0]; {
		case c == '\n':
			s.pos++
			s.line++
			return hclToken{tokenNewline, "\n", s.line - 1}
		case c == '#' || strings.HasPrefix(rest, "//"):
			s.skip(untilLineEnd(rest))
		case strings.HasPrefix(rest, "/*"):
			s.skip(through(rest, 2, "*/"))
		case strings.HasPrefix(rest, "<<") && s.heredoc(rest):
			return hclToken{tokenOther, "<<", s.line}
		case c == '"':
			return s.quoted(rest)
		case isWordByte(c):
			n := 1
			for n < len(rest) && isWordByte(rest[n]) {
				n++
			}
			s.pos += n
			return hclToken{tokenWord, rest[:n], s.line}
		case c == ' ' || c == '\t' || c == '\r':
			s.pos++
		default:
			s.pos++
			return hclToken{tokenOther, rest[:1], s.line}
		}
	}
	return hclToken{kind: tokenEnd, line: s.line}
}

// skip passes over n bytes and counts their lines.
func (s *scanner) skip(n int) {
	s.line += strings.Count(s.text[s.pos:s.pos+n], "\n")
	s.pos += n
}

func untilLineEnd(s string) int {
	if i := strings.IndexByte(s, '\n'); i >= 0 {
		return i
	}
	return len(s)
}

// through is the length of s up to and with end, looked for from the byte at from.
func through(s string, from int, end string) int {
	if i := strings.Index(s[from:], end); i >= 0 {
		return from + i + len(end)
	}
	return len(s)
}

func isWordByte(c byte) bool {
	return c == '_' || c == '-' || c == '.' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// quoted reads a string. One with a value put in keeps its "${", and quotes
// within that do not end it.
func (s *scanner) quoted(rest string) hclToken {
	t := hclToken{tokenString, "", s.line}
	var b strings.Builder
	inner, i := 0, 1
	for ; i < len(rest) && rest[i] != '\n'; i++ {
		switch c := rest[i]; {
		case c == '\\' && i+1 < len(rest):
			i++
			b.WriteByte(rest[i])
			continue
		case c == '"' && inner == 0:
			s.pos += i + 1
			t.text = b.String()
			return t
		case c == '$' && strings.HasPrefix(rest[i:], "${"):
			inner++
		case c == '}' && inner > 0:
			inner--
		}
		b.WriteByte(rest[i])
	}
	s.pos += i
	t.text = b.String()
	return t
}

// heredoc passes over a heredoc, if that is what starts here.
func (s *scanner) heredoc(rest string) bool {
	head := rest[:untilLineEnd(rest)]
	mark := strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(head, "<<"), "-"))
	if mark == "" || !isWordByte(mark[0]) || len(mark) > 100 {
		return false
	}
	s.pos += len(head)
	for s.pos < len(s.text) {
		s.skip(1) // the end of the line before
		line := s.text[s.pos : s.pos+untilLineEnd(s.text[s.pos:])]
		s.pos += len(line)
		if strings.TrimSpace(line) == mark {
			break
		}
	}
	return true
}

// hclDefaults are the defaults of variables, by their names.
func hclDefaults(attributes []hclAttribute) map[string]string {
	defaults := map[string]string{}
	for _, a := range attributes {
		if len(a.path) == 2 && a.path[0] == "variable" && a.key == "default" {
			defaults[a.path[1]] = a.value
		}
	}
	return defaults
}

var hclVariable = regexp.MustCompile(`\$\{\s*var\.(\w+)\s*\}`)

// withDefaults puts the defaults of variables into a text, as far as they are
// short: a text may name one very often.
func withDefaults(text string, defaults map[string]string) string {
	return hclVariable.ReplaceAllStringFunc(text, func(match string) string {
		if value := defaults[hclVariable.FindStringSubmatch(match)[1]]; len(value) <= maxName && value != "" {
			return value
		}
		return match
	})
}
