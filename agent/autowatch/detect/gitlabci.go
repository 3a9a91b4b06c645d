package detect

import (
	"cmp"
	"regexp"
	"strings"
)

// gitlabCI knows the files and components that a pipeline of GitLab includes.
// GitLab looks a ref up as git does, a tag before a branch.
func gitlabCI() Detector {
	wants := anyOf(isGitLab, below(".gitlab", ".gitlab-ci", "gitlab-ci"))
	return sheetDetector("GitLab CI", wants, func(s *sheet) {
		known := projectsNamed(s.text)
		for _, doc := range s.yamlTrees() {
			p := gitlabPipeline{sheet: s, host: gitlabHost(doc), known: known, usual: s.usualGitLab()}
			doc.tables(func(table *node) {
				for _, include := range table.at("include").some() {
					p.include(include)
				}
			})
		}
	})
}

// isGitLab wants what is a whole pipeline by its name.
var isGitLab = named(".gitlab-ci.yml", ".gitlab-ci.yaml", "*.gitlab-ci.yml", "*.gitlab-ci.yaml")

// gitlabPipeline is a pipeline with what it says of where it runs.
type gitlabPipeline struct {
	*sheet
	host  string            // with the scheme; "" if it does not say it
	known map[string]string // the hosts of projects whose addresses are somewhere in its text
	usual string            // where it most likely runs
}

// usualGitLab is the GitLab of KDE for what its pipelines build, which have a
// file of their own for that.
func (s *sheet) usualGitLab() string {
	if s.beside(".kde-ci.yml") != "" {
		return "https://invent.kde.org"
	}
	return "https://gitlab.com"
}

var projectAddress = regexp.MustCompile(`https?://([A-Za-z0-9.:-]+)/([\w.-]+(?:/[\w.-]+)+)`)

// projectsNamed has the hosts of the projects that have their addresses in the
// text, which may be in comments.
func projectsNamed(text string) map[string]string {
	hosts := map[string]string{}
	for _, parts := range projectAddress.FindAllStringSubmatch(text, maxMentions) {
		project, _, _ := strings.Cut(parts[2], "/-/")
		project = strings.TrimSuffix(strings.TrimRight(project, "."), ".git")
		if hosts[project] == "" && hostName.MatchString(parts[1]) {
			hosts[project] = "https://" + parts[1]
		}
	}
	return hosts
}

// gitlabHost is where a pipeline runs, as far as it says so itself: components
// are always of the GitLab that includes them.
func gitlabHost(doc *node) string {
	host := ""
	doc.tables(func(table *node) {
		for _, include := range table.at("include").some() {
			if first, _, ok := strings.Cut(include.value("component"), "/"); ok && host == "" && hostName.MatchString(first) {
				host = "https://" + first
			}
		}
	})
	return host
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(:\d+)?$`)

// include reads one entry of "include".
func (p gitlabPipeline) include(include *node) {
	project := strings.Trim(include.value("project"), "/")
	component, remote := include.value("component"), include.value("remote")
	if include.shape == isText && strings.Contains(include.text, "://") {
		remote = include.text
	}
	switch {
	case project != "":
		p.note(include.lineOf("project"), p.here(Mention{Name: include.value("ref"), TagFirst: true}, project))
	case component != "":
		p.component(component, include.lineOf("component"))
	case remote != "":
		if m, ok := rawFile(remote); ok {
			p.note(include.lineOf("remote"), m)
		}
	}
}

// here is a mention of a project at the GitLab that runs the pipeline. Where the
// pipeline does not say which that is, it most likely is the one that it has an
// address of the project at, or else the one where most are.
func (p gitlabPipeline) here(m Mention, project string) Mention {
	m.URL, m.Instead, m.Unsure = "^/"+project, p.host, p.host == ""
	if m.Unsure {
		m.Instead = cmp.Or(p.known[project], p.usual)
	}
	return m
}

var partialVersion = regexp.MustCompile(`^\d+(\.\d+)?$`)

// component reads "host/group/project/component@name". The host may be
// the variable for the one that the pipeline runs at.
func (p gitlabPipeline) component(component string, line int) {
	path, name, _ := strings.Cut(component, "@")
	last := strings.LastIndexByte(path, '/')
	if last < 0 {
		return
	}
	path = path[:last]
	m := Mention{URL: "https://" + path, Name: name, TagFirst: true}
	for _, host := range []string{"$CI_SERVER_FQDN/", "$CI_SERVER_HOST/", "${CI_SERVER_FQDN}/", "${CI_SERVER_HOST}/"} {
		if project, ok := strings.CutPrefix(path, host); ok {
			m = p.here(m, project)
		}
	}
	if name == "~latest" || partialVersion.MatchString(name) {
		m.Kind = Version
	}
	p.note(line, m)
}

var (
	rawGitLab = regexp.MustCompile(`^(https?://[^/]+/.+?)/(?:-/)?raw/(refs/heads/|refs/tags/|branch/|tag/|commit/)?([^/?]+)/([^?]+)`)
	rawGitHub = regexp.MustCompile(`^https?://raw\.github(?:usercontent)?\.com/([^/]+/[^/]+)/(refs/heads/|refs/tags/)?([^/?]+)/([^?]+)`)
	shownFile = regexp.MustCompile(`^(https?://github\.com/[^/]+/[^/]+)/blob/(refs/heads/|refs/tags/)?([^/?]+)/([^?]+)\?raw=(?:true|1)$`)
)

// rawKinds are what stands before the name where an address says what that is.
var rawKinds = map[string]Kind{"refs/tags/": Tag, "tag/": Tag, "commit/": Commit}

// rawFile reads the address of a file as a forge shows it. The first word
// behind "raw" is taken for the branch, unless the remote has one with more of them.
func rawFile(address string) (m Mention, ok bool) {
	if parts := rawGitHub.FindStringSubmatch(address); parts != nil {
		return Mention{URL: "https://github.com/" + parts[1], Name: parts[3], Kind: rawKinds[parts[2]], More: parts[4]}, true
	}
	for _, form := range []*regexp.Regexp{shownFile, rawGitLab} {
		if parts := form.FindStringSubmatch(address); parts != nil {
			return Mention{URL: parts[1], Name: parts[3], Kind: rawKinds[parts[2]], More: parts[4]}, true
		}
	}
	return Mention{}, false
}
