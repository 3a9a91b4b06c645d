package manifests

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// MaxWatches bounds the watches of a manifest and of a watch file.
const MaxWatches = 10_000

// ParseWatches reads a watch file: [[watch]] tables and nothing else, at most
// 256 KiB and 10,000 entries. On any error, which is always Errors, the file is
// refused whole.
func ParseWatches(file string, text []byte) ([]Watch, error) {
	t, errs := decode(file, text, watchFileKeys())
	if errs != nil {
		return nil, errs
	}
	t.closed("")
	watches := t.watches()
	if errs := t.errors(); errs != nil {
		return nil, errs
	}
	return watches, nil
}

// watches reads the [[watch]] tables.
func (t table) watches() []Watch {
	first := make(map[string]Place)
	var all []Watch
	for _, sub := range t.subs("watch", MaxWatches) {
		w, ok := sub.watch()
		if !ok {
			continue
		}
		if at, again := first[w.Key()]; again {
			sub.fail(sub.node.key, sub.path, "the same watch again", fmt.Sprintf("first in line %d, column %d", at.Line, at.Column))
			continue
		}
		first[w.Key()] = w.Place
		all = append(all, w)
	}
	return all
}

func (t table) watch() (Watch, bool) {
	before := len(t.found)
	if t.has("revision") && !slices.Contains(t.schema["watch"], "revision") {
		t.fail(t.node.child("revision").key, t.path+".revision", "revision has no meaning in a watch of a manifest",
			"leave it out; to build a frozen version write it into [source]")
		return Watch{}, false
	}
	t.closed("")
	w := Watch{VCS: "git", URL: t.url("git"), Ref: t.ref(), Place: t.lines.place(t.node.key)}
	if s, ok := t.text("revision"); ok {
		if !isCommit(s) {
			t.bad("revision", instead("write 40 or 64 lower case hex digits", "%s is no whole commit ID", show(s)))
		}
		w.Revision = s
	}
	return w, len(t.found) == before
}

// url is the checked URL under key, which must be there.
func (t table) url(key string) string {
	if !t.has(key) {
		t.missing(key, fmt.Sprintf(`write %s = "https://host/path"`, key))
		return ""
	}
	s, ok := t.text(key)
	if !ok {
		return ""
	}
	if err := CheckURL(key, s); err != nil {
		t.bad(key, err)
	}
	return s
}

// FormatWatches writes a watch file, sorted and without repetitions, so that
// equal lists give equal bytes. Of a watch that comes several times the first
// revision counts.
func FormatWatches(watches []Watch) []byte {
	type keyed struct {
		key string
		Watch
	}
	index := make(map[string]int)
	var all []keyed
	for _, w := range watches {
		key := w.Key()
		if i, again := index[key]; again {
			all[i].Revision = cmp.Or(all[i].Revision, w.Revision)
			continue
		}
		index[key] = len(all)
		all = append(all, keyed{key, w})
	}
	slices.SortFunc(all, func(a, b keyed) int { return strings.Compare(a.key, b.key) })
	var b bytes.Buffer
	for i, w := range all {
		if i > 0 {
			b.WriteByte('\n')
		}
		w.Watch.format(&b)
	}
	return b.Bytes()
}

func (w Watch) format(b *bytes.Buffer) {
	fmt.Fprintf(b, "[[watch]]\n%s = %s\n", w.VCS, quote(w.URL))
	branch, isBranch := strings.CutPrefix(w.Ref, branchPrefix)
	tag, isTag := strings.CutPrefix(w.Ref, tagPrefix)
	switch {
	case isBranch && branch != "HEAD" && !strings.HasPrefix(branch, "refs/"):
		fmt.Fprintf(b, "branch = %s\n", quote(branch))
	case isTag && tag != "HEAD" && !strings.HasPrefix(tag, "refs/"):
		fmt.Fprintf(b, "tag = %s\n", quote(tag))
	case w.Ref != "HEAD" && w.Ref != "":
		fmt.Fprintf(b, "ref = %s\n", quote(w.Ref))
	}
	if w.Revision != "" {
		fmt.Fprintf(b, "revision = %s\n", quote(w.Revision))
	}
}

// quote writes a TOML basic string.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
