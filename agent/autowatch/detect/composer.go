package detect

import (
	"regexp"
	"strings"
)

// composerManifests knows composer.json. There, a repository and the package
// that comes from it are written apart: what belongs together is told by
// composer.lock, or else by the names.
func composerManifests() Detector {
	return sheetDetector("composer", named("composer.json", "composer.local.json"), func(s *sheet) {
		root := s.jsonTree()
		c := composer{sheet: s, locked: map[string]*node{}}
		for _, r := range root.at("repositories").anyItems() {
			c.repository(r)
		}
		c.recipes(root.at("extra", "symfony", "endpoint"))
		for _, dir := range []string{"../../", "../", ""} { // a package of a larger repository is locked above
			lock, _, _ := readJSON(s.beside(dir + "composer.lock")) // it is reported where it is read itself
			for _, pkg := range composerPackages(lock) {
				c.locked[strings.ToLower(pkg.str("name"))] = pkg.at("source")
			}
		}
		for _, kind := range []string{"require", "require-dev"} {
			for _, r := range root.at(kind).members() {
				c.require(r)
			}
		}
	})
}

// anyItems are the items of a list or of a table.
func (n *node) anyItems() []*node {
	if n == nil {
		return nil
	}
	return n.items
}

type composer struct {
	*sheet
	remotes    []Mention // of repositories: VCS and URL
	locked     map[string]*node
	registries bool // there are others than Packagist, or that is not to be asked
}

// repository reads an entry of repositories; one of the type package has the
// package written out.
func (c *composer) repository(r *node) {
	vcs, url := composerVCS(r.str("type")), r.str("url")
	if r.str("type") == "composer" || strings.HasPrefix(r.key, "packagist") || r.at("packagist.org") != nil || r.at("packagist") != nil {
		c.registries = true
	}
	if vcs != "" && url != "" && url[0] != '.' {
		c.remotes = append(c.remotes, Mention{VCS: vcs, URL: gitURL(url)})
	}
	if r.str("type") != "package" {
		return
	}
	packages := r.at("package").list()
	if packages == nil {
		packages = []*node{r.at("package")}
	}
	for _, pkg := range packages {
		source := pkg.at("source")
		if vcs := composerVCS(source.str("type")); vcs != "" {
			name := strings.TrimPrefix(source.scalar("reference"), "origin/")
			m := Mention{VCS: vcs, URL: gitURL(source.str("url")), Name: name, Kind: orCommit(name)}
			m.TagFirst = m.Kind == Any && name != ""
			c.note(source.lineOf("url"), m)
		}
	}
}

// recipeIndex is where the index of a repository of recipes is.
var recipeIndex = regexp.MustCompile(`^https://api\.github\.com/repos/([\w.-]+/[\w.-]+)/contents/[^?]*(?:\?ref=([^&]+))?$`)

// recipes reads where Symfony Flex takes its recipes from.
func (c *composer) recipes(endpoints *node) {
	for _, endpoint := range endpoints.some() {
		m, ok := rawFile(endpoint.str())
		if parts := recipeIndex.FindStringSubmatch(endpoint.str()); parts != nil {
			m, ok = Mention{URL: "https://github.com/" + parts[1], Name: parts[2]}, true
		}
		if ok {
			c.note(endpoint.line, m)
		}
	}
}

func composerVCS(kind string) string {
	switch kind {
	case "vcs", "git", "github", "gitlab", "bitbucket", "git-bitbucket", "forgejo":
		return "git"
	case "hg":
		return "hg"
	}
	return ""
}

// require notes what a requirement names, if it is a branch.
func (c *composer) require(r *node) {
	for version := range strings.SplitSeq(r.text, "|") {
		branch, commit, ok := composerBranch(version)
		if !ok {
			continue
		}
		m, known := c.remote(strings.ToLower(r.key))
		if !known {
			m, known = c.usual(r.key, branch)
		}
		switch {
		case !known && commit == "":
			c.fail(r.line, "the repository of this package is not known")
			return
		case !known:
			return // it does not move
		}
		m.Name, m.Kind = branch, Branch
		if commit != "" {
			m.Name, m.Kind = commit, Commit
		}
		c.note(r.line, m)
	}
}

// advisories is a package that half of all projects ask for, and only by its branch.
const advisories = "roave/security-advisories"

// usual is where most packages of Packagist are: at GitHub, by the same name.
// Only the remote can tell whether it is. With other registries in use it is
// as likely to be elsewhere.
func (c *composer) usual(name, branch string) (Mention, bool) {
	if strings.EqualFold(name, advisories) {
		name = "Roave/SecurityAdvisories"
	}
	url := onForge("github", name)
	return Mention{URL: url, Unsure: true}, !c.registries && url != "" && branch != "" && packageName.MatchString(name)
}

var packageName = regexp.MustCompile(`^[\w.-]+/[\w.-]+$`)

// composerBranch is the branch that a version stands for: dev-main, 2.x-dev,
// dev-main#commit, "dev-fix as 1.0".
func composerBranch(version string) (branch, commit string, ok bool) {
	version, _, _ = strings.Cut(strings.TrimSpace(version), " ")
	version, _, _ = strings.Cut(version, "@")
	version, commit, _ = strings.Cut(version, "#")
	if branch, ok = strings.CutPrefix(version, "dev-"); ok {
		return branch, commit, branch != ""
	}
	if strings.HasSuffix(version, ".x-dev") {
		return strings.TrimSuffix(version, "-dev"), commit, true
	}
	return "", "", version == "9999999-dev" // of a repository whose main branch had no name
}

// remote is where a package comes from: what the lock says, a repository with
// its full name, one with its name.
func (c *composer) remote(name string) (Mention, bool) {
	if m, ok := composerSource(c.locked[name]); ok {
		return m, true
	}
	_, short, _ := strings.Cut(name, "/")
	for _, want := range []string{name, short} {
		for _, m := range c.remotes {
			url := strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(m.URL), "/"), ".git")
			if strings.HasSuffix(url, "/"+want) || strings.HasSuffix(url, ":"+want) {
				return m, true
			}
		}
	}
	if len(c.remotes) == 1 && name != advisories {
		return c.remotes[0], true
	}
	return Mention{}, false
}

func composerSource(source *node) (Mention, bool) {
	vcs := composerVCS(source.str("type"))
	url := source.str("url")
	if vcs == "" || url == "" || url[0] == '.' {
		return Mention{}, false
	}
	return Mention{VCS: vcs, URL: gitURL(url)}, true
}

// composerLocks knows composer.lock. That a commit is asked for stands only in
// composer.json.
func composerLocks() Detector {
	return sheetDetector("composer-lock", named("composer.lock"), func(s *sheet) {
		pinned := map[string]bool{}
		manifest, _, _ := readJSON(s.beside("composer.json")) // it is reported where it is read itself
		for _, kind := range []string{"require", "require-dev"} {
			for _, r := range manifest.at(kind).members() {
				pinned[strings.ToLower(r.key)] = strings.Contains(r.text, "#")
			}
		}
		for _, pkg := range composerPackages(s.jsonTree()) {
			source := pkg.at("source")
			m, ok := composerSource(source)
			branch, _, dev := composerBranch(pkg.str("version"))
			if !ok || !dev {
				continue
			}
			m.Name, m.Kind = branch, Branch
			switch {
			case pinned[strings.ToLower(pkg.str("name"))]:
				m.Name, m.Kind = source.str("reference"), Commit
			case branch == "":
				m.Kind = Any
			}
			s.note(source.lineOf("url"), m)
		}
	})
}

func composerPackages(lock *node) []*node {
	return append(append([]*node{}, lock.at("packages").list()...), lock.at("packages-dev").list()...)
}
