package detect

import (
	"net/url"
	"regexp"
	"strings"
)

// repoWord is owner/name as npm takes it for a repository at GitHub.
var repoWord = regexp.MustCompile(`^[\w][\w.-]*/[\w.-]+$`)

// npmSpec is what a dependency of npm's family names, where it is written in
// the place of a version: a URL, owner/name, github:owner/name, with what is
// wanted of it behind a #. ok is false for a version, a file, an archive that
// no forge makes.
func npmSpec(spec string) (m Mention, ok bool) {
	spec = strings.TrimSpace(spec)
	address, fragment, _ := strings.Cut(spec, "#")
	m.URL, m.Name = npmURL(address)
	if m.URL == "" {
		return Mention{}, false
	}
	if fragment != "" {
		m.Name, m.Kind = npmFragment(fragment)
	}
	m.TagFirst = m.Kind == Any && m.Name != ""
	return m, true
}

// npmFragment reads what is behind the #: a name, "semver:^1", and, joined by
// &, "path:/x" and the key=value pairs of Yarn.
func npmFragment(fragment string) (name string, kind Kind) {
	for part := range strings.SplitSeq(fragment, "&") {
		if plain, err := url.PathUnescape(part); err == nil {
			part = plain
		}
		key, value, _ := strings.Cut(part, "=")
		switch {
		case strings.HasPrefix(part, "semver:"):
			return strings.TrimPrefix(part, "semver:"), Version
		case strings.HasPrefix(part, "path:") || key == "workspace" || key == "cwd" || key == "auth":
		case key == "commit" && value != "":
			return value, Commit
		case key == "head" && value != "":
			return value, Branch
		case key == "tag" && value != "":
			return value, Tag
		case key == "semver" && value != "":
			return value, Version
		default:
			name, kind = part, orCommit(part)
		}
	}
	return name, kind
}

// npmURL is the repository that address means, and the branch where the
// address itself has one. It is "" where none is meant.
func npmURL(address string) (url, branch string) {
	switch {
	case isGitURL(address):
		address, _, _ = strings.Cut(address, "?")
		return gitURL(address), ""
	case strings.HasPrefix(address, "https://") || strings.HasPrefix(address, "http://"):
		return webURL(address)
	case repoWord.MatchString(address):
		return onForge("github", address), ""
	}
	forge, rest, ok := strings.Cut(address, ":")
	if ok && forge == "gist" {
		rest = rest[strings.LastIndexByte(rest, '/')+1:]
		return "https://gist.github.com/" + rest, ""
	}
	if ok {
		return onForge(forge, rest), ""
	}
	return "", ""
}

// webURL is the repository of an address of the web: what ends in .git, and
// a repository's page or archive at the forges that are known.
func webURL(address string) (url, branch string) {
	if m, ok := archiveFile(address); ok {
		return m.URL, m.Name
	}
	address, _, _ = strings.Cut(address, "?")
	if strings.HasSuffix(address, ".git") {
		return address, ""
	}
	_, rest, _ := strings.Cut(address, "://")
	host, repo, _ := strings.Cut(rest, "/")
	host = strings.TrimPrefix(host[strings.LastIndexByte(host, '@')+1:], "www.")
	parts := strings.Split(strings.Trim(repo, "/"), "/")
	switch {
	case host != "github.com" && host != "gitlab.com" && host != "bitbucket.org" || len(parts) < 2:
		return "", ""
	case len(parts) == 2 && !strings.HasSuffix(repo, ".tgz") && !strings.HasSuffix(repo, ".tar.gz"):
		return strings.TrimSuffix(address, "/"), ""
	case len(parts) >= 4 && parts[2] == "tree" && host == "github.com":
		before, _, _ := strings.Cut(address, "/tree/")
		return before, strings.Join(parts[3:], "/")
	}
	return "", ""
}
