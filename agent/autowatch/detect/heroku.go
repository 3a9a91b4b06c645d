package detect

import (
	"path"
	"strings"
)

// buildpacks knows what Heroku and those that do as it does build an application with:
// app.json, and .buildpacks with an address in each line. A name may follow "#".
func buildpacks() Detector {
	return sheetDetector("buildpacks", named("app.json", ".buildpacks"), func(s *sheet) {
		if path.Base(s.file.Path) == ".buildpacks" {
			for n, line := range numbered(s.text) {
				s.buildpack(n, strings.TrimSpace(line))
			}
			return
		}
		if !strings.Contains(strings.ToLower(s.text), "buildpack") {
			return // most files of the name are of other programs
		}
		app := s.jsonTree()
		for _, pack := range app.at("buildpacks").list() {
			s.buildpack(pack.lineOf("url"), pack.value("url"))
		}
		for _, name := range []string{"BUILDPACK_URL", "BUILDPACK"} {
			variable := app.at("env", name)
			if variable != nil && variable.shape == isTable {
				variable = variable.at("value")
			}
			s.buildpack(app.at("env").lineOf(name), variable.str())
		}
	})
}

// buildpack takes the address of a repository; a release is an archive, and
// those of Heroku's own registry have no address.
func (s *sheet) buildpack(line int, address string) {
	if m, ok := archiveFile(address); ok {
		s.note(line, m)
		return
	}
	address, name, _ := strings.Cut(address, "#")
	if looksLikeGit(address) {
		s.note(line, Mention{URL: gitURL(address), Name: name})
	}
}
