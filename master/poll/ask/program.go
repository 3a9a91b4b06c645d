package ask

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// errNoProgram means that this machine has no git program.
var errNoProgram = errors.New("the git program is not installed")

// byProgram asks with the git program, which knows the user's ssh, its
// configuration and credential helpers.
func (a *Asker) byProgram(ctx context.Context, q question) (Answer, error) {
	guard, err := a.guard(ctx, q)
	if err != nil {
		return Answer{}, err
	}
	free, err := a.running(ctx)
	if err != nil {
		return Answer{}, err
	}
	defer free()
	return lsRemote(ctx, q, guard)
}

// running waits until one more program may run.
func (a *Asker) running(ctx context.Context) (free func(), err error) {
	select {
	case a.programs <- struct{}{}:
		return func() { <-a.programs }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("%d programs run already: %w", maxPrograms, ctx.Err())
	}
}

// guard is what keeps the program at the address that was checked, for a
// remote that is not trusted. ssh is not kept: it looks the host up once more.
func (a *Asker) guard(ctx context.Context, q question) (config []string, err error) {
	if q.Trusted || q.host == "" {
		return nil, nil
	}
	addr, err := a.lookUp(ctx, q.host, q.scheme == "ssh")
	if err != nil || q.scheme == "ssh" {
		return nil, err
	}
	if addr.Is6() {
		return []string{"-c", "http.followRedirects=false", "-c", fmt.Sprintf("http.curloptResolve=%s:%s:[%s]", q.host, q.port, addr)}, nil
	}
	return []string{"-c", "http.followRedirects=false", "-c", fmt.Sprintf("http.curloptResolve=%s:%s:%s", q.host, q.port, addr)}, nil
}

// lsRemote runs the git program, which can neither ask a person nor outlive
// ctx.
func lsRemote(ctx context.Context, q question, options []string) (Answer, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, "git", append(options, "ls-remote", "--quiet", "--symref", "--", q.URL)...)
	stderr := prepare(cmd)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return Answer{}, fmt.Errorf("run git ls-remote: %w", err)
	}
	if err := cmd.Start(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return Answer{}, errNoProgram
		}
		return Answer{}, fmt.Errorf("run git ls-remote: %w", err)
	}
	limit(cmd)
	answer, errRead := readRefs(out, q.wanted)
	if errRead != nil {
		cancel() // whatever it still has to say
	}
	if err := programError(cmd.Wait(), errRead, stderr.String()); err != nil {
		return Answer{}, err
	}
	return answer, nil
}

// prepare makes a program one that asks nobody and ends with its context.
func prepare(cmd *exec.Cmd) (stderr *head) {
	cmd.Dir = "/" // not in somebody's repository
	cmd.Env = append(slices.DeleteFunc(os.Environ(), namesRepository), programEnv()...)
	stderr = &head{left: 8 << 10}
	cmd.Stderr = stderr
	cmd.WaitDelay = time.Second
	killWhole(cmd)
	return stderr
}

// programEnv keeps git from asking, and from helpers that a URL could name.
func programEnv() []string {
	return []string{
		"LC_ALL=C",
		"GIT_TERMINAL_PROMPT=0",
		"GIT_ASKPASS=true",
		"GIT_SSH_COMMAND=ssh -oBatchMode=yes -oConnectTimeout=30 -oServerAliveInterval=15",
		"GIT_CONFIG_NOSYSTEM=1",
		"GIT_ALLOW_PROTOCOL=file:git:http:https:ssh",
		"HGPLAIN=1",
	}
}

// namesRepository tells whether a variable leads git into a repository, as all
// do that git sets for its hooks.
func namesRepository(env string) bool {
	name, _, _ := strings.Cut(env, "=")
	switch name {
	case "GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY",
		"GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_NAMESPACE", "GIT_PREFIX":
		return true
	}
	return false
}

// programError is what went wrong, in git's words if it has some.
func programError(errWait, errRead error, stderr string) error {
	switch {
	case errRead != nil && !errors.Is(errRead, os.ErrClosed):
		return fmt.Errorf("read git ls-remote's answer: %w", errRead)
	case errWait == nil:
		return nil
	case strings.TrimSpace(stderr) == "":
		return fmt.Errorf("run git ls-remote: %w", errWait)
	}
	return fmt.Errorf("git ls-remote: %w: %s", errWait, Clean(stderr))
}

// readRefs reads what git ls-remote prints: "REVISION\tREF" lines, peeled tags
// after the tag, and "ref: REF\tHEAD" before HEAD.
func readRefs(r io.Reader, wanted map[string]bool) (Answer, error) {
	found := newAdvert(wanted)
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		revision, name, ok := bytes.Cut(lines.Bytes(), []byte{'\t'})
		target, symbolic := bytes.CutPrefix(revision, []byte("ref: "))
		switch {
		case !ok || len(name) == 0 || !symbolic && !isRevision(string(revision)):
			return Answer{}, fmt.Errorf("line %d is no revision and ref", n)
		case symbolic && string(name) == "HEAD":
			found.Head = string(target)
		case symbolic:
		default:
			if err := found.line0(bytes.Join([][]byte{revision, name}, []byte{' '})); err != nil {
				return Answer{}, err
			}
		}
	}
	if err := lines.Err(); err != nil {
		return Answer{}, fmt.Errorf("read its lines: %w", err)
	}
	return found.Answer, nil
}

// head keeps the beginning of what is written to it.
type head struct {
	strings.Builder
	left int
}

// Write is io.Writer's; it never fails.
func (h *head) Write(p []byte) (int, error) {
	n := min(len(p), h.left)
	h.left -= n
	_, _ = h.Builder.Write(p[:n]) // cannot fail
	return len(p), nil
}
