package autowatch

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/wright-build/wright/agent/autowatch/detect"
	"github.com/wright-build/wright/agent/autowatch/gittrace"
	"github.com/wright-build/wright/manifests"
)

// used adds what git's own record says that work trees were at. They may be gone,
// or outside of the workspace; Those that are
// still in the workspace tell by themselves what they are at, and the workspace
// itself fetches for many reasons. Directories of this machine are caches, and
// whole commits do not move.
func (f *finder) used(trees bases) {
	uses, err := f.recorded()
	if err != nil {
		f.warnings.add("not all that git noted of its commands was read: %v", plain(err))
	}
	own := oneAddress(trees["."].url)
	for _, u := range uses {
		pinned := len(u.Name) >= 40 && isShort(u.Name)
		cache := manifests.IsLocal(u.URL) && !(f.local && strings.HasPrefix(u.URL, "file://")) || isRelativePath(u.URL)
		_, there := trees[f.within(u.Dir)]
		if pinned || cache || there && !u.Besides || oneAddress(u.URL) == own {
			continue
		}
		w, warning := f.address(manifests.Watch{VCS: "git", URL: u.URL}, ".")
		if warning != "" {
			f.warnings.add("what git cloned: %s", warning)
		}
		if w.URL == "" {
			continue
		}
		f.found.leads = append(f.found.leads, lead{
			vcs: "git", url: w.URL, from: f.usedIn(u.Dir), name: u.Name, kind: detect.Any, tagFirst: u.TagFirst, used: true,
		})
	}
}

// recorded reads the record, if there is one. The build may have put anything in
// its place.
func (f *finder) recorded() ([]gittrace.Use, error) {
	if f.record == "" {
		return nil, nil
	}
	file, err := os.OpenFile(f.record, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, errors.New("it is no regular file"))
	}
	return gittrace.Read(file)
}

// usedIn is where a command made use of a remote, in words that are the same in
// each build: the names of temporary directories are not.
func (f *finder) usedIn(dir string) string {
	if below := f.within(dir); below != "" {
		return place("git in "+below, 0)
	}
	return "git in a step"
}

// within is a directory as seen from the workspace, "" if it is not in there.
func (f *finder) within(dir string) string {
	below, err := filepath.Rel(f.base, dir)
	if err != nil || !filepath.IsLocal(below) {
		return ""
	}
	return below
}
