package ask

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// packets reads git's pkt-lines.
type packets struct {
	r    *bufio.Reader
	left int // bytes that may still be read
	buf  []byte
}

func newPackets(r io.Reader) *packets {
	return &packets{r: bufio.NewReader(r), left: maxAnswer}
}

// next returns the next line, without its line feed; flush is the end of a
// list, or a part of one. The line is good until the next call.
func (p *packets) next() (line []byte, flush bool, err error) {
	line, flush, err = p.raw()
	if err != nil || flush {
		return nil, flush, err
	}
	line = bytes.TrimSuffix(line, []byte{'\n'})
	if why, bad := bytes.CutPrefix(line, []byte("ERR ")); bad {
		return nil, false, fmt.Errorf("the remote says: %s", why)
	}
	return line, false, nil
}

// raw is next for what need not be text.
func (p *packets) raw() (line []byte, flush bool, err error) {
	size, err := p.size()
	if err != nil || size < 4 {
		return nil, true, err
	}
	size -= 4
	if p.left -= size + 4; p.left < 0 {
		return nil, false, fmt.Errorf("the answer is longer than %d MiB", maxAnswer>>20)
	}
	if cap(p.buf) < size {
		p.buf = make([]byte, max(size, 256))
	}
	p.buf = p.buf[:size]
	if _, err := io.ReadFull(p.r, p.buf); err != nil {
		return nil, false, broken(err)
	}
	return p.buf, false, nil
}

// size reads the four hex digits before a line.
func (p *packets) size() (int, error) {
	var digits [4]byte
	if _, err := io.ReadFull(p.r, digits[:]); err == io.EOF {
		return 0, err
	} else if err != nil {
		return 0, broken(err)
	}
	n, err := strconv.ParseUint(string(digits[:]), 16, 16)
	if err != nil || n == 3 {
		return 0, errNotGit
	}
	return int(n), nil
}

// broken is what the end of an answer means where there should be more.
func broken(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the answer ends in its midst")
	}
	return err
}

// packet appends a line as a pkt-line.
func packet(b []byte, format string, args ...any) []byte {
	line := fmt.Sprintf(format, args...)
	return append(fmt.Appendf(b, "%04x", len(line)+4), line...)
}
