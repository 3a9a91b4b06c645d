package gittrace

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/wright-build/wright/manifests"
)

// forest are the work trees that git was told of.
type forest struct {
	at  map[string]*tree // by their directories
	all []*tree          // also those in whose place there is another one now
}

// tree is what git was told of one work tree.
type tree struct {
	dir      string
	remotes  map[string]string // addresses by name
	branches map[string]Use    // that were made here, and from what
	fetched  Use               // what FETCH_HEAD is
	at       Use
	out      bool            // anything was checked out
	more     []Use           // that was taken in besides
	pushed   map[string]bool // addresses, as they are compared
}

// of is the work tree that a command is about; nil where there are too many.
func (f *forest) of(c command) *tree {
	t := f.at[c.dir]
	if t != nil && c.verb != "clone" && c.verb != "init" {
		return t
	}
	if len(f.all) == maxTrees {
		return nil
	}
	t = &tree{dir: c.dir, remotes: map[string]string{}, branches: map[string]Use{}, pushed: map[string]bool{}}
	f.at[c.dir] = t
	f.all = append(f.all, t)
	return t
}

// follow takes in a command that ended well.
func (f *forest) follow(c command) {
	t := f.of(c)
	if t == nil {
		return
	}
	switch c.verb {
	case "clone":
		t.clone(c)
	case "remote":
		t.remote(c)
	case "fetch":
		t.fetch(c)
	case "pull":
		if name, ok := only(c.words); ok {
			t.take(Use{URL: t.url(c.words[0]), Name: name, TagFirst: true})
		}
	case "checkout", "switch", "reset":
		t.checkout(c)
	case "merge", "rebase", "cherry-pick":
		for _, name := range append([]string{c.options["--onto"]}, c.words...) {
			t.takeFetched(name)
		}
	case "worktree":
		if c.word(0) == "add" && len(c.words) > 2 {
			t.take(t.named(c.words[2]))
		}
	case "archive":
		if c.options["--remote"] != "" {
			t.take(Use{URL: t.url(c.options["--remote"]), Name: c.word(0)})
		} else {
			t.takeFetched(c.word(0))
		}
	case "push":
		if !c.has("-n", "--dry-run") {
			t.pushed[manifests.CanonicalURL(t.url(cmp.Or(c.word(0), c.options["--repo"])))] = true
		}
	}
}

func (t *tree) clone(c command) {
	t.remotes[cmp.Or(c.options["-o"], "origin")] = c.word(0)
	t.at = Use{URL: c.word(0), Name: cmp.Or(c.options["-b"], c.options["--revision"])}
	t.out = !c.has("-n", "--no-checkout")
}

// remote reads "add name address" and "set-url name address".
func (t *tree) remote(c command) {
	if verb := c.word(0); (verb == "add" || verb == "set-url" && !c.has("--push")) && len(c.words) > 2 && len(t.remotes) < maxTrees {
		t.remotes[c.words[1]] = c.words[2]
	}
}

// fetch notes what FETCH_HEAD is then.
func (t *tree) fetch(c command) {
	t.fetched = Use{URL: t.url(c.word(0))}
	if len(c.words) < 2 {
		byName := len(c.words) == 0 || t.remotes[c.words[0]] != ""
		if byName && t.fetched.URL == t.at.URL {
			t.fetched = t.at // what its branch comes from
		}
		return
	}
	name, ok := only(c.words)
	if !ok {
		t.fetched = Use{} // which of several is not told
		return
	}
	t.fetched.Name, t.fetched.TagFirst = name, true
	if _, local, _ := strings.Cut(c.words[1], ":"); local != "" && len(t.branches) < maxTrees {
		t.branches[strings.TrimPrefix(local, "refs/heads/")] = t.fetched
	}
}

// only is the one name that is fetched from the first of these words.
func only(words []string) (name string, ok bool) {
	if len(words) == 3 && words[1] == "tag" {
		return "refs/tags/" + words[2], true
	}
	if len(words) != 2 {
		return "", false
	}
	name, _, _ = strings.Cut(strings.TrimPrefix(words[1], "+"), ":")
	return name, name != "" && !strings.Contains(name, "*")
}

// checkout moves the work tree, unless only files of it are meant.
func (t *tree) checkout(c command) {
	if c.mode == "path" || c.has("--orphan") || c.verb == "reset" && !c.has("--hard", "--keep", "--merge") {
		return
	}
	target, made := c.word(0), c.options["-b"]
	if u := t.named(target); target != "" && u.URL != "" {
		t.at = u
	}
	t.out = true
	if made != "" && len(t.branches) < maxTrees {
		t.branches[made] = t.at
	}
}

// takeFetched takes a name in besides, if it is one of a remote.
func (t *tree) takeFetched(name string) {
	if remote, _, _ := strings.Cut(strings.TrimPrefix(name, "refs/remotes/"), "/"); name == "FETCH_HEAD" || t.remotes[remote] != "" {
		t.take(t.named(name))
	}
}

func (t *tree) take(u Use) {
	if u.Besides = true; len(t.more) < maxTrees {
		t.more = append(t.more, u)
	}
}

// named is what a name stands for in the work tree: where it is already, what was
// fetched last, a branch that was made here, or one of a remote.
func (t *tree) named(name string) Use {
	name = strings.TrimSuffix(strings.TrimSuffix(name, "^0"), "^{commit}")
	if name == "FETCH_HEAD" {
		return t.fetched
	}
	if name == "-" || name == "HEAD" || name == "@" || strings.ContainsAny(name, "~^:{") {
		return t.at
	}
	if u, ok := t.branches[strings.TrimPrefix(name, "refs/heads/")]; ok {
		return u
	}
	short := strings.TrimPrefix(name, "refs/remotes/")
	if remote, branch, ok := strings.Cut(short, "/"); ok && t.remotes[remote] != "" {
		if branch == "HEAD" {
			branch = ""
		}
		return Use{URL: t.remotes[remote], Name: branch}
	}
	return Use{URL: t.url(""), Name: strings.TrimPrefix(name, "refs/heads/"), TagFirst: true}
}

// url is the address of a remote, which may be one already; "" is the usual one.
func (t *tree) url(remote string) string {
	switch {
	case t.remotes[remote] != "":
		return t.remotes[remote]
	case remote != "":
		return remote
	case len(t.remotes) == 1:
		return slices.Collect(maps.Values(t.remotes))[0]
	}
	return cmp.Or(t.remotes["origin"], t.fetched.URL)
}

// uses are all that count, in the order in which the work trees were made. What
// was pulled from a remote that it goes back to does not: a build that depended on
// it would start itself.
func (f *forest) uses() []Use {
	var all []Use
	seen := map[Use]bool{}
	for _, t := range f.all {
		if t.out {
			t.more = append([]Use{t.at}, t.more...)
		}
		for _, u := range t.more {
			if u.URL == "" || seen[u] || t.pushed[manifests.CanonicalURL(u.URL)] || len(all) == maxTrees {
				continue
			}
			seen[u] = true
			u.Dir = t.dir
			all = append(all, u)
		}
	}
	return all
}
