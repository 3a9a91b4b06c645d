package detect

import (
	"maps"
	"regexp"
	"strings"
)

// Bounds of what is made of one workflow.
const (
	maxCombinations = 256   // runs of one job, as many as GitHub makes
	maxValues       = 1_000 // names of one kind
)

// values are what expressions stand for, by their names; in a list the first
// that has a name counts.
type values []map[string]string

// What a table that is known does not have is empty.
func (v values) of(name string) (value string, ok bool) {
	for _, table := range v {
		if value, ok := table[name]; ok {
			return value, true
		}
		if _, ok := table[name[:strings.LastIndex(name, ".")+1]]; ok {
			return "", true
		}
	}
	return "", false
}

// workflowTrees are the documents of a workflow or an action of GitHub, and each
// job apart, once for each combination of its matrix. Expressions whose values
// stand in the file, or are given, are replaced by them; the others are left.
func workflowTrees(docs []*node, given map[string]string) []*node {
	w := &workflow{left: maxNodes, room: maxBeside}
	var trees []*node
	for _, doc := range docs {
		known := values{given, inputsOf(doc)}
		known = append(values{w.env(doc, known)}, known...)
		jobs := doc.at("jobs")
		if jobs == nil || jobs.shape != isTable {
			trees = append(trees, w.expand(doc, known))
			continue
		}
		trees = append(trees, w.expand(without(doc, "jobs"), known))
		for _, job := range jobs.members() {
			for i, run := range combinations(job.at("strategy", "matrix")) {
				if i > 0 && w.left < 0 {
					break
				}
				inside := append(values{run}, known...)
				inside = append(values{w.env(job, inside)}, inside...)
				later, variables := w.stepValues(job, inside)
				tree := w.expand(job, append(inside, later)) // what the file itself says comes first
				tree = tree.withMembers("defaults", w.expand(doc.at("defaults"), known))
				tree = tree.withMembers("env", w.expand(doc.at("env"), known))
				trees = append(trees, tree.withMembers("env", variables))
			}
		}
	}
	return trees
}

// workflow makes copies of what is in one.
type workflow struct {
	left int // how many nodes there may still be
	room int // how many bytes expressions may still become
}

func (w *workflow) expand(n *node, known values) *node {
	if w.left--; n == nil || w.left < 0 {
		return n
	}
	copied := &node{shape: n.shape, key: n.key, text: n.text, line: n.line}
	if n.shape == isText {
		copied.text = w.evaluate(n.text, known)
	}
	if name := wholeTable(copied); name != "" {
		return known.table(name, copied)
	}
	for _, item := range n.items {
		item := w.expand(item, known)
		if n.shape == isTable {
			copied.put(item.key, item)
		} else {
			copied.items = append(copied.items, item)
		}
	}
	return copied
}

// wholeTable is the name of what is put in for all variables at once, as of
// "env: ${{ matrix.env }}", "" if n is nothing like it.
func wholeTable(n *node) string {
	parts := expressionOf.FindStringSubmatch(n.text)
	if n.key != "env" || n.shape != isText || parts == nil || parts[0] != n.text {
		return ""
	}
	return strings.TrimSpace(parts[1])
}

// table is what stands in the place of n for the names below one.
func (v values) table(name string, n *node) *node {
	table := &node{shape: isTable, key: n.key, line: n.line}
	for _, known := range v {
		for key, value := range known {
			if rest, below := strings.CutPrefix(key, name+"."); below && rest != "" && !strings.Contains(rest, ".") && table.at(rest) == nil {
				table.put(rest, &node{shape: isText, text: value, line: n.line})
			}
		}
	}
	if len(table.items) == 0 {
		return n
	}
	return table
}

// withMembers is a table of which the table key has what more has besides.
func (n *node) withMembers(key string, more *node) *node {
	inner := &node{shape: isTable, line: n.lineOf(key)}
	for _, member := range append(n.at(key).members(), more.members()...) {
		if inner.at(member.key) == nil {
			copied := *member
			inner.put(member.key, &copied)
		}
	}
	if len(inner.items) == 0 {
		return n
	}
	outer := without(n, key)
	outer.put(key, inner)
	return outer
}

// without is a table but for one of its members.
func without(n *node, key string) *node {
	rest := &node{shape: n.shape, line: n.line}
	for _, member := range n.members() {
		if member.key != key {
			copied := *member
			rest.put(member.key, &copied)
		}
	}
	return rest
}

// inputsOf are the defaults of what a workflow or an action is told.
func inputsOf(doc *node) map[string]string {
	found := map[string]string{}
	for _, inputs := range []*node{doc.at("inputs"), doc.at("on", "workflow_dispatch", "inputs"), doc.at("on", "workflow_call", "inputs")} {
		for _, input := range inputs.members() {
			if input.at("default") != nil && len(found) < maxValues {
				found["inputs."+input.key] = input.value("default")
				found["github.event.inputs."+input.key] = input.value("default")
			}
		}
	}
	return found
}

// env are the variables that n sets.
func (w *workflow) env(n *node, known values) map[string]string {
	found := map[string]string{}
	for _, variable := range n.at("env").members() {
		if len(found) < maxValues {
			found["env."+variable.key] = w.evaluate(variable.value(), known)
		}
	}
	return found
}

var (
	expressionOf = regexp.MustCompile(`\$\{\{([^{}]*)\}\}`)
	quotedWord   = regexp.MustCompile(`^'([^']*)'$`)
)

// evaluate puts in the values of expressions: of "a || 'b'" the first that is
// known and not empty.
func (w *workflow) evaluate(text string, known values) string {
	if !strings.Contains(text, "${{") {
		return text
	}
	return expressionOf.ReplaceAllStringFunc(text, func(match string) string {
		all := true
		for operand := range strings.SplitSeq(match[len("${{"):len(match)-len("}}")], "||") {
			operand = strings.TrimSpace(operand)
			value, ok := known.of(operand)
			if parts := quotedWord.FindStringSubmatch(operand); parts != nil {
				value, ok = parts[1], true
			}
			if value != "" && len(value) <= w.room {
				w.room -= len(value)
				return value
			}
			all = all && ok && value == ""
		}
		if all {
			return ""
		}
		return oneWord(match)
	})
}

var nameInSpaces = regexp.MustCompile(`^\$\{\{\s*([\w.-]+)\s*\}\}$`)

// oneWord is an expression that is only a name without spaces: it stands for one
// word of a command, such as a token in an address, and was put in before the shell saw it.
func oneWord(expression string) string { return nameInSpaces.ReplaceAllString(expression, "$${{$1}}") }

// combinations are the values that a matrix gives to its names, one table for
// each run. Without a matrix there is one run.
func combinations(matrix *node) []map[string]string {
	runs := []map[string]string{{}}
	own := map[string]bool{} // the names that are not only included
	for _, axis := range matrix.members() {
		if axis.key == "include" || axis.key == "exclude" || len(axis.list()) == 0 || len(own) > 20 {
			continue
		}
		own["matrix."+axis.key] = true
		runs = times(runs, axis)
	}
	original := len(runs)
	for _, include := range matrix.at("include").list() {
		entry := map[string]string{}
		flatten("matrix", include, entry)
		if (len(own) == 0 || !addTo(runs[:original], entry, own)) && len(runs) < maxCombinations {
			runs = append(runs, entry)
		}
	}
	if len(own) == 0 && len(runs) > 1 {
		runs = runs[1:] // all of them are included ones
	}
	return runs
}

// times are the runs with each item of an axis.
func times(runs []map[string]string, axis *node) []map[string]string {
	var more []map[string]string
	for _, run := range runs {
		for _, item := range axis.list() {
			if len(more) >= maxCombinations {
				return more
			}
			run := maps.Clone(run)
			flatten("matrix."+axis.key, item, run)
			more = append(more, run)
		}
	}
	return more
}

// addTo adds an entry to all runs whose own values it does not change. It tells
// whether there is one.
func addTo(runs []map[string]string, entry map[string]string, own map[string]bool) bool {
	added := false
	for _, run := range runs {
		fits := true
		for name := range own {
			value, ok := entry[name]
			fits = fits && (!ok || value == run[name])
		}
		if fits {
			added = true
			maps.Copy(run, entry)
		}
	}
	return added
}

// flatten sets the values in n by the names that expressions have for them. Of
// a table below another one it sets its name with a dot, too: see of.
func flatten(name string, n *node, into map[string]string) {
	switch {
	case n == nil || n.shape == isList || len(into) >= maxValues:
	case n.shape == isTable:
		if strings.Contains(name, ".") {
			into[name+"."] = ""
		}
		for _, member := range n.members() {
			flatten(name+"."+member.key, member, into)
		}
	default:
		into[name] = n.value()
	}
}
