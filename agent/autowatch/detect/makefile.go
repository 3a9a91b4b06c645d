package detect

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// Bounds of a Makefile and what it includes.
const (
	maxRules        = 5_000
	maxMakeIncludes = 20
	maxMakeText     = 16 << 10 // bytes of one text with all put in
	maxMakeUses     = 20_000   // of variables, for one file
)

// makefile is what make reads: variables, and rules by their targets. Of a
// condition both ways count, where they set a variable the first.
type makefile struct {
	path     string // seen from the sheet
	vars     map[string]makeVariable
	rules    map[string]*makeRule
	patterns []string // the targets with a "%", in their order
	first    string   // what is made unless told otherwise
	uses     int      // of variables so far
}

type makeVariable struct {
	text     string
	expanded bool // when it was set
	fallback bool // for where the environment has none
}

type makeRule struct {
	needs  []string
	recipe []makeLine
	vars   map[string]makeVariable // for this target only
}

// makeLine is a line of a recipe with those that it continues in.
type makeLine struct {
	text, file string
	line       int
}

// makeReader reads the lines of a Makefile.
type makeReader struct {
	*makefile
	open     func(name string) string
	file     string
	current  []*makeRule // of the rule whose recipe comes
	branches []bool      // of the conditions around: whether this is not the first way
	includes int
}

// readMakefile reads the one at path, of which open is to return the text and
// those of files that it includes.
func readMakefile(name, text string, open func(name string) string) *makefile {
	m := &makefile{path: name, vars: map[string]makeVariable{"MAKE": {text: "make", expanded: true}}, rules: map[string]*makeRule{}}
	r := &makeReader{makefile: m, open: open, file: name}
	r.read(text)
	return m
}

func (r *makeReader) read(text string) {
	define, body := "", []string{}
	for n, line := range logicalLines(text) {
		switch trimmed := strings.TrimSpace(line); {
		case define != "" && trimmed == "endef":
			r.vars[define] = makeVariable{text: strings.Join(body, "\n")}
			define = ""
		case define != "":
			body = append(body, line)
		case strings.HasPrefix(line, "\t") && len(r.current) > 0:
			r.recipeLine(makeLine{line[1:], r.file, n})
		case defines.MatchString(trimmed):
			define, body = defines.FindStringSubmatch(trimmed)[1], nil
		default:
			r.directive(makeStatement(trimmed), n)
		}
	}
}

var defines = regexp.MustCompile(`^(?:override\s+)?define\s+([\w.-]+)\s*[:?]*=?$`)

// logicalLines are the lines with those that they continue in, still with the
// backslashes of recipes.
func logicalLines(text string) func(yield func(int, string) bool) {
	return func(yield func(int, string) bool) {
		var whole []string
		first := 1
		for n, line := range numbered(text) {
			if len(whole) == 0 {
				first = n
			}
			whole = append(whole, line)
			if strings.HasSuffix(line, `\`) && len(whole) < maxRules {
				continue
			}
			if !yield(first, strings.Join(whole, "\n")) {
				return
			}
			whole = nil
		}
		if len(whole) > 0 {
			yield(first, strings.Join(whole, "\n"))
		}
	}
}

func makeStatement(line string) string {
	line = strings.ReplaceAll(line, "\\\n", " ")
	if at := strings.IndexByte(line, '#'); at == 0 || at > 0 && line[at-1] != '\\' {
		line = line[:at]
	}
	return strings.TrimSpace(line)
}

var (
	makeSetting   = regexp.MustCompile(`^(?:(?:export|override|unexport)\s+)*([\w.-]+)\s*(\?=|\+=|!=|:{0,3}=)\s*(.*)$`)
	targetSetting = regexp.MustCompile(`^([^:=#]+):\s*(?:export\s+)?([\w.-]+)\s*(\?=|\+=|:{0,3}=)\s*(.*)$`)
)

// directive reads a line that is no recipe's.
func (r *makeReader) directive(line string, n int) {
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "":
	case "ifeq", "ifneq", "ifdef", "ifndef":
		r.branches = append(r.branches, false)
	case "else":
		if len(r.branches) > 0 {
			r.branches[len(r.branches)-1] = true
		}
	case "endif":
		r.branches = r.branches[:max(0, len(r.branches)-1)]
	case "include", "-include", "sinclude":
		r.include(rest)
	default:
		r.statement(line, n)
	}
}

func (r *makeReader) include(names string) {
	file := r.file
	for name := range strings.FieldsSeq(r.expand(names, nil)) {
		if r.includes++; r.includes > maxMakeIncludes || isComputed(name) || path.IsAbs(name) {
			continue
		}
		r.file, r.current = path.Join(path.Dir(r.path), name), nil
		r.read(r.open(r.file))
	}
	r.file = file
}

func (r *makeReader) statement(line string, n int) {
	if parts := makeSetting.FindStringSubmatch(line); parts != nil {
		r.set(r.vars, parts[1], parts[2], parts[3])
		return
	}
	if parts := targetSetting.FindStringSubmatch(line); parts != nil {
		for _, rule := range r.rulesOf(parts[1]) {
			r.set(rule.vars, parts[2], parts[3], parts[4])
		}
		return
	}
	targets, needs, ok := strings.Cut(line, ":")
	if !ok {
		return
	}
	needs, inline, hasInline := strings.Cut(strings.TrimLeft(needs, ":"), ";")
	r.current = r.rulesOf(targets)
	wanted := strings.Fields(strings.ReplaceAll(r.expand(needs, nil), "|", " "))
	for _, rule := range r.current {
		rule.needs = append(rule.needs, wanted[:min(len(wanted), maxItems)]...)
	}
	if hasInline {
		r.recipeLine(makeLine{inline, r.file, n})
	}
}

// rulesOf are the rules of targets, which are made where there are none.
func (r *makeReader) rulesOf(targets string) []*makeRule {
	var rules []*makeRule
	for name := range strings.FieldsSeq(r.expand(targets, nil)) {
		rule := r.rules[name]
		if rule == nil && len(r.rules) < maxRules {
			rule = &makeRule{vars: map[string]makeVariable{}}
			r.rules[name] = rule
			switch {
			case strings.Contains(name, "%"):
				r.patterns = append(r.patterns, name)
			case r.first == "" && !strings.HasPrefix(name, "."):
				r.first = name
			}
		}
		if rule != nil && len(rules) < maxItems {
			rules = append(rules, rule)
		}
	}
	return rules
}

func (r *makeReader) recipeLine(line makeLine) {
	for _, rule := range r.current {
		if len(rule.recipe) < maxRules {
			rule.recipe = append(rule.recipe, line)
		}
	}
}

// set takes in a variable.
func (r *makeReader) set(vars map[string]makeVariable, name, operator, text string) {
	old, known := vars[name]
	if known && (operator == "?=" || slices.Contains(r.branches, true) && operator != "+=") || len(vars) >= maxRules && !known {
		return
	}
	v := makeVariable{text: text, fallback: operator == "?="}
	switch operator {
	case "!=":
		v.text = unknownMake
	case ":=", "::=", ":::=":
		v = makeVariable{text: r.expand(text, nil), expanded: true}
	case "+=":
		v = makeVariable{strings.TrimSpace(old.text + " " + text), old.expanded, old.fallback}
		if len(v.text) > maxMakeText {
			v = old
		}
	}
	vars[name] = v
}
