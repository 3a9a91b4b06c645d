package detect

import (
	"path"
	"regexp"
	"strings"
)

// How scripts write the directory that they are in themselves.
const (
	itself       = `"?\$(?:0|\{0\}|BASH_SOURCE|\{BASH_SOURCE(?:\[0\])?\})"?`
	itselfReal   = `(?:` + itself + `|"?\$\((?:readlink -f|realpath) (?:-- )?` + itself + `\)"?)`
	directory    = "(?:\\$\\( ?dirname (?:-- )?" + itselfReal + " ?\\)|`dirname (?:-- )?" + itself + "`|" + `\$\{(?:0|BASH_SOURCE(?:\[0\])?)%/\*\})`
	entered      = `(?:cd (?:-P |-- )*|readlink -f |realpath )"?` + directory + `((?:/[\w.-]+)*)"?(?: *(?:[0-9&]*>&? *[\w/]+ *)*(?:&&|;) *pwd(?: -P)?)?`
	ownDirectory = `(?:\$\( ?` + entered + " ?\\)|`" + entered + "`|" + directory + `)`
	ownName      = `\$\(basename (?:-- )?` + itself + `\)`
	topDirectory = "(?:\\$\\(git rev-parse --show-toplevel\\)|`git rev-parse --show-toplevel`)"
)

var (
	atOwnDirectory = regexp.MustCompile(`^` + ownDirectory + `((?:/[\w.-]+)*)/?$`)
	// unbroken is what stands in a word as it is written: a variable of Azure's or a
	// command of one word, and where the script or its work tree is.
	unbroken = regexp.MustCompile("^(?:\\$\\([\\w.]+\\)|" + ownDirectory + "|" + topDirectory + "|" + ownName + ")")
)

// scriptDirectory is what follows the directory of the script itself, if that is
// how a word begins.
func scriptDirectory(word string) (below string, ok bool) {
	parts := atOwnDirectory.FindStringSubmatch(word)
	if parts == nil {
		return "", false
	}
	return strings.TrimPrefix(strings.Join(parts[1:], ""), "/"), true
}

// shownDirectory is how the value of a variable says that it is such a place, ""
// if it is none.
func shownDirectory(value string) string {
	if below, ok := scriptDirectory(value); ok {
		return strings.TrimSuffix(`$(dirname $0)/`+below, "/")
	}
	if wholeTop.MatchString(value) {
		return `$(git rev-parse --show-toplevel)`
	}
	return ""
}

var wholeTop = regexp.MustCompile(`^` + topDirectory + `$`)

func (sh *shell) changeDirectory(words []dockerWord) {
	to := ""
	if len(words) > 0 {
		to = sh.expand(words[len(words)-1].text)
	}
	sh.place.at = sh.directory(to)
}

// directory is one that a command names, if it is written out, or as seen from
// that of the script itself or from the top of the work tree; else "".
func (sh *shell) directory(to string) string {
	if below, ok := scriptDirectory(to); ok && sh.place.file != "" {
		return path.Join(sh.place.dir(), below)
	}
	at := sh.place.at
	if below, ok := belowTop(to); ok && sh.calls != nil {
		at, to = sh.calls.top, below
	}
	if at == "" || !plainPath.MatchString(to) || to == "-" {
		return ""
	}
	return path.Join(at, to)
}

var serviceTop = regexp.MustCompile(`^(?:\$\{\{ *github\.workspace *\}\}|\$\{?(?:GITHUB_WORKSPACE|CI_PROJECT_DIR|CI_WORKSPACE|WORKSPACE|TRAVIS_BUILD_DIR|DRONE_WORKSPACE)\}?|` +
	topDirectory + `)(?:/|$)`)

// belowTop is a directory as seen from the top of the work tree, if it begins
// with how a service calls that.
func belowTop(dir string) (below string, ok bool) {
	top := serviceTop.FindString(dir)
	return path.Join(".", dir[len(top):]), top != ""
}

var plainPath = regexp.MustCompile(`^(?:[\w.+-]+/?)+$`)
