package poll

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

// maxLine bounds one line of git's output, in bytes.
const maxLine = 16 << 10

// errNoProgram means that this machine has no git program.
var errNoProgram = errors.New("the git program is not installed")

// lsRemote asks with the git program, which can neither ask a person nor
// outlive ctx.
func lsRemote(ctx context.Context, url string) (map[string]string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, "git", "ls-remote", "--quiet", "--", url)
	cmd.Dir = "/" // not in somebody's repository
	cmd.Env = append(slices.DeleteFunc(os.Environ(), namesRepository), programEnv()...)
	stderr := &head{left: 8 << 10}
	cmd.Stderr = stderr
	cmd.WaitDelay = time.Second
	killWhole(cmd)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("run git ls-remote: %w", err)
	}
	if err := cmd.Start(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return nil, errNoProgram
		}
		return nil, fmt.Errorf("run git ls-remote: %w", err)
	}
	refs, errRead := readRefs(out)
	if errRead != nil {
		cancel() // whatever it still has to say
	}
	return refs, programError(cmd.Wait(), errRead, stderr.String())
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
	return fmt.Errorf("git ls-remote: %w: %s", errWait, clean(stderr))
}

// readRefs reads what git ls-remote prints: "REVISION\tREF" lines, peeled tags
// after the tag.
func readRefs(r io.Reader) (map[string]string, error) {
	refs := make(map[string]string)
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	read := 0
	for lines.Scan() {
		revision, name, ok := bytes.Cut(lines.Bytes(), []byte{'\t'})
		if !ok || !isRevision(string(revision)) || len(name) == 0 {
			return nil, fmt.Errorf("line %d is no revision and ref", read+1)
		}
		if read++; read > 2*maxRefs {
			return nil, fmt.Errorf("more than %d refs", maxRefs)
		}
		refs[strings.TrimSuffix(string(name), "^{}")] = string(revision)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("line %d: %w", read+1, err)
	}
	if len(refs) > maxRefs {
		return nil, fmt.Errorf("%d refs, more than %d", len(refs), maxRefs)
	}
	return refs, nil
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
