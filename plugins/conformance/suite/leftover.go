package suite

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// round is what one round of making and deleting the same number of things left.
type round struct {
	files  int
	bytes  int64
	making []made          // what the backend was asked to make while things were made
	ending map[string]bool // sorts of requests that came while things were deleted
}

// leftBehind makes and deletes n things twice and looks at what is left each
// time: files, what is in them, and what the backend was asked for and still has.
// Something may be left for good, such as an index or a firewall that all share;
// it must not become more with each. payload is what each of them holds, in bytes.
func (t *T) leftBehind(n, payload int, making, ending func(word string)) {
	var rounds [2]round
	for i, word := range []string{"first", "second"} {
		t.made()
		making(word)
		rounds[i].making = t.made()
		ending(word)
		rounds[i].ending = map[string]bool{}
		for _, m := range t.made() {
			rounds[i].ending[m.sort()] = true
		}
		rounds[i].files, rounds[i].bytes = contents(t.state())
	}
	first, second := rounds[0], rounds[1]
	did := fmt.Sprintf("make and delete %d of them, and then %d more", n, n)
	files := filesBelow(t.state())
	if second.files >= first.files+n {
		t.Report(Finding{
			Did: did, Got: fmt.Sprintf("the provider's directory held %d files after the first and %d after the second: %s", first.files, second.files, strings.Join(files[max(0, len(files)-3):], ", ")),
		})
	}
	if more := second.bytes - first.bytes; payload > 0 && more > int64(n*payload)*9/10 {
		t.Report(Finding{
			Did: fmt.Sprintf("%s, each with %d bytes of its own", did, payload), Got: fmt.Sprintf("the provider's directory holds %d bytes more than after the first: %s", more, strings.Join(files[max(0, len(files)-3):], ", ")),
			Mend: "remove what is kept of a thing when it is deleted, also where it is part of a larger file",
		})
	}
	t.stillThere(did, n, second)
}

// made gives what the backend was asked to make since the last time; nothing where
// that cannot be seen.
func (t *T) made() []made {
	if t.proxy == nil {
		return nil
	}
	return t.proxy.audit.take()
}

// stillThere asks the backend for what it was asked to make and never to remove.
func (t *T) stillThere(did string, n int, r round) {
	left := map[string][]string{} // by sort of request
	for _, m := range r.making {
		if !r.ending[m.sort()] && !t.proxy.audit.isGone(m) {
			left[m.sort()] = append(left[m.sort()], m.request+" made "+strings.Join(m.ids, ", "))
		}
	}
	for _, sort := range sortedKeys(left) {
		if len(left[sort]) < n {
			continue // shared by several
		}
		there := func() (n int) {
			for _, m := range r.making {
				if m.sort() == sort && !t.proxy.audit.isGone(m) && t.proxy.has(m) {
					n++
				}
			}
			return n
		}
		if !t.eventually(15*time.Second, func() bool { return there() < n }) {
			t.Report(Finding{
				Did: did + "; ask the backend for what it was asked to make", Got: fmt.Sprintf("%d are still there, and nobody asked to remove them, such as: %s", len(left[sort]), left[sort][0]),
				Mend: "remove with a thing all that was made for it (disks, addresses, keys, …), also what no list of yours shows: it is there and paid for",
			})
		}
	}
}

// number is what a path has where a thing's own name stands.
var number = regexp.MustCompile(`^([0-9]+|[0-9a-fA-F-]{16,}|.*[0-9]{3,}.*)$`)

// sort is what requests have in common that make things of one sort: method and
// path, without the names of things.
func (m made) sort() string { return sortOf(m.request) }

func sortOf(request string) string {
	method, at, _ := strings.Cut(request, " ")
	parts := strings.Split(at, "/")
	for i, p := range parts {
		if number.MatchString(p) {
			parts[i] = "…"
		}
	}
	return method + " " + strings.Join(parts, "/")
}

// take gives what was made since the last time.
func (a *audit) take() []made {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := a.made
	a.made = nil
	return list
}

func (a *audit) isGone(m made) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.gone(m)
}

// has says whether the backend surely still has what it was asked to make: it
// gives it to whoever asks as the provider did, and does not say that it is over.
func (p *proxy) has(m made) bool {
	for _, at := range m.places() {
		r, err := http.NewRequest(http.MethodGet, p.target.Scheme+"://"+p.target.Host+at, nil)
		if err != nil {
			continue
		}
		r.Header = m.header.Clone()
		answer, err := p.transport.RoundTrip(r)
		if err != nil {
			continue
		}
		text, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
		_ = answer.Body.Close()
		known := slices.ContainsFunc(m.ids, func(id string) bool { return bytes.Contains(text, []byte(id)) })
		if err == nil && answer.StatusCode == http.StatusOK && known && !isOver.Match(text) {
			return true
		}
	}
	return false
}

// places are paths at which the thing may be.
func (m made) places() []string {
	if strings.HasPrefix(m.request, http.MethodPut) {
		return []string{m.path}
	}
	const most = 4
	var list []string
	for _, id := range m.ids[:min(len(m.ids), most)] {
		list = append(list, strings.TrimSuffix(m.path, "/")+"/"+url.PathEscape(id))
	}
	return list
}

// beside is where a thing of another name would be.
func (m made) beside(name string) string {
	if strings.HasPrefix(m.request, http.MethodPut) {
		return path.Dir(m.path) + "/" + name
	}
	return strings.TrimSuffix(m.path, "/") + "/" + name
}

// isOver is how backends say that something they still tell about is no more, or
// was only an order that is carried out.
var isOver = regexp.MustCompile(`(?i)"[a-z_-]*(state|status|phase)"\s*:\s*"(delet|terminat|end|gone|remov|destroy|done|finish|succe|complet|cancel|expir|clos|archiv|inactive)|"deleted[a-z_-]*"\s*:\s*(true|"|[1-9])`)

// contents counts the files below a directory and what is in them.
func contents(dir string) (files int, size int64) {
	list := filesBelow(dir)
	for _, name := range list {
		if info, err := os.Lstat(filepath.Join(dir, name)); err == nil && info.Mode().IsRegular() {
			size += info.Size()
		}
	}
	return len(list), size
}

// asked keeps of a request what is needed to ask for what it made.
func asked(r *http.Request, ids []string) made {
	header := r.Header.Clone()
	for k := range header {
		if strings.HasPrefix(k, "Content-") || strings.HasPrefix(k, "If-") || strings.Contains(k, "Idempotency") || k == "Accept-Encoding" || k == "Connection" {
			header.Del(k)
		}
	}
	m := made{request: r.Method + " " + r.URL.Path, ids: ids, path: r.URL.EscapedPath(), header: header}
	if r.Method == http.MethodPut {
		m.request = "PUT " + path.Dir(r.URL.Path) + "/…"
	}
	return m
}
