package autowatch

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/wright-build/wright/agent/autowatch/detect"
	"github.com/wright-build/wright/agent/workspace/gitfile"
	"github.com/wright-build/wright/manifests"
)

// hgTree is what the files of one Mercurial work tree say.
type hgTree struct {
	url      string // of the path "default"; "" is none
	branch   string
	bookmark string // the active one
	node     string // checked out; "" for none
	isHead   bool   // of a branch, as far as the clone knows
	unsure   bool   // the clone does not know
}

// hgTrees reads the Mercurial work trees in dirs, parents first.
func (f *finder) hgTrees(dirs []string, modules map[string]tracking, trees bases) {
	for _, dir := range dirs {
		t, err := f.hgTree(dir)
		if err != nil {
			f.warnings.add("work tree %.200q: %v", dir, err)
			continue
		}
		f.readSubrepos(dir, modules)
		if _, both := trees[dir]; !both {
			trees[dir] = base{t.url, t.branch}
		}
		if t.url == "" || t.node == "" || modules[dir].module || dir == "." && f.pinned {
			continue
		}
		f.followHg(t, dir)
	}
}

// followHg decides on a work tree. Mercurial has no detached HEAD: an update to
// a tag or a node leaves the branch as it is. So what is live is an active
// bookmark, and a node that is a head of its branch.
func (f *finder) followHg(t hgTree, dir string) {
	w := manifests.Watch{VCS: "hg", URL: t.url, Ref: heads + t.branch, Revision: t.node, From: place(path.Join(dir, ".hg"), 0)}
	switch {
	case t.bookmark != "":
		w.Ref = bookmarks + t.bookmark
	case t.unsure:
		if w, _ := f.address(w, dir); w.URL != "" {
			f.found.leads = append(f.found.leads, lead{vcs: "hg", url: w.URL, from: w.From, name: t.node, kind: detect.Tip})
		}
		return
	case !t.isHead:
		return
	}
	f.watch(w, dir)
}

func (f *finder) hgTree(dir string) (hgTree, error) {
	local := path.Join(dir, ".hg")
	shared := local
	if text, err := gitfile.ReadIn(f.root, path.Join(local, "sharedpath")); err == nil {
		if shared, err = f.inside(local, strings.TrimRight(string(text), "\r\n")); err != nil {
			return hgTree{}, fmt.Errorf("its sharedpath: %w", err)
		}
	}
	t := hgTree{branch: "default"}
	for _, at := range []string{shared, local} {
		text, err := gitfile.ReadIn(f.root, path.Join(at, "hgrc"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return hgTree{}, fmt.Errorf("hgrc: %w", plain(err))
		}
		if url := defaultPath(string(text)); url != "" {
			t.url = url
		}
	}
	if branch := f.line(path.Join(local, "branch")); branch != "" {
		t.branch = branch
	}
	t.bookmark = f.line(path.Join(local, "bookmarks.current"))
	state, err := gitfile.ReadIn(f.root, path.Join(local, "dirstate"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return hgTree{}, fmt.Errorf("dirstate: %w", plain(err))
	}
	t.node = hgParent(state)
	t.isHead, t.unsure = f.hgHead(shared, t)
	return t, nil
}

// line is the text of a small file, "" if there is none.
func (f *finder) line(name string) string {
	text, _ := gitfile.ReadIn(f.root, name)
	return strings.TrimSpace(string(text))
}

// hgParent reads the node that is checked out from a dirstate of either version.
func hgParent(state []byte) string {
	state = bytes.TrimPrefix(state, []byte("dirstate-v2\n"))
	if len(state) < 20 || len(bytes.Trim(state[:20], "\x00")) == 0 {
		return ""
	}
	return hex.EncodeToString(state[:20])
}

// hgHead looks into the caches of what the heads of branches are.
func (f *finder) hgHead(shared string, t hgTree) (isHead, unsure bool) {
	unsure = true
	for _, name := range []string{"branch2-served", "branch2-visible", "branch2-immutable", "branch2-base", "branch2"} {
		text, err := gitfile.ReadIn(f.root, path.Join(shared, "cache", name))
		if err != nil {
			continue
		}
		if unsure = false; isHgHead(string(text), t.node, t.branch) {
			return true, false
		}
	}
	return false, unsure
}

// isHgHead reads lines "NODE o BRANCH", of which the first is something else. A
// closed head has c.
func isHgHead(cache, node, branch string) bool {
	_, lines, _ := strings.Cut(cache, "\n")
	for line := range strings.Lines(lines) {
		if f := strings.SplitN(strings.TrimRight(line, "\n"), " ", 3); len(f) == 3 && f[0] == node && f[1] == "o" && f[2] == branch {
			return true
		}
	}
	return false
}

// defaultPath reads where pulls come from out of an hgrc. Includes are not followed.
func defaultPath(text string) string {
	section, found := "", ""
	for line := range strings.Lines(text) {
		trimmed := strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(trimmed, "["); ok {
			section, _, _ = strings.Cut(name, "]")
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if ok && section == "paths" && strings.TrimRight(key, " \t") == "default" {
			found = strings.TrimSpace(value)
		}
	}
	return found
}

// readSubrepos notes the subrepositories of a work tree, which are all pinned.
func (f *finder) readSubrepos(dir string, modules map[string]tracking) {
	text, err := gitfile.ReadIn(f.root, path.Join(dir, ".hgsub"))
	if err != nil {
		return
	}
	for line := range strings.Lines(string(text)) {
		if name, _, ok := strings.Cut(line, "="); ok && !strings.HasPrefix(line, "#") {
			modules[path.Join(dir, strings.TrimSpace(name))] = tracking{module: true}
		}
	}
}
