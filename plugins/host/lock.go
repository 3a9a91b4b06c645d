package host

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/BurntSushi/toml"

	"github.com/wright-build/wright/plugins"
)

// LockFile is the name of the file that says which plugins of its directory may
// be launched.
const LockFile = "plugins.lock"

// LockEntry is one plugin that a lock file allows.
type LockEntry struct {
	File     string // wright-KIND-NAME
	SHA256   string // of the file, 64 hexadecimal digits in lower case
	Version  string // that it had when it was locked, for people; may be empty
	Protocol int    // likewise; 0 when nobody asked
}

// What a lock file may hold at most.
const (
	maxLockBytes   = 1 << 20
	maxLockEntries = 1000
)

// ReadLock reads the lock file of a directory. The error is fs.ErrNotExist when
// there is none, and names file and line when it is not valid.
func ReadLock(dir string) ([]LockEntry, error) {
	path := filepath.Join(dir, LockFile)
	text, err := readSome(path, maxLockBytes)
	if err != nil {
		return nil, fmt.Errorf("read the plugins that may be launched: %w", err)
	}
	entries, err := parseLock(text)
	if err != nil {
		return nil, fmt.Errorf("%s:%w", path, err)
	}
	return entries, nil
}

// WriteLock replaces the lock file of a directory, all or nothing.
func WriteLock(dir string, entries []LockEntry) error {
	text, err := formatLock(entries)
	if err != nil {
		return fmt.Errorf("lock the plugins of %s: %w", dir, err)
	}
	f, err := os.CreateTemp(dir, "."+LockFile+"-")
	if err != nil {
		return fmt.Errorf("lock the plugins of %s: %w", dir, err)
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, LockFile))
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("lock the plugins of %s: %w", dir, err)
	}
	return nil
}

// formatLock writes what parseLock reads, sorted by file.
func formatLock(entries []LockEntry) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("# Only these plugins of this directory are launched, and only as they were when this was\n" +
		"# written. After a wanted change: wright plugin lock DIR\n")
	for _, e := range slices.SortedFunc(slices.Values(entries), func(a, b LockEntry) int { return cmp.Compare(a.File, b.File) }) {
		fmt.Fprintf(&b, "\n[[plugin]]\nfile = %s\nsha256 = %s\n", quote(e.File), quote(e.SHA256))
		if e.Version != "" {
			fmt.Fprintf(&b, "version = %s\n", quote(e.Version))
		}
		if e.Protocol != 0 {
			fmt.Fprintf(&b, "protocol = %d\n", e.Protocol)
		}
	}
	if _, err := parseLock(b.Bytes()); err != nil {
		return nil, fmt.Errorf("line %w", err)
	}
	return b.Bytes(), nil
}

// quote makes a TOML string of text without control characters.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// parseLock reads the simple TOML of a lock file: tables [[plugin]] with one key
// on each line. Errors begin with the number of the line.
func parseLock(text []byte) ([]LockEntry, error) {
	var entries []LockEntry
	starts := []int{} // the line of each
	number := 0
	for line := range bytes.Lines(text) {
		number++
		if len(entries) > maxLockEntries {
			return nil, fmt.Errorf("%d: more than %d plugins", number, maxLockEntries)
		}
		switch s := stripComment(line); {
		case s == "":
		case s == "[[plugin]]":
			entries, starts = append(entries, LockEntry{}), append(starts, number)
		case len(entries) == 0:
			return nil, fmt.Errorf("%d: want [[plugin]]", number)
		default:
			if err := entries[len(entries)-1].readLine(line); err != nil {
				return nil, fmt.Errorf("%d: %w", number, err)
			}
		}
	}
	return entries, checkLock(entries, starts)
}

// stripComment gives what stands on a line unless that is a comment. What stands
// behind a table's name may be one, too; behind a value it is TOML's matter.
func stripComment(line []byte) string {
	s, ended := strings.CutSuffix(string(line), "\n")
	if ended {
		s = strings.TrimSuffix(s, "\r")
	}
	s = strings.Trim(s, " \t")
	if strings.HasPrefix(s, "#") && isText(strings.ReplaceAll(s, "\t", " ")) {
		return ""
	}
	if strings.HasPrefix(s, "[") {
		if name, comment, ok := strings.Cut(s, "#"); ok && isText(strings.ReplaceAll(comment, "\t", " ")) {
			s = strings.TrimRight(name, " \t")
		}
	}
	return s
}

// lockLine is one line "key = value".
type lockLine struct {
	File     *string `toml:"file"`
	SHA256   *string `toml:"sha256"`
	Version  *string `toml:"version"`
	Protocol *int    `toml:"protocol"`
}

func (e *LockEntry) readLine(line []byte) error {
	if len(line) > 4<<10 {
		return errors.New("the line is too long")
	}
	var v lockLine
	meta, err := toml.Decode(string(line), &v)
	switch keys := meta.Keys(); {
	case err != nil:
		return errors.New(tomlProblem(err))
	case len(keys) != 1 || len(keys[0]) != 1 || len(meta.Undecoded()) > 0:
		return errors.New("want file, sha256, version or protocol, each on a line of its own")
	}
	return errors.Join(
		setOnce(&e.File, v.File, "file"), setOnce(&e.SHA256, v.SHA256, "sha256"),
		setOnce(&e.Version, v.Version, "version"), setOnce(&e.Protocol, v.Protocol, "protocol"))
}

func tomlProblem(err error) string {
	if parse, ok := errors.AsType[toml.ParseError](err); ok {
		return parse.Message
	}
	return err.Error()
}

func setOnce[T comparable](at, value *T, key string) error {
	var zero T
	switch {
	case value == nil:
		return nil
	case *at != zero:
		return fmt.Errorf("%s is there twice", key)
	case *value == zero:
		return fmt.Errorf("%s is empty", key)
	}
	*at = *value
	return nil
}

func checkLock(entries []LockEntry, starts []int) error {
	seen := map[string]bool{}
	for i, e := range entries {
		err := e.check()
		if err == nil && seen[e.File] {
			err = fmt.Errorf("%s is there twice", e.File)
		}
		if err != nil {
			return fmt.Errorf("%d: %w", starts[i], err)
		}
		seen[e.File] = true
	}
	return nil
}

func (e LockEntry) check() error {
	if _, ok := parseName(e.File); !ok {
		return fmt.Errorf("file is %.80q, want wright-KIND-NAME", e.File)
	}
	if len(e.SHA256) != 64 || strings.Trim(e.SHA256, "0123456789abcdef") != "" {
		return fmt.Errorf("sha256 of %s is not 64 digits of 0-9a-f", e.File)
	}
	if len(e.Version) > plugins.MaxText || !isText(e.Version) {
		return fmt.Errorf("version of %s is too long or holds a control character", e.File)
	}
	if e.Protocol < 0 {
		return fmt.Errorf("protocol of %s is negative", e.File)
	}
	return nil
}

func isText(s string) bool { return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl) }

// readSome reads a file that must not be longer than limit.
func readSome(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > limit {
		return nil, &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("it is no file of at most %d bytes", limit)}
	}
	return os.ReadFile(path)
}
