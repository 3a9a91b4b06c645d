package main

import (
	"os"
)

const maxLog = 10 << 20 // bytes; two files of this size are kept

// rotating is a file that becomes path.1 when it is full.
type rotating struct {
	path string
	file *os.File
	size int64
}

// startLog gives the writing end of a pipe whose other end goes to a rotating
// file. The copying ends with the process.
func startLog(path string) (*os.File, error) {
	l := &rotating{path: path}
	if err := l.open(); err != nil {
		return nil, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	go l.copyFrom(r)
	return w, nil
}

func (l *rotating) open() error {
	f, err := os.OpenFile(l.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	l.file, l.size = f, info.Size()
	return nil
}

func (l *rotating) copyFrom(r *os.File) {
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Read(buf)
		if err != nil {
			return
		}
		l.write(buf[:n])
	}
}

// write never fails: a full disk must not stop what writes.
func (l *rotating) write(b []byte) {
	if l.size+int64(len(b)) > maxLog {
		_ = os.Rename(l.path, l.path+".1")
		old := l.file
		if l.open() == nil {
			_ = old.Close()
		}
	}
	n, _ := l.file.Write(b)
	l.size += int64(n)
}
