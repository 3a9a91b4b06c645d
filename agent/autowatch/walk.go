package autowatch

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"time"

	"github.com/wright-build/wright/agent/autowatch/detect"
)

const batch = 1024 // entries read from a directory at once

// places is what a walk has found.
type places struct {
	git, hg []string // directories that are work trees
	files   []wanted
	modules map[string]bool // directories that a Puppetfile has its modules put into
}

// wanted is a file that detectors want.
type wanted struct {
	path string
	by   []detect.Detector
}

// dir is a directory to walk into.
type dir struct {
	path    string
	foreign bool // its files are other people's: only work trees are looked for
}

// walk lists the work trees and the files that detectors want, the shallow ones
// first, so that a search cut short has found what matters most. It does not
// follow links.
func (f *finder) walk(ctx context.Context) (places, error) {
	var found places
	queue := []dir{{path: "."}}
	seen := 0
	for len(queue) > 0 {
		d := queue[0]
		queue = queue[1:]
		d.foreign = d.foreign || found.modules[d.path]
		if err := ctx.Err(); err != nil {
			return places{}, err
		}
		if reason := f.cut(seen, len(found.git)+len(found.hg)); reason != "" {
			f.warnings.add("not the whole workspace was searched: %s", reason)
			break
		}
		below, n := f.list(d, f.limit-seen, &found)
		seen += n
		queue = append(queue, below...)
	}
	found.leaveForeignPipelines()
	return found, nil
}

// leaveForeignPipelines takes out the pipelines that nobody runs, as they came
// along with a copy of another repository.
func (p *places) leaveForeignPipelines() {
	p.files = slices.DeleteFunc(p.files, func(file wanted) bool {
		top, ok := detect.PipelineTop(file.path)
		return ok && top != "." && !slices.Contains(p.git, top) && !slices.Contains(p.hg, top)
	})
}

func (f *finder) cut(seen, trees int) string {
	switch {
	case seen >= f.limit:
		return "it has too many files"
	case trees >= maxTrees:
		return "it has too many work trees"
	case f.late():
		return "it took too long"
	}
	return ""
}

// late says whether the time is over.
func (f *finder) late() bool {
	f.found.Hasty = f.found.Hasty || time.Now().After(f.deadline)
	return f.found.Hasty
}

// list reads a directory: what is below it, what it adds to found, and how many
// entries were looked at, which is at most limit.
func (f *finder) list(at dir, limit int, found *places) (below []dir, seen int) {
	d, err := f.root.Open(at.path)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) { // it may be going while we look
			f.warnings.add("directory %.200q: %v", at.path, plain(err))
		}
		return nil, 0
	}
	defer d.Close()
	for seen < limit {
		entries, err := d.ReadDir(min(batch, limit-seen))
		seen += len(entries)
		for _, e := range entries {
			name := path.Join(at.path, e.Name())
			switch {
			case e.Name() == ".git":
				found.git = append(found.git, at.path)
			case e.Name() == ".hg" && e.IsDir():
				found.hg = append(found.hg, at.path)
			case e.IsDir():
				below = append(below, dir{name, at.foreign || detect.Skips(name)})
			case e.Type().IsRegular() && !at.foreign:
				f.want(name, found)
				f.modulesOf(name, found)
			}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				f.warnings.add("directory %.200q: %v", at.path, plain(err))
			}
			break
		}
	}
	return below, seen
}

// modulesOf has the directories of other people's modules known, if the file is
// a Puppetfile.
func (f *finder) modulesOf(name string, found *places) {
	if path.Base(name) != "Puppetfile" {
		return
	}
	text, err := f.text(name)
	if err != nil {
		return // its detector tells
	}
	if found.modules == nil {
		found.modules = map[string]bool{}
	}
	for _, dir := range detect.PuppetModules(string(text)) {
		found.modules[path.Join(path.Dir(name), dir)] = true
	}
}

// want adds a file to found if a detector wants it.
func (f *finder) want(name string, found *places) {
	if len(found.files) > maxFiles {
		return
	}
	var by []detect.Detector
	for _, d := range f.detectors {
		if f.wants(d, name) {
			by = append(by, d)
		}
	}
	if len(by) == 0 {
		return
	}
	if len(found.files) == maxFiles {
		f.warnings.add("not all files that may name remotes were read: there are more than %d", maxFiles)
		by = nil
	}
	found.files = append(found.files, wanted{name, by})
}

func (f *finder) wants(d detect.Detector, name string) (wants bool) {
	defer func() {
		if p := recover(); p != nil {
			f.failed(d, name, p)
		}
	}()
	return d.Wants(name)
}

// plain is an error without its path, which the caller names better.
func plain(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	var s *os.SyscallError
	if errors.As(err, &s) {
		return s.Err
	}
	return err
}
