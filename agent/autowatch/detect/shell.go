package detect

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Bounds of what a script may make the reader do.
const (
	maxSteps      = 100_000 // commands of functions, loops and files that are called
	maxShellDepth = 12      // of functions and loops in each other
	maxItems      = 100     // of a loop
)

// shell reads the commands of a script in their order: it follows functions and
// loops, and knows what the arguments in them stand for. It runs nothing, and
// of a condition it takes both ways.
type shell struct {
	*dockerfile
	each      func(command []dockerWord) // reads a command that is none of the shell's own
	calls     *scriptCalls               // nil where no other files are followed
	place     shellPlace
	level     int                     // of scripts that call others
	depth     int                     // of functions and loops
	env       map[string]string       // what the scripts that it calls are given
	envKey    string                  // all of that, once it was asked for
	args      []dockerWord            // that it was given itself
	ordered   map[string][]dockerWord // by the variables that have them from getopt
	functions map[string]*shellFunction
	uncalled  []*shellFunction
	local     []string // variables that end with the function
	unless    emptyTest

	installed  []clone
	clonesOnly bool // files that are downloaded do not count
	pushes     bool // it is for changing what it clones
	job        pushes
}

// shellPlace is where commands stand, and where they run.
type shellPlace struct {
	file string // "" for the sheet's own
	at   string // seen from the sheet; "" if that is not known
}

type shellFunction struct {
	body    [][]dockerWord
	file    string
	called  bool
	running bool
}

// newShell is one with variables of its own to begin with.
func newShell(s *sheet, values map[string]string, calls *scriptCalls) *shell {
	sh := &shell{dockerfile: &dockerfile{sheet: s, values: map[string]string{}}, calls: calls, env: values, functions: map[string]*shellFunction{}}
	if calls != nil {
		sh.place.at = calls.top
	}
	maps.Copy(sh.values, values)
	sh.each = sh.mention
	return sh
}

// run reads a whole script. A function that nothing calls counts like the rest,
// with no arguments that are known.
func (sh *shell) run(words []dockerWord) {
	sh.block(commands(shellForms(words)))
	for len(sh.uncalled) > 0 {
		f := sh.uncalled[0]
		sh.uncalled = sh.uncalled[1:]
		if !f.called {
			sh.function(f, nil)
		}
	}
}

// block reads commands one after the other.
func (sh *shell) block(cmds [][]dockerWord) {
	for len(cmds) > 0 && sh.step() {
		n := 1
		sh.unless.pass(cmds[0])
		switch command := bare(cmds[0]); {
		case len(command) > 1 && command[0].text == "function":
			n = sh.define(command, cmds)
		case len(command) > 1 && (command[0].text == "for" || command[0].text == "select"):
			n = sh.loop(command, cmds)
		case len(cmds[0]) > 1 && cmds[0][0].text == "while":
			if n = sh.options(cmds); n == 0 {
				n = 1
				sh.command(command)
			}
		case len(command) > 0:
			sh.command(command)
		}
		cmds = cmds[n:]
	}
}

// step tells whether there may be one more. Those that stand in the file itself
// are as many as it has.
func (sh *shell) step() bool {
	if sh.depth == 0 && sh.level == 0 {
		return true
	}
	sh.steps++
	return sh.steps <= maxSteps && sh.depth <= maxShellDepth
}

// bare is a command without the words around commands.
func bare(command []dockerWord) []dockerWord {
	for len(command) > 0 && slices.Contains([]string{"do", "then", "else", "elif", "if", "while", "until", "!", "{", "time"}, command[0].text) {
		command = command[1:]
	}
	return command
}

// define takes in the function that begins here. It returns how many commands
// that were.
func (sh *shell) define(head []dockerWord, cmds [][]dockerWord) int {
	name, first := head[1].text, 0
	rest := head[2:]
	for len(rest) == 0 && first+1 < len(cmds) {
		first++
		rest = cmds[first]
	}
	if len(rest) == 0 || rest[0].text != "{" {
		return 1
	}
	f := &shellFunction{body: [][]dockerWord{rest[1:]}, file: sh.place.file}
	depth := 1
	for i := first + 1; i < len(cmds); i++ {
		depth += opens(cmds[i])
		if depth == 0 {
			sh.functions[name] = f
			sh.uncalled = append(sh.uncalled, f)
			return i + 1
		}
		f.body = append(f.body, cmds[i])
	}
	return 1
}

// opens is by how much a command goes into braces, or out of them.
func opens(command []dockerWord) int {
	switch {
	case len(command) == 0:
		return 0
	case command[0].text == "{", len(command) > 2 && command[0].text == "function" && command[2].text == "{":
		return 1
	case command[0].text == "}":
		return -1
	}
	return 0
}

// loop reads the commands of a loop for each of its items that is known, or
// once, if none is. It returns how many commands that were.
func (sh *shell) loop(head []dockerWord, cmds [][]dockerWord) int {
	end := loopEnd(cmds)
	body, name := cmds[1:end], head[1].text
	items := sh.items(head[2:])
	sh.depth++
	delete(sh.values, name)
	if len(items) == 0 {
		sh.block(body)
	}
	for _, item := range items {
		sh.values[name] = item
		sh.block(body)
	}
	delete(sh.values, name)
	sh.depth--
	return min(end+1, len(cmds))
}

// repeats is by how much a command goes into loops, or out of them.
func repeats(command []dockerWord) int {
	if len(command) > 0 && command[0].text == "done" {
		return -1
	}
	for _, w := range command {
		switch w.text {
		case "do", "then", "else", "{", "!", "time":
		case "for", "while", "until", "select":
			return 1
		default:
			return 0
		}
	}
	return 0
}

// items are those of a loop that are known: behind "in", or else the arguments.
func (sh *shell) items(words []dockerWord) []string {
	if len(words) == 0 {
		words = sh.args
	} else if words[0].text != "in" {
		return nil
	}
	var items []string
	var output bool // of a command, which is not known
	for _, w := range sh.spliced(words) {
		inside := output
		if strings.HasPrefix(w.text, "$(") || strings.Count(w.text, "`")%2 == 1 {
			output = !output
		}
		if output || inside {
			continue
		}
		texts := []string{sh.expand(w.text)}
		if strings.HasPrefix(w.text, "$") {
			texts = strings.Fields(texts[0])
		}
		for _, text := range texts {
			if text != "in" && !isComputed(text) && !strings.ContainsAny(text, "*`") && len(items) < maxItems {
				items = append(items, text)
			}
		}
	}
	return items
}

// spliced are words with the arguments in the place of "$@", and the options
// that a variable holds in the place of that.
func (sh *shell) spliced(words []dockerWord) []dockerWord {
	if !slices.ContainsFunc(words, func(w dockerWord) bool { return strings.HasPrefix(w.text, "$") }) {
		return words
	}
	var all []dockerWord
	for _, w := range words {
		switch {
		case len(all) > maxWords:
		case sh.args != nil && slices.Contains([]string{"$@", "$*", "${@}", "${*}", "${@:1}"}, w.text):
			all = append(all, sh.args...)
		case sh.args != nil && (w.text == "${@:2}" || w.text == "${*:2}"):
			all = append(all, sh.args[min(1, len(sh.args)):]...)
		case shellName.FindString(w.text) == w.text:
			if value := sh.expand(w.text); strings.HasPrefix(value, "-") && strings.Contains(value, " ") {
				for _, part := range strings.Fields(value) {
					all = append(all, dockerWord{part, w.line})
				}
				continue
			}
			fallthrough
		default:
			all = append(all, w)
		}
	}
	return all
}

// function reads the commands of one with the arguments that it is given, but
// not again while it does.
func (sh *shell) function(f *shellFunction, args []dockerWord) {
	if f.running {
		return
	}
	f.called, f.running = true, true
	place, given, outer := sh.place, sh.args, sh.local
	sh.place.file, sh.local = f.file, nil
	sh.give(args)
	sh.depth++
	sh.block(f.body)
	sh.depth--
	for _, name := range sh.local {
		delete(sh.values, name)
	}
	sh.give(given)
	sh.place.file, sh.local = place.file, outer
	f.running = false
}

// give sets the arguments, nil if they are not known.
func (sh *shell) give(args []dockerWord) {
	sh.args = args
	var texts []string
	for i := range 9 {
		delete(sh.values, strconv.Itoa(i+1))
	}
	for i, w := range args[:min(9, len(args))] {
		sh.values[strconv.Itoa(i+1)] = w.text
		texts = append(texts, w.text)
	}
	sh.values["@"] = strings.Join(texts, " ")
	sh.values["*"] = sh.values["@"]
}

// expandedWords are words with the values of their variables. One that is all
// of "${X:-}" is empty where X is not known.
func (sh *shell) expandedWords(words []dockerWord) []dockerWord {
	all := make([]dockerWord, len(words))
	for i, w := range words {
		all[i] = dockerWord{emptyDefault.ReplaceAllString(sh.expand(w.text), ""), w.line}
	}
	return all
}

var emptyDefault = regexp.MustCompile(`^\$\{\w+:?-\}$`)

// key tells runs of the same file apart by what they are given.
func (sh *shell) key() string {
	if sh.envKey == "" {
		sh.steps += 1 + len(sh.env)/4
		sh.envKey = fmt.Sprint(sh.env)
	}
	return sh.envKey
}

// dir is the directory of the file that the commands stand in.
func (p shellPlace) dir() string { return path.Dir(p.file) }

// flush notes what the script clones and installs. Where it pushes, what it
// clones is where it puts something.
func (sh *shell) flush() {
	found := append(sh.cloned, sh.installed...)
	if sh.pushes {
		found = sh.installed
	}
	for _, m := range found {
		m.URL = withoutLogin(m.URL)
		if sh.job.pushedClone(sh.calls.fromTop(m.at), m) {
			continue
		}
		if !isComputed(m.URL) && !isComputed(m.Name) && !strings.Contains(m.URL+m.Name, "`") && !strings.HasPrefix(m.Name, "-") {
			sh.note(m.line, m.Mention)
		}
	}
	sh.cloned, sh.installed = nil, nil
}
