package detect

import "strings"

// nested are the tokens with what is between brackets taken together. Brackets
// that have no partner, or nest too deep, are signs.
func nested(flat []token) []token {
	var open []token // the groups that are not closed yet
	at := []token{}
	var outer [][]token
	for _, t := range flat {
		switch {
		case (t.is('(') || t.is('[') || t.is('{')) && len(open) < maxDepth:
			open, outer, at = append(open, t), append(outer, at), nil
		case len(open) > 0 && t.is(closing(open[len(open)-1].kind)):
			at = closeGroup(&open, &outer, at, t.line)
		default:
			at = append(at, t)
		}
	}
	for len(open) > 0 {
		at = closeGroup(&open, &outer, at, open[len(open)-1].line)
	}
	return at
}

func closing(bracket byte) byte {
	return map[byte]byte{'(': ')', '[': ']', '{': '}'}[bracket]
}

// closeGroup ends the innermost group, which has inside in it, and returns
// what the one around it has now.
func closeGroup(open *[]token, outer *[][]token, inside []token, line int) []token {
	last := len(*open) - 1
	group, around := (*open)[last], (*outer)[last]
	*open, *outer = (*open)[:last], (*outer)[:last]
	group.inside, group.end = inside, line
	return append(around, group)
}

// phrases cuts tokens at the ends of lines that end a phrase: after a comma,
// an operator or a backslash it goes on.
func phrases(ts []token) [][]token {
	var all [][]token
	start := 0
	for i := 1; i <= len(ts); i++ {
		if i == len(ts) || ts[i].line > ts[i-1].end && strings.IndexByte(",\\=>|&+.", ts[i-1].kind) < 0 {
			all = append(all, ts[start:i])
			start = i
		}
	}
	return all
}

// options are the arguments of a phrase: those with names by their names, in
// any of the forms `git: x`, `"git": x`, `:git => x`, `"git" => x`, `git = x`.
type options struct {
	places [][]token // those without a name
	named  map[string][]token
	line   int
}

func (o options) has(name string) bool { return o.named[name] != nil }

// lineOf is the line of the value of name.
func (o options) lineOf(name string) int {
	if v := o.named[name]; len(v) > 0 {
		return v[0].line
	}
	return o.line
}

// readOptions cuts a phrase at its commas.
func readOptions(ts []token) options {
	o := options{named: map[string][]token{}}
	if len(ts) > 0 {
		o.line = ts[0].line
	}
	start := 0
	for i := 0; i <= len(ts); i++ {
		if i < len(ts) && !ts[i].is(',') {
			continue
		}
		if piece := ts[start:i]; len(piece) > 0 {
			o.read(piece)
		}
		start = i + 1
	}
	return o
}

func (o *options) read(piece []token) {
	name, value := cutName(piece)
	switch {
	case name == "":
		o.places = append(o.places, piece)
	case !o.has(name):
		o.named[name] = value
	}
}

// cutName cuts an argument into its name and its value.
func cutName(piece []token) (name string, value []token) {
	isName := func(t token) bool { return t.is('w') || t.is('s') && !t.computed }
	switch {
	case len(piece) >= 3 && isName(piece[0]) && piece[1].is(':') && !piece[1].spaced:
		return piece[0].text, piece[2:]
	case len(piece) >= 5 && piece[0].is(':') && isName(piece[1]) && piece[2].is('=') && piece[3].is('>'):
		return piece[1].text, piece[4:]
	case len(piece) >= 4 && isName(piece[0]) && piece[1].is('=') && piece[2].is('>'):
		return piece[0].text, piece[3:]
	case len(piece) >= 3 && isName(piece[0]) && piece[1].is('='):
		return piece[0].text, piece[2:]
	}
	return "", nil
}
