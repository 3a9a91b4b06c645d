package watchlist

import (
	"cmp"
	"slices"
	"strings"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
)

// Reason is a watch with all that is said for it.
type Reason struct {
	Watch
	Also []Watch // who else says so, what counts more first
}

// Why tells why an instance watches a remote, in any spelling of its URL: one
// reason for each ref, in the order of Merge; none if it does not.
func Why(m *manifests.Manifest, r *state.Report, url string) []Reason {
	remote := manifests.CanonicalURL(url)
	var found union
	all := map[string][]Watch{}
	for _, w := range said(m, r) {
		if manifests.CanonicalURL(w.URL) == remote {
			found.add(w)
			all[w.Key()] = append(all[w.Key()], w)
		}
	}
	var reasons []Reason
	for _, w := range found.sorted() {
		reasons = append(reasons, Reason{w, all[w.Key()][1:]})
	}
	return reasons
}

// Nearest are the known URLs that whoever wrote url may have meant, the likeliest
// first, at most n and each remote once.
func Nearest(url string, known []string, n int) []string {
	type candidate struct {
		url, key string
		far      int
	}
	wanted := nameOf(url)
	var all []candidate
	for _, u := range known {
		name := nameOf(u)
		far := distance(wanted.whole, name.whole)
		switch {
		case wanted.last != "" && wanted.last == name.last:
			far /= 4 // the same repository elsewhere, such as a mirror
		case far > max(2, len(wanted.whole)/4) && !strings.Contains(name.whole, wanted.whole):
			continue
		}
		all = append(all, candidate{u, name.whole, far})
	}
	slices.SortFunc(all, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.far, b.far), strings.Compare(a.key, b.key), cmp.Compare(schemeRank(a.url), schemeRank(b.url)))
	})
	all = slices.CompactFunc(all, func(a, b candidate) bool { return a.key == b.key })
	var urls []string
	for _, c := range all[:min(len(all), n)] {
		urls = append(urls, c.url)
	}
	return urls
}

// name is what people know a remote by.
type name struct{ whole, last string }

// maxName bounds what of a URL is compared, in bytes.
const maxName = 300

func nameOf(url string) name {
	s := strings.ToLower(strings.TrimPrefix(manifests.CanonicalURL(url), "any://"))
	s = strings.TrimSuffix(strings.TrimRight(s, "/"), ".git")
	s = s[:min(len(s), maxName)]
	return name{s, s[strings.LastIndexAny(s, "/:")+1:]}
}

// distance counts the insertions, deletions and replacements that make a of b.
func distance(a, b string) int {
	last, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
		}
		last, row = row, last
	}
	return last[len(b)]
}
