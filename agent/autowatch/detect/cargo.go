package detect

import (
	"cmp"
	"path"
	"slices"
	"strings"
)

// cargoManifests knows Cargo.toml: dependencies of all kinds, and what takes
// the place of others.
func cargoManifests() Detector {
	return sheetDetector("cargo", named("Cargo.toml"), func(s *sheet) {
		patched := s.cratePatches()
		s.tomlTree().each(nil, func(keys []string, n *node) {
			url := n.str("git")
			if url == "" || !isCrate(keys) || keys[0] != "patch" && patched(url, cmp.Or(n.str("package"), keys[len(keys)-1])) {
				return
			}
			c := choice{branch: n.str("branch"), tag: n.str("tag"), commit: n.str("rev")}
			s.note(n.lineOf("git"), c.mention(gitURL(url)))
		})
	})
}

// cratePatches tells of a crate of a repository whether the workspace has another
// one in its place: what it was is not taken then.
func (s *sheet) cratePatches() func(url, crate string) bool {
	var patches []*node
	for _, dir := range []string{"", "../", "../../"} {
		patches = append(patches, s.crateIn(dir, "patch").at("patch"))
	}
	return func(url, crate string) bool {
		return slices.ContainsFunc(patches, func(patch *node) bool { return patch.at(url).at(crate) != nil })
	}
}

// crateIn is the manifest in a directory beside, nil where it has no such word.
func (s *sheet) crateIn(dir, word string) *node {
	text := s.beside(dir + "Cargo.toml")
	if !strings.Contains(text, word) {
		return nil
	}
	r := &tomlReader{text: text, line: 1, root: &node{shape: isTable, line: 1}}
	r.read(func(int, error) {}) // it is reported where it is read itself
	return r.root
}

// isMember tells whether this directory is one of a workspace above it, whose
// lock counts then: one that is still here is not looked at.
func (s *sheet) isMember() bool {
	if s.crateIn("", "workspace").at("workspace") != nil {
		return false
	}
	dir := path.Dir(s.file.Path)
	for up, below := "../", path.Base(dir); dir != "." && strings.Count(up, "/") <= 3; up += "../" {
		for _, member := range s.crateIn(up, "workspace").at("workspace", "members").list() {
			if ok, _ := path.Match(strings.TrimPrefix(member.str(), "./"), below); ok {
				return true
			}
		}
		dir = path.Dir(dir)
		below = path.Base(dir) + "/" + below
	}
	return false
}

// isCrate tells whether a table under keys is a dependency.
func isCrate(keys []string) bool {
	if len(keys) < 2 || slices.Contains(keys, "metadata") {
		return false
	}
	return keys[0] == "patch" || keys[0] == "replace" || slices.ContainsFunc(keys[:len(keys)-1], func(key string) bool {
		return strings.HasSuffix(key, "dependencies")
	})
}

// cargoLocks knows Cargo.lock.
func cargoLocks() Detector {
	return sheetDetector("cargo-lock", named("Cargo.lock"), func(s *sheet) {
		if s.isMember() {
			return
		}
		for _, pkg := range s.tomlTree().at("package").list() {
			if source := pkg.str("source"); strings.HasPrefix(source, "git+") {
				s.note(pkg.lineOf("source"), lockedURL(source))
			}
		}
	})
}
