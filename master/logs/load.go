package logs

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"slices"
)

// load reads what is on disk, once. The caller holds mu.
func (t *attempt) load() error {
	if t.removed {
		return ErrRemoved
	}
	if t.loaded {
		return nil
	}
	entries, err := os.ReadDir(t.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	t.stored = has(entries, storedMarker)
	if has(entries, packFile) {
		err := t.loadPack()
		t.loaded = err == nil
		return err
	}
	t.parts = nil
	t.finished = t.stored || has(entries, marker)
	for _, e := range entries {
		p, ok := parseFileName(e.Name())
		if !ok {
			continue
		}
		if p, err = t.inspect(p); err != nil {
			return err
		}
		if i, found := t.find(p.Number); p.Size > 0 && !found {
			t.parts = slices.Insert(t.parts, i, p)
		}
	}
	t.loaded = true
	return nil
}

func has(entries []fs.DirEntry, name string) bool {
	return slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == name })
}

// inspect finds out how much of a part is good. What was finished was synced
// before, so it is good as it is.
func (t *attempt) inspect(p Part) (Part, error) {
	info, err := os.Stat(t.path(p))
	if err != nil {
		return p, err
	}
	if p.Ended && info.Size() >= p.Size {
		return p, nil
	}
	if p.Ended {
		whole := t.path(p)
		p.Ended = false
		if err := os.Rename(whole, t.path(p)); err != nil {
			return p, err
		}
	}
	p.Size = info.Size()
	if !t.finished {
		t.files.drop(t.path(p))
		p.Size, err = trim(t.path(p), p.Size)
	}
	return p, err
}

// trim takes zeros off the end of a file that was being written: after a power
// cut they may stand for data that never reached the disk. If they were
// output, whoever sent them finds a smaller size and sends them again. An
// empty file is deleted.
func trim(path string, size int64) (int64, error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	good, err := withoutZeros(file, size)
	if err == nil && good < size {
		err = file.Truncate(good)
	}
	err = errors.Join(err, file.Close())
	if err == nil && good == 0 {
		err = os.Remove(path)
	}
	return good, err
}

func withoutZeros(file *os.File, size int64) (int64, error) {
	buf := make([]byte, 64<<10)
	for size > 0 {
		block := buf[:min(size, int64(len(buf)))]
		if _, err := file.ReadAt(block, size-int64(len(block))); err != nil {
			return 0, err
		}
		kept := len(bytes.TrimRight(block, "\x00"))
		size -= int64(len(block) - kept)
		if kept > 0 {
			break
		}
	}
	return size, nil
}
