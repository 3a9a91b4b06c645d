package detect

import (
	"regexp"
	"strings"
)

// kubernetes knows the objects that have a controller follow a repository: those
// of Argo CD, Flux and Fleet, and what Kubeflow is deployed from.
func kubernetes() Detector {
	return sheetDetector("Kubernetes", isYAML, func(s *sheet) {
		s.fluxSync()
		if !hintOfGitOps.MatchString(s.text) || !hintOfKind.MatchString(s.text) {
			s.argoValues()
			return
		}
		for _, doc := range s.yamlTrees() {
			for _, object := range append(doc.at("items").list(), doc) {
				s.gitOps(object)
			}
		}
	})
}

var hintOfGitOps = regexp.MustCompile(`(?m)^[ -]*["']?apiVersion["']?: *["']?(argoproj\.io|source\.toolkit\.fluxcd\.io|fleet\.cattle\.io|helm\.fluxcd\.io|kfdef\.apps\.kubeflow\.org)/`)

var hintOfKind = regexp.MustCompile(`(?m)^[ -]*["']?kind["']?: *["']?(Application|ApplicationSet|GitRepository|GitRepo|HelmRelease|KfDef)\b`)

func (s *sheet) gitOps(object *node) {
	api, _, _ := strings.Cut(object.value("apiVersion"), "/")
	spec := object.at("spec")
	switch {
	case api == "argoproj.io" && strings.HasPrefix(object.value("kind"), "Application"):
		spec.tables(s.argoSource)
	case api == "source.toolkit.fluxcd.io" && object.value("kind") == "GitRepository":
		m := fluxRef(spec.at("ref"))
		m.URL = spec.value("url")
		s.note(spec.lineOf("url"), m)
	case api == "fleet.cattle.io" && object.value("kind") == "GitRepo":
		c := choice{branch: spec.value("branch"), commit: spec.value("revision")}
		if c == (choice{}) {
			c.branch = "master" // as Fleet has it
		}
		s.note(spec.lineOf("repo"), c.mention(spec.value("repo")))
	case api == "kfdef.apps.kubeflow.org":
		for _, repo := range spec.at("repos").list() {
			if m, ok := archiveFile(repo.value("uri")); ok {
				s.note(repo.lineOf("uri"), m)
			}
		}
	case api == "helm.fluxcd.io":
		s.note(spec.at("chart").lineOf("git"), Mention{URL: spec.value("chart", "git"), Name: spec.value("chart", "ref")})
	}
}

// repoURL is what values have for Argo CD's own word, however they write it.
var (
	repoURL    = []string{"repoURL", "repoUrl"}
	hintOfArgo = regexp.MustCompile(`(?i)repoURL`)
)

// argoValues reads the sources of Argo CD in the values of a chart that makes
// applications of them.
func (s *sheet) argoValues() {
	if !hintOfArgo.MatchString(s.text) {
		return
	}
	for _, doc := range s.quietTrees() {
		doc.tables(func(table *node) {
			isSource := table.at("targetRevision") != nil || table.value("path") != "" // without a name HEAD is followed
			if url, _ := table.firstOf(repoURL...); isSource && !isComputed(url) {
				s.argoSource(table)
			}
		})
	}
}

var hintOfSync = regexp.MustCompile(`(?m)^ +sync:`)

// fluxSync reads what an instance of Flux is to follow, as its operator or the
// chart that makes one is told.
func (s *sheet) fluxSync() {
	if !hintOfSync.MatchString(s.text) || !strings.Contains(s.text, "GitRepository") && !strings.Contains(s.text, "FluxInstance") {
		return
	}
	for _, doc := range s.quietTrees() {
		isInstance := doc.value("kind") == "FluxInstance"
		doc.tables(func(table *node) {
			sync := table.at("sync")
			if kind := sync.value("kind"); sync.value("ref") != "" && (kind == "GitRepository" || kind == "" && isInstance) {
				s.note(sync.lineOf("url"), Mention{URL: sync.value("url"), Name: sync.value("ref")})
			}
		})
	}
}

var semverRange = regexp.MustCompile(`^[v=<>^~*]*[0-9]*(\.[0-9x*]+)*\.?[x*]$|^[<>^~=*!]|\|\|| - |, *[<>=^~]`)

// argoSource reads a source of an Argo CD application, or a generator of an
// ApplicationSet. One with a chart is a registry of Helm's.
func (s *sheet) argoSource(source *node) {
	url, line := source.firstOf(repoURL...)
	if url == "" || source.value("chart") != "" || strings.HasPrefix(url, "oci://") {
		return
	}
	name, _ := source.firstOf("targetRevision", "revision")
	m := Mention{URL: url, Name: name}
	if semverRange.MatchString(name) {
		m.Kind = Version
	}
	s.note(line, m)
}

// fluxRef is what Flux follows: of several the first of these.
func fluxRef(ref *node) Mention {
	switch {
	case ref.value("commit") != "":
		return Mention{Name: ref.value("commit"), Kind: Commit}
	case ref.value("name") != "":
		return Mention{Name: ref.value("name")} // a full ref
	case ref.value("semver") != "":
		return Mention{Name: ref.value("semver"), Kind: Version}
	case ref.value("tag") != "":
		return Mention{Name: ref.value("tag"), Kind: Tag}
	case ref.value("branch") != "":
		return Mention{Name: ref.value("branch"), Kind: Branch}
	}
	return Mention{Name: "master", Kind: Branch} // as Flux has it
}
