package workspace

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wright-build/wright/agent/workspace/cache"
	"github.com/wright-build/wright/manifests"
)

// checkout gets w, with the help of what earlier builds fetched from there.
func (f *fetcher) checkout(ctx context.Context, w want) (got, error) {
	program, missing := exec.LookPath("git")
	if f.cache == nil || missing != nil {
		return f.plain(ctx, w)
	}
	e, err := f.cache.Take(ctx, f.keyOf(w.url))
	if err != nil {
		if ctx.Err() != nil {
			return got{}, ctx.Err()
		}
		f.notes.printf("warning: fetching without the cache: %v", err)
		return f.plain(ctx, w)
	}
	defer e.Release()
	f.useGit(w.url, "through the cache")
	p := f.program(program, w.url)
	if !e.Empty() {
		g, err := f.seeded(ctx, p, w, e)
		if err == nil || ctx.Err() != nil || isFinal(err) || theirs(err) {
			return g, err
		}
		f.notes.printf("warning: what the cache has of %s is thrown away: %v", w.url, err)
		if err := errors.Join(e.Discard(), Remove(w.dir)); err != nil {
			return got{}, err
		}
	}
	g, err := p.checkout(ctx, w)
	if err == nil {
		f.keep(ctx, p, w, e)
	}
	return g, explainHostKey(w.url, err)
}

// keyOf is where what a remote has is cached: by the way there, and by who asks.
// Another login may be shown other objects.
func (f *fetcher) keyOf(url string) cache.Key {
	scheme, rest, ok := strings.Cut(url, "://")
	if !ok {
		scheme, rest = "", url
	}
	user, _, named := strings.Cut(rest, "@")
	if !named || manifests.IsLocal(url) {
		user = ""
	}
	return cache.Key{Remote: manifests.CanonicalURL(url), As: strings.Join([]string{strings.ToLower(scheme), user, f.access.Who(url)}, "\x00")}
}

// seeded is a checkout that fetches only what is not in the cache. The objects
// of the cache are handed out when the remote itself has let this build in.
func (f *fetcher) seeded(ctx context.Context, p gitProgram, w want, e *cache.Entry) (got, error) {
	w, err := p.settle(ctx, w)
	if err != nil {
		return got{}, explainHostKey(w.url, err)
	}
	if err := p.init(ctx, w, e.SHA256()); err != nil {
		return got{}, err
	}
	gitDir := filepath.Join(w.dir, ".git")
	if err := e.Alternates(gitDir); err != nil {
		return got{}, err
	}
	if err := p.fetch(ctx, w); err != nil {
		return got{}, explainHostKey(w.url, err)
	}
	commit, err := p.fetched(ctx, w)
	if err != nil {
		return got{}, err
	}
	if err := e.Share(gitDir); err != nil {
		return got{}, fmt.Errorf("%w: %w", errCache, err)
	}
	if err := p.dropForeignTags(ctx, w); err != nil {
		return got{}, err
	}
	f.keep(ctx, p, w, e)
	e.Release()
	branch := ""
	if w.live {
		branch = w.branch
	}
	return p.lay(ctx, w, branch, commit)
}

// maxPacks is how many packs an entry has before they are made one.
const maxPacks = 8

// keep puts what was fetched into the cache. A build does not fail for it.
func (f *fetcher) keep(ctx context.Context, p gitProgram, w want, e *cache.Entry) {
	refs, err := p.branches(ctx, w)
	if err == nil {
		err = e.Keep(filepath.Join(w.dir, ".git"), refs)
	}
	if err == nil && e.Packs() > maxPacks {
		_, err = p.run(ctx, e.Dir(), "repack", "--geometric=2", "-d", "-q")
	}
	if err != nil && ctx.Err() == nil {
		f.notes.printf("warning: what was fetched is not kept for other builds: %v", err)
	}
}

// errCache is trouble with what the cache has.
var errCache = errors.New("the cache is of no use")

// theirs says whether an error is what the remote said, or the way to it. All
// else may be for what the cache has.
func theirs(err error) bool {
	if errors.Is(err, errCache) {
		return false
	}
	text := err.Error()
	for _, said := range []string{
		"ould not read from remote", "unable to access", "remote error", "remote end hung up", "early EOF", "onnection",
		"ould not resolve", "timed out", "uthentication failed", "could not read Username", "could not read Password",
		"erification failed", "ermission denied", "does not appear to be a git repository", "unexpected disconnect", "RPC failed",
	} {
		if strings.Contains(text, said) {
			return true
		}
	}
	var refused errNoRevision
	return errors.As(err, &refused)
}

// settle finds out what a clone would be told: the branch of the remote's HEAD,
// or the commit of one that is on none.
func (p gitProgram) settle(ctx context.Context, w want) (want, error) {
	if w.branch != "" || !w.live && w.revision != "" {
		return w, nil
	}
	out, err := p.run(ctx, "", "ls-remote", "--symref", "--", w.url, "HEAD")
	if err != nil {
		return w, err
	}
	refs, head := parseRefs(string(out))
	branch, onBranch := strings.CutPrefix(head, "refs/heads/")
	switch {
	case refs["HEAD"] == "":
		return w, errEmpty
	case onBranch && w.live:
		w.branch = branch
	case w.revision == "":
		w.live, w.revision = false, refs["HEAD"]
	default:
		w.live = false
	}
	return w, nil
}

// init makes a repository as a clone would, with nothing in it.
func (p gitProgram) init(ctx context.Context, w want, sha256 bool) error {
	args := []string{"init", "--quiet", "--template="}
	if w.live {
		args = append(args, "--initial-branch="+w.branch)
	}
	if sha256 {
		args = append(args, "--object-format=sha256")
	}
	if _, err := p.run(ctx, "", append(args, "--", w.dir)...); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(w.dir, ".git", "objects", "info"), 0o777); err != nil {
		return err
	}
	text := fmt.Sprintf("[remote %q]\n\turl = %s\n\tfetch = %s\n", remoteName, configValue(w.url), configValue(w.spec()))
	if w.live {
		text += fmt.Sprintf("[branch %s]\n\tremote = %s\n\tmerge = %s\n", configValue(w.branch), remoteName, configValue("refs/heads/"+w.branch))
	}
	config, err := os.OpenFile(filepath.Join(w.dir, ".git", "config"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = config.WriteString(text)
	return errors.Join(err, config.Close())
}

// configValue is a string as git's configuration quotes it.
func configValue(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// spec is what is fetched by default.
func (w want) spec() string {
	if w.onlyBranch() {
		return fmt.Sprintf("+refs/heads/%[1]s:refs/remotes/%[2]s/%[1]s", w.branch, remoteName)
	}
	return "+refs/heads/*:refs/remotes/" + remoteName + "/*"
}

// fetch fetches what the configuration says, and all tags that a clone brings.
func (p gitProgram) fetch(ctx context.Context, w want) error {
	args := []string{"-c", "fetch.unpackLimit=1", "fetch", "--quiet", "--no-write-fetch-head", "--no-recurse-submodules"}
	if !w.onlyBranch() {
		args = append(args, "--tags")
	}
	_, err := p.run(ctx, w.dir, append(args, "--", remoteName)...)
	if err != nil && strings.Contains(err.Error(), "couldn't find remote ref refs/heads/"+w.branch) {
		return fmt.Errorf("%w: %s", errNoBranch, w.branch)
	}
	return err
}

// fetched is the commit to check out, of what was fetched or asked for by name.
func (p gitProgram) fetched(ctx context.Context, w want) (string, error) {
	if !w.live {
		return p.resolve(ctx, w, "HEAD")
	}
	if head := looseRef(w.dir, w.branch); head != "" && (w.revision == "" || w.revision == head) {
		return head, nil
	}
	return p.resolve(ctx, w, "refs/remotes/"+remoteName+"/"+w.branch)
}

// looseRef is where a branch of the remote is, read from its own file; "" where
// only git knows. Starting git takes much longer than that.
func looseRef(dir, branch string) string {
	text, err := os.ReadFile(filepath.Join(dir, ".git", "refs", "remotes", remoteName, filepath.FromSlash(branch)))
	if commit := strings.TrimSpace(string(text)); err == nil && isFullID(commit) {
		return commit
	}
	return ""
}

// branches are the remote's as they were fetched.
func (p gitProgram) branches(ctx context.Context, w want) (cache.Refs, error) {
	const prefix = "refs/remotes/" + remoteName + "/"
	dir := w.dir
	if head := looseRef(dir, w.branch); w.onlyBranch() && head != "" {
		return cache.Refs{w.branch: head}, nil
	}
	out, err := p.run(ctx, dir, "for-each-ref", "--format=%(objectname) %(refname)", prefix)
	refs := cache.Refs{}
	for line := range strings.Lines(string(out)) {
		commit, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		if branch := strings.TrimPrefix(name, prefix); isFullID(commit) && branch != "HEAD" {
			refs[branch] = commit
		}
	}
	return refs, err
}

// hasTags says whether there may be tags in a new repository.
func hasTags(dir string) bool {
	tags, err := os.ReadDir(filepath.Join(dir, ".git", "refs", "tags"))
	_, unpacked := os.Lstat(filepath.Join(dir, ".git", "packed-refs"))
	return err != nil || len(tags) > 0 || unpacked == nil
}

// maxNames is how many names of refs one command gets.
const maxNames = 500

// dropForeignTags drops the tags of branches that only the cache has: which of
// them are there must not depend on what was built before.
func (p gitProgram) dropForeignTags(ctx context.Context, w want) error {
	if !w.onlyBranch() || !hasTags(w.dir) {
		return nil
	}
	out, err := p.run(ctx, w.dir, "for-each-ref", "--no-merged=refs/remotes/"+remoteName+"/"+w.branch, "--format=%(refname:lstrip=2)", "refs/tags/")
	if err != nil {
		return err
	}
	for some := range slices.Chunk(strings.Fields(string(out)), maxNames) {
		if _, err := p.run(ctx, w.dir, append([]string{"tag", "-d", "--"}, some...)...); err != nil {
			return err
		}
	}
	return nil
}
