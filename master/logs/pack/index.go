package pack

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
)

// Limits on an index, whatever it says of itself.
const (
	maxIndex   = 32 << 20 // bytes; some 5 TB of output
	maxParts   = 10_000
	maxNumber  = 9999
	maxName    = 4096
	headLength = 8  // a skippable frame of zstd: its mark, and the length of the rest
	tailLength = 16 // the length of the index, its sum, and our mark
	skippable  = 0x184D2A5E
	mark       = "wrightL1"
)

// frameIndex puts an index where zstd skips it, and a reader finds it from the end.
func frameIndex(index []byte) []byte {
	out := binary.LittleEndian.AppendUint32(nil, skippable)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(index)+tailLength))
	out = append(out, index...)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(index)))
	out = binary.LittleEndian.AppendUint32(out, sum(index))
	return append(out, mark...)
}

func sum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// Open reads the index of a pack of that many bytes. Only its end is read.
func Open(from io.ReaderAt, size int64) ([]Part, error) {
	tail := make([]byte, tailLength)
	if size < headLength+tailLength {
		return nil, fmt.Errorf("%w: %d bytes are too few", ErrDamaged, size)
	}
	if err := readFull(from, tail, size-tailLength); err != nil {
		return nil, err
	}
	length := int64(binary.LittleEndian.Uint32(tail))
	if string(tail[8:]) != mark || length > maxIndex || length > size-headLength-tailLength {
		return nil, fmt.Errorf("%w: its end is not that of packed output", ErrDamaged)
	}
	index := make([]byte, length)
	end := size - tailLength - length
	if err := readFull(from, index, end); err != nil {
		return nil, err
	}
	if sum(index) != binary.LittleEndian.Uint32(tail[4:]) {
		return nil, fmt.Errorf("%w: the index has another sum", ErrDamaged)
	}
	return decodeIndex(index, end-headLength)
}

func readFull(from io.ReaderAt, to []byte, at int64) error {
	n, err := from.ReadAt(to, at)
	if n == len(to) {
		return nil
	}
	if err == nil || err == io.EOF {
		return fmt.Errorf("%w: it ends at %d", ErrDamaged, at+int64(n))
	}
	return err
}

func encodeIndex(parts []Part) []byte {
	out := binary.AppendUvarint(nil, uint64(len(parts)))
	for _, p := range parts {
		ended := uint64(0)
		if p.Ended {
			ended = 1
		}
		for _, n := range []uint64{uint64(p.Number), ended, uint64(len(p.Name))} {
			out = binary.AppendUvarint(out, n)
		}
		out = binary.AppendUvarint(append(out, p.Name...), uint64(len(p.segments)))
		for _, s := range p.segments {
			for _, n := range []int64{s.size, s.packed, s.lines} {
				out = binary.AppendUvarint(out, uint64(n))
			}
		}
	}
	return out
}

// decodeIndex reads an index whose segments take that many bytes together.
func decodeIndex(index []byte, packed int64) ([]Part, error) {
	d := decoder{rest: index}
	var parts []Part
	at, before := int64(0), -1
	for range d.number(maxParts) {
		p := d.part(at)
		for _, s := range p.segments {
			at += s.packed
		}
		if d.bad || p.Number <= before {
			return nil, fmt.Errorf("%w: its index makes no sense", ErrDamaged)
		}
		before = p.Number
		parts = append(parts, p)
	}
	if d.bad || len(d.rest) > 0 || at != packed {
		return nil, fmt.Errorf("%w: its index is not that of %d bytes", ErrDamaged, packed)
	}
	return parts, nil
}

// decoder takes numbers off the front; after one that is wrong all are 0.
type decoder struct {
	rest []byte
	bad  bool
}

func (d *decoder) number(most int64) int64 {
	n, length := binary.Uvarint(d.rest)
	if d.bad = d.bad || length <= 0 || n > uint64(most); d.bad {
		return 0
	}
	d.rest = d.rest[length:]
	return int64(n)
}

func (d *decoder) part(at int64) Part {
	p := Part{Number: int(d.number(maxNumber)), Ended: d.number(1) == 1, at: at}
	n := d.number(int64(min(maxName, len(d.rest))))
	if n > int64(len(d.rest)) {
		d.bad = true
		return p
	}
	p.Name, d.rest = string(d.rest[:n]), d.rest[n:]
	count := d.number(int64(len(d.rest)))
	for i := range count {
		s := segment{size: d.number(SegmentSize), packed: d.number(maxPacked), lines: d.number(SegmentSize)}
		short := s.size == 0 || s.size < SegmentSize && i < count-1
		if d.bad = d.bad || short || s.packed == 0 || s.lines > s.size; d.bad {
			return p
		}
		p.segments = append(p.segments, s)
		p.Size += s.size
	}
	return p
}
