package detect

import (
	"path"
	"regexp"
	"strings"
)

// actions knows what workflows and actions of GitHub, Gitea and Forgejo use, and
// what configurations of CodeQL do. A tag wins over a branch there.
func actions() Detector {
	wants := anyOf(named("action.yml", "action.yaml"),
		below(".github/codeql", ".github/workflows", ".gitea/workflows", ".forgejo/workflows", ".github/actions", ".gitea/actions", ".forgejo/actions"))
	return sheetDetector("GitHub Actions", wants, func(s *sheet) {
		home := "https://github.com/"
		if strings.Contains("/"+s.file.Path, "/.forgejo/") {
			home = "https://data.forgejo.org/" // where Forgejo looks unless told otherwise
		}
		for _, doc := range workflowTrees(s.yamlTrees(), nil) {
			s.actionUses(doc, home)
			doc.tables(func(table *node) { s.calledWorkflow(table, home) })
		}
	})
}

var actionRepository = regexp.MustCompile(`^[\w.-]+/[\w.-]+$`)

var actionAddress = regexp.MustCompile(`^(https?://[^/]+/)?([\w.-]+/[\w.-]+)(/[^@]*)?@(.+)$`)

// actionUses reads the steps of a job, and the jobs that are calls.
func (s *sheet) actionUses(doc *node, home string) {
	jobs := map[*node]pushes{}
	if mayPush(s.text) {
		jobs = jobsOf(doc)
	}
	doc.tables(func(table *node) { s.actionUse(table, home, jobs[table]) })
}

// actionUse reads one of a job that pushes.
func (s *sheet) actionUse(step *node, home string, job pushes) {
	parts := actionAddress.FindStringSubmatch(step.value("uses"))
	if parts == nil {
		return // of this repository, or an image
	}
	if parts[1] != "" {
		home = parts[1]
	}
	s.note(step.lineOf("uses"), Mention{URL: home + parts[2], Name: parts[4], TagFirst: true})
	s.actionFiles(step.at("with"))
	switch parts[2] {
	case "github/codeql-action":
		s.analysis(step.at("with"))
	case "r-lib/actions":
		s.rInputs(step.at("with"))
	case "ocaml/setup-ocaml":
		s.opamRepositories(step.at("with", "opam-repositories"))
	}
	if path.Base(parts[2]) == "checkout" && strings.HasPrefix(parts[2], "actions/") {
		s.actionCheckout(step.at("with"), job)
	}
}

// analysis reads the configuration and the queries of CodeQL that stand in other
// repositories.
func (s *sheet) analysis(with *node) {
	for _, key := range []string{"config-file", "queries"} {
		for text := range strings.SplitSeq(strings.TrimPrefix(with.value(key), "+"), ",") {
			if parts := actionAddress.FindStringSubmatch(strings.TrimSpace(text)); parts != nil {
				s.note(with.lineOf(key), Mention{URL: "https://github.com/" + parts[2], Name: parts[4], TagFirst: true})
			}
		}
	}
}

// calledWorkflow reads a workflow beside this one with what a job tells it.
func (s *sheet) calledWorkflow(job *node, home string) {
	file, here := strings.CutPrefix(job.value("uses"), "./")
	dir, base := path.Split(file)
	own := path.Dir(s.file.Path) + "/"
	if !here || !isYAML(base) || !strings.HasSuffix("/"+own, "/"+dir) || len(job.at("with").members()) == 0 {
		return
	}
	given := map[string]string{}
	for _, input := range job.at("with").members() {
		if len(given) < maxValues {
			given["inputs."+input.key] = input.value()
		}
	}
	called := newSheet(File{Path: own + base, Text: []byte(s.beside(base))})
	for _, doc := range workflowTrees(called.quietTrees(), given) {
		called.actionUses(doc, home)
	}
	for _, m := range called.mentions {
		s.note(m.Line, m)
	}
}

// actionFiles reads the files of branches that an action is told to download.
// A picture is shown to somebody, and nothing depends on it.
func (s *sheet) actionFiles(with *node) {
	for _, input := range with.members() {
		address := input.value()
		if strings.ContainsAny(address, " \n$") || pictures.MatchString(address) {
			continue
		}
		if m, ok := rawFile(address); ok {
			s.note(input.line, m)
		}
	}
}

var pictures = regexp.MustCompile(`(?i)\.(png|jpe?g|gif|svg|webp|ico)([?#]|$)`)

// actionCheckout reads what actions/checkout is told to check out. It tries a
// branch before a tag.
func (s *sheet) actionCheckout(with *node, job pushes) {
	repository := with.value("repository")
	if isComputed(repository) || !actionRepository.MatchString(repository) || job.reach(with.value("path"), repository) {
		return // most often the one that the workflow is in
	}
	server := strings.TrimRight(with.value("github-server-url"), "/")
	if server == "" {
		server = "https://github.com"
	}
	s.note(with.lineOf("repository"), Mention{URL: server + "/" + repository, Name: with.value("ref"), Own: with.value("ref") == ""})
}
