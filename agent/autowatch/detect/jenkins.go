package detect

import (
	"regexp"
	"strings"
)

// jenkins knows what the steps of a Jenkins pipeline check out: git, checkout
// with GitSCM, and library with where it comes from. It knows the values that
// the file itself gives to variables and parameters.
func jenkins() Detector {
	wants := anyOf(named("Jenkinsfile*", "*.Jenkinsfile", "*.jenkinsfile"), func(file string) bool {
		return strings.HasSuffix(file, ".groovy") && isBelow(file, "vars", "jenkins", ".jenkins", "ci", ".ci")
	})
	return sheetDetector("Jenkins", wants, func(s *sheet) {
		p := &jenkinsfile{sheet: s, values: map[string]string{}}
		p.all = tokens(s.text, lexis{comment: "//", block: [2]string{"/*", "*/"}, quotes: `"'`, triple: true, wordSigns: ".$"})
		for i, t := range p.all {
			switch {
			case t.is('w'):
				p.step(i)
			case t.is('='):
				p.assignment(i)
			}
		}
	})
}

type jenkinsfile struct {
	*sheet
	all    []token
	values map[string]string // of variables, also of env and of the defaults of params
}

// step reads the step that a word begins, if it is one.
func (p *jenkinsfile) step(i int) {
	switch p.all[i].text {
	case "git":
		p.gitStep(i)
	case "checkout":
		p.checkoutStep(i)
	case "library":
		p.libraryStep(i)
	case "string", "choice", "gitParameter":
		args := p.arguments(i)
		if name := args.first("name"); name != "" {
			p.values["params."+name] = args.first("defaultValue")
		}
	}
}

// gitStep reads "git url: 'x', branch: 'y'" and "git 'x'". Without a name it
// takes master, whatever the remote's HEAD is.
func (p *jenkinsfile) gitStep(i int) {
	args := p.arguments(i)
	name := "master"
	if _, given := args.named["branch"]; given {
		name = args.first("branch")
	}
	url := args.first("url")
	if url == "" {
		url = args.alone
	}
	p.checkedOut(url, name, p.all[i].line)
}

// checkoutStep reads "checkout scmGit(branches: [[name: 'x']], userRemoteConfigs: [[url: 'y']])"
// and how that was written before.
func (p *jenkinsfile) checkoutStep(i int) {
	args := p.arguments(i)
	branches := args.named["branches.name"]
	if branches == nil {
		branches = []string{""}
	}
	for _, url := range args.named["userRemoteConfigs.url"] {
		for _, name := range branches {
			p.checkedOut(url, strings.TrimPrefix(name, "*/"), p.all[i].line)
		}
	}
}

// libraryStep reads "library identifier: 'name@branch', retriever: modernSCM([remote: 'x'])".
func (p *jenkinsfile) libraryStep(i int) {
	args := p.arguments(i)
	_, name, _ := strings.Cut(args.first("identifier"), "@")
	p.checkedOut(args.first("remote"), name, p.all[i].line)
}

func (p *jenkinsfile) checkedOut(url, name string, line int) {
	name = strings.TrimPrefix(strings.TrimPrefix(name, "refs/heads/"), "origin/")
	if isRemote(url) && !strings.Contains(url+name, "$") && !strings.ContainsAny(name, "* ") {
		p.note(line, Mention{URL: url, Name: name})
	}
}

// jenkinsArguments are those of a step: by their names, and by those of the list
// that they are in; and one that stands alone.
type jenkinsArguments struct {
	named map[string][]string
	alone string
}

func (a jenkinsArguments) first(name string) string {
	if len(a.named[name]) == 0 {
		return ""
	}
	return a.named[name][0]
}

// maxArguments bounds how many tokens a step or a value may have.
const maxArguments = 400

// arguments reads those behind the word at i: to the end of its brackets, or of the line.
func (p *jenkinsfile) arguments(i int) jenkinsArguments {
	args := jenkinsArguments{named: map[string][]string{}}
	list, depth := "", 0
	for j := i + 1; j < len(p.all) && j-i < maxArguments; j++ {
		t := p.all[j]
		switch {
		case depth == 0 && t.line > p.all[j-1].end && !p.all[j-1].is(','):
			return args
		case t.is('(') || t.is('['):
			depth++
		case t.is(')') || t.is(']'):
			depth--
		case t.is('{'), t.is('}'), t.is(';'):
			return args
		case t.is('w') && p.at(j+1).is(':') && p.at(j+2).is('['):
			list = t.text
		case t.is('w') && p.at(j+1).is(':'):
			value := p.value(j + 2)
			args.named[t.text] = append(args.named[t.text], value)
			args.named[list+"."+t.text] = append(args.named[list+"."+t.text], value)
			j += 2
		case t.is('s') && args.alone == "" && j < i+3:
			args.alone = p.value(j)
		}
		if depth < 0 || depth == 0 && t.is(')') {
			return args
		}
	}
	return args
}

func (p *jenkinsfile) at(i int) token {
	if i < len(p.all) {
		return p.all[i]
	}
	return token{}
}

var jenkinsVariable = regexp.MustCompile(`\$\{([\w.]+)\}|\$(\w+)`)

// value is that of a text or a variable that stands alone. It has a "$" where it
// is not known.
func (p *jenkinsfile) value(i int) string {
	if side := p.otherSide(i); side > 0 {
		return p.value(side)
	}
	t, next := p.at(i), p.at(i+1)
	isPart := next.line == t.end && (strings.IndexByte("+?(", next.kind) >= 0 || strings.HasPrefix(next.text, "."))
	text := t.text
	if t.is('w') {
		text = "${" + text + "}"
	}
	if isPart || !t.is('w') && !t.is('s') || len(text) > maxURL {
		return "$"
	}
	return jenkinsVariable.ReplaceAllStringFunc(text, func(variable string) string {
		if value := p.known(strings.Trim(variable, "${}")); value != "" {
			return value
		}
		return variable
	})
}

// otherSide is the place of the last value of a choice in brackets that opens at
// i, 0 if there is none: "(x ? a : b)".
func (p *jenkinsfile) otherSide(i int) int {
	if !p.at(i).is('(') {
		return 0
	}
	chooses := false
	for j := i + 1; j-i < maxChoice; j++ {
		switch t := p.at(j); {
		case t.is('(') || t.is('[') || t.is('{'):
			return 0
		case t.is('?'):
			chooses = !p.at(j + 1).is(':') // which is "?:"
		case t.is(':') && chooses && p.at(j+2).is(')'):
			return j + 1
		case t.is(')'):
			return 0
		}
	}
	return 0
}

// maxChoice bounds how many tokens a choice may have.
const maxChoice = 40

// known is the value of a variable, which those of env have without it, too.
func (p *jenkinsfile) known(name string) string {
	if value, ok := p.values[name]; ok {
		return value
	}
	return p.values[strings.TrimPrefix(name, "env.")]
}

var shellDefault = regexp.MustCompile(`\$\{\w+:-["']?([^}"'$]+)["']?\}`)

// assignment takes the value that a variable gets: a text, that behind "?:" or
// the last ":" of a choice, or the default that a shell is to print.
func (p *jenkinsfile) assignment(i int) {
	if i == 0 || !p.all[i-1].is('w') || p.at(i+1).is('=') || len(p.values) >= maxValues {
		return
	}
	name := strings.TrimPrefix(p.all[i-1].text, "env.")
	line := p.all[i].line
	for j := i + 1; j < len(p.all) && j-i < maxArguments && p.all[j].line == line; j++ {
		t := p.all[j]
		if parts := shellDefault.FindStringSubmatch(t.text); t.is('s') && parts != nil {
			p.values[name] = parts[1]
			return
		}
		next := p.at(j + 1)
		isLast := next.line != line || next.is(')') || next.is('}') || next.is(';')
		if t.is('s') && isLast && (j == i+1 || p.all[j-1].is(':')) {
			p.values[name] = p.value(j)
			return
		}
	}
}
