package trees

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
)

const (
	maxObjects = 200_000
	maxData    = 128 << 20 // bytes of all objects
)

type kind byte

const (
	commitKind kind = 1
	treeKind   kind = 2
	blobKind   kind = 3
	tagKind    kind = 4
	offsetKind kind = 6 // a difference to an object that stands before it
	refKind    kind = 7 // a difference to an object of some ID
)

func (k kind) String() string {
	switch k {
	case commitKind:
		return "commit"
	case treeKind:
		return "tree"
	case blobKind:
		return "blob"
	}
	return "tag"
}

// Read unpacks a pack of objects whose IDs have so many hex digits: 40 or 64.
func Read(pack []byte, digits int) (Objects, error) {
	u := unpacker{r: bytes.NewReader(pack), size: int64(len(pack)), digits: digits, left: maxData, at: map[int64]int{}}
	if err := u.read(); err != nil {
		return nil, fmt.Errorf("read the pack: %w", err)
	}
	return u.resolve()
}

type unpacker struct {
	r      *bytes.Reader
	size   int64
	digits int
	left   int // bytes that objects may still have
	all    []packed
	at     map[int64]int // by offset
}

// packed is an object as it is in the pack.
type packed struct {
	object
	id   string // "" while its base is not known
	base int64  // offset, for offsetKind
	ref  string // ID, for refKind
}

func (u *unpacker) read() error {
	var head struct {
		Magic         [4]byte
		Version, Size uint32
	}
	if err := binary.Read(u.r, binary.BigEndian, &head); err != nil || string(head.Magic[:]) != "PACK" || head.Version != 2 {
		return errors.New("it is none")
	}
	if head.Size > maxObjects {
		return fmt.Errorf("it has %d objects, more than %d", head.Size, maxObjects)
	}
	for range head.Size {
		offset := u.size - int64(u.r.Len())
		p, err := u.next(offset)
		if err != nil {
			return fmt.Errorf("the object at %d: %w", offset, err)
		}
		u.at[offset] = len(u.all)
		u.all = append(u.all, p)
	}
	return nil
}

func (u *unpacker) next(offset int64) (p packed, err error) {
	first, err := u.r.ReadByte()
	if err != nil {
		return p, err
	}
	p.kind = kind(first >> 4 & 7)
	size, shift := uint64(first&15), 4
	for b := first; b&128 != 0; shift += 7 {
		if b, err = u.r.ReadByte(); err != nil || shift > 40 {
			return p, errors.New("its size cannot be read")
		}
		size |= uint64(b&127) << shift
	}
	switch p.kind {
	case commitKind, treeKind, blobKind, tagKind:
	case offsetKind:
		if p.base, err = u.base(offset); err != nil {
			return p, err
		}
	case refKind:
		ref := make([]byte, u.digits/2)
		if _, err := io.ReadFull(u.r, ref); err != nil {
			return p, err
		}
		p.ref = hex.EncodeToString(ref)
	default:
		return p, errors.New("it is of no known kind")
	}
	p.data, err = u.inflate(size)
	return p, err
}

// base reads how far before an object its base is.
func (u *unpacker) base(offset int64) (int64, error) {
	var back int64
	for i := 0; ; i++ {
		b, err := u.r.ReadByte()
		if err != nil || i > 8 {
			return 0, errors.New("its base cannot be read")
		}
		if i > 0 {
			back++
		}
		back = back<<7 | int64(b&127)
		if b&128 == 0 {
			return offset - back, nil
		}
	}
}

func (u *unpacker) inflate(size uint64) ([]byte, error) {
	if err := u.take(size); err != nil {
		return nil, err
	}
	z, err := zlib.NewReader(u.r)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(z, int64(size)))
	if err != nil {
		return nil, err
	}
	if more, err := z.Read(make([]byte, 1)); more > 0 || !errors.Is(err, io.EOF) || uint64(len(data)) != size {
		return nil, errors.New("it has not the size that it says")
	}
	return data, nil
}

func (u *unpacker) take(size uint64) error {
	if size > uint64(u.left) {
		return fmt.Errorf("all objects have more than %d MiB", maxData>>20)
	}
	u.left -= int(size)
	return nil
}

// maxRounds bounds how often what waits for its base is looked at again.
const maxRounds = 60

// resolve makes objects of differences.
func (u *unpacker) resolve() (Objects, error) {
	all := Objects{}
	for range maxRounds {
		open, progress := 0, false
		for i := range u.all {
			p := &u.all[i]
			if p.id != "" {
				continue
			}
			done, err := u.complete(p, all)
			if err != nil {
				return nil, err
			}
			if !done {
				open++
				continue
			}
			progress = true
		}
		if open == 0 {
			return all, nil
		}
		if !progress {
			break
		}
	}
	return nil, errors.New("the pack lacks what some of its objects are based on")
}

// complete names an object, once its base is there.
func (u *unpacker) complete(p *packed, all Objects) (done bool, err error) {
	var base object
	switch p.kind {
	case offsetKind:
		i, ok := u.at[p.base]
		if !ok || u.all[i].id == "" {
			return false, nil
		}
		base = u.all[i].object
	case refKind:
		o, ok := all[p.ref]
		if !ok {
			return false, nil
		}
		base = o
	}
	if base.kind != 0 {
		if p.data, err = u.apply(base.data, p.data); err != nil {
			return false, fmt.Errorf("read the pack: %w", err)
		}
		p.kind = base.kind
	}
	p.id = p.name(u.digits)
	all[p.id] = p.object
	return true, nil
}

// name is the ID of an object.
func (o object) name(digits int) string {
	h := sha1.New()
	if digits == 64 {
		h = sha256.New()
	}
	_, _ = fmt.Fprintf(h, "%s %d\x00", o.kind, len(o.data)) // never fails
	_, _ = h.Write(o.data)
	return hex.EncodeToString(h.Sum(nil))
}

var errDelta = errors.New("a difference between objects cannot be read")

// apply makes an object of its base and the difference to it.
func (u *unpacker) apply(base, delta []byte) ([]byte, error) {
	from, n := binary.Uvarint(delta)
	if n <= 0 || from != uint64(len(base)) {
		return nil, errDelta
	}
	size, m := binary.Uvarint(delta[n:])
	if m <= 0 {
		return nil, errDelta
	}
	if err := u.take(size); err != nil {
		return nil, err
	}
	out := make([]byte, 0, size)
	for delta = delta[n+m:]; len(delta) > 0; {
		piece, rest, err := instruction(base, delta)
		if err != nil || uint64(len(out)+len(piece)) > size {
			return nil, errDelta
		}
		out, delta = append(out, piece...), rest
	}
	if uint64(len(out)) != size {
		return nil, errDelta
	}
	return out, nil
}

// instruction carries out the first of a difference: insert what follows, or
// copy from the base.
func instruction(base, delta []byte) (piece, rest []byte, err error) {
	op := delta[0]
	delta = delta[1:]
	if op&128 == 0 {
		if op == 0 || int(op) > len(delta) {
			return nil, nil, errDelta
		}
		return delta[:op], delta[op:], nil
	}
	var number [7]uint64
	for i := range number {
		if op>>i&1 == 0 {
			continue
		}
		if len(delta) == 0 {
			return nil, nil, errDelta
		}
		number[i], delta = uint64(delta[0]), delta[1:]
	}
	offset := number[0] | number[1]<<8 | number[2]<<16 | number[3]<<24
	size := number[4] | number[5]<<8 | number[6]<<16
	if size == 0 {
		size = 0x10000
	}
	if offset+size > uint64(len(base)) {
		return nil, nil, errDelta
	}
	return base[offset : offset+size], delta, nil
}
