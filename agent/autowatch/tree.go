package autowatch

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/wright-build/wright/agent/workspace/gitfile"
)

// tree is what the files of one work tree say.
type tree struct {
	dir     string // relative to the workspace
	branch  string // what HEAD is on; "" when it is detached
	commit  string // of HEAD; "" for a branch without a commit
	config  gitfile.Config
	remotes map[string]string // remote-tracking refs of that branch: full ref to commit
	based   func(tracking string) string
	origin  func() origin // how a detached HEAD came about
}

// repository is where the files of a work tree are, relative to the workspace.
type repository struct {
	root   *os.Root
	git    string // HEAD is here
	common string // refs, objects and config are here
}

// tree reads the git work tree in dir.
func (f *finder) tree(dir string) (tree, error) {
	r, err := f.repository(dir)
	if err != nil {
		return tree{}, err
	}
	t := tree{dir: dir}
	text, err := gitfile.ReadIn(r.root, path.Join(r.common, "config"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return tree{}, fmt.Errorf("config: %w", plain(err))
	}
	if t.config, err = gitfile.ParseConfig(text); err != nil {
		return tree{}, err
	}
	head, err := gitfile.ReadIn(r.root, path.Join(r.git, "HEAD"))
	if err != nil {
		return tree{}, fmt.Errorf("HEAD: %w", plain(err))
	}
	ref, commit, err := parseRef(head)
	switch {
	case err != nil:
		return tree{}, fmt.Errorf("HEAD: %w", err)
	case ref == "":
		t.commit = commit
		t.origin = func() origin { return r.detached(t) }
		return t, nil
	case ref == "refs/heads/.invalid":
		return tree{}, errors.New("its refs are in a reftable, which is not read yet")
	}
	branch, ok := strings.CutPrefix(ref, "refs/heads/")
	if !ok {
		return tree{}, fmt.Errorf("HEAD is on %.100q, which is no branch", ref)
	}
	t.branch = branch
	if t.commit, err = r.resolve(ref); err != nil {
		return tree{}, err
	}
	t.based = func(tracking string) string { return r.base(t.commit, tracking) }
	t.remotes, err = r.trackingRefs(t)
	return t, err
}

// repository follows .git, which may be a file, without leaving the workspace.
func (f *finder) repository(dir string) (repository, error) {
	dot := path.Join(dir, ".git")
	fi, err := f.root.Lstat(dot)
	if err != nil {
		return repository{}, plain(err)
	}
	r := repository{root: f.root, git: dot, common: dot}
	if fi.IsDir() {
		return r, nil
	}
	if !fi.Mode().IsRegular() {
		return repository{}, errors.New("its .git is neither a directory nor a file: not followed")
	}
	text, err := gitfile.ReadIn(f.root, dot)
	if err != nil {
		return repository{}, fmt.Errorf(".git: %w", plain(err))
	}
	target, ok := strings.CutPrefix(strings.TrimRight(string(text), "\r\n"), "gitdir: ")
	if !ok {
		return repository{}, errors.New("its .git is not a file of git")
	}
	if r.git, err = f.inside(dir, target); err != nil {
		return repository{}, fmt.Errorf("its .git: %w", err)
	}
	r.common = r.git
	common, err := gitfile.ReadIn(f.root, path.Join(r.git, "commondir"))
	if err != nil {
		return r, nil // only added work trees have one
	}
	if r.common, err = f.inside(r.git, strings.TrimRight(string(common), "\r\n")); err != nil {
		return repository{}, fmt.Errorf("its commondir: %w", err)
	}
	return r, nil
}

// inside makes a path that was found in dir relative to the workspace.
func (f *finder) inside(dir, target string) (string, error) {
	if !filepath.IsAbs(target) {
		target = filepath.Join(f.base, dir, target)
	}
	rel, err := filepath.Rel(f.base, target)
	if err != nil || !filepath.IsLocal(rel) {
		return "", errors.New("it leads out of the workspace: not followed")
	}
	return filepath.ToSlash(rel), nil
}

// parseRef reads the text of a ref: another ref or a commit.
func parseRef(text []byte) (ref, commit string, err error) {
	s := strings.TrimSpace(string(text))
	if target, ok := strings.CutPrefix(s, "ref:"); ok {
		target = strings.TrimSpace(target)
		if !isRef(target) {
			return "", "", errors.New("it names no ref")
		}
		return target, "", nil
	}
	if !isCommit(s) {
		return "", "", errors.New("it is neither a ref nor a commit")
	}
	return "", s, nil
}

// isRef reports whether s is a full ref whose name is safe to make a path of.
func isRef(s string) bool {
	return strings.HasPrefix(s, "refs/") && fs.ValidPath(s) && len(s) < 1024 &&
		strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f }) < 0
}

func isCommit(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == ""
}

// resolve returns the commit of a ref, "" if it has none.
func (r repository) resolve(ref string) (string, error) {
	for range 5 { // symbolic refs, as deep as git goes
		text, err := gitfile.ReadIn(r.root, path.Join(r.common, ref))
		if err != nil {
			return r.packed(ref)
		}
		next, commit, err := parseRef(text)
		if err != nil {
			return "", fmt.Errorf("%.100q: %w", ref, err)
		}
		if next == "" {
			return commit, nil
		}
		ref = next
	}
	return "", fmt.Errorf("%.100q: too many symbolic refs", ref)
}

// packed looks a ref up in packed-refs.
func (r repository) packed(ref string) (string, error) {
	text, err := gitfile.ReadIn(r.root, path.Join(r.common, "packed-refs"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("packed-refs: %w", plain(err))
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		commit, name, ok := strings.Cut(lines.Text(), " ")
		if ok && name == ref && isCommit(commit) {
			return commit, nil
		}
	}
	return "", nil
}

// trackingRefs reads the remote-tracking refs that the branch may follow.
func (r repository) trackingRefs(t tree) (map[string]string, error) {
	remote, ref := t.upstream()
	name, ok := strings.CutPrefix(ref, "refs/heads/")
	full := "refs/remotes/" + remote + "/" + name
	if remote == "" || !ok || !isRef(full) {
		return nil, nil
	}
	commit, err := r.resolve(full)
	if err != nil || commit == "" {
		return nil, err
	}
	return map[string]string{full: commit}, nil
}
