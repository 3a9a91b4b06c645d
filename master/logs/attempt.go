package logs

import (
	"container/list"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/wright-build/wright/master/logs/pack"
)

// attempt is what is known of one attempt's output. The files are the truth;
// they are read once, before the first use.
type attempt struct {
	name  Attempt
	dir   string
	files *files

	decoder func() *zstd.Decoder
	writers *sync.Pool // of *pack.Writer
	bucket  Bucket     // nil: none
	working sync.Mutex // held by who packs or stores it

	holders int           // guarded by Logs.mu
	place   *list.Element // in Logs.idle; guarded by Logs.mu
	due     bool          // somebody is going to settle it; guarded by Logs.mu

	mu       sync.Mutex // guards all below, and the writing of the files
	loaded   bool
	finished bool
	removed  bool
	parts    []Part        // with at least one byte each, by number
	packs    []pack.Part   // where they are in the pack; nil: they are not packed
	remote   int64         // how long the pack is, if it is read from the bucket; 0: it is not
	stored   bool          // the bucket has it, or there is nothing that it could have
	nowhere  bool          // the bucket did not have it when it was looked at
	changed  chan struct{} // closed at the next change; nil when nobody waits
}

// chunk is a piece of output.
type chunk struct {
	part   int
	name   string
	offset int64
	data   []byte
	end    bool
}

// view is an attempt's output at one moment.
type view struct {
	parts    []Part
	finished bool
	changed  <-chan struct{} // closed when there is more to see
}

// look returns what there is now. It reuses the slice given. With wait, the
// view tells when it is out of date.
func (t *attempt) look(reuse []Part, wait bool) (view, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.load(); err != nil {
		return view{}, err
	}
	if wait && t.changed == nil {
		t.changed = make(chan struct{})
	}
	return view{append(reuse[:0], t.parts...), t.finished, t.changed}, nil
}

// open opens a part for reading and returns what is held of it now.
func (t *attempt) open(number int) (source, Part, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.load(); err != nil {
		return nil, Part{}, err
	}
	i, found := t.find(number)
	if !found {
		return nil, Part{}, ErrNotFound
	}
	from, err := t.source(t.parts[i])
	return from, t.parts[i], err
}

func (t *attempt) append(c chunk) (int64, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.load(); err != nil {
		return 0, err
	}
	i, found := t.find(c.part)
	held := Part{Number: c.part, Name: fitName(c.name)}
	if found {
		held = t.parts[i]
	}
	fresh, err := t.news(held, c)
	if err != nil || held.Ended || len(fresh) == 0 && (!c.end || held.Size == 0) {
		return held.Size, err
	}
	defer t.wake()
	n, err := t.write(held, fresh)
	// gofail: var outputWritten struct{}
	held.Size += int64(n)
	if !found && n > 0 {
		t.parts = slices.Insert(t.parts, i, held)
	}
	if n > 0 {
		t.parts[i] = held
	}
	if err == nil && c.end {
		err = t.end(i)
	}
	return held.Size, err
}

// news returns what a chunk adds to what is held.
func (t *attempt) news(held Part, c chunk) ([]byte, error) {
	after := c.offset + int64(len(c.data))
	switch {
	case t.finished:
		return nil, ErrFinished
	case c.offset > held.Size:
		return nil, fmt.Errorf("%w, which is %d bytes", ErrGap, held.Size)
	case held.Ended && after > held.Size:
		return nil, fmt.Errorf("%w with %d bytes", ErrEnded, held.Size)
	case c.end && after < held.Size:
		return nil, fmt.Errorf("it cannot end at %d: %d bytes are held", after, held.Size)
	}
	return c.data[min(held.Size-c.offset, int64(len(c.data))):], nil
}

// write puts data behind what is held. What a failed write has written is
// good as far as it got.
func (t *attempt) write(held Part, data []byte) (int, error) {
	if len(data) == 0 {
		return 0, nil
	}
	path := t.path(held)
	file, err := t.take(path)
	if err != nil {
		return 0, err
	}
	n, err := file.WriteAt(data, held.Size)
	t.files.give(path, file)
	return n, err
}

// take opens the file, making the attempt's directory when it is missing.
func (t *attempt) take(path string) (*os.File, error) {
	file, err := t.files.take(path)
	// Twice, since the removal of an instance's last build may come between.
	for range 2 {
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err = os.MkdirAll(t.dir, 0o750); err == nil {
			file, err = t.files.take(path)
		}
	}
	return file, err
}

// end marks the part as whole, by the name of its file.
func (t *attempt) end(i int) error {
	p := t.parts[i]
	t.files.drop(t.path(p))
	p.Ended = true
	if err := os.Rename(t.path(t.parts[i]), t.path(p)); err != nil {
		return err
	}
	// gofail: var partEnded struct{}
	t.parts[i] = p
	return nil
}

// finish ends the attempt. It returns how many bytes were not finished before.
func (t *attempt) finish() (fresh int64, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.load(); err != nil || t.finished {
		return 0, err
	}
	if len(t.parts) > 0 {
		if err := t.settle(); err != nil {
			return 0, err
		}
	}
	// gofail: var outputFinished struct{}
	t.finished = true
	t.stored = len(t.parts) == 0 && (t.bucket == nil || len(attachedIn(filepath.Dir(t.dir))) == 0)
	t.wake()
	return total(t.parts), nil
}

func (t *attempt) isStored() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stored
}

// settle makes the files durable, and then the marker that says so.
func (t *attempt) settle() error {
	for _, p := range t.parts {
		if err := t.sync(t.path(p)); err != nil {
			return err
		}
	}
	// gofail: var outputSynced struct{}
	file, err := os.OpenFile(filepath.Join(t.dir, marker), os.O_WRONLY|os.O_CREATE, 0o640)
	if err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	build := filepath.Dir(t.dir)
	instance := filepath.Dir(build)
	for _, dir := range []string{t.dir, build, instance, filepath.Dir(instance)} {
		if err := syncDir(dir); err != nil {
			return err
		}
	}
	return nil
}

func (t *attempt) sync(path string) error {
	file, err := t.files.take(path)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func (t *attempt) remove() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.removed = true
	t.wake()
}

// wake tells everybody who waits that there is more to see. The caller holds mu.
func (t *attempt) wake() {
	if t.changed != nil {
		close(t.changed)
		t.changed = nil
	}
}

func (t *attempt) find(number int) (int, bool) {
	return slices.BinarySearchFunc(t.parts, number, func(p Part, n int) int { return p.Number - n })
}

func (t *attempt) path(p Part) string { return filepath.Join(t.dir, fileName(p)) }
