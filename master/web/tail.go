package web

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/wright-build/wright/master/api/ansi"
	"github.com/wright-build/wright/master/api/view"
	"github.com/wright-build/wright/master/logs"
)

const (
	maxTail     = 256 << 10 // bytes of a log that a page shows
	minTail     = 2 << 10   // of each part that there is no room left for
	maxSections = 200       // parts that a page shows
	maxPart     = 9999      // the highest part number that is asked for
)

// section is one part of a log on a page.
type section struct {
	view.Part
	Build   string // its ID
	Text    string
	Omitted int64 // bytes before Text
}

// position is how much of an attempt's output somebody has. Steps come one
// after the other, so it names the present one; Wright's own part goes beside.
type position struct {
	attempt int
	own     int64 // bytes of part 0
	part    int   // those before it were seen whole
	offset  int64 // bytes of part
}

// String writes a position so that it can be the ID of an event.
func (p position) String() string {
	return fmt.Sprintf("%d.%d.%d.%d", p.attempt, p.own, p.part, p.offset)
}

// parsePosition reads what String wrote.
func parsePosition(s string) (p position, ok bool) {
	fields := strings.Split(s, ".")
	if len(s) > 80 || len(fields) != 4 {
		return p, false
	}
	var n [4]int64
	for i, field := range fields {
		var err error
		if n[i], err = strconv.ParseInt(field, 10, 64); err != nil || n[i] < 0 {
			return p, false
		}
	}
	if n[0] < 1 || n[0] > math.MaxInt32 || n[2] > maxPart {
		return p, false
	}
	return position{int(n[0]), n[1], int(n[2]), n[3]}, true
}

// seen is the position as bytes of each part.
func (p position) seen() map[int]int64 {
	seen := map[int]int64{0: p.own}
	for part := 1; part < p.part; part++ {
		seen[part] = math.MaxInt64 / 2
	}
	if p.part > 0 {
		seen[p.part] = p.offset
	}
	return seen
}

// moved is the position after the first end bytes of a part.
func (p position) moved(part int, end int64) position {
	switch {
	case part == 0:
		p.own = end
	case part >= p.part:
		p.part, p.offset = part, end
	}
	return p
}

// tail reads the end of an attempt's output and says up to where it read.
func tail(l *logs.Logs, at logs.Attempt, parts []view.Part) ([]section, position, error) {
	pos := position{attempt: at.Attempt}
	var sections []section
	left := int64(maxTail)
	for i, part := range slices.Backward(parts) {
		last := part.Ended || part.Part != 0 && i < len(parts)-1
		s, read, err := tailOf(l, at, part, max(left, minTail), last)
		if err != nil {
			return nil, pos, err
		}
		pos = pos.moved(part.Part, read)
		left -= min(left, part.Size-s.Omitted)
		if len(sections) < maxSections {
			sections = append(sections, s)
		}
	}
	slices.Reverse(sections)
	return sections, pos, nil
}

func tailOf(l *logs.Logs, at logs.Attempt, part view.Part, most int64, last bool) (s section, read int64, err error) {
	s = section{Part: part, Build: at.Build, Omitted: max(0, part.Size-most)}
	if part.Size == 0 {
		return s, part.Size, nil
	}
	r, err := l.Reader(at, part.Part)
	if err != nil {
		return s, 0, err
	}
	defer r.Close()
	data := make([]byte, part.Size-s.Omitted)
	if _, err := r.ReadAt(data, s.Omitted); err != nil && !errors.Is(err, io.EOF) {
		return s, 0, fmt.Errorf("read the end of part %d of %s: %w", part.Part, at, err)
	}
	if i := bytes.IndexByte(data, '\n'); s.Omitted > 0 && i >= 0 {
		s.Omitted, data = s.Omitted+int64(i)+1, data[i+1:] // begin with a whole line
	}
	var rest []byte
	s.Text, rest = ansi.Text(data, last)
	return s, part.Size - int64(len(rest)), nil
}
