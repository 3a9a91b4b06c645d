package detect

import (
	"regexp"
	"strings"
)

// scope is where the variables of Ansible's templates have their values: the
// first table that has one counts.
type scope []*node

var (
	templateExpression = regexp.MustCompile(`\{\{-?([^{}]*?)-?\}\}`)
	templateTerm       = regexp.MustCompile(`^([A-Za-z_][\w.]*)((?:\s*\|\s*\w+\s*(?:\([^()]*\))?)*)$`)
	templateFilter     = regexp.MustCompile(`\|\s*(\w+)\s*(?:\(\s*([^(),]*)[^()]*\))?`)
)

// Bounds of templates.
const (
	maxExpansion = 8  // how often the result of an expansion is expanded again
	maxTerms     = 20 // what one expression puts together
)

// expand puts the values of variables into text. What it does not know stays as
// it is.
func (sc scope) expand(text string) string {
	for range maxExpansion {
		if !strings.Contains(text, "{{") && !strings.Contains(text, "{%") || len(text) > maxURL {
			return text
		}
		before := text
		text = sc.blocks(text)
		size := 0
		expanded := templateExpression.ReplaceAllStringFunc(text, func(match string) string {
			value, ok := sc.evaluate(templateExpression.FindStringSubmatch(match)[1])
			if size += len(value); !ok || size > maxURL {
				return match
			}
			return value
		})
		if expanded == before {
			return text
		}
		text = expanded
	}
	return text
}

// evaluate puts together texts in quotes and variables: a + "/" + b. Of "a if x
// else b" it takes the side that x has it take.
func (sc scope) evaluate(expression string) (value string, ok bool) {
	if taken, conditional := sc.choose(expression); conditional {
		return sc.evaluate(taken)
	}
	terms := splitTerms(expression)
	if len(terms) > maxTerms {
		return "", false
	}
	for _, term := range terms {
		v, ok := sc.term(term)
		if !ok {
			return "", false
		}
		value += v
	}
	return value, true
}

// splitTerms cuts at "+" and "~" outside quotes.
func splitTerms(expression string) []string {
	var terms []string
	var quote byte
	start := 0
	for i := range len(expression) {
		switch c := expression[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '+' || c == '~':
			terms = append(terms, strings.TrimSpace(expression[start:i]))
			start = i + 1
		}
	}
	return append(terms, strings.TrimSpace(expression[start:]))
}

// term is the value of a text in quotes, or of a variable with filters behind it
// that leave it as it is.
func (sc scope) term(term string) (string, bool) {
	if text, ok := quotedText(term); ok {
		return text, true
	}
	parts := templateTerm.FindStringSubmatch(term)
	if parts == nil {
		return "", false
	}
	var n *node
	if !strings.HasPrefix(parts[1], "ansible_") { // what is found out on the machine
		n = sc.lookup(parts[1])
	}
	known := n != nil && n.shape != isList && n.shape != isTable
	value := ""
	if known {
		value = n.value()
	}
	for _, filter := range templateFilter.FindAllStringSubmatch(parts[2], maxTerms) {
		switch filter[1] {
		case "d", "default":
			if !known {
				value, known = sc.fallback(filter[2])
			}
		case "string", "trim":
		case "lower":
			value = strings.ToLower(value)
		default:
			return "", false
		}
	}
	return value, known
}

// fallback is what a variable is when it is not set.
func (sc scope) fallback(argument string) (string, bool) {
	argument = strings.TrimSpace(argument)
	if text, ok := quotedText(argument); ok || argument == "omit" {
		return text, true
	}
	n := sc.lookup(argument)
	return n.value(), n != nil && n.shape != isList && n.shape != isTable
}

func quotedText(s string) (string, bool) {
	if len(s) < 2 || s[0] != '"' && s[0] != '\'' || s[len(s)-1] != s[0] || strings.Count(s, s[:1]) != 2 {
		return "", false
	}
	return s[1 : len(s)-1], true
}

var (
	templateList  = regexp.MustCompile(`^\{\{-?\s*\(?([^(){}|]*)\)?\s*(?:\|\s*(?:flatten|list|unique|d|default)\s*(?:\([^()]*\))?\s*)*-?\}\}$`)
	templateQuery = regexp.MustCompile(`(?s)^\{\{-?\s*(?:q|query)\(\s*["'](?:flattened|items|list)["']\s*,\s*(.*)\)\s*-?\}\}$`)
)

// maxLists bounds how many lists one is put together of.
const maxLists = 100

// list is what a template puts together of lists: a + b. They may be put
// together themselves.
func (sc scope) list(text string) []*node {
	var all []*node
	texts := []string{text}
	for i := 0; i < len(texts); i++ {
		for _, name := range listNames(texts[i]) {
			n := sc.lookup(name)
			if n.str() != "" && len(texts) < maxLists {
				texts = append(texts, n.str())
			}
			if all = append(all, n.list()...); len(all) > maxLoops {
				return all
			}
		}
	}
	return all
}

var templateTable = regexp.MustCompile(`^\{\{-?\s*([\w.]+)\s*(\|\s*dict2items\s*)?-?\}\}$`)

// entries are those of the table that a template names, as a loop over it has
// them: with "key" and "value".
func (sc scope) entries(text string) []*node {
	parts := templateTable.FindStringSubmatch(strings.TrimSpace(text))
	if parts == nil {
		return nil
	}
	var all []*node
	for _, member := range sc.lookup(parts[1]).members() {
		entry := &node{shape: isTable, line: member.line}
		entry.put("key", &node{shape: isText, text: member.key, line: member.line})
		value := *member // which keeps its own key
		entry.put("value", &value)
		all = append(all, entry)
	}
	return all
}

// listNames are the variables that a template adds.
func listNames(text string) []string {
	text = strings.TrimSpace(text)
	if parts := templateQuery.FindStringSubmatch(text); parts != nil {
		text = "{{" + parts[1] + "}}"
	}
	if parts := templateList.FindStringSubmatch(text); parts != nil {
		return splitTerms(parts[1])
	}
	return nil
}

// lookup finds the value of "name" or "name.key".
func (sc scope) lookup(name string) *node {
	keys := strings.SplitN(name, ".", 4)
	for _, table := range sc {
		if n := table.at(keys...); n != nil {
			return n
		}
	}
	return nil
}
