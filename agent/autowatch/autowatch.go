// Package autowatch finds out what a build depends on: the work trees in its
// workspace, what the files there name, and what the build itself declared.
//
// It reads files and decides, from these and from what remotes say when they are
// asked, what moves and what is pinned. It runs no program and reaches no remote
// itself. It does not know builds, agents or how watches are followed.
package autowatch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wright-build/wright/agent/autowatch/detect"
	"github.com/wright-build/wright/agent/workspace/gitfile"
	"github.com/wright-build/wright/manifests"
)

// Options say what the workspace is, and bound the search. The zero value means
// the defaults.
type Options struct {
	Local      bool          // paths of this machine are watched too; otherwise they are left out with a warning
	Fetched    bool          // the workspace itself is a source that was fetched for the build
	Pinned     bool          // with Fetched: at a revision that was asked for, not the branch's
	Record     string        // what git noted of the commands in the workspace (gittrace.Variables); may be missing
	MaxEntries int           // directory entries looked at; default 2,000,000
	MaxTime    time.Duration // default 20 s
}

const (
	defaultEntries = 2_000_000
	defaultTime    = 20 * time.Second
	maxTrees       = 10_000 // as many as a watch file may hold
	maxWarnings    = 100
)

// Findings are what the files of a workspace say.
type Findings struct {
	Warnings []string // what could not be read, and where the search was cut short
	Hasty    bool     // there was no time to read all: another time there may be more

	watches []manifests.Watch // settled
	leads   []lead
}

// Find reads the work trees in workspace and the files that name remotes.
//
// A work tree on a branch that a remote has is watched, and so is a submodule
// that tracks a branch according to its parent's .gitmodules; other submodules
// are pinned. A detached HEAD is what its history says: pinned where a tag or a
// commit was checked out, a branch where a remote's branch was, and else a
// branch if it is at the head of one and no tag is. A file read may name
// anything: what moves is found out by asking. So it is with what git noted of
// work trees that are not there any more, or elsewhere.
//
// err is only for a workspace that is missing and for ctx.
func Find(ctx context.Context, workspace string, opts Options) (*Findings, error) {
	return find(ctx, workspace, opts, detect.All())
}

func find(ctx context.Context, workspace string, opts Options, detectors []detect.Detector) (*Findings, error) {
	if opts.MaxEntries <= 0 {
		opts.MaxEntries = defaultEntries
	}
	if opts.MaxTime <= 0 {
		opts.MaxTime = defaultTime
	}
	base, err := filepath.Abs(workspace)
	if err == nil {
		base, err = filepath.EvalSymlinks(base)
	}
	if err != nil {
		return nil, fmt.Errorf("look for what a build depends on: %w", err)
	}
	root, err := os.OpenRoot(base)
	if err != nil {
		return nil, fmt.Errorf("look for what a build depends on: %w", err)
	}
	defer root.Close()
	f := &finder{
		root: root, base: base, local: opts.Local, fetched: opts.Fetched, pinned: opts.Pinned, limit: opts.MaxEntries,
		record: opts.Record, deadline: time.Now().Add(opts.MaxTime), detectors: detectors, texts: map[string][]byte{}, lists: map[string][]string{},
	}
	if err := f.find(ctx); err != nil {
		return nil, fmt.Errorf("look for what a build depends on in %s: %w", workspace, err)
	}
	f.found.Warnings = f.warnings.lines
	return &f.found, nil
}

// finder is one Find. All its paths are relative to root, with "." for itself.
type finder struct {
	root      *os.Root
	base      string // the absolute path of root
	local     bool   // see Options
	fetched   bool
	pinned    bool
	record    string
	limit     int
	deadline  time.Time
	detectors []detect.Detector
	warnings  warnings
	texts     map[string][]byte   // of files, for detectors
	lists     map[string][]string // of directories, for detectors
	textSize  int64               // of all texts
	found     Findings
}

type warnings struct{ lines []string }

func (w *warnings) add(format string, args ...any) {
	switch {
	case len(w.lines) < maxWarnings:
		w.lines = append(w.lines, fmt.Sprintf(format, args...))
	case len(w.lines) == maxWarnings:
		w.lines = append(w.lines, "there are more warnings")
	}
}

func (f *finder) find(ctx context.Context) error {
	found, err := f.walk(ctx)
	if err != nil {
		return err
	}
	modules, trees := map[string]tracking{}, bases{}
	slices.Sort(found.git)
	slices.Sort(found.hg)
	f.gitTrees(found.git, modules, trees)
	f.hgTrees(found.hg, modules, trees)
	leads, err := f.mentions(ctx, found.files, trees)
	f.found.leads = append(f.found.leads, leads...)
	f.used(trees)
	return err
}

// Remotes are those to ask. What work trees follow needs no asking.
func (f *Findings) Remotes() []Remote {
	best := map[string]Remote{}
	var order []string
	consider := func(r Remote, always bool) {
		old, again := best[r.key()]
		if !again {
			order = append(order, r.key())
		}
		if !again || always || preferred(r.URL) < preferred(old.URL) {
			best[r.key()] = r
		}
	}
	settled := map[string]bool{}
	for _, w := range f.watches {
		settled[w.Key()] = true
	}
	for _, l := range f.leads {
		w := manifests.Watch{VCS: l.vcs, URL: l.url, Ref: l.decide(nil).ref}
		if !settled[w.Key()] {
			consider(Remote{l.vcs, l.url}, false)
		}
	}
	for _, w := range f.watches { // the URL that a clone was made from is one that works
		if r := (Remote{w.VCS, w.URL}); best[r.key()] != (Remote{}) {
			consider(r, true)
		}
	}
	var all []Remote
	for _, key := range order {
		all = append(all, best[key])
	}
	return all
}

// Watches are what is live, by the answers that there are; nil is none yet: then
// only what no answer could gainsay. warnings are about remotes.
func (f *Findings) Watches(answers *Answers) (watches []manifests.Watch, more []string) {
	var warned warnings
	said := map[string]bool{}
	once := func(key, format string, args ...any) {
		if !said[key] {
			said[key] = true
			warned.add(format, args...)
		}
	}
	watches = slices.Clone(f.watches)
	named := map[string]bool{}
	for _, l := range f.leads {
		remote := Remote{l.vcs, l.url}
		a := answers.get(remote)
		v := l.decide(a)
		if v.warning != "" {
			once(remote.key()+v.warning, "%s: %s %.300s", l.from, l.url, v.warning)
		}
		if v.guessed { // one for each host: there may be many
			once(remote.host(), "%s: %s could not be asked (%.300s): of what is named there and at others of that host, versions are taken for tags, the rest for branches",
				l.from, l.url, oneLine(a.err))
		}
		if v.ref == "" {
			continue
		}
		w := manifests.Watch{VCS: l.vcs, URL: l.url, Ref: v.ref, Revision: v.revision, From: l.from}
		if !l.used || !named[oneWatch(w)] { // a file tells more than a command does
			watches = append(watches, w)
		}
		named[oneWatch(w)] = true
	}
	return fit(Merge(watches), &warned), warned.lines
}

// fit leaves out what a watch file cannot say, for which all of it would be refused.
func fit(watches []manifests.Watch, warned *warnings) []manifests.Watch {
	if _, err := manifests.ParseWatches("", manifests.FitWatches(watches)); err == nil {
		return watches
	}
	return slices.DeleteFunc(watches, func(w manifests.Watch) bool {
		_, err := manifests.ParseWatches("", manifests.FormatWatches([]manifests.Watch{w}))
		if err != nil {
			warned.add("%s: %.200q of %s cannot be watched", w.From, w.Ref, w.URL)
		}
		return err != nil
	})
}

// ReadDeclared reads what a build appended to $WRIGHT_WATCH_FILE. A missing
// file is an empty list, a bogus one an error (manifests.Errors, with places).
// Paths of this machine are left out with a warning unless local.
func ReadDeclared(path string, local bool) (watches []manifests.Watch, warnings []string, err error) {
	text, err := gitfile.Read(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("declared watches: %w", err)
	}
	declared, err := manifests.ParseWatches(filepath.Base(path), text)
	if err != nil {
		return nil, nil, err
	}
	for _, w := range declared {
		if !local && manifests.IsLocal(w.URL) {
			warnings = append(warnings, fmt.Sprintf("declared watches: line %d: a path of this machine is not watched", w.Place.Line))
			continue
		}
		w.From = place("WRIGHT_WATCH_FILE", w.Place.Line)
		watches = append(watches, w)
	}
	return watches, warnings, nil
}

// caseless are forges where the case of owner and name makes no difference.
var caseless = regexp.MustCompile(`^any://(github\.com|gitlab\.[\w.-]+|bitbucket\.org|codeberg\.org)/`)

// oneAddress is the same for all spellings that mean one repository.
func oneAddress(url string) string {
	if url = manifests.CanonicalURL(url); caseless.MatchString(url) {
		return strings.ToLower(url)
	}
	return url
}

// oneWatch is the same for all that watch the same ref of one repository.
func oneWatch(w manifests.Watch) string { return w.VCS + "\x00" + oneAddress(w.URL) + "\x00" + w.Ref }

// Merge is the union of lists, one entry per (vcs, URL, ref), in a fixed order.
// The first entry of a key stays; it takes a revision from a later one if it has
// none, and of the places that name it the first in the order of files.
func Merge(lists ...[]manifests.Watch) []manifests.Watch {
	index := map[string]int{}
	var merged []manifests.Watch
	for _, w := range slices.Concat(lists...) {
		key := oneWatch(w)
		i, again := index[key]
		if !again {
			index[key] = len(merged)
			merged = append(merged, w)
			continue
		}
		merged[i].Revision = cmp.Or(merged[i].Revision, w.Revision)
		if w.From != "" && (merged[i].From == "" || comparePlaces(w.From, merged[i].From) < 0) {
			merged[i].From = w.From
		}
	}
	slices.SortFunc(merged, func(a, b manifests.Watch) int { return strings.Compare(a.Key(), b.Key()) })
	return merged
}

// comparePlaces orders "path:line" by path, then by line.
func comparePlaces(a, b string) int {
	split := func(s string) (string, int) {
		i := strings.LastIndexByte(s, ':')
		if n, err := strconv.Atoi(s[i+1:]); i >= 0 && err == nil {
			return s[:i], n
		}
		return s, 0
	}
	fileA, lineA := split(a)
	fileB, lineB := split(b)
	return cmp.Or(strings.Compare(fileA, fileB), cmp.Compare(lineA, lineB))
}
