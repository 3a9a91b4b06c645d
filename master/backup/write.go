package backup

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/klauspost/compress/zstd"
)

// windowSize is how far back the compression looks: what both sides have in memory.
const windowSize = 1 << 20

// writer writes an archive, file by file.
type writer struct {
	zip   *zstd.Encoder
	tar   *tar.Writer
	sums  bytes.Buffer
	names map[string]bool
	files int
}

func newWriter(to io.Writer) (*writer, error) {
	zip, err := zstd.NewWriter(to, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(windowSize),
		zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, err
	}
	return &writer{zip: zip, tar: tar.NewWriter(zip), names: map[string]bool{}}, nil
}

func (w *writer) has(name string) bool { return w.names[name] }

func (w *writer) addText(name string, text []byte, at time.Time) error {
	return w.add(name, bytes.NewReader(text), int64(len(text)), at)
}

// addFile adds the whole of a file, as it is now.
func (w *writer) addFile(name string, f *os.File, at time.Time) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return w.add(name, io.NewSectionReader(f, 0, info.Size()), info.Size(), at)
}

func (w *writer) add(name string, from io.Reader, size int64, at time.Time) error {
	if err := allowed(name); err != nil {
		return err
	}
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, ModTime: at, Format: tar.FormatPAX}
	if err := w.tar.WriteHeader(h); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(w.tar, sum), from)
	if err == nil && n != size {
		err = fmt.Errorf("%w: it became shorter while it was read", io.ErrUnexpectedEOF)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	fmt.Fprintf(&w.sums, "%x  %s\n", sum.Sum(nil), name)
	w.names[name] = true
	w.files++
	return nil
}

// close ends the archive with the sums of all files, as sha256sum writes them.
func (w *writer) close() error {
	text := w.sums.Bytes()
	h := &tar.Header{Typeflag: tar.TypeReg, Name: sumsName, Size: int64(len(text)), Mode: 0o600, Format: tar.FormatPAX}
	err := w.tar.WriteHeader(h)
	if err == nil {
		_, err = w.tar.Write(text)
	}
	if err == nil {
		err = w.tar.Close()
	}
	if err == nil {
		err = w.zip.Close()
	}
	return err
}
