package detect

import (
	"net/url"
	"regexp"
	"strings"
)

var getterPrefix = regexp.MustCompile(`^([A-Za-z0-9]+)::(.+)$`)

// goGetter reads an address of HashiCorp's go-getter, as Terraform takes it for
// modules: "git::https://host/repo.git//sub?ref=x", "github.com/o/r//sub". ok is
// false for what is neither git nor Mercurial: registries, archives, directories.
//
// go-getter clones and checks the ref out, so that a tag wins; with a depth it
// clones with --branch, so that a branch does.
func goGetter(address string) (m Mention, ok bool) {
	m.VCS, m.TagFirst = "git", true
	rest := strings.TrimSpace(address)
	if forced := getterPrefix.FindStringSubmatch(rest); forced != nil {
		if forced[1] != "git" && forced[1] != "hg" {
			return Mention{}, false
		}
		m.VCS, rest = forced[1], forced[2]
	} else if rest, ok = guessGetter(rest); !ok {
		return Mention{}, false
	}
	rest, query, _ := strings.Cut(rest, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		values = url.Values{"ref": {"${"}} // to be reported as what it is: unreadable
	}
	m.Name = values.Get("ref")
	if m.VCS == "hg" {
		m.Name = values.Get("rev")
	}
	m.TagFirst = values.Get("depth") == ""
	m.URL = gitURL(beforeSubdirectory(rest))
	return m, true
}

// guessGetter is what go-getter does with an address that does not say what it is.
func guessGetter(address string) (string, bool) {
	switch {
	case strings.HasPrefix(address, "github.com/"), strings.HasPrefix(address, "bitbucket.org/"):
		return firstOfForge(address)
	case strings.HasPrefix(address, "git@"), strings.HasPrefix(address, "ssh://git@"), strings.HasPrefix(address, "git://"):
		return address, true
	}
	return "", false
}

// firstOfForge makes an address of host/owner/repository/anything?query.
func firstOfForge(address string) (string, bool) {
	address, query, _ := strings.Cut(address, "?")
	parts := strings.SplitN(beforeSubdirectory(address), "/", 4)
	if len(parts) < 3 || parts[1] == "" || parts[2] == "" {
		return "", false
	}
	return "https://" + strings.Join(parts[:3], "/") + "?" + query, true
}

// beforeSubdirectory cuts off what follows a "//" that is not the one of the scheme.
func beforeSubdirectory(address string) string {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		before, _, _ := strings.Cut(address, "//")
		return before
	}
	before, _, _ := strings.Cut(rest, "//")
	return scheme + "://" + before
}
