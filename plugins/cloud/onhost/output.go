package onhost

import (
	"errors"
	"io"
	"io/fs"
	"os"
)

// Rotating is a file that becomes path.1 when it is full: a server may write what
// it likes. Only one goroutine may write.
type Rotating struct {
	path string
	most int64
	file *os.File // nil while it cannot be opened
	size int64
}

// OpenRotating opens a file to append to it, at most so many bytes to each of two.
func OpenRotating(path string, most int64) (*Rotating, error) {
	r := &Rotating{path: path, most: most}
	return r, r.open()
}

func (r *Rotating) open() error {
	f, err := os.OpenFile(r.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	r.file, r.size = f, info.Size()
	return nil
}

// Write implements io.Writer. It never fails and loses what cannot be written: a
// full disk must not stop what writes.
func (r *Rotating) Write(b []byte) (int, error) {
	if r.file != nil && r.size+int64(len(b)) > r.most {
		_ = r.file.Close()
		_ = os.Rename(r.path, r.path+".1")
		r.file = nil
	}
	if r.file != nil || r.open() == nil {
		n, _ := r.file.Write(b)
		r.size += int64(n)
	}
	return len(b), nil
}

// LastOutput gives the last n bytes of what went to a rotating file.
func LastOutput(path string, n int) ([]byte, error) {
	output, err := Tail(path, n)
	if err != nil {
		return nil, err
	}
	before, err := Tail(path+".1", n-len(output))
	return append(before, output...), err
}

// Tail gives the last n bytes of a file, nothing of a missing one.
func Tail(path string, n int) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.NewSectionReader(f, max(0, info.Size()-int64(n)), int64(n)))
}
