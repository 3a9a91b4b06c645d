package workspace

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/wright-build/wright/manifests"
)

// want is one repository to check out.
type want struct {
	dir      string
	url      string
	branch   string // "" means that of the remote's HEAD
	revision string
	live     bool // HEAD is to be on the branch
}

// onlyBranch reports whether the history of one branch is enough.
func (w want) onlyBranch() bool { return w.live }

// got is one repository that was checked out.
type got struct {
	revision string
	branch   string // "" when HEAD is detached
	links    []link // to submodules; only read when there is a .gitmodules
}

// link is a submodule as the index of its parent has it.
type link struct {
	path     string
	revision string
}

// isPlain reports whether a revision leaves HEAD on the branch: none, or a full commit ID.
func isPlain(revision string) bool { return revision == "" || isFullID(revision) }

func isFullID(s string) bool { return (len(s) == 40 || len(s) == 64) && isHex(s) }

func isShortID(s string) bool { return len(s) >= 4 && isHex(s) }

func isHex(s string) bool { return strings.Trim(s, "0123456789abcdef") == "" }

func checkBranch(name string) error {
	if name == "" {
		return nil
	}
	return manifests.CheckRef("refs/heads/" + name)
}

func checkTag(name string) error { return manifests.CheckRef("refs/tags/" + name) }

// Failures that another tool would only repeat.
var (
	errNoBranch = errors.New("no such branch")
	errEmpty    = errors.New("the repository is empty")
	errFinal    = errors.New("the remote refused or cannot be reached")
)

// errNoRevision may be mended by the git program, whose protocol lets it ask for any commit.
type errNoRevision struct{ revision, branch string }

func (e errNoRevision) Error() string {
	if !isFullID(e.revision) {
		return fmt.Sprintf("there is no tag or commit %s", e.revision)
	}
	if e.branch == "" {
		return fmt.Sprintf("revision %s is not there (was it force-pushed away?)", e.revision)
	}
	return fmt.Sprintf("revision %s is not in branch %s (was it force-pushed away?)", e.revision, e.branch)
}

// plain gets w with the better tool that can.
func (f *fetcher) plain(ctx context.Context, w want) (got, error) {
	program, missing := exec.LookPath("git")
	reason := whyNotGoGit(w.url)
	if reason == "" || missing != nil {
		f.notes.printf("fetching %s with go-git", w.url)
		g, err := f.goGit(ctx, w)
		if err == nil || ctx.Err() != nil || isFinal(err) {
			return g, err
		}
		if missing != nil {
			return got{}, fmt.Errorf("%w (and the git program is not installed)", err)
		}
		reason = "go-git: " + err.Error()
		var needs needsGit
		if errors.As(err, &needs) {
			return f.finishWithGit(ctx, program, w, needs)
		}
	}
	f.useGit(w.url, reason)
	if err := os.RemoveAll(w.dir); err != nil {
		return got{}, err
	}
	g, err := f.program(program, w.url).checkout(ctx, w)
	return g, explainHostKey(w.url, err)
}

// program is the git program at path, for a remote.
func (f *fetcher) program(path, url string) gitProgram {
	return gitProgram{path: path, notes: f.notes, access: f.access, local: manifests.IsLocal(url)}
}

func (f *fetcher) useGit(url, reason string) {
	f.why = append(f.why, reason)
	f.notes.printf("fetching %s with the git program (%s)", url, reason)
}

// whyNotGoGit names what go-git's transports cannot do, or nothing.
func whyNotGoGit(url string) string {
	scheme, _, ok := strings.Cut(url, "://")
	switch scheme = strings.ToLower(scheme); {
	case manifests.IsLocal(url), ok && (scheme == "https" || scheme == "http"):
		return ""
	case ok && scheme == "git":
		return "go-git cannot cancel the git protocol"
	default:
		return "go-git does not read the configuration of ssh"
	}
}

func isFinal(err error) bool {
	return errors.Is(err, errNoBranch) || errors.Is(err, errEmpty) || errors.Is(err, errFinal)
}
