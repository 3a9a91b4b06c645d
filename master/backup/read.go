package backup

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
)

// ErrArchive means that something is no archive of ours, or not whole.
var ErrArchive = errors.New("this is no whole backup of Wright")

const (
	maxName   = 4096     // bytes of a name
	maxSums   = 1 << 30  // bytes of all names and sums, which are in memory
	maxHeader = 64 << 10 // bytes of the first file
	maxWindow = 8 << 20  // bytes of memory that an archive may ask for
)

// Summary is what is in an archive.
type Summary struct {
	Header
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"` // of all files
}

// file is one of an archive, while it is read.
type file struct {
	name string
	at   time.Time
	io.Reader
}

// Verify reads an archive to its end.
func Verify(from io.Reader) (Summary, error) {
	return read(from, func(f file) error { _, err := io.Copy(io.Discard, f); return err })
}

// read gives each file of an archive to take, in order, the sums left out, and then
// holds all of it against the sums.
func read(from io.Reader, take func(f file) error) (s Summary, err error) {
	zip, err := zstd.NewReader(from, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return s, err
	}
	defer zip.Close()
	r := &reader{tar: tar.NewReader(zip), names: map[string]bool{}}
	if err := r.all(take); err != nil {
		return s, err
	}
	if _, err := io.Copy(io.Discard, zip); err != nil { // the end has a sum of its own
		return s, fmt.Errorf("%w: %w", ErrArchive, err)
	}
	return r.summary, nil
}

type reader struct {
	tar     *tar.Reader
	summary Summary
	names   map[string]bool
	sums    bytes.Buffer // of what was read, as they should be written
}

func (r *reader) all(take func(f file) error) error {
	for {
		h, err := r.tar.Next()
		if err != nil {
			return fmt.Errorf("%w: %w", ErrArchive, ended(err))
		}
		if h.Name == sumsName {
			return r.end(h)
		}
		if err := r.one(h, take); err != nil {
			return err
		}
	}
}

// ended says what it means that an archive ends before its sums.
func ended(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("it was cut off")
	}
	return err
}

func (r *reader) one(h *tar.Header, take func(f file) error) error {
	if err := r.check(h); err != nil {
		return fmt.Errorf("%w: %w", ErrArchive, err)
	}
	sum := sha256.New()
	body := &tracked{from: io.TeeReader(r.tar, sum)}
	err := r.pass(h, body, take)
	if body.err != nil {
		return fmt.Errorf("%w: read %q: %w", ErrArchive, h.Name, ended(body.err))
	}
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, body); err != nil {
		return fmt.Errorf("%w: read %q: %w", ErrArchive, h.Name, ended(err))
	}
	fmt.Fprintf(&r.sums, "%x  %s\n", sum.Sum(nil), h.Name)
	r.names[h.Name] = true
	r.summary.Files++
	r.summary.Bytes += h.Size
	return nil
}

// pass gives a file to who wants it.
func (r *reader) pass(h *tar.Header, body io.Reader, take func(f file) error) error {
	if r.summary.Files == 0 {
		return r.header(body)
	}
	return take(file{h.Name, h.ModTime, body})
}

// tracked remembers what went wrong with reading, as opposed to writing.
type tracked struct {
	from io.Reader
	err  error
}

func (t *tracked) Read(p []byte) (int, error) {
	n, err := t.from.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		t.err = err
	}
	return n, err
}

// check refuses what no archive of ours has.
func (r *reader) check(h *tar.Header) error {
	switch {
	case h.Typeflag != tar.TypeReg:
		return fmt.Errorf("%.200q is no plain file", h.Name)
	case r.names[h.Name]:
		return fmt.Errorf("%.200q is in it twice", h.Name)
	case (r.summary.Files == 0) != (h.Name == headerName):
		return fmt.Errorf("%.200q is not where it should be", h.Name)
	case r.sums.Len() > maxSums:
		return fmt.Errorf("it has more than %d files", r.summary.Files)
	}
	return allowed(h.Name)
}

// allowed refuses names that no file of an archive has: a name must not lead out of
// the directory that it is brought back to.
func allowed(name string) error {
	dir, _, below := strings.Cut(name, "/")
	known := slices.Contains([]string{headerName, snapshotName, keyName, sealedName}, name) ||
		below && slices.Contains(kept(true), dir)
	if !known || !fs.ValidPath(name) || len(name) > maxName || strings.ContainsAny(name, "\x00\n") {
		return fmt.Errorf("%.200q is no name of a file in a backup", name)
	}
	return nil
}

// header reads the first file.
func (r *reader) header(from io.Reader) error {
	text, err := io.ReadAll(io.LimitReader(from, maxHeader))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrArchive, ended(err))
	}
	if err := json.Unmarshal(text, &r.summary.Header); err != nil {
		return fmt.Errorf("%w: read %s: %w", ErrArchive, headerName, err)
	}
	if f := r.summary.Format; f > format || f < 1 {
		return fmt.Errorf("%w: it has format %d, and this release reads up to %d: take a newer one", ErrArchive, f, format)
	}
	return nil
}

// end holds what was read against the sums.
func (r *reader) end(h *tar.Header) error {
	want := r.sums.Bytes()
	if h.Typeflag != tar.TypeReg {
		return fmt.Errorf("%w: %q is no plain file", ErrArchive, h.Name)
	}
	if !r.names[snapshotName] {
		return fmt.Errorf("%w: it has no %s", ErrArchive, snapshotName)
	}
	said, err := io.ReadAll(io.LimitReader(r.tar, int64(len(want))+1))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrArchive, ended(err))
	}
	if name, same := firstDifference(want, said); !same {
		return fmt.Errorf("%w: %q is not as %s has it", ErrArchive, name, sumsName)
	}
	if _, err := r.tar.Next(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: something comes after %s", ErrArchive, sumsName)
	}
	return nil
}

// firstDifference finds the file whose line is not the same in two lists of sums.
func firstDifference(is, said []byte) (name string, same bool) {
	for line := range bytes.Lines(is) {
		other, found := bytes.CutPrefix(said, line)
		if !found {
			_, name, _ := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte("  "))
			return string(name), false
		}
		said = other
	}
	return sumsName, len(said) == 0
}
