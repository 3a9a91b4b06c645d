package pack

import (
	"bytes"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// NewDecoder makes what readers unpack with. Any number of them share one.
func NewDecoder() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(SegmentSize+1<<10))
}

// Reader reads one part, and only the segments that it must. It remembers the
// last, so who reads on unpacks each once. It is for one goroutine.
type Reader struct {
	from    io.ReaderAt
	part    Part
	decoder *zstd.Decoder

	starts []int64 // of the segments in the pack
	held   int     // the segment in text; -1: none
	text   []byte
	packed []byte
}

// NewReader prepares to read a part that Open has found.
func NewReader(from io.ReaderAt, p Part, decoder *zstd.Decoder) *Reader {
	r := &Reader{from: from, part: p, decoder: decoder, held: -1, starts: make([]int64, len(p.segments))}
	at := p.at
	for i, s := range p.segments {
		r.starts[i] = at
		at += s.packed
	}
	return r
}

// ReadAt is that of io.ReaderAt, but for one goroutine at a time.
func (r *Reader) ReadAt(to []byte, at int64) (n int, err error) {
	if at < 0 {
		return 0, fmt.Errorf("read at %d: there is nothing", at)
	}
	for n < len(to) {
		i := int(at / SegmentSize)
		if at >= r.part.Size || i >= len(r.part.segments) {
			return n, io.EOF
		}
		if err := r.unpack(i); err != nil {
			return n, err
		}
		copied := copy(to[n:], r.text[at-int64(i)*SegmentSize:])
		n += copied
		at += int64(copied)
	}
	return n, nil
}

// unpack brings a segment into text.
func (r *Reader) unpack(i int) error {
	if r.held == i {
		return nil
	}
	s := r.part.segments[i]
	if int64(cap(r.packed)) < s.packed {
		r.packed = make([]byte, s.packed)
	}
	r.packed, r.held = r.packed[:s.packed], -1
	if err := readFull(r.from, r.packed, r.starts[i]); err != nil {
		return err
	}
	text, err := r.decoder.DecodeAll(r.packed, r.text[:0])
	if err != nil {
		return fmt.Errorf("%w: segment %d of part %d: %w", ErrDamaged, i, r.part.Number, err)
	}
	r.text = text
	if int64(len(text)) != s.size || int64(bytes.Count(text, newline)) != s.lines {
		return fmt.Errorf("%w: segment %d of part %d has %d bytes, and not %d", ErrDamaged, i, r.part.Number, len(text), s.size)
	}
	r.held = i
	return nil
}

// Runs are the runs of bytes that a part is read in, with what is known of each.
func (p Part) Runs() []Run {
	all := make([]Run, len(p.segments))
	for i, s := range p.segments {
		all[i] = Run{Size: s.size, Lines: s.lines}
	}
	return all
}

// Run is a run of bytes and how many lines end in it.
type Run struct{ Size, Lines int64 }
