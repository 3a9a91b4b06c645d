package autowatch

import (
	"maps"
	"slices"
	"strings"

	"github.com/wright-build/wright/agent/autowatch/detect"
)

// lead is a place that names a remote, of which it may take the remote to tell
// whether what it names moves.
type lead struct {
	vcs, url string // fit to be watched
	from     string // "path:line"
	name     string // a branch, tag, commit or full ref; "" is HEAD
	more     string // what follows the name, which may go on there
	kind     detect.Kind
	tagFirst bool
	unsure   bool     // it counts only where the remote has the branch
	used     bool     // by a command; no file names it
	tracking []string // branches that were at the commit of a Tip when it was fetched, the best first
}

// answer is what a remote said when it was asked; nil is no answer yet.
type answer struct {
	refs map[string]string // as git ls-remote has them
	head string            // the branch that HEAD is on, "" if not known
	err  error             // it could not be asked
}

// verdict says what is watched: nothing without ref.
type verdict struct {
	ref      string
	revision string // where it was; "" if not known
	warning  string
	guessed  bool // since the remote could not be asked
}

const (
	heads     = "refs/heads/"
	tags      = "refs/tags/"
	bookmarks = "refs/bookmarks/"
)

// maxNameWords bounds how many directories of an address may belong to a name.
const maxNameWords = 8

// decide tells what is live of what is pinned. Without an answer nothing is
// said that an answer could gainsay.
func (l lead) decide(a *answer) verdict {
	switch {
	case !l.unsure:
	case a == nil:
		return verdict{}
	case a.err != nil:
		return verdict{warning: "is where this most likely comes from, but gave no answer: not watched; declare it in $WRIGHT_WATCH_FILE"}
	}
	if full := l.full(); full != "" {
		return l.whole(full, a)
	}
	switch l.kind {
	case detect.Any:
		return l.any(a)
	case detect.Branch:
		return l.branch(a)
	case detect.Tip:
		return l.tip(a)
	case detect.Latest:
		return l.latest(a)
	default: // a tag, a commit or a range of versions stays what it is
		return verdict{}
	}
}

// full is the name as the ref that it must mean, "" if that is open.
func (l lead) full() string {
	if l.kind != detect.Any && l.kind != detect.Branch {
		return ""
	}
	first, _, several := strings.Cut(l.name, "/")
	switch {
	case l.name == "" || l.name == "HEAD" || l.vcs == "hg" && l.name == "tip":
		return "HEAD"
	case strings.HasPrefix(l.name, "refs/"):
		return l.name
	case several && l.kind == detect.Any && slices.Contains([]string{"heads", "tags", "pull", "merge-requests", "changes"}, first):
		return "refs/" + l.name
	}
	return ""
}

// whole is for a full ref: all but tags move.
func (l lead) whole(ref string, a *answer) verdict {
	if strings.HasPrefix(ref, tags) {
		return verdict{}
	}
	v := verdict{ref: ref}
	if a == nil || a.err != nil {
		return v
	}
	v.revision = a.refs[ref]
	if strings.HasPrefix(ref, heads) && v.revision == "" {
		v.warning = "has no " + ref
	}
	return v
}

// branch is for what a file calls a branch. It is watched even where it is
// missing, since it may come back, unless something else has its name.
func (l lead) branch(a *answer) verdict {
	v := verdict{ref: heads + l.name}
	if a == nil || a.err != nil {
		return v
	}
	for _, name := range []string{l.name, strings.TrimSuffix(l.name, ".x")} { // 2 is 2.x to some
		if ref := a.branch(name); ref != "" {
			return verdict{ref: ref, revision: a.refs[ref]}
		}
	}
	switch {
	case l.unsure:
		return verdict{warning: "has no branch " + l.name + ": not watched; declare where it comes from in $WRIGHT_WATCH_FILE"}
	case a.refs[tags+l.name] != "":
		return verdict{warning: "has no branch " + l.name + ": taken for the tag"}
	case isShort(l.name):
		return verdict{warning: "has no branch " + l.name + ": taken for a commit"}
	}
	v.warning = "has no branch " + l.name
	return v
}

// longer is the name with as much of what follows as it takes to be one that the
// remote has, or else the name as it is.
func (l lead) longer(a *answer) string {
	name, rest := l.name, l.more
	for range maxNameWords {
		if a.branch(name) != "" || a.refs[tags+name] != "" {
			return name
		}
		word, after, ok := strings.Cut(rest, "/")
		if !ok {
			break // the last is that of the file
		}
		name, rest = name+"/"+word, after
	}
	return l.name
}

// any is for a name that may be a branch, a tag or a commit.
func (l lead) any(a *answer) verdict {
	switch {
	case a == nil:
		return verdict{}
	case a.err != nil:
		return l.guess()
	}
	l.name = l.longer(a)
	ref, tagged := a.branch(l.name), a.refs[tags+l.name] != ""
	if ref != "" && !(tagged && l.tagFirst) {
		return verdict{ref: ref, revision: a.refs[ref]}
	}
	if tagged || isShort(l.name) || l.vcs == "hg" { // Mercurial does not list its tags
		return verdict{}
	}
	if short, ok := strings.CutPrefix(l.name, "origin/"); ok { // as the tool's own clone has it
		if ref := a.branch(short); ref != "" {
			return verdict{ref: ref, revision: a.refs[ref]}
		}
	}
	return verdict{warning: "has no branch or tag " + l.name + ": not watched"}
}

// guess is any for a remote that could not be asked.
func (l lead) guess() verdict {
	switch {
	case isShort(l.name):
		return verdict{}
	case l.isSeries():
	case isVersion(l.name):
		return verdict{guessed: true}
	}
	return verdict{ref: heads + strings.TrimPrefix(l.name, "origin/"), guessed: true}
}

// tip is for a commit that counts as the head of a branch while it is one, and
// as pinned when a tag has it too.
func (l lead) tip(a *answer) verdict {
	if a == nil {
		return verdict{}
	}
	candidates := l.tracking
	if a.err == nil {
		known := a.at(l.name)
		if slices.ContainsFunc(known, func(ref string) bool { return strings.HasPrefix(ref, tags) }) {
			return verdict{}
		}
		candidates = slices.DeleteFunc(slices.Clone(candidates), func(ref string) bool { return a.refs[ref] == "" })
		candidates = append(candidates, known...)
	}
	if len(candidates) == 0 {
		return verdict{}
	}
	v := verdict{ref: candidates[0]}
	if a.err == nil {
		v.revision = a.refs[v.ref]
	}
	if isCommit(l.name) {
		v.revision = l.name
	}
	return v
}

// latest is for what takes the newest version, and HEAD while there is none.
func (l lead) latest(a *answer) verdict {
	switch {
	case a == nil:
		return verdict{}
	case a.err != nil:
		return verdict{ref: "HEAD", guessed: true}
	}
	for ref := range a.refs {
		if name, ok := strings.CutPrefix(ref, tags); ok && isVersion(strings.TrimSuffix(name, "^{}")) {
			return verdict{}
		}
	}
	return verdict{ref: "HEAD", revision: a.refs["HEAD"]}
}

// branch is the full name of a branch or bookmark that the remote has, or "".
func (a *answer) branch(name string) string {
	for _, prefix := range []string{heads, bookmarks} {
		if a.refs[prefix+name] != "" {
			return prefix + name
		}
	}
	return ""
}

// at lists the branches and tags at a commit, of which the beginning is enough,
// the most likely branch first.
func (a *answer) at(commit string) []string {
	var found []string
	for _, ref := range slices.Sorted(maps.Keys(a.refs)) {
		if strings.HasPrefix(a.refs[ref], commit) && (strings.HasPrefix(ref, heads) || strings.HasPrefix(ref, tags)) {
			found = append(found, ref)
		}
	}
	return likeliest(found, a.head)
}

// likeliest sorts branches that are at one commit: the remote's own, then what
// main branches are called, then the others by name.
func likeliest(refs []string, head string) []string {
	rank := func(ref string) int {
		usual := []string{head, heads + "main", heads + "master", heads + "default"}
		if i := slices.Index(usual, ref); i >= 0 {
			return i
		}
		return len(usual)
	}
	slices.Sort(refs)
	slices.SortStableFunc(refs, func(a, b string) int { return rank(a) - rank(b) })
	return refs
}

// isShort reports whether a name can be the beginning of a commit.
func isShort(name string) bool {
	return len(name) >= 7 && len(name) <= 64 && strings.Trim(name, "0123456789abcdef") == ""
}
