package workspace

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"github.com/wright-build/wright/agent/workspace/gitfile"
	"github.com/wright-build/wright/manifests"
)

// subrepo is one line of .hgsub, with the node that .hgsubstate pins it at.
type subrepo struct {
	path, url, revision string
}

// subrepos clones the subrepositories of parent, and theirs, to where hg will
// look for them when it updates, so that it fetches nothing itself: what they
// name was written by strangers.
func (f *fetcher) subrepos(ctx context.Context, p hgProgram, parent node) error {
	text, err := p.cat(ctx, parent, ".hgsub")
	if err != nil || len(text) == 0 {
		return err
	}
	state, err := p.cat(ctx, parent, ".hgsubstate")
	if err != nil {
		return err
	}
	subs, err := parseSubrepos(text, state)
	if err != nil {
		return err
	}
	if len(subs) > 0 && parent.depth() >= maxDepth {
		return fmt.Errorf("subrepositories are nested more than %d deep", maxDepth)
	}
	for _, s := range subs {
		if err := f.subrepo(ctx, p, parent, s); err != nil {
			return fmt.Errorf("subrepository %s: %w", s.path, err)
		}
	}
	return nil
}

func (f *fetcher) subrepo(ctx context.Context, p hgProgram, parent node, s subrepo) error {
	if len(f.modules) >= maxSubmodules {
		return fmt.Errorf("there are more than %d", maxSubmodules)
	}
	url, err := subrepoURL(parent.url, s.url)
	if err != nil {
		return err
	}
	dir := filepath.Join(parent.dir, filepath.FromSlash(s.path))
	if err := prepare(f.top, dir); err != nil {
		return err
	}
	child := node{dir: dir, url: url, revision: s.revision, parent: &parent}
	if child.repeats() {
		return errors.New("it holds itself")
	}
	f.notes.printf("fetching %s with hg", url)
	if err := p.clone(ctx, url, dir); err != nil {
		return err
	}
	if found, err := p.node(ctx, dir, "present(id("+hgQuote(s.revision)+"))"); err != nil || found != s.revision {
		return errors.Join(errNoRevision{revision: s.revision}, err)
	}
	rel, err := filepath.Rel(f.top, dir)
	if err != nil {
		return err
	}
	f.modules = append(f.modules, Submodule{Path: filepath.ToSlash(rel), URL: url, Revision: s.revision})
	return f.subrepos(ctx, p, child)
}

// cat is a file at the revision that is to be checked out; nothing if it is not there.
func (p hgProgram) cat(ctx context.Context, n node, name string) ([]byte, error) {
	var exit *exec.ExitError
	_, err := p.run(ctx, n.dir, "files", "--rev="+n.revision, "--", "path:"+name)
	if errors.As(err, &exit) && exit.ExitCode() == 1 {
		return nil, nil // so it says that there is none
	}
	if err != nil {
		return nil, err
	}
	return p.run(ctx, n.dir, "cat", "--rev="+n.revision, "--", "path:"+name)
}

// parseSubrepos reads .hgsub, lines "path = url", and .hgsubstate, lines "node path".
func parseSubrepos(text, state []byte) ([]subrepo, error) {
	nodes := map[string]string{}
	for line := range strings.Lines(string(state)) {
		node, path, _ := strings.Cut(strings.TrimSpace(line), " ")
		nodes[strings.TrimSpace(path)] = node
	}
	var subs []subrepo
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		if line[0] == '[' {
			return nil, fmt.Errorf(".hgsub: the section %.40q is not supported", line)
		}
		name, url, ok := strings.Cut(line, "=")
		s := subrepo{path: path.Clean(strings.TrimSpace(name)), url: strings.TrimSpace(url)}
		if !ok || s.url == "" {
			return nil, fmt.Errorf(".hgsub: %.100q is not a path and a URL", line)
		}
		s.revision = nodes[s.path]
		if err := s.check(); err != nil {
			return nil, fmt.Errorf(".hgsub: %.100q: %w", s.path, err)
		}
		subs = append(subs, s)
	}
	return subs, nil
}

func (s subrepo) check() error {
	for part := range strings.SplitSeq(s.path, "/") {
		if strings.EqualFold(part, ".hg") {
			return errors.New("the path leads into .hg")
		}
	}
	if err := gitfile.CheckPath(s.path); err != nil {
		return err
	}
	switch {
	case strings.HasPrefix(s.url, "["):
		return errors.New("only subrepositories of Mercurial are fetched")
	case !isFullID(s.revision):
		return errors.New("it is not pinned in .hgsubstate")
	}
	return nil
}

// subrepoURL is where a subrepository is, which hg takes relative to its
// parent's URL, other than git even without dots.
func subrepoURL(parent, url string) (string, error) {
	if !strings.Contains(url, "://") && !path.IsAbs(url) {
		scheme, rest, ok := strings.Cut(parent, "://")
		if !ok {
			scheme, rest = "", parent
		} else {
			scheme += "://"
		}
		host, dir := "", rest
		if scheme != "" && !strings.HasPrefix(rest, "/") {
			host, dir, _ = strings.Cut(rest, "/")
		}
		url = scheme + host + path.Join("/", dir, url)
	}
	if err := manifests.CheckURL("hg", url); err != nil {
		return "", err
	}
	if manifests.IsLocal(url) && !manifests.IsLocal(parent) {
		return "", errors.New("its URL is a path of this machine, and its parent's is not")
	}
	return url, nil
}
