package detect

import (
	"regexp"
	"strings"
)

var (
	templateChoice   = regexp.MustCompile(`^\s*(.+?)\s+if\s+(.+?)\s+else\s+(.+?)\s*$`)
	templateCompared = regexp.MustCompile(`^([A-Za-z_][\w.]*)\s*(==|!=|in|not in)\s*(.+)$`)
)

// choose is the side of "a if x else b" that is taken; ok is false when it is no
// such thing, or x says nothing that is known.
func (sc scope) choose(expression string) (taken string, ok bool) {
	parts := templateChoice.FindStringSubmatch(expression)
	if parts == nil {
		return "", false
	}
	holds, ok := sc.holds(withoutBrackets(parts[2]))
	if !ok || strings.Contains(parts[3], " if ") || strings.Contains(parts[1], " if ") {
		return "", false
	}
	if holds {
		return withoutBrackets(parts[1]), true
	}
	return withoutBrackets(parts[3]), true
}

var templateBlock = regexp.MustCompile(`\{%-?\s*if\s+([^{}%]+?)\s*-?%\}([^{}%]*)(?:\{%-?\s*else\s*-?%\}([^{}%]*))?\{%-?\s*endif\s*-?%\}`)

// blocks puts in the sides of "{% if x %}a{% else %}b{% endif %}" that are taken.
func (sc scope) blocks(text string) string {
	return templateBlock.ReplaceAllStringFunc(text, func(block string) string {
		parts := templateBlock.FindStringSubmatch(block)
		holds, ok := sc.holds(withoutBrackets(parts[1]))
		switch {
		case !ok:
			return block
		case holds:
			return parts[2]
		}
		return parts[3]
	})
}

// bothSides are the two texts that a template chooses from by what is not known,
// or what else it is.
func bothSides(text string) []string {
	expression := templateExpression.FindStringSubmatch(text)
	if expression == nil || expression[0] != text {
		return []string{text}
	}
	parts := templateChoice.FindStringSubmatch(expression[1])
	if parts == nil {
		return []string{text}
	}
	one, ok := quotedText(withoutBrackets(parts[1]))
	other, both := quotedText(withoutBrackets(parts[3]))
	if !ok || !both {
		return []string{text}
	}
	return []string{one, other}
}

// holds tells whether a comparison of a variable with a text, or with several
// in a list, is true.
func (sc scope) holds(condition string) (holds, ok bool) {
	parts := templateCompared.FindStringSubmatch(condition)
	if parts == nil {
		return false, false
	}
	n := sc.lookup(parts[1])
	if n == nil || n.shape == isList || n.shape == isTable {
		return false, false
	}
	value := n.value()
	if strings.Contains(value, "{{") { // which might be this very choice
		return false, false
	}
	texts := []string{parts[3]}
	if strings.HasSuffix(parts[2], "in") {
		inner, isList := strings.CutPrefix(parts[3], "[")
		if !isList || !strings.HasSuffix(inner, "]") {
			return false, false
		}
		texts = strings.Split(strings.TrimSuffix(inner, "]"), ",")
	}
	for _, text := range texts {
		text, known := quotedText(strings.TrimSpace(text))
		if !known {
			return false, false
		}
		holds = holds || text == value
	}
	return holds != (parts[2] == "!=" || parts[2] == "not in"), true
}

// withoutBrackets is an expression without the brackets around all of it.
func withoutBrackets(expression string) string {
	expression = strings.TrimSpace(expression)
	inner, ok := strings.CutPrefix(expression, "(")
	if inner, closed := strings.CutSuffix(inner, ")"); ok && closed && !strings.ContainsAny(inner, "()") {
		return strings.TrimSpace(inner)
	}
	return expression
}
