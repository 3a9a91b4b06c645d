package logs

import (
	"context"
	"fmt"
	"io"
)

// chunkSize is the most that is handed to a follower at once, in bytes.
const chunkSize = 256 << 10

// PartFilter chooses parts. It may look at the number and the name; nil
// chooses all.
type PartFilter func(Part) bool

// Emit takes the next bytes of a part; they are valid until it returns. Size and
// Ended of the part are those of the moment. Its error ends the following.
type Emit func(p Part, data []byte) error

// Follow hands out all output of an attempt, from the start and as it comes,
// until the attempt is finished (nil) or ctx ends. A part waits until the ones
// before it have ended; only part 0, which goes on as long as the attempt
// does, is waited for by none and handed out as it comes. Memory does not
// depend on the amount of output.
//
// That an attempt without output is finished is not known after a restart of
// the process: use Copy for builds that have ended.
func (l *Logs) Follow(ctx context.Context, a Attempt, parts PartFilter, emit func(p Part, data []byte) error) error {
	return l.FollowFrom(ctx, a, nil, parts, emit)
}

// FollowFrom is Follow, for one who has seen some output already: that many
// bytes of each part.
func (l *Logs) FollowFrom(ctx context.Context, a Attempt, seen map[int]int64, parts PartFilter, emit func(p Part, data []byte) error) error {
	return l.stream(ctx, a, seen, parts, emit, true)
}

// Copy is FollowFrom, but stops at the end of what there is now.
func (l *Logs) Copy(ctx context.Context, a Attempt, seen map[int]int64, parts PartFilter, emit func(p Part, data []byte) error) error {
	return l.stream(ctx, a, seen, parts, emit, false)
}

func (l *Logs) stream(ctx context.Context, a Attempt, seen map[int]int64, parts PartFilter, emit Emit, wait bool) error {
	t, err := l.hold(a)
	if err != nil {
		return err
	}
	defer l.release(t)
	f := follower{logs: l, attempt: t, wanted: parts, emit: emit, seen: map[int]int64{}, files: map[int]source{}}
	for number, n := range seen {
		f.seen[number] = n
	}
	defer f.close()
	if err := f.run(ctx, wait); err != nil {
		return fmt.Errorf("follow the output of %s: %w", a, err)
	}
	return nil
}

// follower is one reader's way through an attempt's output.
type follower struct {
	logs    *Logs
	attempt *attempt
	wanted  PartFilter
	emit    Emit
	seen    map[int]int64  // bytes handed out, by part number
	files   map[int]source // of parts that may grow
}

func (f *follower) run(ctx context.Context, wait bool) error {
	var v view
	for {
		var err error
		if v, err = f.attempt.look(v.parts, wait); err != nil {
			return err
		}
		if err := f.round(ctx, v, wait && !v.finished); err != nil {
			return err
		}
		if !wait || v.finished {
			return nil
		}
		select {
		case <-v.changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// round hands out what the view has and was not handed out before. With
// patience, it goes no further than the first part that may grow.
func (f *follower) round(ctx context.Context, v view, patience bool) error {
	buf := f.logs.buffers.Get().(*[]byte)
	defer f.logs.buffers.Put(buf)
	for _, p := range v.parts {
		if f.wanted != nil && !f.wanted(p) {
			continue
		}
		if err := f.part(ctx, p, *buf); err != nil {
			return err
		}
		if p.Ended || !patience {
			f.drop(p.Number)
		} else if p.Number != 0 {
			return nil
		}
	}
	return nil
}

func (f *follower) part(ctx context.Context, p Part, buf []byte) error {
	if f.seen[p.Number] >= p.Size {
		return nil
	}
	file, err := f.open(p.Number)
	if err != nil {
		return err
	}
	for at := f.seen[p.Number]; at < p.Size; at = f.seen[p.Number] {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		block := buf[:min(p.Size-at, int64(len(buf)))]
		if _, err := file.ReadAt(block, at); err != nil {
			return fmt.Errorf("read part %d at %d: %w", p.Number, at, err)
		}
		if err := f.emit(p, block); err != nil {
			return err
		}
		f.seen[p.Number] += int64(len(block))
	}
	return nil
}

func (f *follower) open(number int) (source, error) {
	if file := f.files[number]; file != nil {
		return file, nil
	}
	file, _, err := f.attempt.open(number)
	if err == nil {
		f.files[number] = file
	}
	return file, err
}

func (f *follower) drop(number int) {
	if file := f.files[number]; file != nil {
		_ = file.Close()
		delete(f.files, number)
	}
}

func (f *follower) close() {
	for number := range f.files {
		f.drop(number)
	}
}

// Reader reads one part as it was when it was opened. It is for one goroutine.
type Reader struct {
	*io.SectionReader
	Part Part
	file io.Closer
}

// Close closes the reader.
func (r *Reader) Close() error { return r.file.Close() }

// Reader opens what is held of a part now, or says ErrNotFound. The caller
// closes it.
func (l *Logs) Reader(a Attempt, part int) (*Reader, error) {
	t, err := l.hold(a)
	if err != nil {
		return nil, err
	}
	defer l.release(t)
	file, p, err := t.open(part)
	if err != nil {
		return nil, fmt.Errorf("open part %d of %s: %w", part, a, err)
	}
	return &Reader{io.NewSectionReader(file, 0, p.Size), p, file}, nil
}
