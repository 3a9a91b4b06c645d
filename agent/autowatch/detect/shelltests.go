package detect

import (
	"regexp"
	"slices"
)

// emptyTest is the test of a shell whether a variable is empty: what is set
// where that is so leaves a value that is known.
type emptyTest struct {
	name string // "" where there was none
	left int    // commands that it is for, 0 for those up to "fi" or "else"
}

var testedVariable = regexp.MustCompile(`^\$\{?(\w+)(?:\[@\])?\}?$`)

// pass takes in a command that comes next.
func (t *emptyTest) pass(command []dockerWord) {
	if len(command) == 0 {
		return
	}
	if t.left > 0 {
		if t.left--; t.left == 0 {
			t.name = ""
		}
	}
	first := command[0].text
	if slices.Contains([]string{"fi", "else", "elif"}, first) {
		*t = emptyTest{}
	}
	words := bare(command)
	if len(words) < 3 || !slices.Contains([]string{"[", "[[", "test"}, words[0].text) || words[1].text != "-z" {
		return
	}
	if parts := testedVariable.FindStringSubmatch(words[2].text); parts != nil && (len(words) == 3 || words[3].text[0] == ']') {
		*t = emptyTest{name: parts[1]}
		if first == words[0].text {
			t.left = 2 // "[ -z $x ] && x=y"
		}
	}
}
