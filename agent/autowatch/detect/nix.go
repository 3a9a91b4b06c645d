package detect

import "strings"

// nixAttribute is a string below "inputs" of a flake, or an argument of "outputs".
type nixAttribute struct {
	path  []string // with "inputs" or "outputs"
	value string
	line  int
}

// nixAttributes lists the strings below "inputs" of a flake, and the names of
// the arguments of "outputs". Nix wants those to be literals, so that no more
// than the nesting of sets must be understood.
func nixAttributes(text string) []nixAttribute {
	p := &nixParser{nixScanner: nixScanner{text: text, line: 1}}
	for t := p.next(); t.kind != tokenEnd; t = p.next() {
		if t.text == "{" && t.kind == tokenOther {
			p.set(nil, 0)
			break
		}
	}
	return p.found
}

type nixParser struct {
	nixScanner
	found []nixAttribute
}

// set reads the attributes of a set up to its closing brace.
func (p *nixParser) set(outer []string, depth int) {
	path := outer[:len(outer):len(outer)]
	for {
		t := p.next()
		switch {
		case t.kind == tokenEnd || t.kind == tokenOther && t.text == "}":
			return
		case t.kind == tokenString:
			path = append(path, t.text)
		case t.kind == tokenWord:
			path = append(path, strings.FieldsFunc(t.text, func(r rune) bool { return r == '.' })...)
		case t.text == "=":
			p.value(path, depth)
			path = outer[:len(outer):len(outer)]
		case t.text == ";":
			path = outer[:len(outer):len(outer)]
		}
	}
}

// value reads a value and what follows it up to the semicolon.
func (p *nixParser) value(path []string, depth int) {
	wanted := len(path) > 0 && path[0] == "inputs" && depth < 8 && len(path) < 8
	t := p.next()
	if depth == 0 && len(path) == 1 && path[0] == "outputs" {
		t = p.arguments(path, t)
	}
	switch {
	case wanted && t.text == "{" && t.kind == tokenOther:
		p.set(path, depth+1)
		t = p.next()
	case wanted && t.kind == tokenString:
		p.found = append(p.found, nixAttribute{path, t.text, t.line})
	case wanted && t.kind == tokenWord && strings.Contains(t.text, ":"): // a bare URL
		p.found = append(p.found, nixAttribute{path, t.text, t.line})
	}
	for open := 0; t.kind != tokenEnd; t = p.next() {
		if t.kind != tokenOther {
			continue
		}
		switch t.text {
		case "{", "(", "[":
			open++
		case "}", ")", "]":
			open--
		case ";":
			if open <= 0 {
				return
			}
		}
	}
}

// arguments takes the names of a set of arguments that begins at t, or behind
// "name@". It returns the token behind it.
func (p *nixParser) arguments(path []string, t hclToken) hclToken {
	if t.kind == tokenWord {
		if t = p.next(); t.text != "@" {
			return t
		}
		t = p.next()
	}
	if t.kind != tokenOther || t.text != "{" {
		return t
	}
	for open, first := 1, true; open > 0 && t.kind != tokenEnd; {
		t = p.next()
		switch {
		case t.kind == tokenWord && first && open == 1:
			p.found = append(p.found, nixAttribute{path, t.text, t.line})
		case t.kind == tokenOther && strings.Contains("{([", t.text):
			open++
		case t.kind == tokenOther && strings.Contains("})]", t.text):
			open--
		}
		first = t.kind == tokenOther && t.text == ","
	}
	return p.next()
}

// nixScanner splits Nix into tokens.
type nixScanner struct {
	text string
	pos  int
	line int
}

func (s *nixScanner) next() hclToken {
	for s.pos < len(s.text) {
		rest := s.text[s.pos:]
		switch c := rest[0]; {
		case c == '#':
			s.take(untilLineEnd(rest))
		case strings.HasPrefix(rest, "/*"):
			s.take(through(rest, 2, "*/"))
		case strings.HasPrefix(rest, "''"):
			line := s.line
			return hclToken{tokenString, strings.Trim(s.take(through(rest, 2, "''")), "' \t\n"), line}
		case c == '"':
			line := s.line
			return hclToken{tokenString, strings.Trim(s.take(stringEnd(rest)), `"`), line}
		case isWordByte(c):
			return hclToken{tokenWord, s.take(wordEnd(rest)), s.line}
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			s.take(1)
		default:
			return hclToken{tokenOther, s.take(1), s.line}
		}
	}
	return hclToken{kind: tokenEnd, line: s.line}
}

func (s *nixScanner) take(n int) string {
	taken := s.text[s.pos : s.pos+n]
	s.line += strings.Count(taken, "\n")
	s.pos += n
	return taken
}

// wordEnd is the length of a name with its dots, or of a URL without quotes.
func wordEnd(s string) int {
	n := 1
	for n < len(s) && (isWordByte(s[n]) || strings.IndexByte("'+", s[n]) >= 0) {
		n++
	}
	if n+1 < len(s) && s[n] == ':' && (isWordByte(s[n+1]) || s[n+1] == '/') {
		for n < len(s) && (isWordByte(s[n]) || strings.IndexByte(":/?=&@%+~!*,$'", s[n]) >= 0) {
			n++
		}
	}
	return n
}

// stringEnd is the length of a quoted string.
func stringEnd(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(s)
}
