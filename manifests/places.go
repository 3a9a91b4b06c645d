package manifests

import (
	"strconv"
	"strings"
)

// Places tells where the keys of a text are.
type Places struct {
	lines *lines
	root  node
}

// Locate finds the keys of a TOML text that Parse took; of any other text it
// finds what it can.
func Locate(file string, text []byte) *Places {
	p := &Places{lines: newLines(file, string(text))}
	if len(text) > maxFile {
		return p
	}
	if s, _ := scan(string(text)); s != nil {
		p.root = s.root
	}
	return p
}

// Of is where the value of a key is, by its path such as "step[2].run" or
// `step[2].env."A.B"` (elements are counted from 1). A key that is not written
// is where its table begins.
func (p *Places) Of(path string) Place { return p.lines.place(p.find(path).value) }

// Key is where the key itself is.
func (p *Places) Key(path string) Place { return p.lines.place(p.find(path).key) }

func (p *Places) find(path string) *node {
	n := &p.root
	for range 2 * maxDepth {
		var part string
		if part, path = cutPart(path); part == "" {
			break
		}
		switch part[0] {
		case '[':
			i, _ := strconv.Atoi(part[1 : len(part)-1])
			n = n.item(i - 1)
		case '"':
			key, _ := strconv.Unquote(part)
			n = n.child(key)
		default:
			n = n.child(part)
		}
	}
	return n
}

// cutPart takes the first part from a path: a key, a quoted key or the number of
// an element in brackets. What is none of them ends the path.
func cutPart(path string) (part, rest string) {
	path = strings.TrimPrefix(path, ".")
	if quoted, err := strconv.QuotedPrefix(path); err == nil && path[0] == '"' {
		return quoted, path[len(quoted):]
	}
	if strings.HasPrefix(path, "[") {
		if end := strings.IndexByte(path, ']'); end > 0 {
			return path[:end+1], path[end+1:]
		}
		return "", ""
	}
	if end := strings.IndexAny(path, ".["); end >= 0 {
		return path[:end], path[end:]
	}
	return path, ""
}
