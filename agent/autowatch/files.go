package autowatch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode"

	"github.com/wright-build/wright/agent/autowatch/detect"
	"github.com/wright-build/wright/agent/workspace/gitfile"
	"github.com/wright-build/wright/manifests"
)

const (
	maxFiles    = 20_000
	maxFile     = 1 << 20  // bytes of one
	maxLock     = 4 << 20  // bytes of a lock, which programs write
	maxText     = 64 << 20 // bytes of all
	maxMentions = 50_000
)

// bases are the remotes and branches of work trees, by directory.
type bases map[string]base

type base struct{ url, branch string }

// of is that of the innermost work tree that a file is in.
func (b bases) of(file string) base {
	for dir := path.Dir(file); ; dir = path.Dir(dir) {
		if found, ok := b[dir]; ok || dir == "." {
			return found
		}
	}
}

// mentions hands the files to those who want them and returns what they name.
func (f *finder) mentions(ctx context.Context, files []wanted, trees bases) ([]lead, error) {
	slices.SortFunc(files, func(a, b wanted) int { return strings.Compare(a.path, b.path) })
	var leads []lead
	for _, file := range files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if f.late() {
			f.warnings.add("not all files that may name remotes were read: it took too long")
			break
		}
		for _, m := range f.read(file) {
			if len(leads) == maxMentions {
				f.warnings.add("not all that the files name is watched: there are more than %d places", maxMentions)
				return leads, nil
			}
			if l, ok := f.lead(m, trees); ok {
				leads = append(leads, l)
			}
		}
	}
	return leads, nil
}

// read is what one file names.
func (f *finder) read(file wanted) []detect.Mention {
	if len(file.by) == 0 {
		return nil
	}
	text, err := f.text(file.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it went while we looked
	}
	if err != nil {
		f.warnings.add("%.200q: %v: what it names is not watched", file.path, plain(err))
		return nil
	}
	var all []detect.Mention
	for _, d := range file.by {
		all = append(all, f.detect(d, file.path, text)...)
	}
	return all
}

// text reads a file once, within the bounds of each and of all. It follows no link.
func (f *finder) text(name string) ([]byte, error) {
	if text, again := f.texts[name]; again {
		return text, nil
	}
	limit := int64(maxFile)
	if strings.Contains(path.Base(name), "lock") {
		limit = maxLock
	}
	fi, err := f.root.Lstat(name)
	switch {
	case err != nil:
		return nil, err
	case !fi.Mode().IsRegular():
		return nil, errors.New("it is no regular file")
	case fi.Size() > limit:
		return nil, fmt.Errorf("it is larger than %d KiB", limit>>10)
	case f.textSize+fi.Size() > maxText:
		return nil, fmt.Errorf("all such files together are larger than %d MiB", maxText>>20)
	}
	text, err := gitfile.ReadIn(f.root, name)
	f.textSize += int64(len(text))
	if err == nil && int64(len(text)) > limit {
		err = errors.New("it grows while it is read")
	}
	if err != nil {
		return nil, err
	}
	f.texts[name] = text
	return text, nil
}

// detect runs a detector. Whatever it does is no reason for a build to fail.
func (f *finder) detect(d detect.Detector, name string, text []byte) (found []detect.Mention) {
	defer func() {
		if p := recover(); p != nil {
			f.failed(d, name, p)
			found = nil
		}
	}()
	found, err := d.Find(detect.File{
		Path: name, Text: text,
		Read: func(other string) ([]byte, error) {
			at, err := beside(name, other)
			if err != nil {
				return nil, err
			}
			return f.text(at)
		},
		List: func(dir string) []string {
			at, err := beside(name, dir)
			if err != nil {
				return nil
			}
			return f.names(at)
		},
	})
	if err != nil {
		for what := range strings.Lines(err.Error()) {
			what = strings.TrimPrefix(strings.TrimSpace(what), name+": ")
			f.warnings.add("%s: %.300s: what is meant there is not watched; declare it in $WRIGHT_WATCH_FILE", place(name, 0), visible(what))
		}
	}
	return found
}

// beside is the path in the workspace of what a file names relative to itself.
func beside(name, other string) (string, error) {
	at := path.Join(path.Dir(name), other)
	if path.IsAbs(other) || !fs.ValidPath(at) {
		return "", fmt.Errorf("%.200q leads out of the workspace", other)
	}
	return at, nil
}

// names lists a directory once for all detectors that ask. It follows no link.
func (f *finder) names(dir string) []string {
	if names, again := f.lists[dir]; again {
		return names
	}
	var names []string
	if d, err := f.root.Open(dir); err == nil {
		entries, _ := d.ReadDir(batch) // what cannot be listed is not there
		d.Close()
		for _, e := range entries {
			switch {
			case e.IsDir():
				names = append(names, e.Name()+"/")
			case e.Type().IsRegular():
				names = append(names, e.Name())
			}
		}
	}
	slices.Sort(names)
	f.lists[dir] = names
	return names
}

func (f *finder) failed(d detect.Detector, name string, p any) {
	f.warnings.add("%.200q: the detector for %s failed (%.200s): what is named there is not watched; declare it in $WRIGHT_WATCH_FILE",
		name, d.Name, oneLine(fmt.Errorf("%v", p)))
}

// lead makes a mention one that can be decided; ok is false when there is
// nothing to decide.
func (f *finder) lead(m detect.Mention, trees bases) (l lead, ok bool) {
	if m.Kind == detect.Tag || m.Kind == detect.Commit || m.Kind == detect.Version {
		return lead{}, false
	}
	from := place(m.File, m.Line)
	tree := trees.of(m.File)
	if m.Name == "." && m.Kind == detect.Branch { // of the work tree itself
		if m.Name = cmp.Or(tree.branch, m.Instead); m.Name == "" {
			return lead{}, false
		}
	}
	m = atHome(m, tree.url)
	url, err := absolute(tree.url, m)
	if err == nil && m.Own && m.Name == "" && tree.url != "" && manifests.CanonicalURL(url) == manifests.CanonicalURL(tree.url) {
		return lead{}, false // the tree itself
	}
	if err != nil {
		f.warnings.add("%s: %v", from, err)
		return lead{}, false
	}
	w, warning := f.address(manifests.Watch{VCS: m.VCS, URL: url}, path.Dir(m.File))
	if warning != "" {
		f.warnings.add("%s: %s", from, warning)
	}
	return lead{vcs: m.VCS, url: w.URL, from: from, name: m.Name, more: m.More, kind: m.Kind, tagFirst: m.TagFirst, unsure: m.Unsure}, w.URL != ""
}

// place is where a watch was found, as a watch file may say it.
func place(file string, line int) string {
	shown := visible(file)
	if over := len(shown) - manifests.MaxFrom + 20; over > 0 { // room for the line
		shown = "..." + strings.ToValidUTF8(shown[over+3:], "")
	}
	if line <= 0 {
		return shown
	}
	return fmt.Sprintf("%s:%d", shown, line)
}

// visible is s with a question mark for all that cannot be seen.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return '?'
		}
		return r
	}, s)
}

// oneLine is the text of an error without line breaks.
func oneLine(err error) string { return visible(strings.Join(strings.Fields(err.Error()), " ")) }
