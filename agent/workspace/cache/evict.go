package cache

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Limits bound what is kept. Zero is no limit.
type Limits struct {
	Bytes int64
	Age   time.Duration // since the last use
}

// Use is what is known of an entry when it is decided which ones go.
type Use struct {
	Name  string
	Bytes int64
	At    time.Time // the last one
	Held  bool
}

// Evict says which entries go: what was not used for longer than the limit, and
// then the least recently used, until what is left is within the bound. One that
// is held stays, but counts.
func Evict(all []Use, now time.Time, limits Limits) []string {
	all = byUse(all)
	var total int64
	for _, u := range all {
		total += u.Bytes
	}
	var gone []string
	for _, u := range all {
		old := limits.Age > 0 && now.Sub(u.At) > limits.Age
		if u.Held || !old && (limits.Bytes <= 0 || total <= limits.Bytes) {
			continue
		}
		gone = append(gone, u.Name)
		total -= u.Bytes
	}
	return gone
}

// byUse sorts, the least recently used first.
func byUse(all []Use) []Use {
	return slices.SortedFunc(slices.Values(all), func(a, b Use) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Name, b.Name))
	})
}

// Sweep throws away what is beyond the limits now.
func (c *Cache) Sweep(now time.Time) error {
	if c == nil {
		return nil
	}
	all, err := c.uses()
	for _, name := range Evict(all, now, c.limits) {
		err = errors.Join(err, c.discard(name))
	}
	return err
}

// Clear throws away all that nobody holds, the least recently used first, until
// enough says that it is enough.
func (c *Cache) Clear(enough func() bool) error {
	all, err := c.uses()
	for _, u := range byUse(all) {
		if enough() {
			break
		}
		err = errors.Join(err, c.discard(u.Name))
	}
	return err
}

// discard removes an entry and its lock, unless somebody holds it.
func (c *Cache) discard(name string) error {
	lock, err := c.lock(name)
	if lock == nil {
		return err
	}
	defer lock.Close()
	e := Entry{dir: filepath.Join(c.dir, name+repoSuffix), lock: lock}
	if err := e.Discard(); err != nil {
		return err
	}
	return os.Remove(lock.Name()) // whoever waits for it makes another
}

// uses lists the entries.
func (c *Cache) uses() ([]Use, error) {
	if c == nil {
		return nil, nil
	}
	files, err := os.ReadDir(c.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list the cache: %w", err)
	}
	var all []Use
	for _, f := range files {
		name, ok := strings.CutSuffix(f.Name(), lockSuffix)
		info, err := f.Info()
		if !ok || err != nil {
			continue
		}
		lock, err := c.lock(name)
		if lock != nil { // nobody is at it
			_ = errors.Join(os.RemoveAll(filepath.Join(c.dir, name+repoSuffix+goneSuffix)), lock.Close())
		}
		all = append(all, Use{Name: name, At: info.ModTime(), Held: lock == nil && err == nil, Bytes: size(filepath.Join(c.dir, name+repoSuffix))})
	}
	return all, nil
}

// size is what a directory takes, as far as it can be read.
func size(dir string) (total int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		if info, err := d.Info(); err == nil {
			total += info.Size()
		}
		return nil
	})
	return total
}
