package detect

import (
	"path"
	"regexp"
	"strings"
)

// archives are the addresses at which forges make an archive of what a name has
// at present. A branch may have slashes in it.
var archives = []struct {
	address *regexp.Regexp // the repository, and the name
	host    string         // before the repository
}{
	{regexp.MustCompile(`^https?://(?:www\.)?github\.com/([^/]+/[^/]+)/archive/(.+?)\.(?:zip|tar\.gz|tgz|tar\.bz2)$`), "https://github.com/"},
	{regexp.MustCompile(`^https?://(?:www\.)?github\.com/([^/]+/[^/]+)/(?:tarball|zipball)/(.+?)/?$`), "https://github.com/"},
	{regexp.MustCompile(`^https?://codeload\.github\.com/([^/]+/[^/]+)/(?:legacy\.)?(?:zip|tar\.gz)/(.+?)/?$`), "https://github.com/"},
	{regexp.MustCompile(`^https?://codeberg\.org/([^/]+/[^/]+)/archive/(.+?)\.(?:zip|tar\.gz|bundle)$`), "https://codeberg.org/"},
	{regexp.MustCompile(`^https?://bitbucket\.org/([^/]+/[^/]+)/get/(.+?)\.(?:zip|tar\.gz|tar\.bz2)$`), "https://bitbucket.org/"},
	{regexp.MustCompile(`^(https?://[^/]+/.+?)/-/archive/(.+?)/[^/]+\.(?:zip|tar|tar\.gz|tar\.bz2)$`), ""},
}

// archiveFile reads the address of an archive that a forge makes. One whose sum
// is behind it stays what it is.
func archiveFile(address string) (m Mention, ok bool) {
	address, fragment, _ := strings.Cut(address, "#")
	if len(address) > maxURL || strings.Contains(fragment, "sha256=") || strings.Contains(fragment, "md5=") {
		return Mention{}, false
	}
	address, _, _ = strings.Cut(address, "?")
	for _, a := range archives {
		if parts := a.address.FindStringSubmatch(address); parts != nil {
			repository := strings.TrimSuffix(parts[1], ".git")
			return Mention{VCS: "git", URL: a.host + repository, Name: withoutFile(parts[2], repository)}, true
		}
	}
	return Mention{}, false
}

// withoutFile leaves out what a file is to be called, as of
// archive/v1.2/name-1.2.tar.gz, which packages ask for.
func withoutFile(name, repository string) string {
	dir, file := path.Split(name)
	if dir != "" && !strings.HasPrefix(dir, "refs/") && strings.HasPrefix(strings.ToLower(file), strings.ToLower(path.Base(repository))+"-") {
		return strings.TrimSuffix(dir, "/")
	}
	return name
}

// forgeFile reads the address of a file of a branch, or of an archive of one.
func forgeFile(address string) (m Mention, ok bool) {
	if m, ok = rawFile(address); ok {
		return m, true
	}
	return archiveFile(address)
}
