package detect

import (
	"path"
	"strings"
)

// npmManifests knows package.json. What its overrides and resolutions name
// takes the place of other dependencies, so it counts as one.
func npmManifests() Detector {
	return sheetDetector("npm", named("package.json"), func(s *sheet) {
		root := s.jsonTree()
		s.npmDependencies(root, true)
		s.npmNested(root.at("overrides"))
		s.npmNested(root.at("resolutions"))
		s.npmNested(root.at("pnpm", "overrides"))
		s.npmNested(root.at("workspaces", "catalog"))
		s.npmNested(root.at("workspaces", "catalogs"))
		s.npmScripts(root.at("scripts"))
	})
}

// npmScripts reads what the scripts that npm runs by itself install from git.
func (s *sheet) npmScripts(scripts *node) {
	for _, name := range []string{"preinstall", "install", "postinstall", "prepare", "prebuild", "build", "pretest", "test"} {
		script := scripts.at(name)
		for word := range strings.FieldsSeq(script.str()) {
			if strings.HasPrefix(word, "git+") {
				s.npmSpec(script.line, strings.Trim(word, `"'`))
			}
		}
	}
}

// npmDependencies reads the tables of dependencies of a package. Only those of
// one's own packages are installed with what they need to be developed.
func (s *sheet) npmDependencies(pkg *node, own bool) {
	for _, kind := range []string{"dependencies", "optionalDependencies", "devDependencies", "peerDependencies"} {
		if own || kind == "dependencies" || kind == "optionalDependencies" {
			s.npmNested(pkg.at(kind))
		}
	}
}

// npmNested reads a table of specs, which may nest.
func (s *sheet) npmNested(n *node) {
	n.each(nil, func(_ []string, n *node) {
		if n.shape == isText {
			s.npmSpec(n.line, n.text)
		}
	})
}

func (s *sheet) npmSpec(line int, spec string) {
	if m, ok := npmSpec(spec); ok {
		s.note(line, m)
	}
}

// npmLocks knows package-lock.json, which names what its packages ask for and
// the commits that were taken.
func npmLocks() Detector {
	return sheetDetector("npm-lock", named("package-lock.json", "npm-shrinkwrap.json", ".package-lock.json"), func(s *sheet) {
		root := s.jsonTree()
		for _, pkg := range root.at("packages").members() {
			s.npmDependencies(pkg, !strings.Contains("/"+pkg.key, "/node_modules/"))
			s.npmTaken(pkg.lineOf("resolved"), pkg.str("resolved"))
		}
		s.npmLocked(root.at("dependencies"), 0)
	})
}

// npmLocked reads the nested dependencies of the first version of the format.
func (s *sheet) npmLocked(n *node, depth int) {
	for _, pkg := range n.members() {
		s.npmTaken(pkg.lineOf("version"), pkg.str("version"))
		s.npmSpec(pkg.lineOf("from"), afterName(pkg.str("from")))
		s.npmNested(pkg.at("requires"))
		if depth < maxDepth {
			s.npmLocked(pkg.at("dependencies"), depth+1)
		}
	}
}

// npmTaken notes a commit that was taken. Without one, it is an archive.
func (s *sheet) npmTaken(line int, spec string) {
	if m, ok := npmSpec(spec); ok && m.Kind == Commit {
		s.note(line, m)
	}
}

// afterName is the spec in name@spec, where the name may begin with an @.
// Where there is no name, it is all of it.
func afterName(s string) string {
	i := strings.IndexByte(strings.TrimPrefix(s, "@"), '@')
	if i < 0 {
		return s
	}
	name, spec := s[:len(s)-len(strings.TrimPrefix(s, "@")[i:])], strings.TrimPrefix(s, "@")[i+1:]
	if strings.Contains(name, ":") || strings.Count(name, "/") > 1 || name == "git" || strings.Contains(name, "/") && name[0] != '@' {
		return s // an address with a user
	}
	return spec
}

// yarnLocks knows yarn.lock, of the old format and of the new one: both have
// entries headed by a list of name@spec.
func yarnLocks() Detector {
	return sheetDetector("yarn", named("yarn.lock"), func(s *sheet) {
		for n, line := range numbered(s.text) {
			trimmed := strings.TrimSpace(line)
			switch {
			case strings.HasPrefix(trimmed, "#"):
			case line == trimmed && strings.HasSuffix(line, ":"):
				for key := range strings.SplitSeq(strings.TrimSuffix(line, ":"), ",") {
					s.npmSpec(n, afterName(strings.Trim(key, ` "`)))
				}
			case strings.HasPrefix(trimmed, "resolved "):
				s.npmTaken(n, strings.Trim(trimmed[len("resolved "):], ` "`))
			case strings.HasPrefix(trimmed, "resolution: "):
				s.npmTaken(n, afterName(strings.Trim(trimmed[len("resolution: "):], ` "`)))
			}
		}
	})
}

// pnpmFiles knows pnpm-lock.yaml, and the catalogs of pnpm-workspace.yaml.
func pnpmFiles() Detector {
	return sheetDetector("pnpm", named("pnpm-lock.yaml", "pnpm-workspace.yaml"), func(s *sheet) {
		for _, root := range s.yamlTrees() {
			s.npmNested(root.at("overrides"))
			if path.Base(s.file.Path) == "pnpm-workspace.yaml" {
				s.npmNested(root.at("catalog"))
				s.npmNested(root.at("catalogs"))
				continue
			}
			s.pnpmLock(root)
		}
	})
}

func (s *sheet) pnpmLock(root *node) {
	s.npmNested(root.at("specifiers"))
	s.pnpmImporter(root)
	for _, importer := range root.at("importers").members() {
		s.npmNested(importer.at("specifiers"))
		s.pnpmImporter(importer)
	}
	for _, pkg := range root.at("packages").members() {
		if r := pkg.at("resolution"); r.str("type") == "git" {
			s.note(r.lineOf("repo"), choice{commit: r.scalar("commit")}.mention(gitURL(r.str("repo"))))
		}
	}
}

// pnpmImporter reads the dependencies of one of the own packages, each a table
// with the specifier.
func (s *sheet) pnpmImporter(n *node) {
	for _, kind := range []string{"dependencies", "devDependencies", "optionalDependencies"} {
		for _, d := range n.at(kind).members() {
			s.npmSpec(d.lineOf("specifier"), d.str("specifier"))
		}
	}
}

// bunLocks knows bun.lock, which is JSON with a comma behind the last item.
func bunLocks() Detector {
	return sheetDetector("bun", named("bun.lock"), func(s *sheet) {
		s.text = relaxed(s.text)
		root := s.jsonTree()
		for _, workspace := range root.at("workspaces").members() {
			s.npmDependencies(workspace, true)
		}
		s.npmNested(root.at("overrides"))
		for _, pkg := range root.at("packages").members() {
			items := pkg.list()
			if len(items) == 0 {
				continue
			}
			if m, ok := npmSpec(afterName(items[0].text)); ok && m.Name != "" {
				m.Kind = Commit // of a repository at GitHub the beginning of its hash
				m.TagFirst = false
				s.note(items[0].line, m)
			}
			for _, item := range items[1:] {
				s.npmDependencies(item, false)
			}
		}
	})
}
