package logs

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// maxAttached bounds what is kept of one file beside the output, in bytes.
const maxAttached = 1 << 20

// Attach keeps a small file with a build, beside its output, until that is
// removed. It is there whole or not at all, also after a power cut; one of that
// name before is replaced. Names are made of a-z, "-" and ".", and say nothing
// to this package.
func (l *Logs) Attach(instance, build, name string, data []byte) error {
	dir, err := l.buildDir(instance, build)
	if err == nil {
		err = checkAttached(name, len(data))
	}
	if err == nil {
		// Twice, since the removal of an instance's last build may come between.
		for range 2 {
			if err = os.MkdirAll(dir, 0o750); err == nil {
				err = writeWhole(dir, name, data)
			}
			if !errors.Is(err, fs.ErrNotExist) {
				break
			}
		}
	}
	if err != nil {
		return fmt.Errorf("attach %.80s to build %.80s: %w", name, build, err)
	}
	return nil
}

// Attached returns a file that was attached, or ErrNotFound.
func (l *Logs) Attached(instance, build, name string) ([]byte, error) {
	dir, err := l.buildDir(instance, build)
	if err == nil {
		err = checkAttached(name, 0)
	}
	if err != nil {
		return nil, err
	}
	file, err := os.Open(filepath.Join(dir, name))
	if _, here := os.Lstat(dir); l.bucket != nil && errors.Is(here, fs.ErrNotExist) {
		data, err := l.attachedThere(instance, build, name)
		if err != nil {
			err = fmt.Errorf("read %s of build %s: %w", name, build, err)
		}
		return data, err
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s of build %s: %w", name, build, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("read what is attached to build %s: %w", build, err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxAttached))
	if err != nil {
		return nil, fmt.Errorf("read %s of build %s: %w", name, build, err)
	}
	return data, nil
}

// Builds returns the builds of an instance of which anything is kept, the newest
// first.
func (l *Logs) Builds(instance string) ([]string, error) {
	if !label(instance) {
		return nil, fmt.Errorf("%q is not the name of an instance", instance)
	}
	entries, err := os.ReadDir(filepath.Join(l.dir, instance))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list the builds of instance %s: %w", instance, err)
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return newestFirst(instance, names), nil
}

// newestFirst are those of the names that are builds of an instance, each once.
func newestFirst(instance string, names []string) (found []string) {
	numbers := map[string]int64{}
	for _, name := range names {
		number, ok := strings.CutPrefix(name, instance+"-")
		if n, err := strconv.ParseInt(number, 10, 64); ok && digits(number) && err == nil {
			numbers[name] = n
			found = append(found, name)
		}
	}
	slices.SortFunc(found, func(a, b string) int { return cmp.Compare(numbers[b], numbers[a]) })
	return slices.Compact(found)
}

// checkAttached refuses names that could be anything else's, or lead elsewhere.
func checkAttached(name string, size int) error {
	switch odd := func(r rune) bool { return !('a' <= r && r <= 'z' || r == '-' || r == '.') }; {
	case name == "" || len(name) > 60 || name[0] == '.' || strings.IndexFunc(name, odd) >= 0:
		return fmt.Errorf("%.80q is no name of an attached file", name)
	case size > maxAttached:
		return fmt.Errorf("%d bytes: at most %d are kept", size, maxAttached)
	}
	return nil
}

// writeWhole makes a file appear with all that it holds. An empty one has nothing
// that could be lost.
func writeWhole(dir, name string, data []byte) error {
	path := filepath.Join(dir, name)
	if len(data) == 0 {
		return os.WriteFile(path, nil, 0o640)
	}
	file, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err == nil {
		err = file.Chmod(0o640)
	}
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}
