package autowatch

import (
	"bufio"
	"bytes"
	"io/fs"
	"path"
	"strings"

	"github.com/wright-build/wright/agent/workspace/gitfile"
)

// maxRefs bounds the loose refs of one repository that are read.
const maxRefs = 10_000

// origin is what the files of a repository say of how a detached HEAD came
// about.
type origin struct {
	pinned bool
	remote string   // with ref: it was this ref of this remote
	url    string   // that remote, where it has no name
	ref    string   // live
	heads  []string // else: branches of the remote at its commit, the best first
}

// detached finds out what a detached HEAD was meant to be.
func (r repository) detached(t tree) origin {
	target := r.lastTarget(t.commit)
	switch target {
	case "":
	case "FETCH_HEAD":
		text, _ := gitfile.ReadIn(r.root, path.Join(r.git, "FETCH_HEAD"))
		if o, ok := fetched(string(text), t.commit); ok {
			if t.remote("") != "" {
				o.remote, o.url = t.remote(""), ""
			}
			return o
		}
	default:
		if o, ok := meant(target, t); ok {
			return o
		}
		if commit, err := r.resolve(tags + target); isRef(tags+target) && err == nil && commit != "" {
			return origin{pinned: true}
		}
	}
	return r.at(t)
}

// lastTarget is what HEAD was moved to last, by the reflog; "" if it does not
// tell, or tells of another commit.
func (r repository) lastTarget(commit string) string {
	text, err := gitfile.ReadIn(r.root, path.Join(r.git, "logs/HEAD"))
	if err != nil {
		return ""
	}
	text = bytes.TrimRight(text, "\n")
	return target(string(text[bytes.LastIndexByte(text, '\n')+1:]), commit)
}

// target reads a line of a reflog: "OLD NEW NAME <MAIL> TIME ZONE\tMESSAGE".
func target(line, commit string) string {
	head, message, _ := strings.Cut(line, "\t")
	if f := strings.Fields(head); len(f) < 2 || f[1] != commit {
		return ""
	}
	if to, ok := strings.CutPrefix(message, "reset: moving to "); ok {
		return to
	}
	moved, ok := strings.CutPrefix(message, "checkout: moving from ")
	if !ok {
		return ""
	}
	return moved[strings.LastIndexByte(moved, ' ')+1:]
}

// meant is what a name given to git checkout stands for, as far as the name tells.
func meant(name string, t tree) (origin, bool) {
	if strings.HasPrefix(name, tags) || strings.HasPrefix(name, "tags/") || strings.ContainsAny(name, "~^:") || strings.Contains(name, "@{") {
		return origin{pinned: true}, true
	}
	if len(name) >= 4 && strings.HasPrefix(t.commit, name) {
		return origin{pinned: true}, true
	}
	short := strings.TrimPrefix(strings.TrimPrefix(name, "refs/"), "remotes/")
	for remote := range t.config.Remotes {
		if branch, ok := strings.CutPrefix(short, remote+"/"); ok && branch != "HEAD" {
			return origin{remote: remote, ref: heads + branch}, true
		}
	}
	return origin{}, false
}

// fetched reads FETCH_HEAD: "COMMIT\tnot-for-merge\tbranch 'x' of URL". Only a
// line of this commit counts.
func fetched(text, commit string) (origin, bool) {
	for line := range strings.Lines(text) {
		f := strings.SplitN(strings.TrimRight(line, "\n"), "\t", 3)
		if len(f) != 3 || f[0] != commit {
			continue
		}
		kind, rest, quoted := strings.Cut(f[2], "'")
		name, url, ok := strings.Cut(rest, "' of ")
		switch {
		case !quoted || !ok:
			return origin{ref: "HEAD", url: f[2]}, true
		case kind == "branch ":
			return origin{ref: heads + name, url: url}, true
		case kind == "tag ":
			return origin{pinned: true}, true
		case kind == "" && strings.HasPrefix(name, "refs/"):
			return origin{ref: name, url: url}, true
		}
	}
	return origin{}, false
}

// at looks for branches of the remote and for tags at the commit of HEAD.
func (r repository) at(t tree) origin {
	remote := t.remote("")
	prefix := "refs/remotes/" + remote + "/"
	refs := r.refs(tags, prefix)
	var found []string
	for name, commit := range refs {
		if commit != t.commit && r.tagged(commit) != t.commit {
			continue
		}
		if strings.HasPrefix(name, tags) {
			return origin{pinned: true}
		}
		if branch := strings.TrimPrefix(name, prefix); remote != "" && branch != "HEAD" {
			found = append(found, heads+branch)
		}
	}
	main, _ := gitfile.ReadIn(r.root, path.Join(r.common, prefix, "HEAD"))
	head, _, _ := parseRef(main)
	return origin{remote: remote, heads: likeliest(found, heads+strings.TrimPrefix(head, prefix))}
}

// refs reads the refs below some prefixes, packed and loose. A packed tag comes
// with "^{}" too, at the commit that it is of.
func (r repository) refs(prefixes ...string) map[string]string {
	found := map[string]string{}
	text, _ := gitfile.ReadIn(r.root, path.Join(r.common, "packed-refs"))
	lines := bufio.NewScanner(bytes.NewReader(text))
	last := ""
	for lines.Scan() {
		commit, name, ok := strings.Cut(lines.Text(), " ")
		if peeled, tag := strings.CutPrefix(commit, "^"); tag && last != "" {
			found[last+"^{}"] = peeled
			continue
		}
		if last = ""; !ok {
			continue
		}
		for _, prefix := range prefixes {
			if strings.HasPrefix(name, prefix) && isCommit(commit) {
				found[name], last = commit, name
			}
		}
	}
	n := 0
	for _, prefix := range prefixes {
		_ = fs.WalkDir(r.root.FS(), path.Join(r.common, prefix), func(name string, d fs.DirEntry, err error) error {
			if n++; n > maxRefs {
				return fs.SkipAll
			}
			if err != nil || !d.Type().IsRegular() {
				return nil
			}
			if text, err := gitfile.ReadIn(r.root, name); err == nil {
				if _, commit, err := parseRef(text); err == nil && commit != "" {
					found[strings.TrimPrefix(name, r.common+"/")] = commit
				}
			}
			return nil
		})
	}
	return found
}
