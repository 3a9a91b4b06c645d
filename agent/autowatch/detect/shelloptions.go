package detect

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// maxPattern bounds those that are held against texts letter by letter.
const maxPattern = 100

// choiceOf is one way that a case may go.
type choiceOf struct {
	patterns []string
	body     [][]dockerWord
	ends     bool // the loop around it
}

// options carries out the loop in which a script takes the options apart that it
// was given: a "case" for what comes next, until nothing is left. It returns how
// many commands that were, 0 if this is none, or it is not known what was given.
func (sh *shell) options(cmds [][]dockerWord) int {
	if cmds[0][0].text != "while" || sh.args == nil || slices.ContainsFunc(sh.args, func(w dockerWord) bool { return isComputed(w.text) }) {
		return 0
	}
	end := loopEnd(cmds)
	body := cmds[1:end]
	at := slices.IndexFunc(body, func(c []dockerWord) bool { return len(bare(c)) > 1 && bare(c)[0].text == "case" })
	if at < 0 {
		return 0
	}
	sh.steps += len(body) / 4
	choices, after := choicesOf(body[at+1:])
	subject := bare(body[at])[1].text
	sh.depth++
	defer func() { sh.depth-- }()
	if i := slices.IndexFunc(cmds[0], func(w dockerWord) bool { return w.text == "getopts" }); i > 0 && i+2 < len(cmds[0]) {
		sh.shortOptions(cmds[0][i+1].text, cmds[0][i+2].text, choices)
		return min(end+1, len(cmds))
	}
	if !slices.ContainsFunc(body, func(c []dockerWord) bool { return len(bare(c)) > 0 && bare(c)[0].text == "shift" }) {
		return 0
	}
	for range maxItems {
		left := len(sh.args)
		if left == 0 {
			break
		}
		sh.block(body[:at])
		chosen := sh.choose(choices, sh.expand(subject))
		if chosen != nil {
			sh.block(chosen.body)
		}
		sh.block(after)
		if len(sh.args) == left || chosen != nil && chosen.ends {
			break
		}
	}
	return min(end+1, len(cmds))
}

// loopEnd is where the loop that begins with the first command has its "done".
func loopEnd(cmds [][]dockerWord) int {
	depth := 1
	for end := 1; end < len(cmds); end++ {
		if depth += repeats(cmds[end]); depth == 0 {
			return end
		}
	}
	return len(cmds)
}

// choicesOf are those of a case whose head has been read, and what follows it.
func choicesOf(cmds [][]dockerWord) (choices []choiceOf, after [][]dockerWord) {
	depth := 1
	for i, c := range cmds {
		words := bare(c)
		switch {
		case len(words) == 0:
			continue
		case words[0].text == "case":
			depth++
		case words[0].text == "esac":
			if depth--; depth == 0 {
				return choices, cmds[i+1:]
			}
		case words[0].text == casePattern && depth == 1:
			choices = append(choices, choiceOf{patterns: texts(words[1:])})
			continue
		}
		if n := len(choices); n > 0 {
			choices[n-1].body = append(choices[n-1].body, c)
			choices[n-1].ends = choices[n-1].ends || words[0].text == "break" || words[0].text == "exit"
		}
	}
	return choices, nil
}

// choose is the first whose pattern a text has.
func (sh *shell) choose(choices []choiceOf, text string) *choiceOf {
	for i := range choices {
		sh.steps += len(choices[i].patterns)
		if slices.ContainsFunc(choices[i].patterns, func(pattern string) bool { return isLike(pattern, text) }) {
			return &choices[i]
		}
	}
	return nil
}

// isLike tells whether a text has a pattern of a shell, in which stars and
// question marks count.
func isLike(pattern, text string) bool {
	pattern = strings.ReplaceAll(pattern, `\`, "")
	first, star := strings.CutSuffix(pattern, "*")
	switch {
	case !strings.ContainsAny(pattern, "*?["):
		return pattern == text
	case star && !strings.ContainsAny(first, "*?["):
		return strings.HasPrefix(text, first)
	case len(pattern) > maxPattern || len(text) > maxPattern:
		return false
	}
	plain := strings.NewReplacer("/", ".")
	matched, err := path.Match(plain.Replace(pattern), plain.Replace(text))
	return err == nil && matched
}

// shortOptions is "while getopts SPEC NAME".
func (sh *shell) shortOptions(spec, name string, choices []choiceOf) {
	found, rest := splitOptions(sh.args, spec, nil)
	for len(found) > 0 {
		option := found[0]
		found = found[1:]
		sh.values[name] = strings.TrimPrefix(option.text, "-")
		if strings.Contains(spec, sh.values[name]+":") && len(found) > 0 {
			sh.values["OPTARG"] = found[0].text
			found = found[1:]
		}
		if chosen := sh.choose(choices, sh.values[name]); chosen != nil {
			sh.block(chosen.body)
		}
	}
	sh.give(rest)
}

// splitOptions takes the options out of what was given, each with its value
// behind it: short ones as getopts has them ("b:h"), and long ones ("branch:").
func splitOptions(args []dockerWord, short string, long []string) (options, rest []dockerWord) {
	for len(args) > 0 && len(options) < maxItems {
		w := args[0]
		args = args[1:]
		name, value, inline := strings.Cut(w.text, "=")
		var takes bool
		switch {
		case w.text == "--":
			return options, append(rest, args...)
		case strings.HasPrefix(w.text, "--"):
			takes = slices.Contains(long, name[2:]+":")
		case strings.HasPrefix(w.text, "-") && len(w.text) > 1:
			name, value = w.text[:2], w.text[2:]
			takes, inline = strings.Contains(short, name[1:]+":"), value != ""
		default:
			rest = append(rest, w)
			continue
		}
		options = append(options, dockerWord{name, w.line})
		if takes && !inline && len(args) > 0 {
			value, args = args[0].text, args[1:]
		}
		if takes {
			options = append(options, dockerWord{value, w.line})
		}
	}
	return options, append(rest, args...)
}

var getoptSetting = regexp.MustCompile(`^(\w+)=(?:\$\(|` + "`" + `)getopt$`)

// getopt reads "NAME=$(getopt … -- "$@")". What "set -- $NAME" gives then is
// in order: the options, and behind "--" the rest.
func (sh *shell) getopt(command []dockerWord) {
	parts := getoptSetting.FindStringSubmatch(command[0].text)
	if parts == nil || sh.args == nil {
		return
	}
	short, long := "", []string(nil)
	for i, w := range command[1:] {
		option, value, inline := strings.Cut(w.text, "=")
		if !inline && i+2 < len(command) {
			value = command[i+2].text
		}
		switch option {
		case "-o", "--options":
			short = value
		case "-l", "--long", "--longoptions":
			long = append(long, strings.SplitN(value, ",", maxItems)...)
			sh.steps += len(long)
		}
	}
	options, rest := splitOptions(sh.args, short, long)
	sh.ordered = map[string][]dockerWord{parts[1]: append(append(options, dockerWord{"--", command[0].line}), rest...)}
}

// shift drops arguments. What getopts has read is dropped already.
func (sh *shell) shift(words []dockerWord) {
	n := 1
	if len(words) > 0 {
		if strings.Contains(words[0].text, "OPTIND") {
			return
		}
		if given, err := strconv.Atoi(words[0].text); err == nil && given >= 0 {
			n = given
		}
	}
	sh.give(sh.args[min(n, len(sh.args)):])
}

// setArguments is "set -- …".
func (sh *shell) setArguments(words []dockerWord) {
	if len(words) == 1 {
		if ordered, ok := sh.ordered[strings.Trim(words[0].text, "${}")]; ok {
			sh.give(ordered)
			return
		}
	}
	sh.give(sh.expandedWords(words))
}
