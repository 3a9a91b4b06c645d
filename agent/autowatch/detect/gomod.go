package detect

import (
	"errors"
	"path"
	"regexp"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

// goModules knows go.mod and go.work. A pseudo-version is a commit, which was
// the head of a branch when it was written; any other version that is none is
// a branch that is yet to be looked up. Versions are tags.
func goModules() Detector {
	return sheetDetector("go", named("go.mod", "go.work"), func(s *sheet) {
		if path.Base(s.file.Path) == "go.work" {
			s.goWork()
			return
		}
		s.goMod()
	})
}

func (s *sheet) goMod() {
	f, err := modfile.ParseLax("go.mod", []byte(s.text), nil)
	if err != nil {
		s.badGoMod(err)
		return
	}
	replaced := map[string]bool{}
	for _, r := range goReplaces(s.text) {
		replaced[r.old] = true
		s.goModule(r.line, r.path, r.version)
	}
	for _, r := range f.Require {
		if !r.Indirect && !replaced[r.Mod.Path] && !replaced[r.Mod.Path+"@"+r.Mod.Version] {
			s.goModule(r.Syntax.Start.Line, r.Mod.Path, r.Mod.Version)
		}
	}
}

// goWork reads the replacements of a workspace.
func (s *sheet) goWork() {
	for _, r := range goReplaces(s.text) {
		s.goModule(r.line, r.path, r.version)
	}
}

func (s *sheet) badGoMod(err error) {
	var all modfile.ErrorList
	if !errors.As(err, &all) || len(all) == 0 {
		s.failed(err)
		return
	}
	for _, e := range all {
		s.fail(e.Pos.Line, e.Err.Error())
	}
	for _, r := range goReplaces(s.text) {
		s.goModule(r.line, r.path, r.version)
	}
}

// goReplace is one line "old [version] => path [version]".
type goReplace struct {
	line               int
	old, path, version string
}

// goReplaces reads the replacements itself: the lax parser leaves them out, and
// the strict one refuses a branch.
func goReplaces(text string) []goReplace {
	var found []goReplace
	block := ""
	for n, line := range numbered(text) {
		line, _, _ = strings.Cut(line, "//")
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
			continue
		case len(words) == 2 && words[1] == "(":
			block = words[0]
			continue
		case words[0] == ")":
			block = ""
			continue
		case block == "":
			if words[0] != "replace" {
				continue
			}
			words = words[1:]
		case block != "replace":
			continue
		}
		if r, ok := oneGoReplace(words); ok {
			r.line = n
			found = append(found, r)
		}
	}
	return found
}

func oneGoReplace(words []string) (goReplace, bool) {
	for i, w := range words {
		words[i] = strings.Trim(w, "\"`")
	}
	var r goReplace
	switch {
	case len(words) >= 3 && words[1] == "=>":
		r.old = words[0]
		words = words[2:]
	case len(words) >= 4 && words[2] == "=>":
		r.old = words[0] + "@" + words[1]
		words = words[3:]
	default:
		return r, false
	}
	r.path = words[0]
	if len(words) > 1 {
		r.version = words[1]
	}
	return r, true
}

var hashOfVersion = regexp.MustCompile(`^[0-9a-f]{12}$`)

// goModule notes what path at version follows, if it is anything but a tag.
func (s *sheet) goModule(line int, path, version string) {
	if modfile.IsDirectoryPath(path) || version == "" {
		return
	}
	m := Mention{Name: version, Kind: Any, TagFirst: true}
	switch {
	case module.IsPseudoVersion(version):
		m.Name, _ = module.PseudoVersionRev(version)
		if !hashOfVersion.MatchString(m.Name) || strings.Trim(m.Name, "0") == "" {
			return // a placeholder, such as v0.0.0-00010101000000-000000000000
		}
		m.Kind, m.TagFirst = Tip, false
	case semver.IsValid(version):
		return
	case version == "latest" || version == "upgrade" || version == "patch":
		return
	default:
		m.Kind = orCommit(version)
		m.TagFirst = m.Kind == Any
	}
	if m.URL = moduleURL(path); m.URL == "" {
		s.fail(line, "the repository of this module is not told by its path")
		return
	}
	s.note(line, m)
}
