// Package detect finds the remotes that the files of a project name: one
// detector per ecosystem, each a function from the text of a file to mentions.
//
// A detector is pure. It runs nothing, asks no remote and reads nothing but the
// text it is handed and, through File.Read, files beside it. It does not decide
// what is watched: whether a name is a branch that moves or a tag that does not
// is found out by those who can ask the remote.
package detect

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Kind is what a file says of the name it asks a remote for.
type Kind int

// The kinds of names.
const (
	Any     Kind = iota // a branch, a tag or a commit; "" is the remote's HEAD
	Branch              // a branch
	Tag                 // a tag: never live
	Commit              // a commit: never live
	Tip                 // a commit, which counts as live as long as it is the head of a branch
	Version             // a range of versions, answered by tags: never live
	Latest              // the newest version, answered by a tag; without any version it is HEAD
)

// Mention is one place in a file that names a remote.
type Mention struct {
	VCS string // "git" or "hg"
	// URL is for the tool of that VCS. "./x" and "../x" are relative to the work
	// tree's own remote, and "^/x" to the top of the host of that.
	URL  string
	Name string // a branch, tag, commit or full ref; "" is the remote's HEAD
	Kind Kind
	// More is what follows the name in an address: as names may have slashes in
	// them, it may go on there.
	More string
	// TagFirst says that the tool takes the tag where a tag and a branch have
	// the name; otherwise it takes the branch.
	TagFirst bool
	// Instead is what "." means where there is no work tree to tell, and the host
	// of "^/x" where the remote of the work tree is on another.
	Instead string
	// Unsure says that the address is what it most likely is: it counts only if
	// a remote answers there and has the branch.
	Unsure bool
	// Own says that without a name the branch of the work tree is meant where
	// the address is that of its own remote.
	Own  bool
	File string // within the workspace, slash-separated
	Line int    // from 1
}

// File is a file that a detector wants.
type File struct {
	Path string // within the workspace, slash-separated
	Text []byte // all of it: longer files are not handed out
	// Read returns another file of the workspace, named relative to the
	// directory of this one. Like Text it is bounded; it never leads out of the
	// workspace. May be nil.
	Read func(name string) ([]byte, error)
	// List returns the names in a directory of the workspace, which is named as
	// for Read; those of directories end in a slash. Bounded. May be nil.
	List func(dir string) []string
}

// Detector knows the files of one ecosystem.
type Detector struct {
	Name string // such as "npm"
	// Wants tells whether the file of this path is one of them.
	Wants func(path string) bool
	// Find returns what the file names. err says what of it could not be read;
	// what was found besides counts all the same. It never panics.
	Find func(f File) ([]Mention, error)
}

// All lists the detectors. They keep nothing between two files, so many may use
// them at once.
var All = sync.OnceValue(func() []Detector { return slices.Concat(languages(), deployments()) })

// Skips tells whether a directory, by its path in the workspace, holds other
// people's files, examples for tests or what new projects are begun with: what
// they name is no dependency of the project around them.
func Skips(dir string) bool {
	name := path.Base(dir)
	return strings.HasPrefix(name, ".git") && name != ".github" && name != ".gitea" && !strings.HasPrefix(name, ".gitlab") ||
		strings.HasSuffix(dir, "pkg/mod") || // Go's copies of modules
		name == "data" && isBelow(dir, "test", "tests", "spec", "specs") ||
		name == "templates" && isBelow(dir, "generators") ||
		strings.Contains(name, "{{") || // a name that cookiecutter puts in
		slices.Contains([]string{
			"node_modules", "bower_components", "vendor", "vendor_modules", "site-packages", "__pycache__", ".venv", "venv", ".tox", ".nox", ".terraform",
			".bundle", ".eggs", "testdata", "testfiles", "fixtures", "__fixtures__", ".hg", ".svn", ".cache",
			"Pods", "Carthage", "_deps", "_build", "_opam", "dist-newstyle", ".stack-work", ".cargo", ".dart_tool", ".pub-cache", ".pixi",
		}, name)
}

// PipelineTop returns the directory that a file would have to be at the top of a
// work tree for, if a service that runs pipelines looks for it there alone.
func PipelineTop(file string) (dir string, ok bool) {
	parts := ownPipeline.FindStringSubmatch("/" + file)
	if parts == nil {
		return "", false
	}
	return path.Join(".", parts[1]), true
}

var ownPipeline = regexp.MustCompile(`^(.*)/(?:\.(?:github|gitea|forgejo)/workflows/[^/]+|\.circleci/[^/]+|\.travis\.yml|\.cirrus\.yml|\.?appveyor\.yml)$`)

// isBelow tells whether dir is in a directory of one of these names.
func isBelow(dir string, names ...string) bool {
	around := strings.Split(path.Dir(dir), "/")
	return slices.ContainsFunc(names, func(name string) bool { return slices.Contains(around, name) })
}
