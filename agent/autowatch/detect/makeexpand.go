package detect

import "strings"

// unknownMake is what stands where a value is not known: it counts as computed.
const unknownMake = "${?}"

func knownMake(text string) makeVariable { return makeVariable{text: text, expanded: true} }

// maxMakeDepth bounds how deep variables stand in each other.
const maxMakeDepth = 20

// expand puts in the values of variables: of those of given first, then of the
// Makefile's. What make would have to compute becomes unknown.
func (m *makefile) expand(text string, given []map[string]makeVariable) string {
	e := &makeExpansion{m, given}
	return e.expand(text, 0)
}

type makeExpansion struct {
	*makefile
	given []map[string]makeVariable
}

func (e *makeExpansion) expand(text string, depth int) string {
	var b strings.Builder
	for text != "" && b.Len() <= maxMakeText {
		at := strings.IndexByte(text, '$')
		if at < 0 || at+1 >= len(text) {
			b.WriteString(text)
			break
		}
		b.WriteString(text[:at])
		inside, n := makeReference(text[at:])
		if inside == "$" {
			b.WriteByte('$')
		} else {
			b.WriteString(e.value(inside, depth))
		}
		text = text[at+n:]
	}
	if b.Len() > maxMakeText {
		return unknownMake
	}
	return b.String()
}

// makeReference is what stands in the "$(x)", "${x}" or "$x" that text begins
// with, and how long that is.
func makeReference(text string) (inside string, n int) {
	closed, bracketed := map[byte]byte{'(': ')', '{': '}'}[text[1]]
	if !bracketed {
		return text[1:2], 2
	}
	depth := 0
	for i := 1; i < len(text) && i < maxMakeText; i++ {
		switch text[i] {
		case text[1]:
			depth++
		case closed:
			if depth--; depth == 0 {
				return text[2:i], i + 1
			}
		}
	}
	return "?", 2
}

// value is that of a variable, or of one that is called with arguments.
func (e *makeExpansion) value(name string, depth int) string {
	if e.uses++; e.uses > maxMakeUses || depth > maxMakeDepth {
		return unknownMake
	}
	if call, ok := strings.CutPrefix(name, "call "); ok {
		return e.call(strings.Split(call, ","), depth)
	}
	for _, vars := range append(e.given, e.vars) {
		v, ok := vars[name]
		switch {
		case !ok:
		case v.expanded:
			return v.text
		default:
			return e.expand(v.text, depth+1)
		}
	}
	return unknownMake
}

// call is a variable with what it is called with in the place of $(1), $(2).
func (e *makeExpansion) call(words []string, depth int) string {
	args := map[string]makeVariable{}
	for i, word := range words[:min(len(words), 10)] {
		args[string(rune('0'+i))] = knownMake(e.expand(strings.TrimSpace(word), depth+1))
	}
	inner := &makeExpansion{e.makefile, append([]map[string]makeVariable{args}, e.given...)}
	return inner.value(args["0"].text, depth+1)
}
