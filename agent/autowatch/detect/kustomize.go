package detect

import (
	"net/url"
	"slices"
	"strings"
)

// kustomize knows the remote bases of a kustomization. It fetches the ref by
// its name, so that a tag wins over a branch.
func kustomize() Detector {
	return sheetDetector("Kustomize", named("kustomization.yaml", "kustomization.yml", "Kustomization"), func(s *sheet) {
		for _, doc := range s.yamlTrees() {
			for _, key := range []string{"resources", "bases", "components", "crds", "generators", "transformers", "validators"} {
				for _, resource := range doc.at(key).list() {
					if m, ok := kustomizeTarget(resource.str()); ok {
						s.note(resource.line, m)
					}
				}
			}
			for _, file := range slices.Concat(doc.at("patches").list(), []*node{doc.at("openapi")}) {
				if m, ok := rawFile(file.value("path")); ok {
					s.note(file.lineOf("path"), m)
				}
			}
			for _, key := range []string{"configMapGenerator", "secretGenerator"} {
				for _, generator := range doc.at(key).list() {
					s.kustomizeFiles(generator.at("files").list())
				}
			}
		}
	})
}

// kustomizeFiles reads the files of a generator: "name=file", or only the file.
func (s *sheet) kustomizeFiles(files []*node) {
	for _, file := range files {
		address := file.str()
		if _, after, ok := strings.Cut(address, "="); ok && !strings.HasPrefix(address, "http") {
			address = after
		}
		if m, ok := rawFile(address); ok {
			s.note(file.line, m)
		}
	}
}

// kustomizeTarget reads the address of a base, or of a file as a forge shows it.
// ok is false for files and directories, here or elsewhere on the web.
func kustomizeTarget(target string) (m Mention, ok bool) {
	target = strings.TrimPrefix(strings.TrimSpace(target), "git::")
	if m, ok := rawFile(target); ok {
		return m, true
	}
	address, query, _ := strings.Cut(target, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return Mention{}, false
	}
	m.Name, m.TagFirst = values.Get("ref"), true
	if m.Name == "" {
		m.Name = values.Get("version")
	}
	switch {
	case strings.HasPrefix(address, "github.com/"), strings.HasPrefix(address, "github.com:"):
		address = "https://github.com/" + address[len("github.com/"):]
	case strings.HasPrefix(address, "gh:"):
		address = "https://github.com/" + address[len("gh:"):]
	case !isRemote(address):
		return Mention{}, false
	}
	m.URL = repositoryOf(gitURL(address))
	web := strings.HasPrefix(m.URL, "http")
	if web && query == "" && isManifest(address) && !strings.Contains(address, ".git/") {
		return Mention{}, false
	}
	return m, m.URL != "" && !strings.Contains(address, "raw.githubusercontent.com/")
}

func isManifest(address string) bool { return isYAML(address) || strings.HasSuffix(address, ".json") }

// repositoryOf cuts off a path within the repository: behind "//", ".git" or
// "/_git/NAME", or else behind owner and name.
func repositoryOf(address string) string {
	start := pathStart(address)
	if start < 0 || start >= len(address) {
		return ""
	}
	head, path := address[:start+1], address[start+1:]
	if before, _, ok := strings.Cut(path, "//"); ok && before != "" {
		return head + before
	}
	if before, _, ok := strings.Cut(path+"/", ".git/"); ok {
		return head + before + ".git"
	}
	words := strings.Split(strings.Trim(path, "/"), "/")
	keep := 2
	for i, word := range words {
		if word == "_git" {
			keep = i + 2
		}
	}
	if len(words) < 2 || len(words) < keep {
		return ""
	}
	return head + strings.Join(words[:keep], "/")
}
