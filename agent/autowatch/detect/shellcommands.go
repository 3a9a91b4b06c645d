package detect

import (
	"cmp"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// command reads one: what is the shell's own, the functions and files that it
// calls, and what each makes of the rest.
func (sh *shell) command(command []dockerWord) {
	sh.substitutions(command)
	if len(command) > 0 {
		sh.getopt(command)
	}
	command = sh.settings(sh.spliced(command))
	if len(command) == 0 {
		return
	}
	switch command[0].text {
	case "echo", "printf", "//", "sed", "grep":
		return
	case "cd", "pushd":
		sh.changeDirectory(command[1:])
		return
	case "shift":
		sh.shift(command[1:])
		return
	case "set":
		if len(command) > 2 && command[1].text == "--" {
			sh.setArguments(command[2:])
		}
		return
	case ":":
		sh.defaults(command[1:])
		return
	}
	if text, line := evaluated(command); text != "" {
		sh.evaluate(text, line)
		return
	}
	for i, w := range command {
		if f := sh.functions[w.text]; f != nil {
			sh.function(f, sh.expandedWords(command[i+1:]))
		}
		if !callsOthers(w.text) {
			break
		}
	}
	sh.read(command)
	if sh.calls != nil && sh.level <= maxScriptDepth && sh.steps <= maxSteps {
		sh.calls.follow(sh, command)
	}
}

// read has each read a command, and says in which file it found what it found.
func (sh *shell) read(command []dockerWord) {
	cloned, installed := len(sh.cloned), len(sh.installed)
	sh.each(command)
	for _, found := range [][]clone{sh.cloned[min(cloned, len(sh.cloned)):], sh.installed[installed:]} {
		for i := range found {
			sh.stamp(&found[i])
		}
	}
}

// stamp says where something was found.
func (sh *shell) stamp(found *clone) {
	found.at = sh.place.at
	if found.File == "" && sh.place.file != "" {
		found.File = path.Join(path.Dir(sh.file.Path), sh.place.file)
	}
}

var setDefault = regexp.MustCompile(`^\$\{(\w+):?=`)

// defaults takes in those of ": ${X:=y}".
func (sh *shell) defaults(words []dockerWord) {
	for _, w := range words {
		if parts := setDefault.FindStringSubmatch(w.text); parts != nil {
			sh.values[parts[1]] = sh.expand(w.text)
		}
	}
}

// evaluated is the script that stands in a word of a command, as of eval and
// "sh -c".
func evaluated(command []dockerWord) (text string, line int) {
	for i, w := range command[:len(command)-1] {
		rest := command[i+1:]
		switch {
		case i < 3 && w.text == "eval":
			var texts []string
			for _, w := range rest {
				texts = append(texts, w.text)
			}
			return strings.Join(texts, " "), w.line
		case i > 0 && commandOption.MatchString(w.text) && strings.Contains(rest[0].text, " ") &&
			slices.ContainsFunc(command[:i], func(w dockerWord) bool { return isShellProgram(path.Base(w.text)) }):
			return rest[0].text, w.line
		}
	}
	return "", 0
}

var commandOption = regexp.MustCompile(`^-[a-z]*c$`)

func isShellProgram(name string) bool {
	return name == "su" || slices.Contains(scriptReader, name)
}

// substitutions reads the commands whose output stands between quotes, as of
// "x=$(curl y)". Where a shell is to read the word, or there are no quotes,
// their words are read with the others.
func (sh *shell) substitutions(command []dockerWord) {
	if text, _ := evaluated(command); text != "" {
		return
	}
	for _, w := range command {
		rest := w.text
		for at := strings.Index(rest, "$("); at >= 0; at = strings.Index(rest, "$(") {
			rest = rest[at:]
			n := expression(rest, "$(")
			if n == len("$(") {
				break // nothing closes it
			}
			if inner := rest[2 : n-1]; strings.Contains(inner, " ") && inner[0] != '(' {
				place := sh.place
				sh.evaluate(inner, w.line)
				sh.place = place // a "cd" in there does not last
			}
			rest = rest[n:]
		}
	}
}

func (sh *shell) evaluate(text string, line int) {
	sh.depth++
	sh.block(commands(shellForms(shellWords(strings.ReplaceAll(text, "\n", " ; "), line))))
	sh.depth--
}

// settings takes in what a command sets before it begins, or all of an export,
// and returns the rest.
func (sh *shell) settings(command []dockerWord) []dockerWord {
	exported, local := false, false
	for len(command) > 0 && slices.Contains([]string{"export", "local", "declare", "readonly", "typeset"}, command[0].text) {
		exported, local = exported || command[0].text == "export", local || command[0].text == "local"
		for command = command[1:]; len(command) > 0 && strings.HasPrefix(command[0].text, "-"); {
			command = command[1:]
		}
		for _, w := range command {
			if exported && sh.values[w.text] != "" {
				sh.export(w.text)
			}
		}
	}
	for len(command) > 0 && (shellSetting.MatchString(command[0].text) || shellAddition.MatchString(command[0].text)) {
		name, n := sh.set(command)
		sh.requirements(sh.values[name], command[0].line)
		command = command[n:]
		if local {
			sh.local = append(sh.local, name)
		} else if exported || len(command) > 0 {
			sh.export(name)
		}
	}
	return command
}

// requirements takes those that a list in a variable has; a single one may be
// the beginning of an address.
func (sh *shell) requirements(list string, line int) {
	if !strings.Contains(list, "git+") || !strings.Contains(list, " ") {
		return
	}
	for word := range strings.FieldsSeq(list) {
		if m, ok := requirement(word); ok && strings.Contains(word, "git+") {
			found := clone{Mention: m, line: line}
			sh.stamp(&found)
			sh.installed = append(sh.installed, found)
		}
	}
}

// export has the scripts that are called see a variable.
func (sh *shell) export(name string) {
	if len(sh.env) < maxValues && sh.env[name] != sh.values[name] {
		sh.env = maps.Clone(sh.env)
		if sh.env == nil {
			sh.env = map[string]string{}
		}
		sh.env[name], sh.envKey = sh.values[name], ""
	}
}

var (
	shellAddition = regexp.MustCompile(`^\w+\+=([^(]|$)`) // to a text, not to a list

	commandValue = regexp.MustCompile("`|^\\$\\(")
	printedFile  = regexp.MustCompile("^\\w+=(?:`|\\$\\() *(?:cat|<) *([\\w./-]+) *[`)]?$")
)

// set takes in the variable that a command begins with. It returns its name,
// and how many words it has: a value may be what a file of the workspace says.
func (sh *shell) set(command []dockerWord) (name string, n int) {
	name, value, _ := strings.Cut(command[0].text, "=")
	n = 1
	if before := sh.values[name]; name == sh.unless.name && before != "" && !isComputed(before) {
		return name, n
	}
	if first, more := strings.CutSuffix(name, "+"); more {
		name = first
		if before := cmp.Or(sh.values[name], "$"+name); len(before)+len(value) <= maxURL { // else it names nothing
			value = before + value
		}
	}
	if place := shownDirectory(value); place != "" {
		sh.values[name] = place
		return name, n
	}
	if !commandValue.MatchString(value) {
		sh.values[name] = sh.expand(value)
		return name, n
	}
	whole := strings.Join(texts(command[:min(3, len(command))]), " ")
	sh.values[name] = "$()" // by a program
	if parts := printedFile.FindStringSubmatch(whole); parts != nil && sh.calls != nil {
		n = min(len(command), 1+strings.Count(parts[0], " "))
		if text := strings.TrimSpace(sh.calls.text(sh, parts[1])); text != "" && isPlain(text, maxName) {
			sh.values[name] = text
		}
	}
	return name, n
}

// mention reads a command that is none of the shell's own.
func (sh *shell) mention(command []dockerWord) {
	command = asClone(command)
	if added := sh.added(command); len(added) > 0 {
		sh.installed = append(sh.installed, added...)
		return
	}
	i := slices.IndexFunc(command, func(w dockerWord) bool { return w.text == "git" || w.text == "hg" })
	if i >= 0 {
		verb, _ := verbOf(command[i+1:])
		sh.pushes = sh.pushes || verb == "push"
		sh.cloned = sh.vcsCommand(command[i].text, command[i+1:], sh.cloned)
		return
	}
	if found := sh.rCommand(command); len(found) > 0 {
		sh.installed = append(sh.installed, found...)
		return
	}
	if composerAdds(command) {
		sh.installed = append(sh.installed, sh.composerPackages(command)...)
		return
	}
	for _, w := range command {
		m, ok := requirement(sh.expand(w.text))
		if !ok && !sh.clonesOnly {
			m, ok = downloadedFile(sh.expand(w.text))
		}
		if ok {
			sh.installed = append(sh.installed, clone{Mention: m, line: w.line})
		}
	}
}
