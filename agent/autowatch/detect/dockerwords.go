package detect

import (
	"iter"
	"regexp"
	"slices"
	"strings"
)

var dockerHeredoc = regexp.MustCompile(`<<-?\s*["']?(\w+)["']?`)

// maxWords bounds an instruction.
const maxWords = 20_000

// instructions are the instructions of a Dockerfile as words, with what they
// continue in, and where each begins.
func instructions(text string) iter.Seq2[int, []dockerWord] {
	return func(yield func(int, []dockerWord) bool) {
		var words []dockerWord
		heredoc := ""
		for n, line := range numbered(text) {
			trimmed := strings.TrimSpace(line)
			if heredoc != "" {
				if trimmed != heredoc {
					words = append(append(words, shellWords(trimmed, n)...), dockerWord{";", n})
					continue
				}
				heredoc, trimmed = "", ""
			} else if trimmed == "" && len(words) > 0 || strings.HasPrefix(trimmed, "#") {
				continue // neither ends an instruction
			}
			rest, continues := strings.CutSuffix(trimmed, `\`)
			words = append(words, shellWords(rest, n)...)
			if mark := dockerHeredoc.FindStringSubmatch(rest); mark != nil {
				heredoc = mark[1]
				words = append(words, dockerWord{";", n})
				continue
			}
			if continues && len(words) < maxWords {
				continue
			}
			if len(words) > 0 && !yield(words[0].line, words) {
				return
			}
			words = nil
		}
		if len(words) > 0 {
			yield(words[0].line, words)
		}
	}
}

// shellWords splits a line into words as a shell does, roughly: quotes are
// taken off, and what separates commands is a word of its own, as brackets are.
func shellWords(line string, n int) []dockerWord {
	var words []dockerWord
	var b strings.Builder
	var quote byte
	started := false
	end := func() {
		if started {
			words = append(words, dockerWord{b.String(), n})
		}
		started = false
		b.Reset()
	}
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case (c == '$' || c == '`') && unbroken.MatchString(line[i:min(len(line), i+maxName)]):
			value := unbroken.FindString(line[i:min(len(line), i+maxName)])
			b.WriteString(value)
			started = true
			i += len(value) - 1
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			b.WriteByte(c)
		case c == '"' || c == '\'':
			quote, started = c, true
		case c == ' ' || c == '\t':
			end()
		case c == ';' || c == '&' || c == '|':
			end()
			if strings.HasPrefix(line[i:], ";;") {
				words = append(words, dockerWord{";;", n})
				i++
				continue
			}
			words = append(words, dockerWord{";", n})
		case c == '(' && !started || c == ')':
			end()
			words = append(words, dockerWord{line[i : i+1], n})
		case c == '#' && !started:
			end()
			return words
		default:
			b.WriteByte(c)
			started = true
		}
	}
	end()
	return words
}

// commands splits words where one command ends and the next begins.
func commands(words []dockerWord) [][]dockerWord {
	var split [][]dockerWord
	start := 0
	for i, w := range words {
		if slices.Contains([]string{";", ";;", "(", ")"}, w.text) {
			split = append(split, words[start:i])
			start = i + 1
		}
	}
	return append(split, words[start:])
}
