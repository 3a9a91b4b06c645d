// Package graph lays out which refs feed which instances: remotes with their
// refs on the left, instances on the right, a curve for each watch. It is pure:
// a picture is numbers and texts, which a template writes as SVG. It does not
// know where watches come from, nor colours or links.
package graph

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/wright-build/wright/master/api/view"
)

// Size is how wide the picture and its two columns are, in units of which a
// line of text takes some twenty in height.
type Size struct{ Width, Left, Right int }

// Wide is for screens, Narrow for phones.
func Wide() Size { return Size{1040, 390, 230} }

// Narrow is for phones.
func Narrow() Size { return Size{370, 190, 120} }

// Beyond these bounds nobody sees anything in a picture.
const (
	maxRows  = 80  // refs; with more of them each remote is one node
	maxNodes = 160 // remotes, and instances
	maxEdges = 800
)

// Measures of what is drawn.
const (
	headHeight = 28 // of a remote or an instance
	rowHeight  = 22 // of a ref
	gap        = 10 // between two boxes
	letter     = 8  // about the width of one
	padding    = 12 // of a text within its box
)

// Picture is a laid out graph.
type Picture struct {
	Size
	Height    int
	Grouped   bool // refs are not drawn one by one
	Remotes   []Remote
	Instances []Node
	Edges     []Edge
}

// Bounds are the width and height of all that is drawn, its lines included.
func (p Picture) Bounds() string { return fmt.Sprintf("%d %d", p.Width+2, p.Height+2) }

// RightAt is where the right column begins.
func (p Picture) RightAt() int { return p.Width - p.Right }

// Node is a box with a label.
type Node struct {
	ID    string // within the picture; of a remote or an instance
	Name  string // URL, or the instance's
	Label string // what fits in of its name
	Error string // what is wrong with it
	Y, H  int
}

// Remote is a repository with its refs.
type Remote struct {
	Node
	Note string // how many refs there are, where they are not drawn
	Refs []Node // Y is the middle of their line
}

// Edge is a watch.
type Edge struct {
	From, To string // IDs of its nodes
	Origin   string // source, manifest, auto
	Path     string // of SVG
	Title    string
	Bad      bool // there is an error
}

// Draw lays watches out; false if there are none, or too many to be seen.
func Draw(watches []view.Watch, size Size) (Picture, bool) {
	p := Picture{Size: size}
	g := gather(watches)
	p.Grouped = g.refs > maxRows
	if p.Grouped {
		g.group()
	}
	if len(g.edges) == 0 || len(g.remotes) > maxNodes || len(g.instances) > maxNodes || len(g.edges) > maxEdges {
		return p, false
	}
	g.order()
	left := p.placeRemotes(g)
	right := p.placeInstances(g, left)
	p.Height = max(left, right)
	for _, e := range g.edges {
		p.Edges = append(p.Edges, p.edge(e))
	}
	// What matters more is drawn later, over the rest.
	slices.SortStableFunc(p.Edges, func(a, b Edge) int { return cmp.Compare(weight(a), weight(b)) })
	return p, true
}

func weight(e Edge) int {
	w := map[string]int{"auto": 0, "manifest": 1, "source": 2}[e.Origin]
	if e.Bad {
		w += 3
	}
	return w
}

// placeRemotes puts the remotes one under the other and returns where they end.
func (p *Picture) placeRemotes(g *gathered) (y int) {
	for i, r := range g.remotes {
		if i > 0 {
			y += gap
		}
		n := Remote{Node: Node{ID: r.id(), Name: r.url, Label: cut(repo(r.url), p.Left), Y: y, H: headHeight, Error: r.commonError()}}
		r.y = y + headHeight/2
		if p.Grouped {
			n.Note = fmt.Sprintf("%d refs", len(r.refs))
			if len(r.refs) == 1 {
				n.Note = short(r.refs[0].name)
			}
			n.Note = cut(n.Note, p.Left-letter*utf8.RuneCountInString(n.Label)-2*padding)
			n.Error = r.anyError()
		}
		for j, ref := range r.refs {
			if p.Grouped {
				break
			}
			ref.y = y + headHeight + j*rowHeight + rowHeight/2 - 3
			n.Refs = append(n.Refs, Node{Name: ref.name, Label: cut(short(ref.name), p.Left-padding), Error: ref.err, Y: ref.y, H: rowHeight})
			n.H += rowHeight
		}
		y += n.H
		p.Remotes = append(p.Remotes, n)
	}
	return y
}

// placeInstances spreads the instances in the order in which their edges come,
// so that few cross, and returns where they end.
func (p *Picture) placeInstances(g *gathered, height int) int {
	const step = headHeight + gap
	for _, i := range g.instances {
		sum, n := 0, 0
		for _, e := range g.edges {
			if e.instance == i {
				sum, n = sum+e.y(), n+1
			}
		}
		i.y = sum / n
	}
	slices.SortFunc(g.instances, func(a, b *instance) int { return cmp.Or(cmp.Compare(a.y, b.y), cmp.Compare(a.name, b.name)) })
	end := max(height, len(g.instances)*step-gap)
	for n, i := range g.instances {
		i.y = (2*n + 1) * end / (2 * len(g.instances))
		p.Instances = append(p.Instances, Node{ID: i.id(), Name: i.name, Label: cut(i.name, p.Right), Y: i.y - headHeight/2, H: headHeight})
	}
	return end
}

func (p *Picture) edge(e *edge) Edge {
	from, to, half := p.Left, p.Width-p.Right, (p.Width-p.Right-p.Left)/2
	y := e.y()
	title := fmt.Sprintf("%s %s feeds %s: %s", repo(e.remote.url), short(e.ref.name), e.instance.name, e.origin)
	if e.n > 1 {
		title = fmt.Sprintf("%d refs of %s feed %s", e.n, repo(e.remote.url), e.instance.name)
	}
	return Edge{
		From: e.remote.id(), To: e.instance.id(), Origin: e.origin, Bad: e.bad, Title: title,
		Path: fmt.Sprintf("M%d %dC%d %d %d %d %d %d", from, y, from+half, y, to-half, e.instance.y, to, e.instance.y),
	}
}

// cut shortens a text to what fits into a width.
func cut(s string, width int) string {
	most := max(4, (width-2*padding)/letter)
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-1]) + "…"
}

// short is how people call a ref.
func short(ref string) string {
	for _, prefix := range []string{"refs/heads/", "refs/tags/", "refs/bookmarks/"} {
		if s, ok := strings.CutPrefix(ref, prefix); ok {
			return s
		}
	}
	return ref
}

// repo is how people call a remote: the last two parts of its URL.
func repo(url string) string {
	s := strings.TrimSuffix(strings.TrimRight(url, "/"), ".git")
	if _, rest, ok := strings.Cut(s, "://"); ok {
		s = rest
	}
	parts := strings.FieldsFunc(s, func(r rune) bool { return r == '/' || r == ':' })
	if len(parts) == 0 {
		return url
	}
	return strings.Join(parts[max(0, len(parts)-2):], "/")
}
