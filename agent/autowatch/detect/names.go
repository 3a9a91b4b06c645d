package detect

import "strings"

// orCommit is the kind of a name where a commit may be given by the beginning
// of its hash.
func orCommit(name string) Kind {
	if len(name) >= 7 && len(name) <= 64 && isHex(name) {
		return Commit
	}
	return Any
}

// choice is what a file asks for by separate keys, of which it sets one.
type choice struct {
	branch, tag, commit, name string
	branchFirst               bool // of a tag and a branch of one name, it is the branch
}

// mention is the choice at url. A commit that is shorter or no hash at all
// may be anything.
func (c choice) mention(url string) Mention {
	m := Mention{URL: url}
	switch {
	case c.commit != "":
		m.Name, m.Kind = c.commit, orCommit(c.commit)
	case c.tag != "":
		m.Name, m.Kind = c.tag, Tag
	case c.branch != "":
		m.Name, m.Kind = c.branch, Branch
	default:
		m.Name = c.name
	}
	m.TagFirst = m.Kind == Any && m.Name != "" && !c.branchFirst
	return m
}

// gitURL is what git takes for a URL as package managers write it: without
// "git+", and with "ssh://git@host:o/r" in the form that has no scheme.
func gitURL(url string) string {
	url = strings.TrimPrefix(strings.TrimSpace(url), "git+")
	rest, ok := strings.CutPrefix(url, "ssh://")
	if !ok {
		return url
	}
	host, _, _ := strings.Cut(rest, "/")
	before, port, ok := strings.Cut(host[strings.LastIndexByte(host, '@')+1:], ":")
	if !ok || isDigits(port) || before == "" {
		return url
	}
	return rest // git@host:o/r
}

func isDigits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// isGitURL tells whether a URL's scheme alone says that git is meant.
func isGitURL(url string) bool {
	if strings.HasPrefix(url, "git+") {
		return strings.Contains(url, "://") || isSCP(url[len("git+"):])
	}
	return strings.HasPrefix(url, "git://") || strings.HasPrefix(url, "ssh://") || isSCP(url)
}

// isSCP tells whether url has the form user@host:path.
func isSCP(url string) bool {
	host, path, ok := strings.Cut(url, ":")
	user, host, at := strings.Cut(host, "@")
	return ok && at && user != "" && host != "" && path != "" && !strings.HasPrefix(path, "//") &&
		!strings.ContainsAny(user+host, "/ #?")
}

// onForge is the URL of owner/name at a forge that package managers have a
// short word for, "" if it is none.
func onForge(forge, repo string) string {
	hosts := map[string]string{
		"github": "github.com", "gitlab": "gitlab.com", "bitbucket": "bitbucket.org", "codeberg": "codeberg.org",
		"sourcehut": "git.sr.ht",
	}
	host := hosts[forge]
	owner, name, ok := strings.Cut(strings.Trim(strings.TrimSpace(repo), "/"), "/")
	if host == "" || !ok || owner == "" || name == "" || forge != "gitlab" && strings.Contains(name, "/") {
		return ""
	}
	return "https://" + host + "/" + owner + "/" + strings.TrimSuffix(name, ".git")
}
