package graph_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wright-build/wright/master/api/view"
	"github.com/wright-build/wright/master/web/graph"
)

var rewrite = flag.Bool("rewrite", false, "write what Draw makes into testdata/*.golden")

func watch(instance, url, ref, origin, err string) view.Watch {
	return view.Watch{Instance: instance, VCS: "git", URL: "https://h.test/" + url, Ref: ref, Origin: origin, Error: err}
}

func few() []view.Watch {
	return []view.Watch{
		watch("shop", "apps/shop.git", "refs/heads/main", "source", ""),
		watch("shop", "team/theme.git", "refs/heads/stable", "manifest", ""),
		watch("shop", "libs/data", "HEAD", "auto", "the remote has no HEAD"),
		watch("wiki", "apps/wiki.git", "refs/heads/main", "source", ""),
		watch("wiki", "team/theme", "refs/heads/stable", "auto", ""),
		watch("wiki", "team/theme", "refs/heads/"+strings.Repeat("long-", 20), "auto", "gone"),
		watch("wiki", "gone", "refs/tags/v1", "auto", "repository not found"),
		watch("wiki", "gone", "refs/tags/v2", "auto", "repository not found"),
	}
}

// many are so many refs of each of so many remotes, which feed all instances.
func many(instances, remotes, refs int) (all []view.Watch) {
	for i := range instances {
		for r := range remotes {
			for f := range refs {
				all = append(all, watch(fmt.Sprintf("i%03d", i), fmt.Sprintf("r%03d", r), fmt.Sprintf("refs/heads/b%03d", f), "auto", ""))
			}
		}
	}
	return all
}

func text(p graph.Picture) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s grouped %t\n", p.Bounds(), p.Grouped)
	node := func(kind string, n graph.Node) {
		fmt.Fprintf(&b, "%s %s %q at %d, %d high", kind, n.ID, n.Label, n.Y, n.H)
		if n.Error != "" {
			fmt.Fprintf(&b, ", error %q", n.Error)
		}
		b.WriteByte('\n')
	}
	for _, r := range p.Remotes {
		node("remote", r.Node)
		if r.Note != "" {
			fmt.Fprintf(&b, "  note %q\n", r.Note)
		}
		for _, f := range r.Refs {
			node("  ref", f)
		}
	}
	for _, i := range p.Instances {
		node("instance", i)
	}
	for _, e := range p.Edges {
		fmt.Fprintf(&b, "edge %s-%s %s bad %t: %s: %s\n", e.From, e.To, e.Origin, e.Bad, e.Path, e.Title)
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	for name, c := range map[string]struct {
		watches []view.Watch
		size    graph.Size
	}{
		"wide":    {few(), graph.Wide()},
		"narrow":  {few(), graph.Narrow()},
		"grouped": {append(many(2, 3, 30), few()...), graph.Wide()},
	} {
		p, ok := graph.Draw(c.watches, c.size)
		if !ok {
			t.Errorf("%s is not drawn", name)
			continue
		}
		file := filepath.Join("testdata", name+".golden")
		if *rewrite {
			if err := os.WriteFile(file, []byte(text(p)), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil || string(want) != text(p) {
			t.Errorf("%s: %v, got\n%s", name, err, text(p))
		}
	}
}

// Whatever there is to be drawn, no two boxes overlap, everything lies within
// the picture, and every edge ends at its nodes.
func TestNothingOverlaps(t *testing.T) {
	for _, c := range [][3]int{{1, 1, 1}, {1, 30, 2}, {40, 1, 1}, {5, 10, 4}, {20, 30, 1}, {3, 100, 1}, {160, 2, 50}} {
		for _, size := range []graph.Size{graph.Wide(), graph.Narrow()} {
			p, ok := graph.Draw(many(c[0], c[1], c[2]), size)
			if !ok {
				t.Fatalf("%v is not drawn", c)
			}
			var left []graph.Node
			nodes := map[string]bool{}
			for _, r := range p.Remotes {
				left = append(left, r.Node)
			}
			for _, column := range [][]graph.Node{left, p.Instances} {
				end := 0
				for _, n := range column {
					if n.Y < end || n.Y+n.H > p.Height || nodes[n.ID] {
						t.Errorf("%v: %+v, after %d, in %d", c, n, end, p.Height)
					}
					nodes[n.ID] = true
					end = n.Y + n.H
				}
			}
			for _, e := range p.Edges {
				if !nodes[e.From] || !nodes[e.To] || !strings.HasPrefix(e.Path, fmt.Sprintf("M%d ", p.Left)) {
					t.Errorf("%v: %+v", c, e)
				}
			}
		}
	}
}

func TestWhatIsNotDrawn(t *testing.T) {
	for _, c := range [][3]int{{0, 0, 0}, {161, 1, 1}, {1, 161, 1}, {30, 30, 1}} {
		if _, ok := graph.Draw(many(c[0], c[1], c[2]), graph.Wide()); ok {
			t.Errorf("%v is drawn", c)
		}
	}
}
