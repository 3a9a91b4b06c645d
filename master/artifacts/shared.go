package artifacts

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// Bucket is where artifacts are kept for all masters. What is not there is
// fs.ErrNotExist.
type Bucket interface {
	Put(key string, from io.ReaderAt, size int64) error
	ReadAt(key string, to []byte, at int64) error
	List(prefix string, see func(key string, size int64, at time.Time)) error
	Remove(prefix string) error
}

// Use has artifacts kept in a bucket: the directory holds copies. It must be said
// before anything else is.
func (s *Store) Use(b Bucket) { s.bucket = b }

// In the bucket a file's key is its sum: a path is a build's, and hostile. The index
// comes in pages, so that one more file does not cost writing all of it; no process
// writes the pages of another, and those of a later one count more.
const (
	keys     = "artifacts/"
	perPage  = 64
	maxPage  = 1 << 20 // bytes
	maxPages = 1000
	readAt   = 4 << 20 // bytes that are read at once
)

func (a Attempt) key() string { return keys + a.Instance + "/" + a.Build + "/" + fmt.Sprint(a.Attempt) }

func textKey(a Attempt, f File) string { return a.key() + "/files/" + f.SHA256 }

func (s *Store) pageKey(a Attempt, n int) string {
	return fmt.Sprintf("%s/index/%016x-%04d", a.key(), s.opened.UnixNano(), n)
}

// share puts a file that is kept here, and the page of the index that names it, into
// the bucket.
func (s *Store) share(a Attempt, dir string, f File) error {
	file, err := openIn(dir, f)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := s.bucket.Put(textKey(a, f), file, f.Size); err != nil {
		return err
	}
	// gofail: var artifactInBucket struct{}
	s.sharing.Lock()
	defer s.sharing.Unlock()
	text, err := os.ReadFile(filepath.Join(dir, index))
	if err != nil {
		return err
	}
	n, page := pageOf(text, f)
	return s.bucket.Put(s.pageKey(a, n), bytes.NewReader(page), int64(len(page)))
}

// pageOf finds the last page of an index that names the file.
func pageOf(text []byte, f File) (number int, page []byte) {
	line, _ := json.Marshal(f)
	lines := 0
	var now []byte
	for l := range bytes.Lines(text) {
		if len(bytes.TrimSpace(l)) == 0 {
			continue
		}
		if lines%perPage == 0 {
			now = nil
		}
		now = append(now, l...)
		if bytes.Equal(bytes.TrimSpace(l), line) {
			number = lines / perPage
		}
		if number == lines/perPage {
			page = now
		}
		lines++
	}
	return number, page
}

// sharedIndex is the index as the bucket has it.
func (s *Store) sharedIndex(a Attempt) (all []byte, err error) {
	type page struct {
		key  string
		size int64
	}
	var pages []page
	err = s.bucket.List(a.key()+"/index/", func(key string, size int64, _ time.Time) {
		if len(pages) < maxPages {
			pages = append(pages, page{key, min(size, maxPage)})
		}
	})
	if err != nil {
		return nil, err
	}
	for _, p := range pages {
		text := make([]byte, p.size)
		if err := s.bucket.ReadAt(p.key, text, 0); err != nil {
			return nil, err
		}
		all = append(append(all, text...), '\n')
	}
	return all, nil
}

// fetch copies a file here. What the bucket has is held against the sum that the
// index knows.
func (s *Store) fetch(a Attempt, dir string, f File) error {
	text := &object{bucket: s.bucket, key: textKey(a, f), size: f.Size}
	if err := os.MkdirAll(filepath.Join(dir, "files"), 0o750); err != nil {
		return err
	}
	return s.keep(dir, f, text)
}

// object reads an object from its beginning.
type object struct {
	bucket Bucket
	key    string
	size   int64
	at     int64
	rest   []byte
}

func (o *object) Read(p []byte) (int, error) {
	if len(o.rest) == 0 {
		if o.at >= o.size {
			return 0, io.EOF
		}
		o.rest = make([]byte, min(readAt, o.size-o.at))
		if err := o.bucket.ReadAt(o.key, o.rest, o.at); err != nil {
			return 0, err
		}
		o.at += int64(len(o.rest))
	}
	n := copy(p, o.rest)
	o.rest = o.rest[n:]
	return n, nil
}

// RemoveCopies removes what is here of a build, and not what the bucket has.
func (s *Store) RemoveCopies(instance, build string) error {
	return (&Store{dir: s.dir}).Remove(instance, build)
}

// sharedSize is how many bytes the bucket has of a build.
func (s *Store) sharedSize(instance, build string) (bytes int64, err error) {
	err = s.bucket.List(keys+instance+"/"+build+"/", func(_ string, size int64, _ time.Time) { bytes += size })
	return bytes, err
}

func (s *Store) removeShared(instance, build string) error {
	prefix := keys + instance + "/"
	if build != "" {
		prefix += build + "/"
	}
	return s.bucket.Remove(prefix)
}
