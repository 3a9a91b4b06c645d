package detect

import (
	"fmt"
	"strings"
	"testing"
)

func TestYAML(t *testing.T) {
	s := newSheet(File{Text: []byte("a: &a {x: 'one', y: 2}\nb:\n  <<: *a\n  y: three\nc: [*a]\n---\nd: ~\n")})
	trees := s.yamlTrees()
	if len(trees) != 2 || len(s.errs) > 0 {
		t.Fatalf("%d documents, %v", len(trees), s.errs)
	}
	root := trees[0]
	if got := root.str("b", "x") + root.str("b", "y") + root.scalar("a", "y") + root.at("c").list()[0].str("x"); got != "onethree2one" {
		t.Errorf("got %q", got)
	}
	if line := root.at("b").lineOf("x"); line != 1 {
		t.Errorf("what was merged is in line %d", line)
	}
}

// What aliases of aliases stand for has no end; what is made of them has.
func TestYAMLAliasesAreBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString("dependencies:\n  l0: &l0 {git: 'https://github.com/acme/x'}\n")
	for i := 1; i < 40; i++ {
		fmt.Fprintf(&b, "  l%d: &l%d [*l%d, *l%d, *l%d]\n", i, i, i-1, i-1, i-1)
	}
	s := newSheet(File{Text: []byte(b.String())})
	s.yamlTrees()
	if len(s.errs) != 1 || !strings.Contains(s.errs[0].Error(), "aliases") {
		t.Errorf("errors %v", s.errs)
	}
}
