package detect

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// jsonTree reads JSON. With an error it returns what came before it.
func (s *sheet) jsonTree() *node {
	n, line, err := readJSON(s.text)
	if err != nil {
		s.failed(fmt.Errorf("line %d: read JSON: %w", line, err))
	}
	return n
}

// jsonReader makes a tree of the decoder's tokens, and counts lines as it goes.
type jsonReader struct {
	text    string
	decoder *json.Decoder
	offset  int // up to here, lines are counted
	line    int
}

func readJSON(text string) (n *node, line int, err error) {
	r := &jsonReader{text: text, decoder: json.NewDecoder(strings.NewReader(text)), line: 1}
	r.decoder.UseNumber()
	root := &node{shape: isTable, line: 1}
	token, err := r.next()
	if err == nil {
		root, err = r.value(token, func(*node) {}, 0)
	}
	return root, r.line, err
}

// next is the next token; r.line is then where it ends.
func (r *jsonReader) next() (json.Token, error) {
	token, err := r.decoder.Token()
	end := min(int(r.decoder.InputOffset()), len(r.text))
	r.line += strings.Count(r.text[r.offset:end], "\n")
	r.offset = end
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return token, err
}

// value reads what begins with token. attach takes it before it is complete,
// so that it is there also if the rest cannot be read.
func (r *jsonReader) value(token json.Token, attach func(*node), depth int) (*node, error) {
	n := &node{line: r.line}
	attach(n)
	if depth > maxDepth {
		return n, errors.New("it nests too deep")
	}
	switch v := token.(type) {
	case string:
		n.shape, n.text = isText, v
	case json.Number:
		n.text = v.String()
	case bool:
		n.text = strconv.FormatBool(v)
	case json.Delim:
		if v == '[' {
			n.shape = isList
			return n, r.items(n, depth)
		}
		n.shape = isTable
		return n, r.members(n, depth)
	}
	return n, nil
}

func (r *jsonReader) items(n *node, depth int) error {
	for {
		token, err := r.next()
		if err != nil || token == json.Delim(']') {
			return err
		}
		if _, err := r.value(token, func(item *node) { n.items = append(n.items, item) }, depth+1); err != nil {
			return err
		}
	}
}

func (r *jsonReader) members(n *node, depth int) error {
	for {
		key, err := r.next()
		if err != nil || key == json.Delim('}') {
			return err
		}
		token, err := r.next()
		if err != nil {
			return err
		}
		name, _ := key.(string)
		if _, err := r.value(token, func(m *node) { n.put(name, m) }, depth+1); err != nil {
			return err
		}
	}
}

// relaxed is JSON without the comments and the commas before a closing bracket
// that some files have. Lines stay where they are.
func relaxed(text string) string {
	out := []byte(text)
	comma := -1 // a comma that nothing has followed yet
	for i := 0; i < len(out); i++ {
		switch c := out[i]; {
		case c == '"':
			comma = -1
			for i++; i < len(out) && out[i] != '"' && out[i] != '\n'; i++ {
				if out[i] == '\\' {
					i++
				}
			}
		case c == '/' && i+1 < len(out) && out[i+1] == '/':
			for ; i < len(out) && out[i] != '\n'; i++ {
				out[i] = ' '
			}
		case c == ',':
			comma = i
		case (c == ']' || c == '}') && comma >= 0:
			out[comma], comma = ' ', -1
		case c > ' ':
			comma = -1
		}
	}
	return string(out)
}
