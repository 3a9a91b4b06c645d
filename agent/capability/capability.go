// Package capability finds out what an agent's host offers to builds, by its
// system, by programs that it has, and by a file that a person wrote. It does
// not know what builds require.
package capability

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// patience bounds how long a program may take to tell its version.
	patience = 10 * time.Second
	// together is how many are asked at the same time.
	together = 4
	// maxLine bounds one capability, maxLines a file of them.
	maxLine, maxLines = 500, 1000
)

// program is asked for its version; what it prints first that looks like one is it.
type program struct {
	capability string
	command    []string
}

// programs are those that builds ask for most, and that answer quickly.
func programs() []program {
	return []program{
		{"docker", []string{"docker", "version", "--format", "{{.Server.Version}}"}}, // the engine's: a client alone builds nothing
		{"podman", []string{"podman", "--version"}},
		{"git", []string{"git", "--version"}},
		{"hg", []string{"hg", "--version", "--quiet"}},
		{"go", []string{"go", "version"}},
		{"python", []string{"python3", "--version"}},
		{"node", []string{"node", "--version"}},
		{"java", []string{"java", "-version"}},
		{"gcc", []string{"gcc", "--version"}},
		{"g++", []string{"g++", "--version"}},
		{"clang", []string{"clang", "--version"}},
		{"make", []string{"make", "--version"}},
		{"cmake", []string{"cmake", "--version"}},
		{"rust", []string{"rustc", "--version"}},
		{"ruby", []string{"ruby", "--version"}},
		{"php", []string{"php", "--version"}},
		{"perl", []string{"perl", "-e", "print $^V"}},
		{"terraform", []string{"terraform", "-version"}},
	}
}

// Detect lists the host's system and architecture, and the programs that the
// agent finds on its path, with their versions: "linux", "amd64", "git 2.39.5".
// What does not answer in time is not there.
func Detect(ctx context.Context) []string {
	all := programs()
	found := make([]string, len(all))
	var asking errgroup.Group
	asking.SetLimit(together)
	for i, p := range all {
		asking.Go(func() error {
			found[i] = p.ask(ctx)
			return nil
		})
	}
	_ = asking.Wait() // nobody fails
	out := []string{runtime.GOOS, runtime.GOARCH}
	for _, c := range found {
		if c != "" {
			out = append(out, c)
		}
	}
	return out
}

// ask returns the capability, or "" if the program is not there.
func (p program) ask(ctx context.Context) string {
	path, err := exec.LookPath(p.command[0])
	if err != nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, path, p.command[1:]...)
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		return ""
	}
	if v := versionIn(said.String()); v != "" {
		return p.capability + " " + v
	}
	return p.capability
}

var versions = regexp.MustCompile(`\d+(\.\d+)+`)

// versionIn is the first thing in what a program said that looks like a version.
func versionIn(said string) string {
	return versions.FindString(said[:min(len(said), 4<<10)])
}

// Parse reads a file of capabilities: one in each line, such as
// "postgresql 15.4 port=5433"; empty lines, and what follows a "#", do not count.
func Parse(text string) ([]string, error) {
	var all []string
	n := 0
	for line := range strings.Lines(text) {
		n++
		line, _, _ = strings.Cut(line, "#")
		line = strings.Join(strings.Fields(line), " ")
		switch {
		case line == "":
			continue
		case len(line) > maxLine:
			return nil, fmt.Errorf("line %d has more than %d bytes", n, maxLine)
		case !wellFormed.MatchString(line):
			return nil, fmt.Errorf("line %d is no capability: write a name, then maybe a version and options, such as postgresql 15.4 port=5433", n)
		case len(all) == maxLines:
			return nil, fmt.Errorf("line %d: more than %d capabilities", n, maxLines)
		}
		all = append(all, line)
	}
	return all, nil
}

// wellFormed is a name as manifests may require it, and words.
var wellFormed = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]*( [^\s\p{Cc}\p{Cf}]+)*$`)
