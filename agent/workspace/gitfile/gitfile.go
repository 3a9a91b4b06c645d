// Package gitfile reads the small text files of git repositories: the config of
// a repository and .gitmodules. What it reads was written by strangers: it is
// bounded, checked, and never makes it run or open anything. It knows neither
// objects nor remotes.
package gitfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"

	"github.com/go-git/go-git/v5/plumbing/format/config"
)

// MaxSize bounds a file that Read reads, in bytes.
const MaxSize = 16 << 20

// Bounds of what is parsed. The parser's time grows with the square of the sections.
const (
	maxText     = 1 << 20 // bytes
	maxSections = 5000
)

// Read reads a regular file of at most MaxSize bytes. It does not follow a
// symbolic link in the last component, and never waits for a pipe.
func Read(name string) ([]byte, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ELOOP) {
		return nil, &fs.PathError{Op: "read", Path: name, Err: errors.New("it is a symbolic link")}
	}
	return readAll(f, name, err)
}

// ReadIn is Read for a file below root. It follows symbolic links that stay there.
func ReadIn(root *os.Root, name string) ([]byte, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	return readAll(f, name, err)
}

func readAll(f *os.File, name string, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "read", Path: name, Err: errors.New("not a regular file")}
	}
	data, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err != nil {
		return nil, err
	}
	if len(data) > MaxSize {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fmt.Errorf("larger than %d bytes", MaxSize)}
	}
	return data, nil
}

// Module is one submodule of a .gitmodules file.
type Module struct {
	Name   string
	Path   string // below the top of the work tree, with slashes; passes CheckPath
	URL    string // as written: may be relative to the URL of the superproject
	Branch string // "" pins it, "." means the branch of the superproject
}

// ParseModules reads a .gitmodules file. Of the submodules that are not fit for
// use it says why, and returns the others.
func ParseModules(text []byte) ([]Module, []error) {
	raw, err := decode(text)
	if err != nil {
		return nil, []error{fmt.Errorf(".gitmodules: %w", err)}
	}
	var modules []Module
	var errs []error
	for _, section := range raw.Sections {
		if !section.IsName("submodule") {
			continue
		}
		for _, sub := range section.Subsections {
			m := Module{
				Name: sub.Name, Path: path.Clean(sub.Option("path")),
				URL: sub.Option("url"), Branch: sub.Option("branch"),
			}
			if err := m.check(); err != nil {
				errs = append(errs, fmt.Errorf(".gitmodules: submodule %.100q: %w", sub.Name, err))
				continue
			}
			modules = append(modules, m)
		}
	}
	return modules, errs
}

func (m Module) check() error {
	if err := checkName(m.Name); err != nil {
		return err
	}
	if m.URL == "" {
		return errors.New("it has no url")
	}
	return CheckPath(m.Path)
}

// checkName refuses what git refuses as the name of a submodule, which it makes a path of.
func checkName(name string) error {
	if name == "" || strings.ContainsAny(name, "\x00\n") {
		return errors.New("bad name")
	}
	for part := range strings.FieldsFuncSeq(name, func(r rune) bool { return r == '/' || r == '\\' }) {
		if part == ".." {
			return errors.New("its name leads out of the repository")
		}
	}
	return nil
}

// CheckPath refuses a path in a work tree that is absolute, leads out of it or into .git.
func CheckPath(p string) error {
	if p == "" || p == "." || !fs.ValidPath(p) {
		return fmt.Errorf("path %.100q does not stay inside the work tree", p)
	}
	for part := range strings.SplitSeq(p, "/") {
		if strings.EqualFold(part, ".git") {
			return fmt.Errorf("path %.100q leads into .git", p)
		}
	}
	if strings.IndexFunc(p, func(r rune) bool { return r < ' ' || r == 0x7f }) >= 0 {
		return fmt.Errorf("path %.100q holds a control character", p)
	}
	return nil
}

// Config is what a repository's config says of its remotes.
type Config struct {
	Remotes  map[string]string // name to first URL
	Branches map[string]Branch // name to upstream
	Worktree string            // core.worktree
}

// Branch is where a branch pulls from.
type Branch struct {
	Remote string
	Merge  string // a full ref
}

// ParseConfig reads the config of a repository. Includes are not followed.
func ParseConfig(text []byte) (Config, error) {
	raw, err := decode(text)
	if err != nil {
		return Config{}, fmt.Errorf("git config: %w", err)
	}
	c := Config{Remotes: map[string]string{}, Branches: map[string]Branch{}}
	for _, section := range raw.Sections {
		switch {
		case section.IsName("core"):
			if w := section.Option("worktree"); w != "" {
				c.Worktree = w
			}
		case section.IsName("remote"):
			for _, sub := range section.Subsections {
				if urls := sub.OptionAll("url"); len(urls) > 0 && c.Remotes[sub.Name] == "" {
					c.Remotes[sub.Name] = urls[0]
				}
			}
		case section.IsName("branch"):
			for _, sub := range section.Subsections {
				c.Branches[sub.Name] = Branch{Remote: sub.Option("remote"), Merge: sub.Option("merge")}
			}
		}
	}
	return c, nil
}

func decode(text []byte) (*config.Config, error) {
	if len(text) > maxText {
		return nil, fmt.Errorf("larger than %d bytes", maxText)
	}
	if n := bytes.Count(text, []byte("[")); n > maxSections {
		return nil, fmt.Errorf("more than %d sections", maxSections)
	}
	raw := config.New()
	if err := config.NewDecoder(bytes.NewReader(text)).Decode(raw); err != nil {
		return nil, err
	}
	return raw, nil
}
