package repos

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/wright-build/wright/manifests"
)

const (
	maxOutput = 64 << 10 // bytes of git's output that are read
	killWait  = 2 * time.Second
)

// errNoProgram means that this machine has no git program.
var errNoProgram = errors.New("the git program is not installed")

// program reaches a remote with the git program, which can neither ask a
// person nor outlive its context.
type program struct {
	what   manifests.Repo
	clone  clone
	logins Logins
}

func (p program) tip(ctx context.Context) (string, error) {
	args := []string{"ls-remote", "--quiet", "--symref", "--", p.what.URL, "HEAD"}
	if p.what.Branch != "" {
		args = append(args, branchRef(p.what.Branch))
	}
	out, err := p.run(ctx, args...)
	if err != nil {
		return "", err
	}
	r, err := readRefs(out)
	if err != nil {
		return "", fmt.Errorf("read git ls-remote's answer: %w", err)
	}
	return r.tip(p.what.Branch)
}

// readRefs reads what git ls-remote --symref prints: "REVISION\tREF" lines, and
// "ref: TARGET\tREF" ones.
func readRefs(out []byte) (refs, error) {
	r := refs{byName: map[string]string{}}
	for line := range strings.Lines(string(out)) {
		value, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		target, symbolic := strings.CutPrefix(value, "ref: ")
		switch {
		case ok && symbolic && name == "HEAD":
			r.head = strings.TrimPrefix(target, "refs/heads/")
		case ok && symbolic:
		case ok && isCommit(value):
			r.byName[name] = value
		default:
			return refs{}, fmt.Errorf("%.80q is no revision and ref", line)
		}
	}
	return r, nil
}

func isCommit(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == ""
}

func (p program) fetch(ctx context.Context, _ string) (string, error) {
	if _, err := p.clone.open(); err != nil {
		return "", err
	}
	args := []string{
		"--git-dir=" + p.clone.dir, "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "fetch.unpackLimit=1",
		"-c", "fetch.writeCommitGraph=false", "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-gc",
		"--no-recurse-submodules", "--update-shallow",
	}
	if _, err := p.clone.tip(); err != nil {
		args = append(args, "--depth=1")
	}
	args = append(args, "--", p.what.URL, "+"+branchRef(p.what.Branch)+":"+tipRef.String())
	if _, err := p.run(ctx, args...); err != nil {
		return "", err
	}
	return p.clone.tip()
}

// run runs git and returns what it prints.
func (p program) run(ctx context.Context, args ...string) ([]byte, error) {
	l, err := login(p.logins, p.what.URL)
	if err != nil {
		return nil, err
	}
	ssh, forget, err := p.ssh(l)
	if err != nil {
		return nil, err
	}
	defer forget()
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = "/" // not in somebody's repository
	cmd.Env = append(environment(), "GIT_SSH_COMMAND="+ssh)
	stdout, stderr := &head{left: maxOutput}, &head{left: maxRaw}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	killWhole(cmd)
	cmd.WaitDelay = killWait
	err = cmd.Run()
	switch said := clean(stderr.String()); {
	case errors.Is(err, exec.ErrNotFound):
		return nil, errNoProgram
	case ctx.Err() != nil:
		return nil, fmt.Errorf("git took too long: %w", ctx.Err())
	case err != nil && said != "":
		return nil, fmt.Errorf("git: %s", said)
	case err != nil:
		return nil, fmt.Errorf("run git: %w", err)
	}
	return stdout.Bytes(), nil
}

// environment keeps git from asking, from helpers that a URL could name, and
// from the repository that this process may have been started in.
func environment() []string {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "GIT_") && !strings.HasPrefix(v, "GIT_SSL_") && !strings.HasPrefix(v, "GIT_CONFIG_GLOBAL=")
	})
	return append(env, "LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=true", "SSH_ASKPASS=true",
		"GIT_CONFIG_NOSYSTEM=1", "GIT_ALLOW_PROTOCOL=file:git:http:https:ssh")
}

// ssh is the command for ssh, with the login in files that nobody else may read
// and that forget removes: what is in a command line or an environment can be seen.
func (p program) ssh(l Login) (command string, forget func(), err error) {
	command = "ssh -oBatchMode=yes -oConnectTimeout=20 -oServerAliveInterval=15"
	if l.Key == nil {
		return command, func() {}, nil
	}
	if err := os.MkdirAll(filepath.Dir(p.clone.dir), 0o700); err != nil {
		return "", nil, err
	}
	dir, err := os.MkdirTemp(filepath.Dir(p.clone.dir), filepath.Base(p.clone.dir)+".login")
	if err != nil {
		return "", nil, err
	}
	forget = func() { _ = os.RemoveAll(dir) } // what is left, the next master removes
	key, hosts := filepath.Join(dir, "key"), filepath.Join(dir, "hosts")
	err = os.WriteFile(key, append(bytes.TrimSpace(l.Key), '\n'), 0o600)
	command += " -oIdentitiesOnly=yes -oStrictHostKeyChecking=yes -i " + quoted(key)
	if l.KnownHosts != nil {
		err = errors.Join(err, os.WriteFile(hosts, l.KnownHosts, 0o600))
		command += " -oGlobalKnownHostsFile=none -oUserKnownHostsFile=" + quoted(`"`+hosts+`"`)
	}
	if l.User != "" && !namesUser(p.what.URL) {
		command += " -l " + quoted(l.User)
	}
	if err != nil {
		forget()
		return "", nil, fmt.Errorf("write the login of %s: %w", p.what.URL, err)
	}
	return command, forget, nil
}

// namesUser tells whether a URL of ssh says who logs in.
func namesUser(url string) bool {
	_, rest, ok := strings.Cut(url, "://")
	host, _, _ := strings.Cut(rest, "/")
	if !ok {
		host, _, _ = strings.Cut(url, ":")
	}
	return strings.Contains(host, "@")
}

// quoted is s for a shell.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// head keeps the beginning of what is written to it.
type head struct {
	bytes.Buffer
	left int
}

// Write is io.Writer's; it never fails.
func (h *head) Write(p []byte) (int, error) {
	n := min(len(p), h.left)
	h.left -= n
	h.Buffer.Write(p[:n])
	return len(p), nil
}
