package detect

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Bounds of the scripts that are read for one pipeline.
const (
	maxScripts     = 30
	maxScriptTries = 300 // files looked for
	maxScriptDepth = 4   // of scripts that call others
	maxScriptRuns  = 300 // with different arguments and variables
)

// scriptCalls follows the commands of a pipeline into the shell scripts and the
// Makefiles of the workspace that they call, also through package.json, and
// those that these call.
type scriptCalls struct {
	*sheet
	top       string                  // the directory that commands run in, as seen from the pipeline
	file      string                  // that the commands stand in, as seen from there; "" for its own
	words     map[string][]dockerWord // of the files that were looked for; nil if that is no script
	makefiles map[string]*makefile    // nil if there is none
	packages  map[string]*node        // the scripts of each package.json; nil if there is none
	ran       map[string]bool         // files with their arguments and variables
	sourced   []string                // those that are being read
	tries     int
	found     int
}

func newScriptCalls(s *sheet, top string) *scriptCalls {
	return &scriptCalls{sheet: s, top: top, words: map[string][]dockerWord{}, makefiles: map[string]*makefile{}, packages: map[string]*node{}, ran: map[string]bool{}}
}

// fromTop is a directory, as the pipeline sees it, from where commands run.
func (c *scriptCalls) fromTop(dir string) string {
	if c == nil || dir == c.top {
		return ""
	}
	return strings.TrimPrefix(dir, c.top+"/")
}

// topOf is where a pipeline's work tree begins, relative to the directory of
// the file: above the directory that its service wants it in.
func topOf(file string) string {
	top := "."
	for dir := path.Dir(file); dir != "." && dir != "/"; dir = path.Dir(dir) {
		top = path.Join(top, "..")
		if name := path.Base(dir); strings.HasPrefix(name, ".") && len(name) > 2 {
			return top
		}
	}
	return "."
}

// follow reads what a command of a shell calls.
func (c *scriptCalls) follow(sh *shell, command []dockerWord) {
	for _, call := range calledScripts(command) {
		for _, dir := range c.around(sh) {
			if c.script(path.Join(dir, call.name), sh, call) {
				break
			}
		}
	}
	if call, ok := readMakeCall(sh.expandedWords(command)); ok {
		c.make(sh, call)
	}
	if call, ok := readNpmCall(sh.expandedWords(command)); ok && sh.place.at != "" {
		c.npm(sh, call)
	}
}

// around are the directories that a name may be seen from.
func (c *scriptCalls) around(sh *shell) []string {
	dirs := []string{c.top, sh.place.dir()}
	if sh.place.at != "" && sh.place.at != c.top {
		dirs = slices.Insert(dirs, 0, sh.place.at)
	}
	return dirs
}

// text is that of a file which a command of a shell names.
func (c *scriptCalls) text(sh *shell, name string) string {
	for _, dir := range c.around(sh) {
		if text := c.open(path.Join(dir, name)); text != "" {
			return text
		}
	}
	return ""
}

// open reads a file, as long as not too many were looked for.
func (c *scriptCalls) open(name string) string {
	if c.tries++; c.tries > maxScriptTries {
		return ""
	}
	return c.beside(name)
}

// wordsOf are the words of a script, nil if there is none of the name.
func (c *scriptCalls) wordsOf(name string) []dockerWord {
	words, known := c.words[name]
	if known || c.tries >= maxScriptTries || c.found >= maxScripts {
		return words
	}
	if text := c.open(name); isShellScript(name, text) {
		c.found++
		words = scriptWords(&node{shape: isText, text: text + "\n"})
		words = words[:min(len(words), maxWords)]
	}
	c.words[name] = words
	return words
}

// script reads one that is called. It tells whether there is one.
func (c *scriptCalls) script(name string, from *shell, call scriptCall) bool {
	words := c.wordsOf(name)
	if words == nil {
		return false
	}
	args := from.expandedWords(call.args)
	if call.sourced {
		c.source(name, from, words, args)
		return true
	}
	key := fmt.Sprint(name, texts(args)) + from.key()
	if c.ran[key] || len(c.ran) >= maxScriptRuns {
		return true
	}
	c.ran[key] = true
	sh := newShell(c.sheet, from.env, c)
	sh.place, sh.level = shellPlace{file: name, at: from.place.at}, from.level+1
	sh.give(args)
	sh.run(words)
	sh.flush()
	return true
}

// source reads a script as a part of the one that calls it.
func (c *scriptCalls) source(name string, sh *shell, words, args []dockerWord) {
	if slices.Contains(c.sourced, name) {
		return
	}
	c.sourced = append(c.sourced, name)
	file, given := sh.place.file, sh.args
	sh.place.file = name
	sh.level++
	if len(args) > 0 {
		sh.give(args)
	}
	sh.block(commands(shellForms(words)))
	sh.give(given)
	sh.level--
	sh.place.file = file
	c.sourced = c.sourced[:len(c.sourced)-1]
}

func texts(words []dockerWord) []string {
	var all []string
	for _, w := range words {
		all = append(all, w.text)
	}
	return all
}

var shebang = regexp.MustCompile(`^#!.*\b(ba|da|k|z)?sh\b`)

func isShellScript(name, text string) bool {
	return shebang.MatchString(text) || text != "" && !strings.HasPrefix(text, "#!") && isShellName(name)
}

func isShellName(name string) bool {
	return path.Ext(name) == ".sh" || path.Ext(name) == ".bash"
}

var (
	scriptPath   = regexp.MustCompile(`^(?:(?:\$\{\{[^{}]*)?\}\}/|\{\w+\}/|\$\w+/|\$\{\w+(?:\[0\])?(?:%/\*)?\}/|\$\((?:[^()]|\([^()]*\))*\)/|` + "`[^`]*`/" + `)?((?:\.{0,2}[\w+-][\w.+-]*|\.\.?)(?:/[\w.+-]+)*)$`)
	scriptReader = []string{"bash", "sh", "dash", "zsh", "source", "."}
	noCalls      = []string{"echo", "printf", "shellcheck", "shfmt", "cat", "grep", "sed", "git", "cp", "mv", "rm", "curl", "wget", "#"}
)

// scriptCall is the call of a script, with what it is given.
type scriptCall struct {
	name    string
	args    []dockerWord
	sourced bool
}

// calledScripts are the words of a command that may be scripts which it runs: its
// first, one behind the name of a shell, and what is called like one.
func calledScripts(command []dockerWord) []scriptCall {
	var calls []scriptCall
	begins := true
	for i, w := range command {
		parts := scriptPath.FindStringSubmatch(w.text)
		if i == 0 && slices.Contains(noCalls, w.text) {
			return nil
		}
		read := i > 0 && slices.Contains(scriptReader, command[i-1].text)
		if parts != nil && (isShellName(parts[1]) || read || begins && strings.Contains(w.text, "/")) {
			sourced := read && (command[i-1].text == "." || command[i-1].text == "source")
			calls = append(calls, scriptCall{parts[1], command[i+1:], sourced})
		}
		begins = begins && (shellSetting.MatchString(w.text) || slices.Contains([]string{"sudo", "time", "exec", "env", "if", "then", "do", "!", "{"}, w.text))
	}
	return calls
}
