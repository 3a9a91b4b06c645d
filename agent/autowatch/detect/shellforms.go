package detect

import (
	"regexp"
	"slices"
	"strings"
)

// casePattern begins the command that shellForms makes of a pattern.
const casePattern = "case-pattern"

// shellForms are the words of a script with the head of a function as
// "function name", a list "x=(a b)" as "x=a b", and what stands before a choice of a
// case ("a|b)") as "case-pattern a b".
func shellForms(words []dockerWord) []dockerWord {
	var forms []dockerWord
	for i := 0; i < len(words); i++ {
		w := words[i]
		next := func(n int) string {
			if i+n < len(words) {
				return words[i+n].text
			}
			return ""
		}
		name, opened := strings.CutSuffix(w.text, "(")
		switch {
		case opened && next(1) == ")" && isPlainWord(name):
			forms = append(forms, dockerWord{";", w.line}, dockerWord{"function", w.line}, dockerWord{name, w.line})
			i++
		case next(1) == "(" && next(2) == ")" && isPlainWord(w.text):
			if len(forms) == 0 || forms[len(forms)-1].text != "function" {
				forms = append(forms, dockerWord{";", w.line}, dockerWord{"function", w.line})
			}
			forms = append(forms, w)
			i += 2
		case shellList.MatchString(w.text) && listLength(words[i:]) > 0:
			n := listLength(words[i:])
			forms = append(forms, dockerWord{joinedList(words[i : i+n]), w.line})
			i += n
		default:
			forms = append(forms, w)
		}
		if w.text == ";;" || w.text == "in" && i > 1 && words[i-2].text == "case" {
			if patterns, n := patternsOf(words[i+1:]); n > 0 {
				forms = append(append(append(forms, dockerWord{";", w.line}, dockerWord{casePattern, w.line}), patterns...), dockerWord{";", w.line})
				i += n
			}
		}
	}
	return forms
}

// patternsOf are those that words begin with, up to their bracket; n is how many
// words that are, 0 if there are none.
func patternsOf(words []dockerWord) (patterns []dockerWord, n int) {
	for i, w := range words[:min(len(words), 3*maxItems)] {
		switch w.text {
		case ";", "(":
		case ")":
			return patterns, i + 1
		case ";;", "esac":
			return nil, 0
		default:
			patterns = append(patterns, w)
		}
	}
	return nil, 0
}

var shellList = regexp.MustCompile(`^\w+=\(`)

// listLength is how many words there are before the end of a list, negative if
// that is too far.
func listLength(words []dockerWord) int {
	return slices.IndexFunc(words[:min(len(words), maxItems)], func(w dockerWord) bool { return w.text == ")" })
}

func joinedList(words []dockerWord) string {
	name, first, _ := strings.Cut(words[0].text, "(")
	texts := []string{first}
	for _, w := range words[1:] {
		if w.text != ";" {
			texts = append(texts, w.text)
		}
	}
	return name + strings.TrimSpace(strings.Join(texts, " "))
}
