package output

import (
	"errors"
	"io"
	"slices"
)

// veiled reads a part as it may be shown. The offsets of what is shown are not
// those of the file: it remembers where it is in both, and begins anew for what
// came before.
type veiled struct {
	redactor *Redactor
	read     int64  // bytes of the file that were looked at
	text     []byte // of these, what is not decided
	shown    []byte // what is decided and was not asked for yet
	at       int64  // offset of shown
	buf      []byte // shown is in it
}

// readAt is ReadAt of what is shown of f. While the file grows, io.EOF says
// that nothing more is decided; once it is whole, that there is no more.
func (v *veiled) readAt(f io.ReaderAt, buf []byte, at int64, whole bool) (int, error) {
	if at < v.at {
		*v = veiled{redactor: v.redactor}
	}
	for {
		v.skip(at)
		if v.at == at && len(v.shown) >= len(buf) {
			return copy(buf, v.shown), nil
		}
		err := v.more(f, whole)
		v.skip(at)
		switch {
		case err == nil, v.at == at && len(v.shown) > len(buf): // the end is not in buf yet
		case v.at < at:
			return 0, err
		default:
			return copy(buf, v.shown), err
		}
	}
}

// skip forgets what is shown before at.
func (v *veiled) skip(at int64) {
	n := min(at-v.at, int64(len(v.shown)))
	v.shown, v.at = v.shown[n:], v.at+n
}

// more looks at the next bytes of the file.
func (v *veiled) more(f io.ReaderAt, whole bool) error {
	have := len(v.text)
	v.text = slices.Grow(v.text, chunkSize)[:have+chunkSize]
	n, err := f.ReadAt(v.text[have:], v.read)
	v.read, v.text = v.read+int64(n), v.text[:have+n]
	var used int
	v.buf, used = v.redactor.redact(append(v.buf[:0], v.shown...), v.text, whole && errors.Is(err, io.EOF))
	v.shown, v.text = v.buf, append(v.text[:0], v.text[used:]...)
	return err
}
