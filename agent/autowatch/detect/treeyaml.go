package detect

import (
	"errors"

	"go.yaml.in/yaml/v3"
)

// maxNodes bounds what aliases may make of a file.
const maxNodes = 500_000

// yamlTrees reads the documents of a YAML file.
func (s *sheet) yamlTrees() []*node {
	docs, err := yamlDocuments([]byte(s.text))
	s.failed(err)
	g := &yamlGrower{left: maxNodes}
	var trees []*node
	for _, doc := range docs {
		if n := g.grow(doc, 0); n != nil {
			trees = append(trees, n)
		}
	}
	if g.cut {
		s.failed(errors.New("read YAML: it is too deep, or has too many aliases"))
	}
	return trees
}

// yamlGrower makes trees of YAML, with aliases and merge keys replaced by what
// they stand for.
type yamlGrower struct {
	left int  // how many nodes there may still be
	cut  bool // there was more
}

func (g *yamlGrower) grow(y *yaml.Node, depth int) *node {
	g.left--
	if depth > maxDepth || g.left < 0 {
		g.cut = true
		return nil
	}
	n := &node{line: y.Line, text: y.Value}
	switch y.Kind {
	case yaml.AliasNode:
		return g.grow(y.Alias, depth+1)
	case yaml.ScalarNode:
		if y.ShortTag() == "!!str" {
			n.shape = isText
		}
	case yaml.SequenceNode:
		n.shape = isList
		for _, item := range y.Content {
			if item := g.grow(item, depth+1); item != nil {
				n.items = append(n.items, item)
			}
		}
	case yaml.MappingNode:
		n.shape = isTable
		g.members(n, y, depth)
	}
	return n
}

func (g *yamlGrower) members(n *node, y *yaml.Node, depth int) {
	var merged []*node
	for k, v := range pairs(y) {
		member := g.grow(v, depth+1)
		switch {
		case member == nil:
		case k.ShortTag() == "!!merge" && member.shape == isList:
			merged = append(merged, member.items...)
		case k.ShortTag() == "!!merge":
			merged = append(merged, member)
		default:
			n.put(k.Value, member)
		}
	}
	for _, from := range merged {
		for _, member := range from.members() {
			if n.named[member.key] == nil {
				copied := *member
				n.put(member.key, &copied)
			}
		}
	}
}
