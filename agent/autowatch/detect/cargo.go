package detect

import (
	"slices"
	"strings"
)

// cargoManifests knows Cargo.toml: dependencies of all kinds, and what takes
// the place of others.
func cargoManifests() Detector {
	return sheetDetector("cargo", named("Cargo.toml"), func(s *sheet) {
		s.tomlTree().each(nil, func(keys []string, n *node) {
			url := n.str("git")
			if url == "" || !isCrate(keys) {
				return
			}
			c := choice{branch: n.str("branch"), tag: n.str("tag"), commit: n.str("rev")}
			s.note(n.lineOf("git"), c.mention(gitURL(url)))
		})
	})
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
		for _, pkg := range s.tomlTree().at("package").list() {
			if source := pkg.str("source"); strings.HasPrefix(source, "git+") {
				s.note(pkg.lineOf("source"), lockedURL(source))
			}
		}
	})
}
