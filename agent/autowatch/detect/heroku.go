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

// foundry knows the manifests of Cloud Foundry: an application is built with
// the buildpacks that it lists, by name or by address.
func foundry() Detector {
	return sheetDetector("Cloud Foundry", named("manifest*.y*ml", "*manifest.y*ml"), func(s *sheet) {
		if !strings.Contains(s.text, "buildpack") {
			return
		}
		for _, doc := range s.quietTrees() {
			for _, app := range append(doc.at("applications").list(), doc) {
				for _, pack := range append(app.at("buildpacks").list(), app.at("buildpack")) {
					if address := pack.value(); isRemote(address) && !isComputed(address) {
						s.buildpack(pack.line, address)
					}
				}
			}
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
	if strings.HasSuffix(strings.ToLower(address), ".zip") {
		return
	}
	address, name, _ := strings.Cut(address, "#")
	if looksLikeGit(address) {
		s.note(line, Mention{URL: gitURL(address), Name: name})
	}
}
