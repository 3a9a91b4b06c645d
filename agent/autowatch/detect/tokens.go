package detect

import "strings"

// token is a word, a text in quotes, a sign of a program, or what is between
// brackets.
type token struct {
	kind      byte // 'w', 's', or the sign itself, which for a group is the opening bracket
	text      string
	line, end int     // where it begins and ends
	computed  bool    // a text with an expression in it
	spaced    bool    // there is space before it
	inside    []token // of a group
}

func (t token) is(sign byte) bool { return t.kind == sign }

// lexis is what a language is written with, as far as it matters for finding
// words and texts.
type lexis struct {
	comment   string    // what begins a comment to the end of the line
	block     [2]string // what a comment over lines is between; may be empty
	quotes    string    // what texts are between
	triple    bool      // three quotes begin a text over lines
	inner     string    // what begins an expression in a text; its last byte is the bracket
	wordSigns string    // what words have besides letters, digits and _
}

// lexer cuts a program into tokens. A text that does not end in its line is
// taken for a single sign: it rather misses one than swallows the rest.
type lexer struct {
	lexis
	text   string
	pos    int
	line   int
	tokens []token
}

func tokens(text string, l lexis) []token {
	x := &lexer{lexis: l, text: text, line: 1}
	spaced := true
	for x.pos < len(x.text) {
		if x.blank() {
			spaced = true
			continue
		}
		n := len(x.tokens)
		x.next()
		x.tokens[n].spaced, x.tokens[n].end = spaced, x.line
		spaced = false
	}
	return x.tokens
}

// blank skips white space or a comment.
func (x *lexer) blank() bool {
	rest := x.text[x.pos:]
	switch c := rest[0]; {
	case c == '\n':
		x.line++
		x.pos++
	case c <= ' ':
		x.pos++
	case x.block[0] != "" && strings.HasPrefix(rest, x.block[0]):
		end := strings.Index(rest[len(x.block[0]):], x.block[1])
		if end >= 0 {
			end += len(x.block[0]) + len(x.block[1])
		}
		x.skip(end)
	case x.comment != "" && strings.HasPrefix(rest, x.comment):
		x.skip(strings.IndexByte(rest, '\n'))
	default:
		return false
	}
	return true
}

// skip goes n bytes on, to the end if n is negative.
func (x *lexer) skip(n int) {
	if n < 0 {
		n = len(x.text) - x.pos
	}
	x.line += strings.Count(x.text[x.pos:x.pos+n], "\n")
	x.pos += n
}

func (x *lexer) next() {
	c := x.text[x.pos]
	if strings.IndexByte(x.quotes, c) >= 0 && x.str(c) {
		return
	}
	end := x.pos
	for end < len(x.text) && x.isWord(x.text[end]) {
		end++
	}
	if end == x.pos {
		x.tokens = append(x.tokens, token{kind: c, text: string(c), line: x.line})
		x.pos++
		return
	}
	x.tokens = append(x.tokens, token{kind: 'w', text: x.text[x.pos:end], line: x.line})
	x.pos = end
}

func (x *lexer) isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80 || strings.IndexByte(x.wordSigns, c) >= 0
}

// str reads a text. It tells whether there is one.
func (x *lexer) str(quote byte) bool {
	mark := string(quote)
	if x.triple && strings.HasPrefix(x.text[x.pos:], strings.Repeat(mark, 3)) {
		mark = strings.Repeat(mark, 3)
	}
	rest := x.text[x.pos+len(mark):]
	t := token{kind: 's', line: x.line}
	var b strings.Builder
	for i := 0; i < len(rest); {
		switch {
		case strings.HasPrefix(rest[i:], mark):
			t.text = b.String()
			x.tokens = append(x.tokens, t)
			x.skip(len(mark) + i + len(mark))
			return true
		case rest[i] == '\n' && len(mark) == 1:
			return false
		case x.inner != "" && quote == '"' && strings.HasPrefix(rest[i:], x.inner):
			t.computed = true
			n := expression(rest[i:], x.inner)
			b.WriteString(rest[i : i+n])
			i += n
		case rest[i] == '\\' && i+1 < len(rest):
			b.WriteByte(rest[i+1])
			i += 2
		default:
			b.WriteByte(rest[i])
			i++
		}
	}
	return false
}

// expression is how long the expression is that text begins with.
func expression(text, inner string) int {
	open := inner[len(inner)-1]
	closed := map[byte]byte{'{': '}', '(': ')'}[open]
	depth := 0
	for i := len(inner) - 1; i < len(text) && text[i] != '\n'; i++ {
		switch text[i] {
		case open:
			depth++
		case closed:
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(inner)
}
