// Package logs keeps the output of builds on disk and lets any number of
// readers follow it while it grows. An attempt's output has parts, one file
// each: part 0 is what Wright itself says, the others are what the build did,
// in order. Every byte is kept once, however often and in whatever pieces it
// arrives. What is finished is packed in the background (see pack), and read as
// before. Small files can be attached to a build: they go when its output does.
//
// It does not know where output comes from or who reads it, nor whether a
// build is still wanted: it is told when an attempt is finished.
package logs

import (
	"container/list"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
)

// Limits on what is kept open and in memory, whatever the number of builds.
const (
	maxOpenFiles = 128  // files being written that stay open between appends
	maxIdle      = 4096 // attempts remembered while nobody uses them
	maxPart      = 9999 // the highest part number
)

// Errors of Append and of readers.
var (
	// ErrGap means that data begins past what is held. The size returned with
	// it is where to go on.
	ErrGap = errors.New("data begins past the end of what is held")
	// ErrFinished means that the attempt takes no more output.
	ErrFinished = errors.New("the attempt is finished")
	// ErrEnded means that there is data past the end that a part was given.
	ErrEnded = errors.New("the part has ended")
	// ErrNotFound means that there is no output of that part.
	ErrNotFound = errors.New("no such output")
	// ErrRemoved means that the output was deleted while it was being read.
	ErrRemoved = errors.New("the output was removed")
)

// Attempt names one attempt of one build.
type Attempt struct {
	Instance string
	Build    string // the build's ID, as in "shop-000012"
	Attempt  int    // from 1
}

func (a Attempt) String() string { return fmt.Sprintf("attempt %d of build %s", a.Attempt, a.Build) }

// Part is one part of an attempt's output.
type Part struct {
	Number int
	Name   string // as given with its first byte; at most some 200 bytes of it are kept
	Size   int64  // bytes held
	Ended  bool   // all of it is there
}

// Logs is the output of all builds, under one directory. It is safe for
// concurrent use by one process.
type Logs struct {
	dir     string
	files   *files
	buffers sync.Pool    // of *[]byte, chunkSize long
	room    func() error // nil: there is always some

	decoder func() *zstd.Decoder
	writers sync.Pool  // of *pack.Writer
	bucket  Bucket     // nil: none
	packing sync.Mutex // held by who packs: one at a time

	expiring sync.Mutex // held while an expiry is written down

	mu       sync.Mutex       // guards all below, and holders and place of every attempt
	expired  map[string]int64 // by instance, as far as it was read: see Expire
	attempts map[Attempt]*attempt
	idle     *list.List // of *attempt that nobody holds, the longest idle first
	due      due
}

// Open opens the logs under dir, which is created if it is missing. What a
// killed process left there is taken up where it stopped.
func Open(dir string) (*Logs, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("open the logs: %w", err)
	}
	l := &Logs{dir: dir, files: newFiles(maxOpenFiles), attempts: map[Attempt]*attempt{}, idle: list.New(), expired: map[string]int64{}}
	l.decoder, l.due.wake = newDecoder(), make(chan struct{}, 1)
	l.due.trouble, l.due.settled = make(chan struct{}, 1), make(chan struct{}, 1)
	l.buffers.New = func() any { b := make([]byte, chunkSize); return &b }
	return l, nil
}

// Close closes the files that were being written. Nobody may use l afterwards.
func (l *Logs) Close() error {
	if err := l.files.close(); err != nil {
		return fmt.Errorf("close the logs: %w", err)
	}
	return nil
}

// LeaveRoom has nothing appended while room says why not. It must be said before
// anything else is.
func (l *Logs) LeaveRoom(room func() error) { l.room = room }

// Append adds data that stands at offset within a part, and returns how many
// bytes of the part are held then. What is already held of it is skipped, so a
// repetition does no harm. Data that begins past the end is refused with
// ErrGap. With end, the part ends with this data. After any other error too
// what the size returned covers is good.
//
// A part comes into being with its first byte: one that ends without any
// leaves no trace.
func (l *Logs) Append(a Attempt, part int, name string, offset int64, data []byte, end bool) (size int64, err error) {
	if part < 0 || part > maxPart || offset < 0 {
		return 0, fmt.Errorf("append to part %d of %s at %d: no such place", part, a, offset)
	}
	t, err := l.hold(a)
	if err != nil {
		return 0, err
	}
	defer l.release(t)
	if l.room != nil {
		err = l.room()
	}
	if err != nil {
		return 0, fmt.Errorf("append to part %d of %s: %w", part, a, err)
	}
	size, err = t.append(chunk{part, name, offset, data, end})
	if err != nil {
		return size, fmt.Errorf("append %d bytes at %d to part %d of %s: %w", len(data), offset, part, a, err)
	}
	return size, nil
}

// Parts returns the parts that have output, in order; none when nothing is
// known of the attempt.
func (l *Logs) Parts(a Attempt) ([]Part, error) {
	t, err := l.hold(a)
	if err != nil {
		return nil, err
	}
	defer l.release(t)
	view, err := t.look(nil, false)
	if err != nil {
		return nil, fmt.Errorf("list the output of %s: %w", a, err)
	}
	return view.parts, nil
}

// Sizes returns how many bytes of each part are held, by part number: where an
// agent may resume. Parts without output are missing.
func (l *Logs) Sizes(a Attempt) (map[int]int64, error) {
	parts, err := l.Parts(a)
	if err != nil {
		return nil, err
	}
	sizes := make(map[int]int64, len(parts))
	for _, p := range parts {
		sizes[p.Number] = p.Size
	}
	return sizes, nil
}

// Finish says that an attempt has no more output. When it returns, all that is
// held would survive a power cut; its followers come to their end, and appends
// are refused with ErrFinished. An attempt without output leaves nothing on
// disk, so this is forgotten when the process ends. Finishing again is no error.
func (l *Logs) Finish(a Attempt) error {
	t, err := l.hold(a)
	if err != nil {
		return err
	}
	defer l.release(t)
	fresh, err := t.finish()
	if err != nil {
		return fmt.Errorf("finish the output of %s: %w", a, err)
	}
	if fresh >= minPacked || l.bucket != nil && !t.isStored() {
		l.settleLater(t)
	}
	return nil
}

// Attempts returns the numbers of a build's attempts that have output, in
// order.
func (l *Logs) Attempts(instance, build string) ([]int, error) {
	dir, err := l.buildDir(instance, build)
	if err != nil {
		return nil, err
	}
	found := attemptsIn(dir)
	if l.bucket != nil {
		err = l.bucket.List(buildKey(instance, build), func(key string, _ int64, _ time.Time) {
			number, rest, _ := strings.Cut(strings.TrimPrefix(key, buildKey(instance, build)), "/")
			if n, err := strconv.Atoi(number); err == nil && n > 0 && rest == "output.zst" {
				found = append(found, n)
			}
		})
	}
	if err != nil {
		return nil, fmt.Errorf("list the attempts of build %s: %w", build, err)
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}

// attemptsIn are those of which there is output in a build's directory.
func attemptsIn(dir string) (found []int) {
	entries, _ := os.ReadDir(dir) // one that is not there has none
	for _, e := range entries {
		if n, err := strconv.Atoi(e.Name()); err == nil && n > 0 && e.IsDir() {
			found = append(found, n)
		}
	}
	slices.Sort(found)
	return found
}

// Remove deletes a build's output. Its followers end with ErrRemoved. Removing
// what is not there is no error.
func (l *Logs) Remove(instance, build string) error {
	dir, err := l.buildDir(instance, build)
	if err != nil {
		return err
	}
	for _, t := range l.forget(instance, build) {
		t.remove()
	}
	l.files.dropUnder(dir)
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove the output of build %s: %w", build, err)
	}
	_ = os.Remove(filepath.Dir(dir)) // only if this was the instance's last
	return nil
}

// RemoveAll deletes the output of all builds of an instance.
func (l *Logs) RemoveAll(instance string) error {
	if !label(instance) {
		return fmt.Errorf("%q is not the name of an instance", instance)
	}
	entries, err := os.ReadDir(filepath.Join(l.dir, instance))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	for _, e := range entries {
		if e.Name() != expiredFile {
			err = errors.Join(err, l.Remove(instance, e.Name()))
		}
	}
	if l.bucket != nil {
		err = errors.Join(err, l.bucket.Remove(keys+instance+"/"))
	}
	return errors.Join(err, l.forgetExpired(instance))
}

// forget takes a build's attempts out of memory and returns them.
func (l *Logs) forget(instance, build string) (gone []*attempt) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for a, t := range l.attempts {
		if a.Instance != instance || a.Build != build {
			continue
		}
		if t.place != nil {
			l.idle.Remove(t.place)
			t.place = nil
		}
		delete(l.attempts, a)
		gone = append(gone, t)
	}
	return gone
}

// hold returns the attempt's entry, which stays in memory until it is released.
func (l *Logs) hold(a Attempt) (*attempt, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.attempts[a]
	if t == nil {
		dir, err := l.attemptDir(a)
		if err != nil {
			return nil, err
		}
		t = &attempt{name: a, dir: dir, files: l.files, decoder: l.decoder, writers: &l.writers, bucket: l.bucket}
		l.attempts[a] = t
	}
	if t.place != nil {
		l.idle.Remove(t.place)
		t.place = nil
	}
	t.holders++
	return t, nil
}

func (l *Logs) release(t *attempt) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t.holders--
	if t.holders > 0 || l.attempts[t.name] != t {
		return
	}
	t.place = l.idle.PushBack(t)
	for l.idle.Len() > maxIdle {
		oldest := l.idle.Remove(l.idle.Front()).(*attempt)
		oldest.place = nil
		delete(l.attempts, oldest.name)
	}
}
