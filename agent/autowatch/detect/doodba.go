package detect

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// doodbaAddons knows the addons.yaml of Doodba. A repository that has no entry in the
// repos.yaml beside it is the OCA's of that name, at the version of Odoo.
func doodbaAddons() Detector {
	wants := func(file string) bool {
		return path.Base(file) == "addons.yaml" && strings.HasSuffix(path.Dir("/"+file), "/src")
	}
	return sheetDetector("Doodba", wants, func(s *sheet) {
		known := newSheet(File{Path: s.file.Path, Text: []byte(s.beside("repos.yaml"))}).quietTrees()
		if len(known) == 0 {
			return
		}
		around := s.surroundings()
		for _, doc := range s.yamlTrees() {
			for _, repo := range doc.members() {
				if isDoodbaRepo(repo.key) && !slices.ContainsFunc(known, func(n *node) bool { return n.at(repo.key) != nil || n.at("./"+repo.key) != nil }) {
					s.doodbaRepo(repo, around)
				}
			}
		}
	})
}

// doodbaRepo notes a repository by the pattern that the project has for those.
func (s *sheet) doodbaRepo(repo *node, around *dockerfile) {
	pattern, name := around.values["DEFAULT_REPO_PATTERN"], around.expand("$ODOO_VERSION")
	if pattern == "" {
		pattern = "https://github.com/OCA/{}.git"
	}
	s.note(repo.line, Mention{URL: strings.Replace(pattern, "{}", repo.key, 1), Name: name, TagFirst: true})
}

// isDoodbaRepo tells whether a key is not one of those with another meaning.
func isDoodbaRepo(key string) bool {
	return isPlainWord(key) && !slices.Contains([]string{"private", "odoo", "ENV", "ONLY"}, key)
}

const maxAbove = 4 // directories in which what runs a project is looked for

// surroundings are the variables that Compose gives to the images of the project which a file
// is in: those of .env, and the arguments and variables that services get.
func (s *sheet) surroundings() *dockerfile {
	for n := range maxAbove {
		dir := strings.Repeat("../", n)
		d := &dockerfile{sheet: s, values: dotEnv(s.beside(dir + ".env"))}
		for _, name := range []string{"common.yaml", "docker-compose.yml", "docker-compose.yaml", "compose.yml", "compose.yaml"} {
			composed := newSheet(File{Path: name, Text: []byte(s.beside(dir + name))})
			for _, doc := range composed.quietTrees() {
				for _, service := range doc.at("services").members() {
					d.given(service.at("build", "args"))
					d.given(service.at("environment"))
				}
			}
		}
		if len(d.values) > 0 {
			return d
		}
	}
	return &dockerfile{sheet: s, values: map[string]string{}}
}

// given takes in variables, as a table or as a list of "name=value"; the first counts.
func (d *dockerfile) given(n *node) {
	values := map[string]string{}
	for _, member := range n.members() {
		values[member.key] = d.expand(member.value())
	}
	for _, item := range n.list() {
		if name, value, ok := strings.Cut(item.str(), "="); ok {
			values[name] = d.expand(value)
		}
	}
	maps.Copy(values, d.values)
	if len(values) <= maxValues {
		d.values = values
	}
}

var envLine = regexp.MustCompile(`(?m)^(?:export +)?(\w+)=["']?([^"'\s#]*)`)

// dotEnv are the variables of a file of such lines.
func dotEnv(text string) map[string]string {
	values := map[string]string{}
	for _, parts := range envLine.FindAllStringSubmatch(text, maxValues) {
		values[parts[1]] = parts[2]
	}
	return values
}
