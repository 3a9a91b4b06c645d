package detect

import "strings"

// compose knows the repositories that Compose builds images from.
func compose() Detector {
	wants := named("docker-compose*.yml", "docker-compose*.yaml", "compose*.yml", "compose*.yaml", "*.compose.yml", "*.compose.yaml", "podman-compose*.yml")
	return sheetDetector("Compose", wants, func(s *sheet) {
		for _, doc := range s.yamlTrees() {
			for _, service := range doc.at("services").members() {
				build := service.at("build")
				s.buildContext(build)
				s.buildContext(build.at("context"))
				for _, context := range build.at("additional_contexts").members() {
					s.buildContext(context)
				}
			}
			for _, include := range doc.at("include").list() {
				s.buildContext(include)
				for _, path := range include.at("path").some() {
					s.buildContext(path)
				}
			}
		}
	})
}

// bake knows the repositories that docker buildx bake builds from.
func bake() Detector {
	return sheetDetector("docker bake", named("docker-bake*.hcl", "docker-bake*.json"), func(s *sheet) {
		if strings.HasSuffix(s.file.Path, ".json") {
			for _, target := range s.jsonTree().at("target").members() {
				s.buildContext(target.at("context"))
				for _, context := range target.at("contexts").members() {
					s.buildContext(context)
				}
			}
			return
		}
		for _, a := range hclAttributes(s.text) {
			if len(a.path) > 1 && a.path[0] == "target" && (a.key == "context" || a.path[len(a.path)-1] == "contexts") {
				s.buildContext(&node{shape: isText, text: a.value, line: a.line})
			}
		}
	})
}

// buildContext notes a context that is a repository.
func (s *sheet) buildContext(n *node) {
	if m, ok := buildContext(n.str()); ok {
		s.note(n.line, m)
	}
}

// buildContext reads a context as Docker does: "https://host/o/r.git#ref:directory".
// ok is false for directories and archives.
func buildContext(text string) (m Mention, ok bool) {
	text = strings.TrimSpace(text)
	address, fragment, _ := strings.Cut(text, "#")
	if rest, found := strings.CutPrefix(address, "github.com/"); found {
		address = "https://github.com/" + rest
	} else if address, query, _ := strings.Cut(address, "?"); !isGitURL(address) && !strings.HasSuffix(address, ".git") {
		return Mention{}, false
	} else if query != "" {
		fragment = queryRef(query, fragment)
	}
	address, _, _ = strings.Cut(address, "?")
	if !isRemote(address) {
		return Mention{}, false
	}
	m.URL = gitURL(address)
	m.Name, _, _ = strings.Cut(fragment, ":")
	return m, true
}

// queryRef is what the query of a context names, in the form of a fragment.
func queryRef(query, fragment string) string {
	for part := range strings.SplitSeq(query, "&") {
		for _, key := range []string{"ref=", "branch=", "tag=", "commit="} {
			if value, ok := strings.CutPrefix(part, key); ok {
				return value
			}
		}
	}
	return fragment
}
