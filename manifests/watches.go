package manifests

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Bounds of watches.
const (
	MaxWatches = 10_000 // watches of a manifest and of a watch file
	MaxFrom    = 300    // bytes of Watch.From
)

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
	subs := t.subs("watch", MaxWatches)
	if len(subs) == 0 {
		return nil
	}
	all := make([]Watch, 0, len(subs)) // many are kept for long
	for _, sub := range subs {
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
	for key, hint := range map[string]string{"revision": "leave it out; to build a frozen version write it into [source]", "from": "leave it out"} {
		if t.has(key) && !slices.Contains(t.schema["watch"], key) {
			t.fail(t.node.child(key).key, t.path+"."+key, key+" has no meaning in a watch of a manifest", hint)
			return Watch{}, false
		}
	}
	t.closed("")
	w := Watch{Place: t.lines.place(t.node.key)}
	w.VCS, w.URL = t.remote()
	w.Ref = t.ref(w.VCS)
	if s, ok := t.text("revision"); ok {
		if !isCommit(s) {
			t.bad("revision", instead("write 40 or 64 lower case hex digits", "%s is no whole commit ID", show(s)))
		}
		w.Revision = s
	}
	w.From, _ = t.from()
	if w.Paths = t.paths(); w.Paths != nil && w.VCS != "git" {
		t.fail(t.node.key, t.path, "what changed is known of git only", "leave only-if-changed and ignore-changed out")
	}
	return w, len(t.found) == before
}

// from is where a build found the watch.
func (t table) from() (string, bool) {
	s, ok := t.text("from")
	if ok && (len(s) > MaxFrom || strings.IndexFunc(s, isHidden) >= 0) {
		t.bad("from", instead(`write "path:line"`, "want at most %d visible bytes", MaxFrom))
		return "", false
	}
	return s, ok
}

// remote is the version control system and URL, of which there must be one.
func (t table) remote() (vcs, url string) {
	if !t.has("hg") {
		return "git", t.url("git")
	}
	if t.has("git") {
		t.bad("hg", instead("keep one of them", "git and hg exclude each other"))
	}
	return "hg", t.url("hg")
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

// FitWatches is FormatWatches for a list that may be too long for a watch file:
// what is good to know but not needed is left out then, first where each was
// found, then which revision was used.
func FitWatches(watches []Watch) []byte {
	file := FormatWatches(watches)
	for _, leaveOut := range []func(*Watch){
		func(w *Watch) { w.From = "" },
		func(w *Watch) { w.Revision = "" },
	} {
		if len(file) <= maxFile {
			break
		}
		watches = slices.Clone(watches)
		for i := range watches {
			leaveOut(&watches[i])
		}
		file = FormatWatches(watches)
	}
	return file
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
			all[i].From = cmp.Or(all[i].From, w.From)
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
	if key, name := shortened(w.VCS, w.Ref); key != "" {
		fmt.Fprintf(b, "%s = %s\n", key, quote(name))
	}
	if w.Revision != "" {
		fmt.Fprintf(b, "revision = %s\n", quote(w.Revision))
	}
	if w.From != "" {
		fmt.Fprintf(b, "from = %s\n", quote(w.From))
	}
}

// shortened is the key and value that a ref is written as; "" for HEAD.
func shortened(vcs, ref string) (key, name string) {
	if ref == "HEAD" || ref == "" {
		return "", ""
	}
	for _, key := range refKeys(vcs) {
		name, ok := strings.CutPrefix(ref, refPrefixes()[key])
		if ok && name != "HEAD" && !strings.HasPrefix(name, "refs/") {
			return key, name
		}
	}
	return "ref", ref
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
