package autowatch

import (
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"github.com/wright-build/wright/agent/workspace/gitfile"
	"github.com/wright-build/wright/manifests"
)

// tracking is what a parent's .gitmodules says of a submodule.
type tracking struct {
	branch string // "" when it is pinned or no submodule
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
		modules[path.Join(t.dir, m.Path)] = tracking{branch: branch}
	}
}

// decide is what to watch for a work tree. A watch without URL means nothing:
// the tree is pinned or has no remote. The URL is as the work tree has it.
func decide(t tree, module tracking) (manifests.Watch, error) {
	remote, ref := t.upstream()
	revision := t.commit
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
		ref = "refs/heads/" + module.branch
		remote = t.remote("")
	default:
		return manifests.Watch{}, nil
	}
	url := t.config.Remotes[remote]
	if url == "" {
		return manifests.Watch{}, nil
	}
	if err := manifests.CheckRef(ref); err != nil {
		return manifests.Watch{}, fmt.Errorf("its branch: %w", err)
	}
	return manifests.Watch{VCS: "git", URL: url, Ref: ref, Revision: revision}, nil
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

// address makes the URL of w one that anybody may have: absolute, and without
// credentials. Where it cannot be watched the URL is "" and warning says why.
func (f *finder) address(w manifests.Watch, dir string) (_ manifests.Watch, warning string) {
	url, stripped := stripLogin(w.URL)
	if isRelativePath(url) {
		url = filepath.Join(f.base, dir, url)
	}
	if err := manifests.CheckURL(w.VCS, url); err != nil {
		return manifests.Watch{}, fmt.Sprintf("its remote cannot be watched: %v", err)
	}
	if manifests.IsLocal(url) && !f.local {
		return manifests.Watch{}, "its remote is a path of this machine, and is not watched"
	}
	if stripped {
		warning = "the login in the URL of its remote was left out"
	}
	w.URL = url
	return w, warning
}

// stripLogin takes a password out of a URL, and with http the user too, which
// may be a token.
func stripLogin(url string) (_ string, stripped bool) {
	scheme, rest, ok := strings.Cut(url, "://")
	if !ok {
		return url, false
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	at := strings.LastIndexByte(rest[:end], '@')
	if at < 0 {
		return url, false
	}
	user, _, hasPassword := strings.Cut(rest[:at], ":")
	if s := strings.ToLower(scheme); s == "http" || s == "https" {
		return scheme + "://" + rest[at+1:], true
	}
	if !hasPassword {
		return url, false
	}
	return scheme + "://" + user + "@" + rest[at+1:], true
}

// isRelativePath reports whether git would take url for a path that does not begin with a slash.
func isRelativePath(url string) bool {
	if url == "" || url[0] == '/' || url[0] == '-' {
		return false
	}
	colon, slash := strings.IndexByte(url, ':'), strings.IndexByte(url, '/')
	return colon < 0 || slash >= 0 && slash < colon
}
