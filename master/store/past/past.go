// Package past keeps facts that nothing changes any more, such as finished
// builds, in files: as many as there come to be, they take no memory and cost
// nothing until somebody asks for them. A file holds the facts of one instance
// with some hundred numbers in a row; it is only ever appended to, a line for each
// fact. What Add has returned from survives a power cut; a line that was cut off is
// left out by who reads.
//
// It does not know what the facts say, nor when one is over.
package past

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// together is how many numbers share a file: who wants one fact reads them all.
const together = 500

// Fact is one that is over. Its value is a line of text, as JSON is.
type Fact struct {
	Number int64
	Name   string // of the fact among those of its kind and instance
	Value  []byte
}

// Past is what is over, under one directory. It is safe for concurrent use, but
// of those who Add or Forget there may be only one at a time.
type Past struct{ dir string }

// Open returns what is kept under dir, which is made when there is something to
// keep.
func Open(dir string) *Past { return &Past{dir} }

// Add keeps facts of one kind and instance. It may be repeated: the last value of
// a fact counts.
func (p *Past) Add(kind, instance string, facts []Fact) error {
	dir, err := p.of(kind, instance)
	if err != nil {
		return err
	}
	lines := map[int64][]byte{}
	for _, f := range facts {
		if f.Number < 0 || bytes.IndexByte(f.Value, '\n') >= 0 || strings.ContainsAny(f.Name, " \n") || f.Name == "" {
			return fmt.Errorf("keep the past of %s: %.80q is no fact of one line", instance, f.Name)
		}
		n := f.Number / together
		lines[n] = appendLine(lines[n], f)
	}
	for n, text := range lines {
		if err := add(dir, fileName(n), text); err != nil {
			return fmt.Errorf("keep the past of %s: %w", instance, err)
		}
	}
	return nil
}

// Find returns the value of a fact, nil if there is none.
func (p *Past) Find(kind, instance string, number int64, name string) ([]byte, error) {
	dir, err := p.of(kind, instance)
	if err != nil {
		return nil, err
	}
	all, err := read(filepath.Join(dir, fileName(number/together)))
	if err != nil {
		return nil, fmt.Errorf("look into the past of %s: %w", instance, err)
	}
	for _, f := range all {
		if f.Number == number && f.Name == name {
			return f.Value, nil
		}
	}
	return nil, nil
}

// Newest returns at most limit facts of one kind and instance, those with the
// highest numbers first, and only those with a number below before (0: all).
func (p *Past) Newest(kind, instance string, before int64, limit int) ([]Fact, error) {
	dir, err := p.of(kind, instance)
	if err != nil {
		return nil, err
	}
	files, err := newestFiles(dir)
	if err != nil {
		return nil, fmt.Errorf("look into the past of %s: %w", instance, err)
	}
	var found []Fact
	for _, n := range files {
		if before > 0 && n*together >= before {
			continue
		}
		if len(found) >= limit {
			break
		}
		all, err := read(filepath.Join(dir, fileName(n)))
		if err != nil {
			return nil, fmt.Errorf("look into the past of %s: %w", instance, err)
		}
		if before > 0 {
			all = slices.DeleteFunc(all, func(f Fact) bool { return f.Number >= before })
		}
		found = append(found, all...)
	}
	return found[:min(len(found), limit)], nil
}

// Forget deletes what is kept of one kind and instance.
func (p *Past) Forget(kind, instance string) error {
	dir, err := p.of(kind, instance)
	if err == nil {
		err = os.RemoveAll(dir)
	}
	if err != nil {
		return fmt.Errorf("forget the past of %s: %w", instance, err)
	}
	return nil
}

// of is the directory of one kind and instance.
func (p *Past) of(kind, instance string) (string, error) {
	for _, s := range []string{kind, instance} {
		if s == "" || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return "", fmt.Errorf("%.80q is no name of an instance", s)
		}
	}
	return filepath.Join(p.dir, kind, instance), nil
}

func fileName(n int64) string { return fmt.Sprintf("%d-%d", n*together, (n+1)*together-1) }

// newestFiles lists what fileName was made from, the highest first.
func newestFiles(dir string) ([]int64, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var all []int64
	for _, e := range entries {
		first, _, _ := strings.Cut(e.Name(), "-")
		if n, err := strconv.ParseInt(first, 10, 64); err == nil && e.Name() == fileName(n/together) {
			all = append(all, n/together)
		}
	}
	slices.SortFunc(all, func(a, b int64) int { return cmp.Compare(b, a) })
	return all, nil
}

// add appends lines to a file, and returns when they are on the disk.
func add(dir, name string, lines []byte) error {
	file, err := open(dir, name)
	if err != nil {
		return err
	}
	whole, err := endsWell(file)
	if err == nil && !whole {
		lines = append([]byte{'\n'}, lines...) // after what a power cut left of a line
	}
	if err == nil {
		_, err = file.Write(lines)
	}
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// open opens a file to append to it. One that is new is there after a power cut.
func open(dir, name string) (*os.File, error) {
	path := filepath.Join(dir, name)
	file, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
	if !errors.Is(err, fs.ErrNotExist) {
		return file, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if file, err = os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600); err != nil {
		return nil, err
	}
	for _, d := range []string{dir, filepath.Dir(dir), filepath.Dir(filepath.Dir(dir))} {
		if err := syncDir(d); err != nil {
			return nil, errors.Join(err, file.Close())
		}
	}
	return file, nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func endsWell(file *os.File) (bool, error) {
	info, err := file.Stat()
	if err != nil || info.Size() == 0 {
		return true, err
	}
	last := []byte{0}
	_, err = file.ReadAt(last, info.Size()-1)
	return last[0] == '\n', err
}

// read returns the facts of a file, the highest numbers first; none if it is not
// there.
func read(path string) ([]Fact, error) {
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return parse(text), nil
}

// appendLine writes what parse reads.
func appendLine(to []byte, f Fact) []byte {
	from := len(to) + len("00000000 ")
	to = append(to, "00000000 "...)
	to = strconv.AppendInt(to, f.Number, 10)
	to = append(append(append(append(to, ' '), f.Name...), ' '), f.Value...)
	copy(to[from-len("00000000 "):], fmt.Sprintf("%08x", crc32.ChecksumIEEE(to[from:])))
	return append(to, '\n')
}

// parse returns the facts of a text. Lines that are not whole are left out; of
// several of one fact the last counts.
func parse(text []byte) []Fact {
	var all []Fact
	at := map[string]int{}
	for line := range bytes.Lines(text) {
		f, ok := parseLine(line)
		if !ok {
			continue
		}
		if i, again := at[f.Name]; again {
			all[i] = f
			continue
		}
		at[f.Name] = len(all)
		all = append(all, f)
	}
	slices.SortStableFunc(all, func(a, b Fact) int {
		return cmp.Or(cmp.Compare(b.Number, a.Number), cmp.Compare(b.Name, a.Name))
	})
	return all
}

func parseLine(line []byte) (f Fact, ok bool) {
	line, whole := bytes.CutSuffix(line, []byte{'\n'})
	sum, rest, _ := bytes.Cut(line, []byte{' '})
	if !whole || string(sum) != fmt.Sprintf("%08x", crc32.ChecksumIEEE(rest)) {
		return Fact{}, false
	}
	number, rest, _ := bytes.Cut(rest, []byte{' '})
	name, value, ok := bytes.Cut(rest, []byte{' '})
	n, err := strconv.ParseInt(string(number), 10, 64)
	return Fact{n, string(name), value}, ok && err == nil && n >= 0 && len(name) > 0
}
