package gittrace

import (
	"path"
	"slices"
	"strings"
)

// command is one of git's that has to do with what a work tree is at.
type command struct {
	verb    string
	options map[string]string // by their first letter or long name; "" for those without a value
	words   []string          // the rest
	dir     string            // the work tree, "" where there is none
	mode    string            // of a checkout: "branch" or "path"
}

// withValue are the options of each verb that matters here whose value is a word
// of its own. What they are called in short is what they are called here.
var withValue = map[string]map[string]string{
	"archive": {"--remote": "", "--output": "", "-o": "", "--format": "", "--prefix": "", "--exec": "", "--add-file": ""},
	"clone": {
		"-b": "", "--branch": "-b", "--revision": "", "-o": "", "--origin": "-o", "-u": "", "--upload-pack": "", "-j": "", "--jobs": "",
		"-c": "", "--config": "", "--depth": "", "--reference": "", "--reference-if-able": "", "--separate-git-dir": "", "--template": "",
		"--filter": "", "--shallow-since": "", "--shallow-exclude": "", "--server-option": "", "--bundle-uri": "", "--ref-format": "",
	},
	"fetch": {
		"-j": "", "--jobs": "", "--depth": "", "--deepen": "", "--shallow-since": "", "--shallow-exclude": "", "-o": "", "--server-option": "",
		"--upload-pack": "", "--refmap": "", "--negotiation-tip": "", "--filter": "", "--submodule-prefix": "",
	},
	"pull": {
		"-j": "", "--jobs": "", "--depth": "", "--deepen": "", "--shallow-since": "", "--shallow-exclude": "", "-o": "", "--server-option": "",
		"--upload-pack": "", "--refmap": "", "-s": "", "--strategy": "", "-X": "", "--strategy-option": "",
	},
	"checkout":    {"-b": "", "-B": "-b", "--orphan": "", "--conflict": "", "--pathspec-from-file": ""},
	"switch":      {"-c": "-b", "--create": "-b", "-C": "-b", "--force-create": "-b", "--orphan": "", "--conflict": ""},
	"reset":       {"--pathspec-from-file": ""},
	"merge":       {"-m": "", "-F": "", "--file": "", "-s": "", "--strategy": "", "-X": "", "--strategy-option": "", "--into-name": ""},
	"rebase":      {"--onto": "", "-x": "", "--exec": "", "-s": "", "--strategy": "", "-X": "", "--strategy-option": ""},
	"cherry-pick": {"-m": "", "--mainline": "", "-s": "", "--strategy": "", "-X": "", "--strategy-option": ""},
	"push":        {"-o": "", "--push-option": "", "--repo": "", "--receive-pack": "", "--exec": ""},
	"remote":      {"-t": "", "-m": ""},
	"worktree":    {"-b": "", "-B": "", "--reason": ""},
	"init":        {"--template": "", "--separate-git-dir": "", "-b": "", "--initial-branch": "", "--object-format": "", "--ref-format": ""},
}

// general are the options in front of a verb whose value is a word of its own.
var general = []string{"-C", "-c", "--git-dir", "--work-tree", "--namespace", "--super-prefix", "--config-env", "--attr-source", "--shallow-file", "--list-cmds"}

// parse reads a command line; ok is false for what does not matter here.
func parse(argv []string) (c command, ok bool) {
	if len(argv) < 2 {
		return command{}, false
	}
	program, rest := path.Base(argv[0]), argv[1:]
	if verb, direct := strings.CutPrefix(program, "git-"); direct {
		rest = append([]string{verb}, argv[1:]...)
	} else if program != "git" {
		return command{}, false
	}
	for len(rest) > 0 && strings.HasPrefix(rest[0], "-") {
		n := 1
		if slices.Contains(general, rest[0]) {
			n = 2
		}
		rest = rest[min(n, len(rest)):]
	}
	if len(rest) == 0 {
		return command{}, false
	}
	valued, ok := withValue[rest[0]]
	if !ok {
		return command{}, false
	}
	c = command{verb: rest[0], options: map[string]string{}}
	c.read(rest[1:], valued)
	return c, true
}

// read takes options and words apart as git does: they may be mixed.
func (c *command) read(rest []string, valued map[string]string) {
	for len(rest) > 0 {
		word := rest[0]
		rest = rest[1:]
		switch {
		case word == "--":
			c.words = append(c.words, rest...)
			return
		case !strings.HasPrefix(word, "-") || word == "-":
			c.words = append(c.words, word)
		case strings.HasPrefix(word, "--"):
			name, value, inline := strings.Cut(word, "=")
			rest = c.option(name, value, inline, rest, valued)
		default:
			rest = c.letters(word[1:], rest, valued)
		}
	}
}

// letters reads several short options in one word, such as "-qb".
func (c *command) letters(word string, rest []string, valued map[string]string) []string {
	for i := range word {
		name := "-" + word[i:i+1]
		if _, takes := valued[name]; takes {
			return c.option(name, word[i+1:], i+1 < len(word), rest, valued)
		}
		c.options[name] = ""
	}
	return rest
}

// option notes one, with its value if that is the next word.
func (c *command) option(name, value string, inline bool, rest []string, valued map[string]string) []string {
	called, takes := valued[name]
	if takes && !inline && len(rest) > 0 {
		value, rest = rest[0], rest[1:]
	}
	if called != "" {
		name = called
	}
	c.options[name] = value
	return rest
}

// has tells whether any of these options is given.
func (c *command) has(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		_, ok := c.options[name]
		return ok
	})
}

// word is the nth of those that are no options, "" if there are fewer.
func (c *command) word(n int) string {
	if n < len(c.words) {
		return c.words[n]
	}
	return ""
}
