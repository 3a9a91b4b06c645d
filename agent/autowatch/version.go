package autowatch

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// The shapes of names that tell versions from branches where nobody can be asked.
var (
	// words, numbers, and what versions end with: "release-1.2.3-rc1", "OpenSSL_1_1_1w"
	shapeOfVersion = regexp.MustCompile(`^(?:([a-z][a-z0-9+_.-]*?)([-_.@=]?))?v?[-_.]?(\d+(?:[._-]\d+)*)[a-z]?` +
		`(?:[-_.+~]?(?:rc|alpha|beta|a|b|c|cr|pre|preview|post|dev|final|ga|release|snapshot|m|p|pl|patch|sp|r|build|hotfix|u)[-_.]?\d+(?:[._-]\d+)*|[-_.](?:final|ga|release|alpha|beta|rc|snapshot))*` +
		`(?:\+[0-9a-z.-]+)?$`)
	// three numbers, and whatever follows: "v1.2.3-acme"
	shapeOfLong = regexp.MustCompile(`^(?:[a-z][a-z0-9]*[-_@])?v?\d+\.\d+\.\d+[-+._][0-9a-z.+_-]+$`)
	shapeOfDate = regexp.MustCompile(`(?:^|[^0-9])20\d\d[-._]?(?:0[1-9]|1[0-2])[-._]?(?:0[1-9]|[12]\d|3[01])(?:$|[^0-9])`)
	// "maple.3", as in open-release/maple.3
	shapeOfNamed = regexp.MustCompile(`^[a-z]+\.\d+[a-z0-9.]*$`)
)

// isVersion guesses whether a name is a tag for a version. Series such as "1.x",
// "stable/4.2", "nixos-23.11" and "release-1.28" are branches; "1.2" is a version.
func isVersion(name string) bool {
	dir, last := path.Split(strings.ToLower(name))
	top, _, _ := strings.Cut(dir, "/")
	if isBranchDir(top) || isSeries(last) {
		return false
	}
	if shapeOfDate.MatchString(last) {
		return true
	}
	word, separator, numbers := shape(last)
	release := slices.Contains([]string{"release", "releases", "rel"}, top)
	switch {
	case dir != "" && shapeOfNamed.MatchString(last):
		return true
	case numbers >= 3, shapeOfLong.MatchString(last), numbers > 0 && strings.Contains(last, "+"):
		return true
	case numbers == 0 || release:
		return false
	case word == "" || separator == "@":
		return true
	case numbers == 2:
		return isVersionWord(word) || slices.Contains([]string{"n", "yocto"}, word)
	}
	return isVersionWord(word)
}

// shape takes a name apart: "foo-1.2rc1" is the word "foo", "-" and two numbers.
func shape(name string) (word, separator string, numbers int) {
	m := shapeOfVersion.FindStringSubmatch(name)
	if m == nil {
		return "", "", 0
	}
	return m[1], m[2], 1 + len(strings.FieldsFunc(m[3], func(r rune) bool { return r >= '0' && r <= '9' }))
}

func isVersionWord(word string) bool {
	return slices.Contains([]string{"v", "ver", "version", "rel", "r", "tag", "build", "b", "rc"}, word)
}

// isBranchDir reports whether what a name begins with, before the slash, is for branches.
func isBranchDir(dir string) bool {
	return slices.Contains([]string{
		"feature", "features", "feat", "bugfix", "fix", "fixes", "bug", "hotfix", "support", "topic", "user", "users", "wip", "dependabot",
		"renovate", "stable", "maint", "maintenance", "branch", "branches", "backport", "backports", "dev", "develop", "heads", "team", "series",
		"chore", "refactor", "experimental", "experiment",
	}, dir)
}

// isSeries reports whether a part of the name says that it moves.
func isSeries(name string) bool {
	parts := strings.FieldsFunc(name, func(r rune) bool { return strings.ContainsRune("-_.@", r) })
	if slices.ContainsFunc(parts, func(p string) bool { return p == "x" || p == "y" }) {
		return true
	}
	_, _, numbers := shape(name)
	if numbers >= 3 || shapeOfDate.MatchString(name) {
		return false
	}
	if strings.HasPrefix(name, "rel1_") && len(parts) == 2 {
		return true // MediaWiki
	}
	return slices.ContainsFunc(parts, func(p string) bool {
		return slices.Contains([]string{
			"master", "main", "develop", "devel", "dev", "trunk", "branch", "stable", "unstable", "testing", "next", "head", "maint",
			"maintenance", "lts", "latest", "nightly", "edge", "series", "wip",
		}, p)
	})
}

// isSeries reports whether a name that looks like a version is a branch where it
// stands: Odoo and all its addons call their branches "16.0".
func (l lead) isSeries() bool {
	major, ok := strings.CutSuffix(l.name, ".0")
	if l.name != "6.1" && !(ok && slices.Contains(strings.Fields("6 7 8 9 10 11 12 13 14 15 16 17 18 19 20"), major)) {
		return strings.HasPrefix(l.name, "saas-")
	}
	url := strings.ToLower(l.url)
	if strings.Contains(url, "odoo") || strings.Contains(url, "/oca/") || strings.Contains(url, ":oca/") || strings.Contains(url, "openerp") {
		return true
	}
	file, _, _ := strings.Cut(path.Base(l.from), ":")
	return path.Ext(file) == ".cfg" || slices.Contains([]string{"oca_dependencies.txt", "repos.yaml", "repos.yml"}, file)
}
