package detect

import (
	"path"
	"regexp"
	"strings"
)

// azurePipelines knows the repositories that a pipeline of Azure declares.
func azurePipelines() Detector {
	wants := anyOf(named("*azure-pipeline*.y*ml", "*azure_pipeline*.y*ml"),
		below(".azure-pipelines", "azure-pipelines", ".azuredevops", ".pipelines", ".ado"))
	return sheetDetector("Azure Pipelines", wants, func(s *sheet) {
		for _, doc := range s.yamlTrees() {
			for _, repository := range doc.at("resources", "repositories").list() {
				s.azureRepository(repository)
			}
		}
	})
}

func (s *sheet) azureRepository(r *node) {
	name := strings.Trim(r.value("name"), "/")
	m := Mention{Name: strings.TrimPrefix(r.value("ref"), "refs/heads/")}
	if m.Name != r.value("ref") {
		m.Kind = Branch
	}
	switch r.value("type") {
	case "github":
		m.URL = "https://github.com/" + name
	case "bitbucket":
		m.URL = "https://bitbucket.org/" + name
	case "git", "":
		project, repository, both := strings.Cut(name, "/")
		m.URL = "../" + project // of the same project
		if both {
			m.URL = "../../../" + project + "/_git/" + repository
		}
	}
	if name != "" {
		s.note(r.lineOf("name"), m)
	}
}

// buildkite knows the plugins of Buildkite's pipelines. It clones and checks
// out, so that a tag wins.
func buildkite() Detector {
	return sheetDetector("Buildkite", below(".buildkite"), func(s *sheet) {
		for _, doc := range s.yamlTrees() {
			doc.tables(func(table *node) {
				for _, plugin := range table.at("plugins").some() {
					s.buildkitePlugin(plugin.str(), plugin.line)
					for _, named := range plugin.members() {
						s.buildkitePlugin(named.key, named.line)
					}
				}
			})
		}
	})
}

var shortPlugin = regexp.MustCompile(`^(?:([\w-]+)/)?([\w-]+)$`)

func (s *sheet) buildkitePlugin(text string, line int) {
	address, name, _ := strings.Cut(text, "#")
	m := Mention{URL: gitURL(address), Name: name, TagFirst: true}
	if parts := shortPlugin.FindStringSubmatch(address); parts != nil {
		owner := parts[1]
		if owner == "" {
			owner = "buildkite-plugins"
		}
		m.URL = "https://github.com/" + owner + "/" + parts[2] + "-buildkite-plugin"
	} else if !isRemote(address) {
		return // "./here"
	}
	if name != "" || path.Ext(address) == ".git" {
		s.note(line, m)
	}
}

// preCommit knows the hooks of pre-commit. It fetches the rev by its name, so
// that a tag wins. What pip installs beside them, ansibleTasks finds.
func preCommit() Detector {
	return sheetDetector("pre-commit", named(".pre-commit-config.yaml", ".pre-commit-config.yml"), func(s *sheet) {
		for _, doc := range s.yamlTrees() {
			for _, repo := range append(doc.at("repos").list(), doc.list()...) {
				if url := repo.value("repo"); isRemote(url) || strings.HasPrefix(url, ".") {
					rev, _ := repo.firstOf("rev", "sha") // how it was called before
					s.note(repo.lineOf("repo"), Mention{URL: gitURL(url), Name: rev, TagFirst: true})
				}
			}
		}
	})
}
