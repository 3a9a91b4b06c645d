package autowatch

import (
	"cmp"
	"fmt"
	"path"
	"strings"

	"github.com/wright-build/wright/agent/autowatch/detect"
	"github.com/wright-build/wright/agent/workspace/gitfile"
	"github.com/wright-build/wright/manifests"
)

// tracking is what a parent's .gitmodules or .hgsub says of a work tree in it.
type tracking struct {
	module bool   // it is one of the parent's
	branch string // "" when it is pinned
	from   string // where that is written
}

// gitTrees reads the git work trees in dirs, parents first.
func (f *finder) gitTrees(dirs []string, modules map[string]tracking, trees bases) {
	for _, dir := range dirs {
		t, err := f.tree(dir)
		if err != nil {
			f.warnings.add("work tree %.200q: %v", dir, err)
			continue
		}
		f.readModules(t, modules)
		trees[dir] = base{t.config.Remotes[t.remote(t.config.Branches[t.branch].Remote)], t.branch}
		if t.branch == "" && !modules[dir].module {
			trees[dir] = f.detached(t)
			continue
		}
		w, err := follow(t, modules[dir])
		if err != nil {
			f.warnings.add("work tree %.200q: %v", dir, err)
			continue
		}
		f.watch(w, dir)
	}
}

// watch adds w, found in the work tree in dir, if it may be watched.
func (f *finder) watch(w manifests.Watch, dir string) {
	if w.URL == "" || strings.HasPrefix(w.Ref, tags) {
		return
	}
	if err := manifests.CheckRef(w.Ref); err != nil {
		f.warnings.add("work tree %.200q: its branch: %v", dir, err)
		return
	}
	w, warning := f.address(w, dir)
	if warning != "" {
		f.warnings.add("work tree %.200q: %s", dir, warning)
	}
	if w.URL == "" {
		return
	}
	f.found.watches = append(f.found.watches, w)
}

// detached adds what a detached HEAD follows, or what remains to be asked. The
// source itself is only detached by us when it is pinned. Either way the tree is
// at its remote, and on the branch that is most likely meant, if there is one.
func (f *finder) detached(t tree) (at base) {
	o := t.origin()
	url := o.url
	if url == "" {
		url = t.config.Remotes[t.remote(o.remote)]
	}
	at.url = url
	if ref, ok := strings.CutPrefix(cmp.Or(append([]string{o.ref}, o.heads...)...), heads); ok {
		at.branch = ref
	}
	if o.pinned || url == "" || o.ref == "" && f.fetched && t.dir == "." {
		return at
	}
	w := manifests.Watch{VCS: "git", URL: url, Ref: o.ref, Revision: t.commit, From: place(path.Join(t.dir, ".git"), 0)}
	if o.ref != "" {
		f.watch(w, t.dir)
		return at
	}
	w, warning := f.address(w, t.dir)
	if warning != "" && len(o.heads) > 0 { // else it is pinned most likely, and the warning for nothing
		f.warnings.add("work tree %.200q: %s", t.dir, warning)
	}
	if w.URL != "" {
		f.found.leads = append(f.found.leads, lead{
			vcs: "git", url: w.URL, from: w.From, name: t.commit, kind: detect.Tip, tracking: o.heads,
		})
	}
	return at
}

// readModules notes the submodules of t by their directory in the workspace.
func (f *finder) readModules(t tree, modules map[string]tracking) {
	name := path.Join(t.dir, ".gitmodules")
	if _, err := f.root.Lstat(name); err != nil {
		return
	}
	text, err := gitfile.ReadIn(f.root, name)
	if err != nil {
		f.warnings.add("%.200q: %v", name, plain(err))
		return
	}
	found, errs := gitfile.ParseModules(text)
	for _, err := range errs {
		f.warnings.add("work tree %.200q: %v", t.dir, err)
	}
	for _, m := range found {
		branch := m.Branch
		if branch == "." {
			branch = t.branch
		}
		modules[path.Join(t.dir, m.Path)] = tracking{module: true, branch: branch, from: place(name, lineOf(text, m.Path))}
	}
}

// lineOf is the line of .gitmodules that says where a submodule is, 1 if it is
// not written plainly.
func lineOf(text []byte, module string) int {
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		key, value, ok := strings.Cut(line, "=")
		if ok && strings.TrimSpace(key) == "path" && strings.Trim(strings.TrimSpace(value), `"`) == module {
			return n
		}
	}
	return 1
}

// follow is what to watch for a work tree on a branch, or a submodule that
// tracks one. A watch without URL means nothing:
// the tree is pinned or has no remote. The URL is as the work tree has it.
func follow(t tree, module tracking) (manifests.Watch, error) {
	remote, ref := t.upstream()
	revision, from := t.commit, place(path.Join(t.dir, ".git"), 0)
	if module.branch != "" {
		from = module.from
	}
	switch {
	case t.branch != "" && ref == "":
		return manifests.Watch{}, nil
	case t.branch != "":
		if !t.follows() && len(t.remotes) == 0 {
			return manifests.Watch{}, fmt.Errorf("branch %.100q is not known to be on remote %.100q: not watched", t.branch, remote)
		}
		for _, commit := range t.remotes {
			if t.commit != "" && commit != t.commit {
				revision = t.based(commit)
			}
		}
	case module.branch != "":
		ref, remote = heads+module.branch, t.remote("")
	default:
		return manifests.Watch{}, nil
	}
	url := t.config.Remotes[remote]
	if url == "" {
		return manifests.Watch{}, nil
	}
	return manifests.Watch{VCS: "git", URL: url, Ref: ref, Revision: revision, From: from}, nil
}

// upstream is the remote and the full ref there that the branch follows; ref is
// "" when it follows none.
func (t tree) upstream() (remote, ref string) {
	if t.branch == "" {
		return "", ""
	}
	b := t.config.Branches[t.branch]
	if b.Remote == "." {
		return "", "" // another branch of the same repository
	}
	remote = t.remote(b.Remote)
	switch {
	case remote == "":
		return "", ""
	case t.follows():
		return remote, b.Merge
	}
	return remote, "refs/heads/" + t.branch
}

// follows reports whether the branch has an upstream in the config.
func (t tree) follows() bool {
	b := t.config.Branches[t.branch]
	return b.Merge != "" && b.Remote != ""
}

// remote is the name of the remote to use: the wanted one, origin, or the only one.
func (t tree) remote(wanted string) string {
	if wanted != "" {
		return wanted
	}
	if t.config.Remotes["origin"] != "" {
		return "origin"
	}
	if len(t.config.Remotes) == 1 {
		for name := range t.config.Remotes {
			return name
		}
	}
	return ""
}
