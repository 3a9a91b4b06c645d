package workspace

import (
	"context"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/storage/memory"

	"github.com/wright-build/wright/agent/workspace/access"
	"github.com/wright-build/wright/manifests"
)

// Remotes are reached as Fetch reaches them.
type Remotes struct {
	Access *access.Access // as in Source
}

// Refs are what a remote has, by full name: at least its branches and tags, and the branch that its HEAD is on,
// "" if that is not known. A tag that is an object of its own comes a second
// time with "^{}" after its name, at the commit. Mercurial's branches and
// bookmarks are named refs/heads/ and refs/bookmarks/, and HEAD is its default;
// it does not list tags.
func (r Remotes) Refs(ctx context.Context, vcs, url string) (refs map[string]string, head string, err error) {
	if err := manifests.CheckURL(vcs, url); err != nil {
		return nil, "", fmt.Errorf("list the refs of a remote: %w", err)
	}
	if vcs == "hg" {
		refs, head, err = r.hg(ctx, url)
	} else {
		refs, head, err = r.git(ctx, url)
	}
	if err != nil {
		return nil, "", fmt.Errorf("list the refs of %s: %w", url, err)
	}
	return refs, head, nil
}

// git asks with the best tool that can.
func (r Remotes) git(ctx context.Context, url string) (refs map[string]string, head string, err error) {
	if scheme, _, _ := strings.Cut(strings.ToLower(url), "://"); scheme == "https" || scheme == "http" {
		if refs, head, err = r.lsRefs(ctx, url); !errors.Is(err, errOldProtocol) {
			return refs, head, err
		}
	}
	program, missing := exec.LookPath("git")
	if whyNotGoGit(url) == "" || missing != nil {
		refs, head, err = r.goGit(ctx, url)
		if err == nil || ctx.Err() != nil || isFinal(err) || missing != nil {
			return refs, head, err
		}
	}
	p := gitProgram{path: program, notes: newNotes(nil), access: r.Access, local: manifests.IsLocal(url)}
	out, err := p.run(ctx, "", "ls-remote", "--symref", "--", url)
	if err != nil {
		return nil, "", explainHostKey(url, err)
	}
	refs, head = parseRefs(string(out))
	return refs, head, nil
}

func (r Remotes) goGit(ctx context.Context, url string) (refs map[string]string, head string, err error) {
	auth, err := login(r.Access, url)
	if err != nil {
		return nil, "", err
	}
	remote := git.NewRemote(memory.NewStorage(), &config.RemoteConfig{Name: remoteName, URLs: []string{url}})
	list, err := remote.ListContext(ctx, &git.ListOptions{Auth: auth, PeelingOption: git.AppendPeeled})
	if errors.Is(err, transport.ErrEmptyRemoteRepository) {
		return map[string]string{}, "", nil
	}
	if err != nil {
		return nil, "", explain(err)
	}
	refs = make(map[string]string, len(list))
	for _, ref := range list {
		if ref.Type() == plumbing.HashReference {
			refs[ref.Name().String()] = ref.Hash().String()
		} else if ref.Name() == plumbing.HEAD {
			head = ref.Target().String()
		}
	}
	if commit, ok := refs[head]; ok {
		refs["HEAD"] = commit
	}
	return refs, head, nil
}

// parseRefs reads the output of git ls-remote --symref.
func parseRefs(text string) (refs map[string]string, head string) {
	refs = map[string]string{}
	for line := range strings.Lines(text) {
		value, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if target, symbolic := strings.CutPrefix(value, "ref: "); symbolic && name == "HEAD" {
			head = target
		} else if ok && isFullID(value) {
			refs[name] = value
		}
	}
	return refs, head
}

//go:embed refs.py
var hgExtension string

// hg asks with an extension of hg: it has no command of its own for that.
func (r Remotes) hg(ctx context.Context, url string) (refs map[string]string, head string, err error) {
	p, err := newHg(newNotes(nil), r.Access)
	if err != nil {
		return nil, "", err
	}
	dir, err := os.MkdirTemp("", "wright-hg-")
	if err != nil {
		return nil, "", err
	}
	defer os.RemoveAll(dir)
	extension := filepath.Join(dir, "refs.py")
	if err := os.WriteFile(extension, []byte(hgExtension), 0o600); err != nil {
		return nil, "", err
	}
	out, err := p.reach(ctx, url, []string{"extensions.wright=" + extension}, "wright-refs", "--", url)
	if err != nil {
		return nil, "", err
	}
	refs, head = parseHgRefs(string(out))
	return refs, head, nil
}

// parseHgRefs reads lines of a kind, a name in hex and a node.
func parseHgRefs(text string) (refs map[string]string, head string) {
	refs = map[string]string{}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) != 3 || !isFullID(f[2]) {
			continue
		}
		name, err := hex.DecodeString(f[1])
		switch {
		case err != nil || len(name) == 0:
		case f[0] == "branch":
			refs["refs/heads/"+string(name)] = f[2]
		case f[0] == "bookmark":
			refs["refs/bookmarks/"+string(name)] = f[2]
		}
	}
	if node, ok := refs["refs/heads/default"]; ok {
		refs["HEAD"], head = node, "refs/heads/default"
	}
	return refs, head
}
