package detect

import (
	"regexp"
	"slices"
	"strings"
)

// shellForms are the words of a script with the head of a function as
// "function name", and a list "x=(a b)" as "x=a b".
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
	}
	return forms
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
