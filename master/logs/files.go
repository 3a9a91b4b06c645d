package logs

import (
	"container/list"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// files keeps a bounded number of files open between appends, so that a build
// that writes much pays for opening once, and thousands of builds do not use
// up the process's file descriptors.
type files struct {
	limit int

	mu   sync.Mutex // guards all below
	open map[string]*list.Element
	used *list.List // of *openFile, the longest unused first
}

type openFile struct {
	path string
	file *os.File
}

func newFiles(limit int) *files {
	return &files{limit: limit, open: map[string]*list.Element{}, used: list.New()}
}

// take returns the file, opened for writing and created if it is missing. It
// belongs to the caller until it is given back or closed.
func (f *files) take(path string) (*os.File, error) {
	if file := f.remove(path); file != nil {
		return file, nil
	}
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o640)
}

// give keeps a file open for the next append. The longest unused one is closed
// for it; nothing is lost by that, Finish syncs by name.
func (f *files) give(path string, file *os.File) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open[path] = f.used.PushBack(&openFile{path, file})
	if f.used.Len() <= f.limit {
		return
	}
	oldest := f.used.Remove(f.used.Front()).(*openFile)
	delete(f.open, oldest.path)
	_ = oldest.file.Close()
}

// drop closes the file if it is open.
func (f *files) drop(path string) {
	if file := f.remove(path); file != nil {
		_ = file.Close()
	}
}

// dropUnder closes what is open under a directory that is going to be deleted.
func (f *files) dropUnder(dir string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for path, e := range f.open {
		if strings.HasPrefix(path, dir+string(filepath.Separator)) {
			delete(f.open, path)
			_ = f.used.Remove(e).(*openFile).file.Close()
		}
	}
}

func (f *files) remove(path string) *os.File {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.open[path]
	if e == nil {
		return nil
	}
	delete(f.open, path)
	return f.used.Remove(e).(*openFile).file
}

func (f *files) close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var errs []error
	for _, e := range f.open {
		errs = append(errs, e.Value.(*openFile).file.Close())
	}
	clear(f.open)
	f.used.Init()
	return errors.Join(errs...)
}
