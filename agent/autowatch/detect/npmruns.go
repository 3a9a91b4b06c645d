package detect

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// npmCall is a call of a script of package.json.
type npmCall struct {
	dir, name string
}

var (
	npmPrograms = []string{"npm", "yarn", "pnpm", "bun"}
	npmDirs     = []string{"--prefix", "-C", "--cwd", "--dir"}
	npmValues   = []string{"--filter", "-F", "-w", "--workspace", "--loglevel"} // options with a value
)

// readNpmCall reads a command that runs a script of package.json, as "npm run
// x", "yarn x" or "pnpm -C dir x".
func readNpmCall(command []dockerWord) (call npmCall, ok bool) {
	at := slices.IndexFunc(command, func(w dockerWord) bool { return slices.Contains(npmPrograms, w.text) })
	if at < 0 || slices.ContainsFunc(command[:at], func(w dockerWord) bool { return !callsOthers(w.text) }) {
		return npmCall{}, false
	}
	words := command[at+1:]
	for i := 0; i < len(words); i++ {
		option, value, inline := strings.Cut(words[i].text, "=")
		takesValue := slices.Contains(npmDirs, option) || slices.Contains(npmValues, option)
		if takesValue && !inline && i+1 < len(words) {
			i++
			value = words[i].text
		}
		switch {
		case slices.Contains(npmDirs, option):
			call.dir = path.Join(call.dir, value)
		case strings.HasPrefix(option, "-"), option == "run", option == "run-script":
		default:
			call.name = words[i].text
			return call, true
		}
	}
	return npmCall{}, false
}

// npm reads the script that a call names, and those that npm runs before and
// after it. There may be none: the name may be one of npm's own commands.
func (c *scriptCalls) npm(sh *shell, call npmCall) {
	dir := path.Join(sh.place.at, call.dir)
	file := path.Join(dir, "package.json")
	scripts := c.packageScripts(file)
	for _, name := range []string{"pre" + call.name, call.name, "post" + call.name} {
		script := scripts.at(name)
		if script.str() == "" {
			continue
		}
		key := fmt.Sprint(file, name) + sh.key()
		if c.ran[key] || len(c.ran) >= maxScriptRuns {
			continue
		}
		c.ran[key] = true
		run := newShell(c.sheet, sh.env, c)
		run.place, run.level, run.clonesOnly = shellPlace{file: file, at: dir}, sh.level+1, sh.clonesOnly
		words := scriptWords(script)
		run.run(words[:min(len(words), maxWords)])
		run.flush()
	}
}

// packageScripts are the scripts of a package.json, nil if there are none.
func (c *scriptCalls) packageScripts(file string) *node {
	scripts, known := c.packages[file]
	if known || c.tries >= maxScriptTries {
		return scripts
	}
	if text := c.open(file); text != "" {
		root, _, _ := readJSON(text) // npm's own detector says what is wrong with it
		scripts = root.at("scripts")
	}
	c.packages[file] = scripts
	return scripts
}
