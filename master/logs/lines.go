package logs

import (
	"bytes"
	"context"
	"fmt"
	"slices"
)

// Lines finds out where lines are in the parts chosen, laid end to end: the line
// first (from 1) begins at the offset from, and the line last ends before to; for
// a last of 0 it is the last there is. Of what is packed only those segments are
// read in which they begin and end.
func (l *Logs) Lines(ctx context.Context, a Attempt, parts PartFilter, first, last int64) (from, to int64, err error) {
	err = l.search(ctx, a, parts, func(r *reel) error {
		to = r.size
		if from, err = r.after(ctx, first-1); err == nil && last > 0 {
			to, err = r.after(ctx, last)
		}
		return err
	})
	return from, max(from, to), err
}

// LastLines is where the last n lines begin. What comes behind the last end of a
// line is a line too.
func (l *Logs) LastLines(ctx context.Context, a Attempt, parts PartFilter, n int64) (from int64, err error) {
	err = l.search(ctx, a, parts, func(r *reel) error {
		from, err = r.beforeLast(ctx, n)
		return err
	})
	return from, err
}

func (l *Logs) search(ctx context.Context, a Attempt, parts PartFilter, find func(*reel) error) error {
	t, err := l.hold(a)
	if err != nil {
		return err
	}
	defer l.release(t)
	buf := l.buffers.Get().(*[]byte)
	defer l.buffers.Put(buf)
	r := &reel{attempt: t, buf: *buf}
	defer r.close()
	runs, err := t.runs(parts)
	if err == nil {
		r.lay(runs)
		err = find(r)
	}
	if err != nil {
		return fmt.Errorf("find lines in the output of %s: %w", a, err)
	}
	return nil
}

// run is a run of bytes within a part.
type run struct {
	part     int
	at, size int64
	lines    int64 // that end in it; unknown: not counted yet
	begin    int64 // in the parts laid end to end
}

const unknown = -1

// runs are those of the parts chosen: segments where they are packed, else pieces
// that are to be read.
func (t *attempt) runs(wanted PartFilter) (all []run, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.load(); err != nil {
		return nil, err
	}
	for i, p := range t.parts {
		if wanted != nil && !wanted(p) {
			continue
		}
		at := int64(0)
		if t.packs != nil {
			for _, r := range t.packs[i].Runs() {
				all = append(all, run{part: p.Number, at: at, size: r.Size, lines: r.Lines})
				at += r.Size
			}
		}
		for ; at < p.Size; at += chunkSize {
			all = append(all, run{part: p.Number, at: at, size: min(chunkSize, p.Size-at), lines: unknown})
		}
	}
	return all, nil
}

// reel is one search through an attempt's output.
type reel struct {
	attempt *attempt
	runs    []run
	size    int64 // bytes of all
	buf     []byte

	file source // of the part opened last
	part int
}

func (r *reel) lay(runs []run) {
	r.runs = runs
	for i := range runs {
		runs[i].begin = r.size
		r.size += runs[i].size
	}
}

// after is the offset behind the n-th end of a line; that of the end if there are
// fewer.
func (r *reel) after(ctx context.Context, n int64) (int64, error) {
	if n <= 0 {
		return 0, nil
	}
	for _, run := range r.runs {
		lines, err := r.count(ctx, run)
		if err != nil {
			return 0, err
		}
		if n <= lines {
			return r.find(ctx, run, n)
		}
		n -= lines
	}
	return r.size, nil
}

// beforeLast is the offset at which the last n lines begin.
func (r *reel) beforeLast(ctx context.Context, n int64) (int64, error) {
	if n <= 0 || r.size == 0 {
		return r.size, nil
	}
	ends, err := r.endsLine(ctx)
	if err != nil {
		return 0, err
	}
	if ends {
		n++
	}
	for _, run := range slices.Backward(r.runs) {
		lines, err := r.count(ctx, run)
		if err != nil {
			return 0, err
		}
		if n <= lines {
			return r.find(ctx, run, lines-n+1)
		}
		n -= lines
	}
	return 0, nil
}

// endsLine says whether the last byte of all is the end of a line.
func (r *reel) endsLine(ctx context.Context) (ends bool, err error) {
	last := r.runs[len(r.runs)-1]
	last.at, last.size = last.at+last.size-1, 1
	err = r.read(ctx, last, func(block []byte) bool { ends = block[0] == '\n'; return false })
	return ends, err
}

// count is how many lines end in a run.
func (r *reel) count(ctx context.Context, of run) (int64, error) {
	if of.lines != unknown {
		return of.lines, nil
	}
	n := int64(0)
	err := r.read(ctx, of, func(block []byte) bool { n += int64(bytes.Count(block, []byte{'\n'})); return true })
	return n, err
}

// find is the offset behind the n-th end of a line in a run, which has so many.
func (r *reel) find(ctx context.Context, in run, n int64) (int64, error) {
	at := in.begin
	err := r.read(ctx, in, func(block []byte) bool {
		for ; n > 0; n-- {
			i := bytes.IndexByte(block, '\n')
			if i < 0 {
				at += int64(len(block))
				return true
			}
			block, at = block[i+1:], at+int64(i)+1
		}
		return false
	})
	return at, err
}

// read hands out a run piece by piece, until see has seen enough.
func (r *reel) read(ctx context.Context, of run, see func(block []byte) (more bool)) error {
	if err := r.open(of.part); err != nil {
		return err
	}
	for done := int64(0); done < of.size; {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		block := r.buf[:min(of.size-done, int64(len(r.buf)))]
		if _, err := r.file.ReadAt(block, of.at+done); err != nil {
			return fmt.Errorf("read part %d at %d: %w", of.part, of.at+done, err)
		}
		if !see(block) {
			return nil
		}
		done += int64(len(block))
	}
	return nil
}

func (r *reel) open(part int) (err error) {
	if r.file != nil && r.part == part {
		return nil
	}
	r.close()
	r.file, _, err = r.attempt.open(part)
	r.part = part
	return err
}

func (r *reel) close() {
	if r.file != nil {
		_ = r.file.Close()
	}
	r.file = nil
}
