package detect

import (
	"path"
	"strings"
)

// ansibleGalaxy knows the roles and collections that ansible-galaxy fetches:
// requirements files and the dependencies of roles. galaxy clones and checks
// out, so that a tag wins over a branch.
func ansibleGalaxy() Detector {
	wants := anyOf(
		named("requirements.yml", "requirements.yaml", "*requirements.yml", "*requirements.yaml", "requirements_*.yml", "requirements-*.yml", "*_roles.yml", "*-roles.yml", "ansible-requirements.*", "Ansiblefile.yml"),
		func(file string) bool {
			return strings.HasSuffix("/"+file, "/meta/main.yml") || strings.HasSuffix("/"+file, "/meta/main.yaml")
		},
		func(file string) bool { return isYAML(file) && path.Base(path.Dir(file)) == "requirements" },
	)
	return sheetDetector("Ansible Galaxy", wants, func(s *sheet) {
		for _, doc := range s.yamlTrees() {
			s.galaxyRoles(doc.list()) // how it was before there were collections
			s.galaxyRoles(doc.at("roles").list())
			if strings.Contains(s.file.Path, "meta/") {
				s.galaxyRoles(doc.at("dependencies").list())
			}
			for _, collection := range doc.at("collections").list() {
				s.galaxyCollection(collection)
			}
		}
	})
}

func (s *sheet) galaxyRoles(roles []*node) {
	for _, role := range roles {
		if role.shape == isText {
			src, version, _ := strings.Cut(role.text, ",")
			version, _, _ = strings.Cut(version, ",") // the name follows
			s.galaxyRole(src, "", version, role.line)
			continue
		}
		src, line := role.firstOf("src", "role", "name")
		src, version, _ := strings.Cut(src, ",")
		version, _, _ = strings.Cut(version, ",")
		if v := role.value("version"); v != "" {
			version = v
		}
		s.galaxyRole(src, role.value("scm"), version, line)
	}
}

// galaxyRole takes a role that comes from a repository. Without the word for
// that it is an archive, or has a name on Galaxy.
func (s *sheet) galaxyRole(src, scm, version string, line int) {
	m := Mention{VCS: "git", URL: strings.TrimSpace(src), TagFirst: true}
	if p, ok := pipURL(src); ok {
		m.VCS, m.URL, m.Name = p.VCS, p.URL, p.Name
	} else if scm == "hg" {
		m.VCS = "hg"
	} else if scm != "git" && !looksLikeGit(m.URL) {
		return
	}
	if version = strings.TrimSpace(version); version != "" {
		m.Name = version
	}
	m.URL = gitURL(m.URL)
	s.note(line, m)
}

func (s *sheet) galaxyCollection(c *node) {
	if c.shape == isText {
		c = &node{shape: isTable, line: c.line, named: map[string]*node{"name": c}}
	}
	address, line := c.firstOf("source", "name")
	if c.value("type") == "git" && !isRemote(address) {
		address, line = c.value("name"), c.lineOf("name")
	} else if c.value("type") != "git" {
		address, line = c.value("name"), c.lineOf("name")
		if !strings.HasPrefix(address, "git+") && !strings.HasPrefix(address, "git@") {
			return
		}
	}
	address, version, _ := strings.Cut(address, ",")
	if v := c.value("version"); v != "" && v != "*" {
		version = v
	}
	address, _, _ = strings.Cut(address, "#") // the directory within
	s.note(line, Mention{URL: gitURL(address), Name: version, TagFirst: true})
}
