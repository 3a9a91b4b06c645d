package logs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/wright-build/wright/master/logs/pack"
)

// Bucket is where finished output is kept for all masters. What is not there is
// fs.ErrNotExist.
type Bucket interface {
	Put(key string, from io.ReaderAt, size int64) error
	Size(key string) (int64, error)
	ReadAt(key string, to []byte, at int64) error
	List(prefix string, see func(key string, size int64, at time.Time)) error
	Directories(prefix string) ([]string, error) // what stands before the next / in the keys that begin so
	Remove(prefix string) error
}

// aheadSize is how much is read from the bucket at once.
const aheadSize = 1 << 20

// Use has what is finished kept in a bucket. It must be said before anything else
// is.
func (l *Logs) Use(b Bucket) { l.bucket = b }

const keys = "logs/"

func buildKey(instance, build string) string { return keys + instance + "/" + build + "/" }

func outputKey(a Attempt) string {
	return buildKey(a.Instance, a.Build) + strconv.Itoa(a.Attempt) + "/output.zst"
}

// store puts a finished attempt into the bucket.
func (l *Logs) store(t *attempt) error {
	t.mu.Lock()
	err, finished, stored, packed := t.load(), t.finished, t.stored, t.packs != nil
	parts := append([]Part(nil), t.parts...)
	t.mu.Unlock()
	if err != nil || stored {
		return err
	}
	switch {
	case !finished:
		return l.lookFor(t)
	case packed:
		err = t.putFile()
	case len(parts) > 0:
		err = t.putSmall(parts)
	}
	// gofail: var outputInBucket struct{}
	if err == nil {
		err = t.putAttached()
	}
	// gofail: var attachedInBucket struct{}
	if err == nil {
		err = t.markStored()
	}
	if err == nil {
		signal(l.due.settled)
	}
	return err
}

// lookFor finds out whether another master has stored an attempt.
func (l *Logs) lookFor(t *attempt) error {
	if err := t.fetch(); err != nil {
		return err
	}
	t.mu.Lock()
	t.nowhere = !t.finished
	t.mu.Unlock()
	signal(l.due.settled)
	return nil
}

func (t *attempt) putFile() error {
	file, err := os.Open(filepath.Join(t.dir, packFile))
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	return t.bucket.Put(outputKey(t.name), file, info.Size())
}

// putSmall packs what is not packed on disk, for the bucket.
func (t *attempt) putSmall(parts []Part) error {
	var b bytes.Buffer
	if _, err := t.writePack(&b, parts, func() error { return nil }); err != nil {
		return err
	}
	return t.bucket.Put(outputKey(t.name), bytes.NewReader(b.Bytes()), int64(b.Len()))
}

// markStored remembers that there is nothing left to store.
func (t *attempt) markStored() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.removed {
		return ErrRemoved
	}
	if len(t.parts) > 0 {
		if err := os.Rename(filepath.Join(t.dir, marker), filepath.Join(t.dir, storedMarker)); err != nil {
			return err
		}
	}
	// gofail: var outputMarkedStored struct{}
	t.stored = true
	return nil
}

// Standing is how the output of an attempt that has ended is kept.
type Standing int

// What is kept survives as much as it is meant to: this machine, if there is a
// bucket. What is coming is seen to, and Settled says when it is worth asking again.
const (
	Kept Standing = iota
	Coming
	Nowhere // nobody has finished it, or it was silent
)

// Standing says how the output of an attempt that has ended is kept.
func (l *Logs) Standing(a Attempt) Standing {
	t, err := l.hold(a)
	if err != nil {
		return Nowhere // there is no such attempt
	}
	defer l.release(t)
	now := t.standing()
	if now == Coming {
		l.settleLater(t)
	}
	return now
}

func (t *attempt) standing() Standing {
	t.mu.Lock()
	defer t.mu.Unlock()
	err := t.load()
	switch {
	case errors.Is(err, ErrRemoved) || err == nil && t.stored:
		return Kept
	case t.bucket == nil && err == nil && t.finished:
		return Kept
	case t.bucket == nil || t.nowhere && !t.finished:
		return Nowhere
	}
	return Coming
}

// Settled tells that output was stored since it told so last.
func (l *Logs) Settled() <-chan struct{} { return l.due.settled }

// Fetch makes output readable that another master has finished: that of an attempt
// which is over. Output that is nowhere is no error.
func (l *Logs) Fetch(a Attempt) error {
	if l.bucket == nil {
		return nil
	}
	t, err := l.hold(a)
	if err != nil {
		return err
	}
	defer l.release(t)
	err = t.fetch()
	if there, bad := t.look(nil, false); err == nil && bad == nil && !there.finished {
		err = l.hearExpired(a.Instance)
	}
	if err != nil && !errors.Is(err, ErrRemoved) {
		return fmt.Errorf("read the output of %s from the bucket: %w", a, err)
	}
	return nil
}

func (t *attempt) fetch() error {
	if good, err := t.goodHere(); good || err != nil {
		return err
	}
	size, err := t.bucket.Size(outputKey(t.name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	from := &object{bucket: t.bucket, key: outputKey(t.name), size: size}
	packs, err := openObject(from)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.finished && !t.removed {
		t.remote, t.stored, t.loaded = size, true, true
		t.usePack(packs)
		t.wake()
	}
	return nil
}

// unlearn forgets what was read from the bucket, which has it no more.
func (t *attempt) unlearn() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.remote > 0 {
		t.loaded, t.finished, t.remote, t.stored, t.packs, t.parts = false, false, 0, false, nil, nil
	}
}

// goodHere says whether what is finished can be read without the bucket. A copy that
// is gone or damaged is not looked at any more.
func (t *attempt) goodHere() (bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	err := t.load()
	switch {
	case errors.Is(err, pack.ErrDamaged):
		return false, nil
	case err != nil || !t.finished || !t.stored || t.remote > 0 || len(t.parts) == 0:
		return t.finished, err
	}
	if _, err := os.Lstat(t.dir); !errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	t.loaded, t.finished, t.stored, t.packs, t.parts = false, false, false, nil, nil
	return false, nil
}

// openObject reads the index, in one go if it is of the usual size.
func openObject(o *object) ([]pack.Part, error) {
	const usual = 64 << 10
	if err := o.fill(max(0, o.size-usual), min(o.size, usual)); err != nil {
		return nil, err
	}
	return pack.Open(o, o.size)
}

// object reads an object of the bucket, and more of it than it is asked for: who
// reads on finds it at hand. It is for one goroutine.
type object struct {
	bucket Bucket
	key    string
	size   int64

	gone func() // is called when there is none any more; may be nil

	held []byte
	at   int64 // of what is held
}

// ReadAt is that of io.ReaderAt, but for one goroutine at a time.
func (o *object) ReadAt(to []byte, at int64) (int, error) {
	if at < 0 || at+int64(len(to)) > o.size {
		return 0, io.EOF
	}
	if at < o.at || at+int64(len(to)) > o.at+int64(len(o.held)) {
		if err := o.fill(at, min(o.size-at, max(aheadSize, int64(len(to))))); err != nil {
			return 0, err
		}
	}
	return copy(to, o.held[at-o.at:]), nil
}

func (o *object) fill(at, n int64) error {
	if int64(cap(o.held)) < n {
		o.held = make([]byte, n)
	}
	o.at, o.held = at, o.held[:n]
	err := o.bucket.ReadAt(o.key, o.held, at)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: %w", ErrRemoved, err)
		if o.gone != nil {
			o.gone()
		}
	}
	if err != nil {
		o.held = o.held[:0]
	}
	return err
}

// Close has nothing to do.
func (o *object) Close() error { return nil }
