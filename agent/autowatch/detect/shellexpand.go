package detect

import (
	"regexp"
	"strings"
)

// maxExpansions bounds how deep defaults stand in defaults.
const maxExpansions = 4

// expand puts in the values of variables that are known, as a shell does: of
// "${X:-y}" the default where X is not known, of "${X%y}" what is left. What is
// not known stays as it is written.
func (d *dockerfile) expand(text string) string {
	if !strings.Contains(text, "$") || len(text) > maxURL {
		return text
	}
	return d.expanded(text, maxExpansions)
}

func (d *dockerfile) expanded(text string, depth int) string {
	var b strings.Builder
	for text != "" {
		at := strings.IndexByte(text, '$')
		if at < 0 || b.Len() > maxURL {
			break
		}
		b.WriteString(text[:at])
		text = text[at:]
		n := variableLength(text)
		value := d.variable(text[:n], depth)
		if value == "" || b.Len()+len(value) > maxURL {
			value = text[:n]
		}
		b.WriteString(value)
		text = text[n:]
	}
	return b.String() + text
}

var shellName = regexp.MustCompile(`^\$(?:[A-Za-z_]\w*|[0-9@*])`)

// variableLength is how long the variable is that text begins with; a sign that
// begins none counts by itself.
func variableLength(text string) int {
	if name := shellName.FindString(text); name != "" {
		return len(name)
	}
	if strings.HasPrefix(text, "${") || strings.HasPrefix(text, "$(") {
		if n := expression(text, text[:2]); n > 2 {
			return n
		}
	}
	return 1
}

var (
	bracedVariable = regexp.MustCompile(`^\$\{(\w+|[@*])(?:\[[@*]\])?(?:(:?[-=]|%%?|##?)(.*))?\}$`)
	azureVariable  = regexp.MustCompile(`^\$\(([\w.]+)\)$`)
)

// variable is the value of what is written so, "" if it is not known.
func (d *dockerfile) variable(written string, depth int) string {
	if parts := azureVariable.FindStringSubmatch(written); parts != nil {
		return d.values[parts[1]]
	}
	parts := bracedVariable.FindStringSubmatch(written)
	if parts == nil {
		return d.values[written[1:]]
	}
	value, operator, word := d.values[parts[1]], strings.TrimPrefix(parts[2], ":"), parts[3]
	switch {
	case operator == "":
		return value
	case operator == "-" || operator == "=":
		if value == "" && depth > 0 {
			value = d.expanded(word, depth-1)
		}
		return value
	case value == "" || isComputed(value) || isComputed(word):
		return ""
	}
	return cutPattern(value, operator, word)
}

// cutPattern is "${value%pattern}" and its kin, for a pattern that has at most
// one star, at its outer end for the longest and the shortest cut there are.
func cutPattern(value, operator, pattern string) string {
	fromEnd := operator[0] == '%'
	literal, star := strings.CutPrefix(pattern, "*")
	if fromEnd {
		literal, star = strings.CutSuffix(pattern, "*")
	}
	at := strings.Index(value, literal)
	if fromEnd == (len(operator) == 1) {
		at = strings.LastIndex(value, literal)
	}
	switch {
	case strings.ContainsAny(literal, `*?[\`):
		return ""
	case !star && fromEnd:
		return strings.TrimSuffix(value, literal)
	case !star:
		return strings.TrimPrefix(value, literal)
	case at < 0:
		return value
	case fromEnd:
		return value[:at]
	}
	return value[at+len(literal):]
}
