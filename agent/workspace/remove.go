package workspace

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Remove removes a directory and all below it, also what its owner may not
// write to, as the module cache of Go. It follows no link. What is not there is
// removed already.
func Remove(path string) error {
	err := os.RemoveAll(path)
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	open := func(path string, d fs.DirEntry, _ error) error { // errors come again below
		if d != nil && d.IsDir() {
			_ = os.Chmod(path, 0o700)
		}
		return nil
	}
	_ = filepath.WalkDir(path, open)
	return os.RemoveAll(path)
}
