package detect

import (
	"net/url"
	"strings"
)

// poetryLocks knows poetry.lock.
func poetryLocks() Detector {
	return sheetDetector("poetry", named("poetry.lock"), func(s *sheet) {
		for _, pkg := range s.tomlTree().at("package").list() {
			source := pkg.at("source")
			if source.str("type") != "git" {
				continue
			}
			name := source.str("reference")
			s.note(source.lineOf("url"), Mention{
				URL: gitURL(source.str("url")), Name: name, Kind: resolved(name, source.str("resolved_reference")),
			})
		}
	})
}

// resolved is the kind of a name for which commit was taken: the name may be
// the beginning of its hash.
func resolved(name, commit string) Kind {
	if strings.HasPrefix(commit, name) {
		return orCommit(name)
	}
	return Any
}

// uvLocks knows uv.lock.
func uvLocks() Detector {
	return sheetDetector("uv", named("uv.lock"), func(s *sheet) {
		s.tomlTree().each(nil, func(_ []string, n *node) {
			if address := n.str("git"); address != "" {
				m := lockedURL(address)
				m.TagFirst = false
				s.note(n.lineOf("git"), m)
			}
		})
	})
}

// lockedURL reads "https://host/o/r?branch=main#commit", as uv and Cargo write
// what was asked for and what was taken.
func lockedURL(address string) Mention {
	address, commit, _ := strings.Cut(address, "#")
	address, query, _ := strings.Cut(address, "?")
	asked, _ := url.ParseQuery(query) // what cannot be read is not there
	c := choice{branch: asked.Get("branch"), tag: asked.Get("tag"), commit: asked.Get("rev")}
	m := c.mention(gitURL(address))
	if c.commit != "" {
		m.Kind = resolved(c.commit, commit)
		m.TagFirst = m.Kind == Any
	}
	return m
}

// pdmLocks knows pdm.lock.
func pdmLocks() Detector {
	return sheetDetector("pdm", named("pdm.lock"), func(s *sheet) {
		for _, pkg := range s.tomlTree().at("package").list() {
			if address := pkg.str("git"); address != "" {
				name := pkg.str("ref")
				s.note(pkg.lineOf("git"), Mention{URL: gitURL(address), Name: name, Kind: resolved(name, pkg.str("revision"))})
			}
		}
	})
}

// standardLocks knows pylock.toml.
func standardLocks() Detector {
	return sheetDetector("pylock", named("pylock.toml", "pylock.*.toml"), func(s *sheet) {
		for _, pkg := range s.tomlTree().at("packages").list() {
			source := pkg.at("vcs")
			if vcs := source.str("type"); vcs == "git" || vcs == "hg" {
				name := source.str("requested-revision")
				s.note(source.lineOf("url"), Mention{
					VCS: vcs, URL: gitURL(source.str("url")), Name: name, Kind: resolved(name, source.str("commit-id")),
				})
			}
		}
	})
}
