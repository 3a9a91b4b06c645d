package detect

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Bounds of what is followed in Makefiles for one pipeline.
const (
	maxMakefiles   = 30
	maxMakeTargets = 500
)

// makeCall is a call of make.
type makeCall struct {
	dir, file string // "" for those that make takes itself
	targets   []string
	vars      map[string]makeVariable
}

// readMakeCall reads a command that calls make, maybe through another.
func readMakeCall(command []dockerWord) (call makeCall, ok bool) {
	at := slices.IndexFunc(command, func(w dockerWord) bool { return w.text == "make" || w.text == "gmake" })
	if at < 0 || slices.ContainsFunc(command[:at], func(w dockerWord) bool { return !callsOthers(w.text) }) {
		return makeCall{}, false
	}
	call = makeCall{vars: map[string]makeVariable{}}
	words := command[at+1:]
	for i := 0; i < len(words); i++ {
		option, value, inline := strings.Cut(words[i].text, "=")
		switch {
		case strings.HasPrefix(option, ">") || strings.HasPrefix(option, "2>") || strings.HasPrefix(option, "<"):
			return call, true
		case !strings.HasPrefix(option, "-"):
			call.word(option, value, inline)
			continue
		case !inline && i+1 < len(words) && slices.Contains([]string{"-C", "--directory", "-f", "--file", "--makefile", "-I", "-o", "-W"}, option):
			i++
			value = words[i].text
		case !inline && len(option) > 2 && option[1] != '-':
			option, value = option[:2], option[2:]
		}
		switch option {
		case "-C", "--directory":
			if call.dir != "" {
				value = call.dir + "/" + value
			}
			call.dir = value
		case "-f", "--file", "--makefile":
			call.file = value
		}
	}
	return call, true
}

func (call *makeCall) word(name, value string, isSetting bool) {
	switch {
	case isSetting && len(call.vars) < maxItems:
		call.vars[strings.TrimRight(name, ":?+")] = knownMake(value)
	case !isSetting && len(call.targets) < maxItems:
		call.targets = append(call.targets, name)
	}
}

// callsOthers tells whether a word before the name of a program leaves it one
// that is called.
func callsOthers(word string) bool {
	return shellSetting.MatchString(word) || strings.HasPrefix(word, "-") || strings.Contains(word, "retry") ||
		slices.Contains([]string{"sudo", "time", "exec", "env", "nice", "xvfb-run", "nohup", "command"}, word)
}

// make reads what one makes that is called where sh is. It tells whether there
// is a Makefile.
func (c *scriptCalls) make(sh *shell, call makeCall) bool {
	dir := sh.place.at
	if call.dir != "" {
		dir = sh.directory(call.dir)
	}
	if dir == "" {
		return false
	}
	m := c.makefileIn(dir, call.file)
	if m == nil {
		return false
	}
	run := &makeRun{scriptCalls: c, makefile: m, from: sh, given: call.vars, dir: dir, made: map[string]bool{}}
	targets := call.targets
	if len(targets) == 0 {
		targets = []string{m.first}
	}
	for _, target := range targets {
		run.target(target, 0)
	}
	return true
}

// makefileIn is the Makefile of a directory, nil if there is none.
func (c *scriptCalls) makefileIn(dir, file string) *makefile {
	names := []string{file}
	if file == "" {
		names = []string{"GNUmakefile", "makefile", "Makefile"}
	}
	for _, name := range names {
		name = path.Join(dir, name)
		m, known := c.makefiles[name]
		if !known && len(c.makefiles) < 3*maxMakefiles {
			if text := c.open(name); text != "" {
				m = readMakefile(name, text, c.open)
			}
			c.makefiles[name] = m
		}
		if m != nil {
			return m
		}
	}
	return nil
}

// makeRun makes targets, as far as that is reading.
type makeRun struct {
	*scriptCalls
	*makefile
	from  *shell
	given map[string]makeVariable // on the command line
	dir   string                  // where the commands run
	made  map[string]bool         // the targets so far
}

// target reads the recipe of one, and before it those of what it needs.
func (r *makeRun) target(name string, depth int) {
	rule, stem := r.ruleOf(name)
	if rule == nil || depth > maxMakeDepth || r.made[name] || len(r.ran) >= maxMakeTargets {
		return
	}
	r.made[name] = true
	key := fmt.Sprint("make ", r.path, " ", name, r.given) + r.from.key()
	if r.ran[key] {
		return
	}
	r.ran[key] = true
	for _, need := range rule.needs {
		r.target(strings.ReplaceAll(need, "%", stem), depth+1)
	}
	automatic := map[string]makeVariable{"@": knownMake(name), "*": knownMake(stem)}
	if len(rule.needs) > 0 {
		automatic["<"] = knownMake(rule.needs[0])
	}
	sh := newShell(r.scriptCalls.sheet, r.from.env, r.scriptCalls)
	sh.level, sh.clonesOnly = r.from.level+1, r.from.clonesOnly
	for _, line := range rule.recipe {
		sh.place = shellPlace{file: line.file, at: r.dir}
		text := r.expand(line.text, []map[string]makeVariable{r.given, automatic, rule.vars, r.environment()})
		text = strings.TrimLeft(strings.ReplaceAll(text, "\\\n", " "), "@-+ \t")
		words := scriptWords(&node{shape: isText, text: strings.ReplaceAll(text, "\n", " ; "), line: line.line})
		sh.run(words[:min(len(words), maxWords)])
	}
	sh.flush()
}

// ruleOf is the rule of a target, with what the "%" of its pattern stands for.
func (r *makeRun) ruleOf(name string) (rule *makeRule, stem string) {
	if rule := r.rules[name]; rule != nil && (len(rule.recipe) > 0 || len(rule.needs) > 0) {
		return rule, ""
	}
	for _, pattern := range r.patterns[:min(len(r.patterns), maxItems)] {
		before, after, _ := strings.Cut(pattern, "%")
		if len(name) > len(before)+len(after) && strings.HasPrefix(name, before) && strings.HasSuffix(name, after) {
			return r.rules[pattern], name[len(before) : len(name)-len(after)]
		}
	}
	return nil, ""
}

// environment are the variables that the caller has set and the Makefile has
// not, or only where they are missing.
func (r *makeRun) environment() map[string]makeVariable {
	vars := map[string]makeVariable{}
	for name, value := range r.from.env {
		if v, known := r.vars[name]; value != "" && (!known || v.fallback) {
			vars[name] = knownMake(value)
		}
	}
	return vars
}
