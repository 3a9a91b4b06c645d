package workspace

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/wright-build/wright/agent/workspace/access"
)

// gitProgram runs git, deaf to the user's and the system's configuration.
type gitProgram struct {
	path   string
	notes  *notes
	access *access.Access
	local  bool // the remote is a path of this machine
}

// checkout clones w and checks it out.
func (p gitProgram) checkout(ctx context.Context, w want) (got, error) {
	args := []string{"clone", "--no-checkout", "--no-local", "--template=", "--origin=" + remoteName}
	if w.onlyBranch() {
		args = append(args, "--single-branch")
	}
	if w.branch != "" {
		args = append(args, "--branch="+w.branch)
	}
	if _, err := p.run(ctx, "", append(args, "--", w.url, w.dir)...); err != nil {
		return got{}, err
	}
	branch, err := p.branch(ctx, w)
	if err != nil {
		return got{}, err
	}
	commit, err := p.resolve(ctx, w, "HEAD")
	if err != nil {
		return got{}, err
	}
	return p.lay(ctx, w, branch, commit)
}

// lay checks a commit out, on the branch if there is one and HEAD is to be on it.
func (p gitProgram) lay(ctx context.Context, w want, branch, commit string) (got, error) {
	result := got{revision: commit}
	var err error
	if w.live && branch != "" {
		result.branch = branch
		_, err = p.run(ctx, w.dir, "update-ref", "refs/heads/"+branch, commit)
	} else {
		_, err = p.run(ctx, w.dir, "update-ref", "--no-deref", "HEAD", commit)
	}
	if err != nil {
		return got{}, err
	}
	if err := p.reset(ctx, w.dir, commit); err != nil {
		return got{}, err
	}
	result.links, err = p.links(ctx, w.dir)
	return result, err
}

// branch is what HEAD is on after the clone. A tag of the wanted name is no branch.
func (p gitProgram) branch(ctx context.Context, w want) (string, error) {
	out, err := p.run(ctx, w.dir, "symbolic-ref", "-q", "HEAD")
	branch, ok := strings.CutPrefix(strings.TrimSpace(string(out)), "refs/heads/")
	if err == nil && ok {
		return branch, nil
	}
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if w.branch != "" {
		return "", fmt.Errorf("%w: %s", errNoBranch, w.branch)
	}
	return "", nil
}

// resolve finds the commit to check out, asking for it by name if need be. head
// is where the branch is.
func (p gitProgram) resolve(ctx context.Context, w want, head string) (string, error) {
	switch {
	case w.revision == "":
		commit, err := p.commit(ctx, w.dir, head)
		if err != nil {
			return "", errEmpty
		}
		return commit, nil
	case isFullID(w.revision):
		if commit, err := p.commit(ctx, w.dir, w.revision); err == nil {
			return commit, nil
		}
		if _, err := p.run(ctx, w.dir, "-c", "fetch.unpackLimit=1", "fetch", "--no-tags", "--", remoteName, w.revision); err != nil {
			return "", fmt.Errorf("%w: %w", errNoRevision{w.revision, w.branch}, err)
		}
		return p.commit(ctx, w.dir, w.revision)
	}
	if commit, err := p.commit(ctx, w.dir, "refs/tags/"+w.revision); err == nil {
		return commit, nil
	}
	if isShortID(w.revision) {
		if commit, err := p.commit(ctx, w.dir, w.revision); err == nil {
			return commit, nil
		}
	}
	return "", errNoRevision{w.revision, w.branch}
}

func (p gitProgram) commit(ctx context.Context, dir, revision string) (string, error) {
	out, err := p.run(ctx, dir, "rev-parse", "--verify", "--quiet", "--end-of-options", revision+"^{commit}")
	return strings.TrimSpace(string(out)), err
}

// reset fills index and work tree. Where git-lfs is installed it is used: our
// own configuration is the only one that git reads.
func (p gitProgram) reset(ctx context.Context, dir, commit string) error {
	args := []string{"reset", "--hard", "--quiet", commit}
	if _, err := exec.LookPath("git-lfs"); err == nil {
		args = append([]string{
			"-c", "filter.lfs.smudge=git-lfs smudge -- %f", "-c", "filter.lfs.process=git-lfs filter-process",
			"-c", "filter.lfs.required=true",
		}, args...)
	}
	if _, err := p.run(ctx, dir, args...); err != nil {
		return fmt.Errorf("check out %s: %w", commit, err)
	}
	return nil
}

// links lists the submodules in the index.
func (p gitProgram) links(ctx context.Context, dir string) ([]link, error) {
	if _, err := os.Lstat(filepath.Join(dir, ".gitmodules")); err != nil {
		return nil, nil
	}
	out, err := p.run(ctx, dir, "ls-files", "--stage", "-z")
	if err != nil {
		return nil, err
	}
	var links []link
	for entry := range strings.SplitSeq(string(out), "\x00") {
		meta, path, _ := strings.Cut(entry, "\t")
		if f := strings.Fields(meta); len(f) == 3 && f[0] == "160000" {
			links = append(links, link{path: path, revision: f[1]})
		}
	}
	return links, nil
}

// run runs git in dir and returns its standard output. Its process group ends with ctx.
func (p gitProgram) run(ctx context.Context, dir string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, p.path, append([]string{
		"-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "gc.auto=0", "-c", "advice.detachedHead=false",
	}, args...)...)
	cmd.Dir = dir
	cmd.Env = p.environment()
	out, err := run(ctx, cmd, p.notes)
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("git %s: %w", verb(args), err)
	}
	return out, err
}

// verb is the subcommand among args.
func verb(args []string) string {
	for i := 0; i < len(args); i++ {
		if args[i] != "-c" {
			return args[i]
		}
		i++
	}
	return ""
}

// environment has what git and ssh need to find their way, and nothing that
// lets them ask, be configured by others, or use a transport that runs programs.
func (p gitProgram) environment() []string {
	protocols := "http:https:ssh:git"
	if p.local {
		protocols += ":file"
	}
	env := []string{
		"LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=true", "SSH_ASKPASS=true",
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_ALLOW_PROTOCOL=" + protocols,
		"GIT_SSH_COMMAND=" + sshCommand,
	}
	env = append(env, inherited()...)
	for name, value := range p.access.Variables(nil) { // the last of a name counts
		env = append(env, name+"="+value)
	}
	return env
}
