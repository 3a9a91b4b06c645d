package logs

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Everywhere is the output here and in the bucket, for who removes what was kept
// long enough.
type Everywhere struct{ *Logs }

// Everywhere is all output that this installation has. Without a bucket, that is
// what is here.
func (l *Logs) Everywhere() Everywhere { return Everywhere{l} }

// Instances are those of which anything is kept, by name.
func (e Everywhere) Instances() ([]string, error) {
	here, err := e.Logs.Instances()
	if err != nil || e.bucket == nil {
		return here, err
	}
	there, err := e.bucket.Directories(keys)
	here = append(here, slices.DeleteFunc(there, func(s string) bool { return !label(s) })...)
	slices.Sort(here)
	return slices.Compact(here), err
}

// Builds returns the builds of an instance of which anything is kept, the newest
// first.
func (e Everywhere) Builds(instance string) ([]string, error) {
	here, err := e.Logs.Builds(instance)
	if err != nil || e.bucket == nil {
		return here, err
	}
	there, err := e.bucket.Directories(keys + instance + "/")
	return newestFirst(instance, append(here, there...)), err
}

// Written is when a build last wrote output, as far as that can be told.
func (e Everywhere) Written(instance, build string) (time.Time, error) {
	at, err := e.Logs.Written(instance, build)
	if err != nil || !at.IsZero() || e.bucket == nil {
		return at, err
	}
	err = e.bucket.List(buildKey(instance, build), func(_ string, _ int64, put time.Time) {
		if put.After(at) {
			at = put
		}
	})
	return at, err
}

// Size is how many bytes are kept of a build, where it takes more.
func (e Everywhere) Size(instance, build string) (int64, error) {
	here, err := e.Logs.Size(instance, build)
	if err != nil || e.bucket == nil {
		return here, err
	}
	there := int64(0)
	err = e.bucket.List(buildKey(instance, build), func(_ string, size int64, _ time.Time) { there += size })
	return max(here, there), err
}

func expiredKey(instance string) string { return keys + instance + "/expired" }

// expireStored removes a build's output from the bucket, and tells the other masters
// that it is gone for good.
func (l *Logs) expireStored(instance, build string) error {
	if l.bucket == nil {
		return nil
	}
	number := []byte(strconv.FormatInt(l.highestExpired(instance), 10))
	if err := l.bucket.Put(expiredKey(instance), bytes.NewReader(number), int64(len(number))); err != nil {
		return err
	}
	// gofail: var expiryInBucket struct{}
	return l.bucket.Remove(buildKey(instance, build))
}

// hearExpired learns what other masters have removed of an instance.
func (l *Logs) hearExpired(instance string) error {
	number, err := l.expiredThere(instance)
	if err != nil || number <= l.highestExpired(instance) {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.expired[instance] = max(number, l.expired[instance])
	return nil
}

// expiredThere is the highest number that the bucket says has expired; 0: none.
func (l *Logs) expiredThere(instance string) (int64, error) {
	size, err := l.bucket.Size(expiredKey(instance))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	text := make([]byte, min(size, 20))
	if err == nil {
		err = l.bucket.ReadAt(expiredKey(instance), text, 0)
	}
	if err != nil {
		return 0, err
	}
	number, _ := strconv.ParseInt(string(text), 10, 64) // what is no number says nothing
	return number, nil
}

// Outlived are the builds of an instance of which there are copies here, though
// another master has removed them everywhere else. Only what the bucket itself says
// has expired counts: one that is empty, or another, takes nothing away.
func (e Everywhere) Outlived(instance string) (builds []string, err error) {
	if e.bucket == nil {
		return nil, nil
	}
	number, err := e.expiredThere(instance)
	if err != nil || number == 0 {
		return nil, err
	}
	here, err := e.Logs.Builds(instance)
	if err != nil {
		return nil, err
	}
	there, err := e.bucket.Directories(keys + instance + "/")
	for _, build := range here {
		n, bad := strconv.ParseInt(strings.TrimPrefix(build, instance+"-"), 10, 64)
		if bad == nil && n <= number && !slices.Contains(there, build) && e.allStored(instance, build) {
			builds = append(builds, build)
		}
	}
	return builds, err
}

// allStored says whether all output of a build here is a copy.
func (l *Logs) allStored(instance, build string) bool {
	dir, err := l.buildDir(instance, build)
	return err == nil && !slices.ContainsFunc(attemptsIn(dir), func(n int) bool {
		_, err := os.Lstat(filepath.Join(dir, strconv.Itoa(n), storedMarker))
		return err != nil
	})
}

func attachedKey(instance, build, name string) string {
	return buildKey(instance, build) + "attached/" + name
}

// putAttached puts what is attached to a build into the bucket, each behind its sum.
func (t *attempt) putAttached() error {
	dir := filepath.Dir(t.dir)
	for _, name := range attachedIn(dir) {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		data = append([]byte(headOf(data)), data...)
		if err := t.bucket.Put(attachedKey(t.name.Instance, t.name.Build, name), bytes.NewReader(data), int64(len(data))); err != nil {
			return err
		}
	}
	return nil
}

func headOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]) + "\n"
}

func attachedIn(dir string) (names []string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if e.Type().IsRegular() && checkAttached(e.Name(), 0) == nil {
			names = append(names, e.Name())
		}
	}
	return names
}

// attachedThere reads what another master has attached.
func (l *Logs) attachedThere(instance, build, name string) ([]byte, error) {
	key := attachedKey(instance, build, name)
	size, err := l.bucket.Size(key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	whole := make([]byte, min(size, maxAttached+int64(len(headOf(nil)))))
	if err := l.bucket.ReadAt(key, whole, 0); err != nil {
		return nil, err
	}
	_, data, _ := bytes.Cut(whole, newline)
	if !strings.HasPrefix(string(whole), headOf(data)) {
		return nil, fmt.Errorf("%s in the bucket has another sum", key)
	}
	return data, nil
}

var newline = []byte{'\n'}
