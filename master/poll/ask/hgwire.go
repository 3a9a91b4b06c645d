package ask

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The words of Mercurial's wire protocol, version 1, that this package needs.
// One batch asks for the branches, the bookmarks and what each wanted name
// leads to.

// One batch looks up so many names, of so many bytes: it goes into a URL.
const (
	hgBatch      = 40
	hgBatchBytes = 2000
)

// firstBatch is how many of the names go into one batch, at least one.
func firstBatch(names []string) int {
	size := 0
	for i, name := range names {
		if size += len(name); i == hgBatch || i > 0 && size > hgBatchBytes {
			return i
		}
	}
	return len(names)
}

// hgCall is one command with its arguments.
type hgCall struct {
	name string
	args [][2]string
}

// batched is several commands as one.
func batched(calls []hgCall) hgCall {
	escape := strings.NewReplacer(":", ":c", ",", ":o", ";", ":s", "=", ":e")
	var words []string
	for _, c := range calls {
		var args []string
		for _, a := range c.args {
			args = append(args, escape.Replace(a[0])+"="+escape.Replace(a[1]))
		}
		words = append(words, c.name+" "+strings.Join(args, ","))
	}
	return hgCall{"batch", [][2]string{{"cmds", strings.Join(words, ";")}}}
}

// stdio is the call as it goes over a stream.
func (c hgCall) stdio() []byte {
	b := []byte(c.name + "\n")
	if c.name == "batch" {
		b = append(b, "* 0\n"...)
	}
	for _, a := range c.args {
		b = fmt.Appendf(b, "%s %d\n%s", a[0], len(a[1]), a[1])
	}
	return b
}

// hgRefs asks for the wanted refs by a function that carries out one call.
func hgRefs(q question, do func(hgCall) ([]byte, error)) (Answer, error) {
	h := hgHeads{found: map[string]string{}}
	names := q.hgNames()
	calls := []hgCall{{name: "branchmap"}, {"listkeys", [][2]string{{"namespace", "bookmarks"}}}}
	for {
		n := firstBatch(names)
		for _, name := range names[:n] {
			calls = append(calls, hgCall{"lookup", [][2]string{{"key", name}}})
		}
		answer, err := do(batched(calls))
		if err != nil {
			return Answer{}, err
		}
		if err := h.read(calls, answer); err != nil {
			return Answer{}, err
		}
		if names, calls = names[n:], nil; len(names) == 0 {
			return h.answer(q.Refs), nil
		}
	}
}

const (
	headsPrefix     = "refs/heads/"
	tagsPrefix      = "refs/tags/"
	bookmarksPrefix = "refs/bookmarks/"
)

// hgNames are the names that are to be looked up: those of branches, which may
// have several heads, and of tags. Mercurial's server fails over http on names
// that are not ASCII: such a branch is at its last head, and a tag not found.
func (q question) hgNames() []string {
	var names []string
	for _, ref := range q.Refs {
		if name, ok := strings.CutPrefix(ref, tagsPrefix); ok {
			names = append(names, name)
		} else if name, ok := hgBranch(ref); ok {
			names = append(names, name)
		}
	}
	if q.scheme == "http" || q.scheme == "https" {
		names = slices.DeleteFunc(names, func(s string) bool { return strings.IndexFunc(s, notASCII) >= 0 })
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func notASCII(r rune) bool { return r >= utf8.RuneSelf }

// hgBranch is the branch that a ref stands for.
func hgBranch(ref string) (string, bool) {
	if ref == "HEAD" {
		return "default", true
	}
	return strings.CutPrefix(ref, headsPrefix)
}

// hgHeads is what a repository said.
type hgHeads struct {
	branches  map[string][]string // heads, the tipmost last; closed ones too
	bookmarks map[string]string
	found     map[string]string // by the names looked up
}

// read takes in the answer to a batch.
func (h *hgHeads) read(calls []hgCall, answer []byte) (err error) {
	unescape := strings.NewReplacer(":c", ":", ":o", ",", ":s", ";", ":e", "=")
	parts := strings.Split(string(answer), ";")
	if len(parts) != len(calls) {
		return fmt.Errorf("the remote answers %d of %d questions", len(parts), len(calls))
	}
	for i, part := range parts {
		part = unescape.Replace(part)
		switch calls[i].name {
		case "branchmap":
			h.branches, err = readBranchmap(part)
		case "listkeys":
			h.bookmarks, err = readKeys(part)
		default:
			if node, ok := readLookup(part); ok {
				h.found[calls[i].args[0][1]] = node
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// answer is what the refs are at.
func (h *hgHeads) answer(refs []string) Answer {
	a := Answer{Refs: map[string]string{}}
	if _, ok := h.branches["default"]; ok {
		a.Head = headsPrefix + "default"
	}
	for _, ref := range refs {
		if node := h.ref(ref); node != "" {
			a.Refs[ref] = node
		}
	}
	return a
}

// ref is where a ref leads, "" if it does not exist.
func (h *hgHeads) ref(ref string) string {
	if name, ok := strings.CutPrefix(ref, bookmarksPrefix); ok {
		return h.bookmarks[name]
	}
	if name, ok := hgBranch(ref); ok {
		return h.branch(name)
	}
	if name, ok := strings.CutPrefix(ref, tagsPrefix); ok {
		return h.tag(name)
	}
	return ""
}

// branch is the head that hg itself takes for the branch: the tipmost that is
// not closed. It is the one looked up, unless a bookmark or a tag has that name.
func (h *hgHeads) branch(name string) string {
	heads := h.branches[name]
	if len(heads) == 0 {
		return ""
	}
	if tip := h.found[name]; slices.Contains(heads, tip) {
		return tip
	}
	return heads[len(heads)-1]
}

// tag is what was looked up, unless that is something else: names of branches
// and bookmarks, numbers and beginnings of revisions are found as well. Hg
// gives no tag the name of one of those.
func (h *hgHeads) tag(name string) string {
	_, branch := h.branches[name]
	_, bookmark := h.bookmarks[name]
	node := h.found[name]
	if branch || bookmark || strings.HasPrefix(node, strings.ToLower(name)) {
		return ""
	}
	if _, err := strconv.Atoi(name); err == nil {
		return ""
	}
	return node
}

// readBranchmap reads "BRANCH HEAD HEAD…" lines, with escapes as in URLs.
func readBranchmap(s string) (map[string][]string, error) {
	all, read := map[string][]string{}, 0
	for line := range strings.SplitSeq(s, "\n") {
		if line == "" {
			continue
		}
		fields := strings.Split(line, " ")
		name, err := url.PathUnescape(fields[0])
		if err != nil || len(fields) < 2 || slices.ContainsFunc(fields[1:], notRevision) {
			return nil, errors.New("the remote's list of branches cannot be read")
		}
		if read += len(fields) - 1; read > maxRefs {
			return nil, fmt.Errorf("the remote has more than %d heads", maxRefs)
		}
		all[name] = fields[1:]
	}
	return all, nil
}

// readKeys reads "NAME\tREVISION" lines.
func readKeys(s string) (map[string]string, error) {
	all := map[string]string{}
	for line := range strings.SplitSeq(s, "\n") {
		if line == "" {
			continue
		}
		name, node, ok := strings.Cut(line, "\t")
		if !ok || notRevision(node) {
			return nil, errors.New("the remote's list of bookmarks cannot be read")
		}
		if len(all) == maxRefs {
			return nil, fmt.Errorf("the remote has more than %d bookmarks", maxRefs)
		}
		all[name] = node
	}
	return all, nil
}

// readLookup reads "1 REVISION", or "0 WHY NOT".
func readLookup(s string) (node string, ok bool) {
	node, ok = strings.CutPrefix(strings.TrimSuffix(s, "\n"), "1 ")
	return node, ok && !notRevision(node)
}

func notRevision(s string) bool { return !isRevision(s) }

// hgHello asks who is there, and then what can be recognized among what a login
// shell may have printed.
func hgHello() string {
	return "hello\nbetween\npairs 81\n" + strings.Repeat("0", 40) + "-" + strings.Repeat("0", 40)
}

// maxNoise is how many lines a login shell may print.
const maxNoise = 500

// hgReader reads what hg serve --stdio says.
type hgReader struct {
	r    *bufio.Reader
	left int
}

func newHgReader(r io.Reader) *hgReader { return &hgReader{bufio.NewReaderSize(r, maxLine), maxAnswer} }

// skipHello reads up to the answer to hgHello, "1\n\n" at its end.
func (r *hgReader) skipHello() error {
	last := ""
	for range maxNoise {
		line, err := r.line()
		if err != nil {
			return err
		}
		if last == "1" && line == "" {
			return nil
		}
		last = line
	}
	return errors.New("no Mercurial answers")
}

func (r *hgReader) line() (string, error) {
	line, err := r.r.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return "", errors.New("no Mercurial answers")
	case err != nil:
		return "", broken(err)
	}
	return strings.TrimSuffix(string(line), "\n"), nil
}

// answer reads "LENGTH\n" and so many bytes.
func (r *hgReader) answer() ([]byte, error) {
	line, err := r.line()
	if err != nil {
		return nil, err
	}
	size, err := strconv.Atoi(line)
	if err != nil || size < 0 {
		return nil, errors.New("the remote refuses the question")
	}
	if r.left -= size; r.left < 0 {
		return nil, fmt.Errorf("the answer is longer than %d MiB", maxAnswer>>20)
	}
	var b bytes.Buffer
	if _, err := io.CopyN(&b, r.r, int64(size)); err != nil {
		return nil, broken(err)
	}
	return b.Bytes(), nil
}
