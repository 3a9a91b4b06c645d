package web

import (
	"net/http"
	"strings"

	"github.com/wright-build/wright/master/api/view"
	"github.com/wright-build/wright/master/web/graph"
)

// maxListed is how many watches a page lists.
const maxListed = 500

// watchesPage is what the page of all watches shows.
type watchesPage struct {
	Query    string // what was sought
	Broken   bool   // only those with errors were
	All      int    // watches that there are
	Errors   int    // of them, with an error
	Found    int    // that were sought
	Watches  []view.Watch
	Pictures []picture
}

// picture is a graph, for a kind of screen.
type picture struct {
	graph.Picture
	Screen string // wide, narrow
}

// pictures draws watches for each kind of screen; none if there are too many.
func pictures(ws []view.Watch) []picture {
	var all []picture
	for _, p := range []picture{{Screen: "wide"}, {Screen: "narrow"}} {
		size := graph.Wide()
		if p.Screen == "narrow" {
			size = graph.Narrow()
		}
		var ok bool
		if p.Picture, ok = graph.Draw(ws, size); ok {
			all = append(all, p)
		}
	}
	return all
}

// maxQuery bounds what is sought, in bytes.
const maxQuery = 300

func (p *pages) watches(w http.ResponseWriter, r *http.Request) error {
	all, err := p.q.Watches("")
	if err != nil {
		return err
	}
	query := r.FormValue("q")
	page := watchesPage{All: len(all), Query: strings.ToValidUTF8(query[:min(len(query), maxQuery)], ""), Broken: r.FormValue("errors") == "1"}
	for _, v := range all {
		if v.Error != "" {
			page.Errors++
		}
		if (!page.Broken || v.Error != "") && mentions(v, page.Query) {
			page.Watches = append(page.Watches, v)
		}
	}
	page.Found = len(page.Watches)
	page.Pictures = pictures(page.Watches)
	page.Watches = page.Watches[:min(page.Found, maxListed)]
	return p.show(w, "watches", page)
}

// mentions tells whether each word of a query stands somewhere in a watch.
func mentions(v view.Watch, query string) bool {
	text := strings.ToLower(strings.Join([]string{v.Instance, v.URL, v.Ref, v.Origin, v.From, v.Error}, "\n"))
	for word := range strings.FieldsSeq(strings.ToLower(query)) {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}
