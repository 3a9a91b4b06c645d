package detect

import "strings"

// unityPackages knows Packages/manifest.json of Unity: the address of a
// repository in the place of a version, "?path=" a directory in it, "#" a name.
func unityPackages() Detector {
	wants := func(file string) bool { return strings.HasSuffix("/"+file, "/Packages/manifest.json") }
	return sheetDetector("Unity", wants, func(s *sheet) {
		for _, d := range s.jsonTree().at("dependencies").members() {
			address, name, _ := strings.Cut(d.str(), "#")
			address, _, _ = strings.Cut(strings.TrimPrefix(address, "git+"), "?")
			if isGitURL(address) || strings.HasSuffix(address, ".git") && isRemote(address) {
				s.note(d.line, choice{commit: name}.mention(gitURL(address)))
			}
		}
	})
}
