// Package pack is the form in which finished output is kept: compressed in
// segments, each of which can be read without the others, and behind them an
// index that knows where every segment begins, in bytes and in lines. The whole is
// a valid zstd stream: `zstd -dc` prints all of it. It knows nothing of builds, nor
// where what it reads lies: that may be damaged, cut off, or somebody's trap.
package pack

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// SegmentSize is how much of a part is compressed together, in bytes.
const SegmentSize = 1 << 20

// maxPacked is how long a compressed segment can be: what does not compress is
// stored, with a few bytes around every block.
const maxPacked = SegmentSize + 1<<12

// ErrDamaged means that this is no pack, or not all of it.
var ErrDamaged = errors.New("the packed output is damaged")

// Part is one part of what is packed.
type Part struct {
	Number int
	Name   string
	Ended  bool  // it came to its own end
	Size   int64 // bytes

	at       int64 // where its first segment begins in the pack
	segments []segment
}

// segment is a run of a part's bytes; all but the last are SegmentSize long.
type segment struct {
	size   int64 // bytes of text
	packed int64 // bytes in the pack
	lines  int64 // ends of lines in it
}

// Writer writes a pack.
type Writer struct {
	to      io.Writer
	encoder *zstd.Encoder
	parts   []Part
	at      int64
	text    []byte
	packed  []byte
}

// NewWriter makes a writer. It takes some megabytes; Begin makes it one of the next
// pack.
func NewWriter() (*Writer, error) {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithWindowSize(SegmentSize), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(true))
	if err != nil {
		return nil, fmt.Errorf("prepare to compress: %w", err)
	}
	return &Writer{encoder: encoder, text: make([]byte, SegmentSize)}, nil
}

// Begin begins a pack, and forgets the one before.
func (w *Writer) Begin(to io.Writer) { w.to, w.parts, w.at = to, nil, 0 }

// Add packs the next part, all that text has. Between two segments it asks pause,
// which may take its time, and whose error ends it.
func (w *Writer) Add(p Part, text io.Reader, pause func() error) error {
	p.at, p.Size, p.segments = w.at, 0, nil
	for {
		n, err := io.ReadFull(text, w.text)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return err
		}
		if n > 0 {
			s, err := w.segment(w.text[:n])
			if err != nil {
				return err
			}
			p.segments = append(p.segments, s)
			p.Size += s.size
		}
		if err != nil {
			w.parts = append(w.parts, p)
			return nil
		}
		if err := pause(); err != nil {
			return err
		}
	}
}

func (w *Writer) segment(text []byte) (segment, error) {
	w.packed = w.encoder.EncodeAll(text, w.packed[:0])
	n, err := w.to.Write(w.packed)
	w.at += int64(n)
	return segment{size: int64(len(text)), packed: int64(len(w.packed)), lines: int64(bytes.Count(text, newline))}, err
}

// End writes the index. It does not close what is written to.
func (w *Writer) End() error {
	_, err := w.to.Write(frameIndex(encodeIndex(w.parts)))
	return err
}

var newline = []byte{'\n'}
