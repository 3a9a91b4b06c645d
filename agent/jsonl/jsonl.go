// Package jsonl appends lines of JSON to a file, each whole or not at all.
package jsonl

import (
	"encoding/json"
	"errors"
	"os"
)

// Append writes v as one line at the end of f, which is open for appending and
// has no other writer, and returns the bytes that f has grown by. A disk that
// becomes full takes some of a line: that is taken off again, so that the next
// line begins where a line begins. It does not sync.
func Append(f *os.File, v any) (int64, error) {
	line, err := json.Marshal(v)
	if err != nil {
		return 0, err
	}
	n, err := f.Write(append(line, '\n'))
	if err != nil && n > 0 {
		return 0, errors.Join(err, shorten(f, n))
	}
	return int64(n), err
}

// shorten takes the last n bytes off a file.
func shorten(f *os.File, n int) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return f.Truncate(info.Size() - int64(n))
}
