package workspace

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/plumbing/transport/http"

	"github.com/wright-build/wright/agent/workspace/access"
)

const remoteName = "origin"

// goGit checks w out without the git program.
func (f *fetcher) goGit(ctx context.Context, w want) (got, error) {
	r, err := git.PlainInit(w.dir, false)
	if err != nil {
		return got{}, err
	}
	g := goGit{repo: r, want: w, notes: f.notes}
	if g.auth, err = login(f.access, w.url); err != nil {
		return got{}, err
	}
	if err := g.fetch(ctx); err != nil {
		return got{}, explain(err)
	}
	commit, err := g.resolve(ctx)
	if err != nil {
		return got{}, explain(err)
	}
	if err := g.setHead(commit); err != nil {
		return got{}, err
	}
	result := got{revision: commit.String()}
	if g.want.live {
		result.branch = g.want.branch
	}
	if reason, err := g.checkoutReason(commit); err != nil {
		return got{}, err
	} else if reason != "" {
		return got{}, needsGit{reason: reason, got: result}
	}
	if err := ctx.Err(); err != nil {
		return got{}, err
	}
	tree, err := r.Worktree()
	if err != nil {
		return got{}, err
	}
	if err := tree.Reset(&git.ResetOptions{Mode: git.HardReset, Commit: commit}); err != nil {
		return got{}, fmt.Errorf("check out %s: %w", commit, err)
	}
	result.links, err = g.links()
	return result, err
}

// goGit is one clone in the making.
type goGit struct {
	repo  *git.Repository
	want  want // its branch and live are settled by fetch
	notes *notes
	auth  transport.AuthMethod // nil: none
}

// login is what go-git is to log in with, nil for no login.
func login(a *access.Access, url string) (transport.AuthMethod, error) {
	user, token, ok, err := a.Basic(url)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errFinal, err)
	}
	if !ok {
		return nil, nil
	}
	return &http.BasicAuth{Username: user, Password: token}, nil
}

// fetch finds the branch and gets its history.
func (g *goGit) fetch(ctx context.Context) error {
	remote, err := g.repo.CreateRemote(&config.RemoteConfig{Name: remoteName, URLs: []string{g.want.url}})
	if err != nil {
		return err
	}
	if g.want.branch == "" && g.want.live {
		if err := g.defaultBranch(ctx, remote); err != nil {
			return err
		}
	}
	spec := config.RefSpec("+refs/heads/*:refs/remotes/" + remoteName + "/*")
	if g.want.onlyBranch() {
		spec = config.RefSpec(fmt.Sprintf("+refs/heads/%[1]s:refs/remotes/%[2]s/%[1]s", g.want.branch, remoteName))
	}
	if err := g.configure(spec); err != nil {
		return err
	}
	options := &git.FetchOptions{RemoteName: remoteName, RefSpecs: []config.RefSpec{spec}, Progress: g.notes, Auth: g.auth}
	if !g.want.live && g.want.revision != "" {
		options.Tags = git.AllTags
	}
	err = g.repo.FetchContext(ctx, options)
	var noRef git.NoMatchingRefSpecError
	if errors.As(err, &noRef) {
		return fmt.Errorf("%w: %s", errNoBranch, g.want.branch)
	}
	return err
}

// defaultBranch asks the remote what its HEAD is on. A HEAD on no branch pins the want.
func (g *goGit) defaultBranch(ctx context.Context, remote *git.Remote) error {
	refs, err := remote.ListContext(ctx, &git.ListOptions{Auth: g.auth})
	if err != nil {
		return err
	}
	for _, ref := range refs {
		if ref.Name() != plumbing.HEAD {
			continue
		}
		if ref.Type() == plumbing.SymbolicReference && ref.Target().IsBranch() {
			g.want.branch = ref.Target().Short()
			return nil
		}
		g.want.live = false
		if g.want.revision == "" {
			g.want.revision = ref.Hash().String()
		}
		return nil
	}
	return fmt.Errorf("%w: the remote's HEAD names none", errNoBranch)
}

// configure writes the config that a clone by git has.
func (g *goGit) configure(spec config.RefSpec) error {
	c, err := g.repo.Config()
	if err != nil {
		return err
	}
	c.Remotes[remoteName].Fetch = []config.RefSpec{spec}
	if g.want.live {
		c.Branches[g.want.branch] = &config.Branch{
			Name: g.want.branch, Remote: remoteName, Merge: plumbing.NewBranchReferenceName(g.want.branch),
		}
	}
	return g.repo.SetConfig(c)
}

// resolve finds the commit to check out, asking for it by name if it is not in the branch.
func (g *goGit) resolve(ctx context.Context) (plumbing.Hash, error) {
	w := g.want
	switch {
	case w.revision == "":
		name := plumbing.NewRemoteReferenceName(remoteName, w.branch)
		ref, err := g.repo.Reference(name, true)
		if err != nil {
			return plumbing.ZeroHash, err
		}
		return ref.Hash(), nil
	case len(w.revision) == 40 && isHex(w.revision):
		commit := plumbing.NewHash(w.revision)
		if _, err := g.repo.CommitObject(commit); err == nil {
			return commit, nil
		}
		spec := config.RefSpec(w.revision + ":refs/wright/" + w.revision)
		err := g.repo.FetchContext(ctx, &git.FetchOptions{
			RemoteName: remoteName, RefSpecs: []config.RefSpec{spec}, Tags: git.NoTags, Progress: g.notes, Auth: g.auth,
		})
		if err != nil {
			return plumbing.ZeroHash, fmt.Errorf("%w: %w", errNoRevision{w.revision, w.branch}, err)
		}
		return commit, nil
	default:
		return g.named()
	}
}

// named finds a tag, or else a commit by the beginning of its ID.
func (g *goGit) named() (plumbing.Hash, error) {
	revision := plumbing.Revision(plumbing.NewTagReferenceName(g.want.revision))
	if hash, err := g.repo.ResolveRevision(revision); err == nil {
		return *hash, nil
	}
	if isShortID(g.want.revision) {
		if hash, err := g.repo.ResolveRevision(plumbing.Revision(g.want.revision)); err == nil {
			return *hash, nil
		}
	}
	return plumbing.ZeroHash, errNoRevision{g.want.revision, g.want.branch}
}

func (g *goGit) setHead(commit plumbing.Hash) error {
	if !g.want.live {
		return g.repo.Storer.SetReference(plumbing.NewHashReference(plumbing.HEAD, commit))
	}
	branch := plumbing.NewBranchReferenceName(g.want.branch)
	if err := g.repo.Storer.SetReference(plumbing.NewHashReference(branch, commit)); err != nil {
		return err
	}
	return g.repo.Storer.SetReference(plumbing.NewSymbolicReference(plumbing.HEAD, branch))
}

// links lists the submodules in the index.
func (g *goGit) links() ([]link, error) {
	if _, err := os.Lstat(filepath.Join(g.want.dir, ".gitmodules")); err != nil {
		return nil, nil
	}
	index, err := g.repo.Storer.Index()
	if err != nil {
		return nil, fmt.Errorf("read the index: %w", err)
	}
	var links []link
	for _, e := range index.Entries {
		if e.Mode == filemode.Submodule {
			links = append(links, link{path: e.Name, revision: e.Hash.String()})
		}
	}
	return links, nil
}

// explain tells what the remote said, and marks what no other tool would mend.
func explain(err error) error {
	var netErr *net.OpError
	var dns *net.DNSError
	switch {
	case errors.Is(err, transport.ErrEmptyRemoteRepository):
		return errEmpty
	case errors.Is(err, transport.ErrAuthenticationRequired), errors.Is(err, transport.ErrAuthorizationFailed):
		return fmt.Errorf("%w: it wants a login: %w", errFinal, err)
	case errors.Is(err, transport.ErrRepositoryNotFound):
		return fmt.Errorf("%w: %w", errFinal, err)
	case errors.As(err, &dns), errors.As(err, &netErr) && netErr.Op == "dial":
		return fmt.Errorf("%w: %w", errFinal, err)
	case strings.Contains(err.Error(), "dubious ownership"):
		return fmt.Errorf("%w: %w", errFinal, err)
	}
	return err
}
