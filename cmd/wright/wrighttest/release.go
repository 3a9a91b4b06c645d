package wrighttest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// previousFile names the commit that is the previous release, in the directory
// of the tests.
const previousFile = "testdata/previous-release"

// errShallow means that this clone does not have the previous release.
var errShallow = errors.New("the clone has no such commit")

// previous builds the programs of the previous release once.
var previous = sync.OnceValues(func() (string, error) {
	text, err := os.ReadFile(previousFile)
	if err != nil {
		return "", err
	}
	commit := strings.TrimSpace(string(text))
	if err := exec.Command("git", "cat-file", "-e", commit+"^{commit}").Run(); err != nil {
		return "", fmt.Errorf("commit %.50q: %w", commit, errShallow)
	}
	source, bin := filepath.Join(builtDir(), "previous-source"), filepath.Join(builtDir(), "previous")
	if err := errors.Join(extract(commit, source), os.MkdirAll(filepath.Join(bin, "plugins"), 0o700)); err != nil {
		return "", err
	}
	for from, to := range map[string]string{"./cmd/wright": bin, "./plugins/providers/wright-cloud-process": filepath.Join(bin, "plugins")} {
		cmd := exec.Command("go", "build", "-o", to+string(filepath.Separator), from)
		cmd.Dir, cmd.Env = source, append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("build the previous release: %w\n%s", err, out)
		}
	}
	return bin, os.RemoveAll(source)
})

// extract writes the files of a commit of this repository into a directory.
func extract(commit, dir string) error {
	root, err := exec.Command("git", "rev-parse", "--show-toplevel").Output()
	if err != nil {
		return fmt.Errorf("find the repository: %w", err)
	}
	archive := dir + ".tar"
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"git", "-C", strings.TrimSpace(string(root)), "archive", "--format=tar", "-o", archive, commit},
		{"tar", "-x", "-f", archive, "-C", dir},
	} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, out)
		}
	}
	return os.Remove(archive)
}

// Previously does something with the programs of the previous release, and skips
// the test where the clone does not have it.
func (h *House) Previously(do func()) {
	h.t.Helper()
	dir, err := previous()
	if errors.Is(err, errShallow) {
		h.t.Skip(err)
	}
	if err != nil {
		h.t.Fatal(err)
	}
	h.release = dir
	defer func() { h.release = "" }()
	do()
}

// programs is the directory of those that are started now.
func (h *House) programs() string {
	h.t.Helper()
	if h.release != "" {
		return h.release
	}
	return Programs(h.t)
}
