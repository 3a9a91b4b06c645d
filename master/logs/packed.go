package logs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/wright-build/wright/master/logs/pack"
)

// packFile holds all parts of a finished attempt, compressed. While it is there,
// the files it was made from count for nothing. newPack is one being written.
const (
	packFile = "packed.zst"
	newPack  = "packed.new"
)

// minPacked is from how many bytes of output on it is packed: below, a file takes
// as much of the disk either way, and is as quickly read through.
const minPacked = 16 << 10

// source is where a part's bytes are read from, by one goroutine.
type source interface {
	io.ReaderAt
	io.Closer
}

// unpacking is a part that is read out of a pack.
type unpacking struct {
	*pack.Reader
	io.Closer
}

// source opens a part, as it lies now. The caller holds mu.
func (t *attempt) source(p Part) (source, error) {
	if t.packs == nil {
		return os.Open(t.path(p))
	}
	file, err := t.packSource()
	if err != nil {
		return nil, err
	}
	for _, packed := range t.packs {
		if packed.Number == p.Number {
			return unpacking{pack.NewReader(file, packed, t.decoder()), file}, nil
		}
	}
	return nil, errors.Join(ErrNotFound, file.Close())
}

func (t *attempt) packSource() (source, error) {
	if t.remote > 0 {
		return &object{bucket: t.bucket, key: outputKey(t.name), size: t.remote, gone: t.unlearn}, nil
	}
	return os.Open(filepath.Join(t.dir, packFile))
}

// loadPack takes the parts from the pack.
func (t *attempt) loadPack() error {
	file, err := os.Open(filepath.Join(t.dir, packFile))
	if err != nil {
		return err
	}
	defer file.Close()
	packs, err := openPack(file)
	if err == nil {
		t.usePack(packs)
	}
	return err
}

func (t *attempt) usePack(packs []pack.Part) {
	t.packs, t.parts, t.finished = packs, make([]Part, 0, len(packs)), true
	for _, p := range packs {
		t.parts = append(t.parts, Part{Number: p.Number, Name: p.Name, Size: p.Size, Ended: p.Ended})
	}
}

// pack replaces the files of a finished attempt by one that is compressed. At any
// moment the one or the other is there, whole; who reads the old goes on with it.
func (t *attempt) pack(pause func() error) error {
	parts, err := t.packable()
	if err != nil || len(parts) == 0 {
		return err
	}
	path := filepath.Join(t.dir, newPack)
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return err
	}
	defer file.Close()
	written, err := t.writePack(file, parts, pause)
	if err == nil {
		err = errors.Join(file.Sync(), os.Chtimes(path, written, written)) // what is packed is as old as it was
	}
	var packs []pack.Part
	if err == nil {
		packs, err = openPack(file)
	}
	if err == nil {
		err = t.replace(packs)
	}
	if err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

func openPack(file *os.File) ([]pack.Part, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	return pack.Open(file, info.Size())
}

// packable are the parts, if they are to be packed.
func (t *attempt) packable() ([]Part, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	err := t.load()
	if errors.Is(err, ErrRemoved) {
		return nil, nil
	}
	if err != nil || !t.finished || t.packs != nil {
		return nil, err
	}
	if total(t.parts) < minPacked {
		return nil, nil
	}
	return append([]Part(nil), t.parts...), nil
}

func total(parts []Part) (bytes int64) {
	for _, p := range parts {
		bytes += p.Size
	}
	return bytes
}

// writePack writes parts, which grow no more, as a pack, and returns when the last
// of them was written.
func (t *attempt) writePack(to io.Writer, parts []Part, pause func() error) (last time.Time, err error) {
	w, _ := t.writers.Get().(*pack.Writer)
	if w == nil {
		if w, err = pack.NewWriter(); err != nil {
			return last, err
		}
	}
	defer t.writers.Put(w)
	w.Begin(to)
	for _, p := range parts {
		at, err := t.addTo(w, p, pause)
		if err != nil {
			return last, fmt.Errorf("pack part %d: %w", p.Number, err)
		}
		if at.After(last) {
			last = at
		}
	}
	return last, w.End()
}

func (t *attempt) addTo(w *pack.Writer, p Part, pause func() error) (written time.Time, err error) {
	file, err := os.Open(t.path(p))
	if err != nil {
		return written, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return written, err
	}
	if info.Size() < p.Size {
		return written, fmt.Errorf("its file has %d bytes, and not %d: %w", info.Size(), p.Size, io.ErrUnexpectedEOF)
	}
	return info.ModTime(), w.Add(pack.Part{Number: p.Number, Name: p.Name, Ended: p.Ended}, io.NewSectionReader(file, 0, p.Size), pause)
}

// replace gives the new pack its name, and removes what it was made from.
func (t *attempt) replace(packs []pack.Part) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.removed {
		return ErrRemoved
	}
	// gofail: var packUnnamed struct{}
	if err := os.Rename(filepath.Join(t.dir, newPack), filepath.Join(t.dir, packFile)); err != nil {
		return err
	}
	// gofail: var packNamed struct{}
	old := t.parts
	t.usePack(packs)
	if err := syncDir(t.dir); err != nil {
		return err
	}
	return t.removeRaw(old)
}

func (t *attempt) removeRaw(parts []Part) (err error) {
	for _, p := range parts {
		t.files.drop(t.path(p))
		if gone := os.Remove(t.path(p)); !errors.Is(gone, os.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}
	return err
}

// newDecoder makes what all of the logs are unpacked with, once it is needed.
func newDecoder() func() *zstd.Decoder {
	return sync.OnceValue(func() *zstd.Decoder {
		d, err := pack.NewDecoder()
		if err != nil {
			panic("logs: the options of the decoder: " + err.Error()) // they are constants
		}
		return d
	})
}
