package logs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// expiredFile holds the highest number of an instance's builds whose output was
// removed since it was kept long enough.
const expiredFile = ".expired"

// Instances are those of which anything is kept, by name.
func (l *Logs) Instances() ([]string, error) {
	entries, err := os.ReadDir(l.dir)
	if err != nil {
		return nil, fmt.Errorf("list the instances with output: %w", err)
	}
	var all []string
	for _, e := range entries {
		if e.IsDir() && label(e.Name()) {
			all = append(all, e.Name())
		}
	}
	return all, nil
}

// Written is when a build last wrote output, as far as that can be told.
func (l *Logs) Written(instance, build string) (at time.Time, err error) {
	dir, err := l.buildDir(instance, build)
	if err != nil {
		return at, err
	}
	err = walk(dir, func(path string, info fs.FileInfo) {
		if info.ModTime().After(at) {
			at = info.ModTime()
		}
	})
	return at, err
}

// Size is how many bytes are kept of a build.
func (l *Logs) Size(instance, build string) (bytes int64, err error) {
	dir, err := l.buildDir(instance, build)
	if err != nil {
		return 0, err
	}
	err = walk(dir, func(_ string, info fs.FileInfo) { bytes += info.Size() })
	return bytes, err
}

func walk(dir string, see func(path string, info fs.FileInfo)) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil {
			var info fs.FileInfo
			if info, err = d.Info(); err == nil && !d.IsDir() {
				see(path, info)
			}
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it goes meanwhile
		}
		return err
	})
}

// Expire removes a build's output for good and remembers that: Expired says so
// of it then.
func (l *Logs) Expire(instance, build string) error {
	dir, err := l.buildDir(instance, build)
	if err != nil {
		return err
	}
	number, err := strconv.ParseInt(strings.TrimPrefix(build, instance+"-"), 10, 64)
	if err == nil {
		err = l.raiseExpired(filepath.Dir(dir), instance, number)
	}
	if err != nil {
		return fmt.Errorf("remember that the output of build %s goes: %w", build, err)
	}
	// gofail: var expiryNoted struct{}
	err = l.Remove(instance, build)
	// gofail: var outputRemoved struct{}
	return errors.Join(err, l.expireStored(instance, build))
}

func (l *Logs) raiseExpired(dir, instance string, number int64) error {
	l.expiring.Lock()
	defer l.expiring.Unlock()
	if number <= l.highestExpired(instance) {
		return nil
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	if err := writeWhole(dir, expiredFile, []byte(strconv.FormatInt(number, 10)+"\n")); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.expired[instance] = number
	return nil
}

// Expired says whether the output of a build may have been removed by Expire:
// nothing is there, and as much of a build at least as new went.
func (l *Logs) Expired(instance, build string) bool {
	dir, err := l.buildDir(instance, build)
	if err != nil {
		return false
	}
	number, err := strconv.ParseInt(strings.TrimPrefix(build, instance+"-"), 10, 64)
	if err != nil || number > l.highestExpired(instance) {
		return false
	}
	_, err = os.Lstat(dir)
	return errors.Is(err, fs.ErrNotExist)
}

// highestExpired reads what is remembered of an instance, once.
func (l *Logs) highestExpired(instance string) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n, known := l.expired[instance]; known {
		return n
	}
	text, err := os.ReadFile(filepath.Join(l.dir, instance, expiredFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0
	}
	n, _ := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64) // 0: none
	l.expired[instance] = n
	return n
}

// forgetExpired forgets it with the instance.
func (l *Logs) forgetExpired(instance string) error {
	l.expiring.Lock()
	defer l.expiring.Unlock()
	l.mu.Lock()
	delete(l.expired, instance)
	l.mu.Unlock()
	err := os.Remove(filepath.Join(l.dir, instance, expiredFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget instance %s: %w", instance, err)
	}
	_ = os.Remove(filepath.Join(l.dir, instance)) // only if nothing is left
	return nil
}
