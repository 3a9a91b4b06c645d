package detect

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"

	"go.yaml.in/yaml/v3"
)

// yamlDocuments reads the documents of a YAML file. Those before a mistake are
// returned with the error. A file that is a template of another language is
// read as far as it is YAML without it.
func yamlDocuments(text []byte) ([]*yaml.Node, error) {
	docs, err := decodeYAML(text)
	if err == nil || !bytes.Contains(text, []byte("{{")) && !bytes.Contains(text, []byte("{%")) {
		return docs, err
	}
	softened, again := decodeYAML(soften(text))
	if again != nil && len(softened) <= len(docs) {
		return docs, err
	}
	return softened, again
}

const maxDocuments = 10_000

func decodeYAML(text []byte) (docs []*yaml.Node, err error) {
	defer func() {
		if p := recover(); p != nil { // the parser does so where it should return an error
			err = fmt.Errorf("read YAML: %v", p)
		}
	}()
	d := yaml.NewDecoder(bytes.NewReader(text))
	for range maxDocuments {
		var doc yaml.Node
		err := d.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return docs, nil
		}
		if err != nil {
			return docs, fmt.Errorf("read YAML: %w", err)
		}
		if doc.Kind == yaml.DocumentNode && len(doc.Content) == 1 {
			docs = append(docs, doc.Content[0])
		}
	}
	return docs, fmt.Errorf("read YAML: more than %d documents", maxDocuments)
}

var (
	templateLine  = regexp.MustCompile(`(?m)^[ \t]*(\{\{[^\n]*\}\}|\{%[^\n]*%\})[ \t\r]*$`)
	templateValue = regexp.MustCompile(`(?m)^([ \t]*(?:- )?[\w.-]+: |[ \t]*- )([^'"\n#|>]*\{[{%][^\n'"]*)$`)
)

// soften takes the directives of a template out, on lines of their own, and
// quotes the values that hold one. Each line stays where it is.
func soften(text []byte) []byte {
	text = templateLine.ReplaceAll(text, nil)
	return templateValue.ReplaceAll(text, []byte(`$1'$2'`))
}

// pairs are the keys and values of a mapping, as written.
func pairs(n *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(k, v *yaml.Node) bool) {
		if n.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i], n.Content[i+1]) {
				return
			}
		}
	}
}
