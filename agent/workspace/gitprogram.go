package workspace

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	maxStdout = 64 << 20        // bytes of output of git that are read
	maxStderr = 4 << 10         // bytes of its last words that an error repeats
	killWait  = 5 * time.Second // after which its pipes are closed
)

// gitProgram runs git, deaf to the user's and the system's configuration.
type gitProgram struct {
	path  string
	notes *notes
	local bool // the remote is a path of this machine
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
	commit, err := p.resolve(ctx, w)
	if err != nil {
		return got{}, err
	}
	result := got{revision: commit}
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

// resolve finds the commit to check out, asking for it by name if need be.
func (p gitProgram) resolve(ctx context.Context, w want) (string, error) {
	switch {
	case w.revision == "":
		commit, err := p.commit(ctx, w.dir, "HEAD")
		if err != nil {
			return "", errEmpty
		}
		return commit, nil
	case isFullID(w.revision):
		if commit, err := p.commit(ctx, w.dir, w.revision); err == nil {
			return commit, nil
		}
		if _, err := p.run(ctx, w.dir, "fetch", "--no-tags", "--", remoteName, w.revision); err != nil {
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
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = killWait
	stdout := &bounded{limit: maxStdout}
	last := &tail{limit: maxStderr}
	cmd.Stdout = stdout
	cmd.Stderr = io.MultiWriter(p.notes, last)
	err := cmd.Run()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err == nil && stdout.full {
		err = fmt.Errorf("more than %d bytes of output", maxStdout)
	}
	if err != nil {
		return nil, fmt.Errorf("git %s: %w", verb(args), errors.Join(err, last.err()))
	}
	return stdout.Bytes(), nil
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
		"GIT_SSH_COMMAND=ssh -o BatchMode=yes -o ConnectTimeout=30",
	}
	for _, name := range []string{
		"PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "SSH_AUTH_SOCK", "SSL_CERT_FILE", "SSL_CERT_DIR",
		"http_proxy", "https_proxy", "no_proxy", "all_proxy", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY",
	} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// bounded keeps the first bytes that are written to it.
type bounded struct {
	bytes.Buffer
	limit int
	full  bool
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.limit {
		b.full = true
		return len(p), nil
	}
	return b.Buffer.Write(p)
}

// tail keeps the last bytes that are written to it.
type tail struct {
	data  []byte
	limit int
}

func (t *tail) Write(p []byte) (int, error) {
	t.data = append(t.data, p...)
	if over := len(t.data) - t.limit; over > 0 {
		t.data = append(t.data[:0], t.data[over:]...)
	}
	return len(p), nil
}

func (t *tail) err() error {
	text := strings.TrimSpace(string(t.data))
	if text == "" {
		return nil
	}
	return errors.New(text)
}
