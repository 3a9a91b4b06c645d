package cache

import (
	"bytes"
	"crypto/sha1" // #nosec G505 -- git's own sums
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Refs are branches of the remote, and the commits that they are at.
type Refs map[string]string

// Alternates has the repository whose .git is given find the entry's objects,
// for as long as the entry is held. Share ends that.
func (e *Entry) Alternates(gitDir string) error {
	return os.WriteFile(alternates(gitDir), []byte(filepath.Join(e.dir, "objects")+"\n"), 0o600)
}

func alternates(gitDir string) string { return filepath.Join(gitDir, "objects", "info", "alternates") }

// Share copies the objects into the repository whose .git is given, which then
// needs the entry no more. What was damaged on the disk is found out by that.
func (e *Entry) Share(gitDir string) error {
	if err := copyObjects(filepath.Join(e.dir, "objects"), filepath.Join(gitDir, "objects"), e.SHA256()); err != nil {
		return fmt.Errorf("copy objects from the cache: %w", err)
	}
	if err := os.Remove(alternates(gitDir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("leave the cache: %w", err)
	}
	return nil
}

// Keep copies what the repository whose .git is given has and the entry has not,
// and then refs, so that the next fetch can say what is here. Nobody else may
// have written to that repository: it is what was fetched.
func (e *Entry) Keep(gitDir string, refs Refs) error {
	if err := e.make(gitDir); err != nil {
		return fmt.Errorf("make an entry of the cache: %w", err)
	}
	// gofail: var cacheMade struct{}
	if err := copyObjects(filepath.Join(gitDir, "objects"), filepath.Join(e.dir, "objects"), e.SHA256()); err != nil {
		return fmt.Errorf("copy objects into the cache: %w", err)
	}
	// gofail: var objectsCached struct{}
	for branch, commit := range refs {
		sum := sha256.Sum256([]byte(branch)) // names of branches may be in each other's way
		name := filepath.Join(e.dir, "refs", "heads", hex.EncodeToString(sum[:16]))
		if err := writeWhole(name, []byte(commit+"\n")); err != nil {
			return fmt.Errorf("write a ref of the cache: %w", err)
		}
	}
	return nil
}

// make makes the bare repository, unless it is there. HEAD is the last file:
// then it is one.
func (e *Entry) make(gitDir string) error {
	theirs, err := os.ReadFile(filepath.Join(gitDir, "config"))
	if err != nil {
		return err
	}
	text := "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"
	if strings.Contains(strings.ToLower(string(theirs)), "objectformat = sha256") {
		text = "[core]\n\trepositoryformatversion = 1\n\tbare = true\n[extensions]\n\tobjectformat = sha256\n"
	}
	if ours, err := os.ReadFile(filepath.Join(e.dir, "config")); err == nil && string(ours) == text && !e.Empty() {
		return nil
	}
	for _, dir := range []string{"objects/pack", "objects/info", "refs/heads"} {
		if err := os.MkdirAll(filepath.Join(e.dir, dir), 0o700); err != nil {
			return err
		}
	}
	return errors.Join(writeWhole(filepath.Join(e.dir, "config"), []byte(text)),
		writeWhole(filepath.Join(e.dir, "HEAD"), []byte("ref: refs/heads/none\n")))
}

func writeWhole(name string, text []byte) error {
	temp := filepath.Join(filepath.Dir(name), ".tmp-"+filepath.Base(name))
	if err := os.WriteFile(temp, text, 0o600); err != nil {
		return err
	}
	return os.Rename(temp, name)
}

// Packs is how many packs there are: too many make every use slower.
func (e *Entry) Packs() int {
	all, _ := filepath.Glob(filepath.Join(e.dir, "objects", "pack", "*.idx"))
	return len(all)
}

// copyObjects copies the packs and single objects that are missing. An index
// comes after its pack: git looks for nothing without one.
func copyObjects(from, to string, sha256 bool) error {
	var files []string
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err == nil && d.Type().IsRegular() && isObject(rel) {
			files = append(files, rel)
		}
		return err
	})
	if err != nil {
		return err
	}
	slices.SortStableFunc(files, func(a, b string) int { return order(a) - order(b) })
	for _, rel := range files {
		if err := copyMissing(filepath.Join(from, rel), filepath.Join(to, rel), sha256); err != nil {
			return err
		}
	}
	return nil
}

// isObject says whether a file below "objects" holds objects, or is the index of one that does.
func isObject(rel string) bool {
	dir, name := filepath.Split(rel)
	switch dir = filepath.Clean(dir); {
	case dir == "pack":
		ext := filepath.Ext(name)
		return strings.HasPrefix(name, "pack-") && (ext == ".pack" || ext == ".idx" || ext == ".rev")
	case len(dir) == 2:
		return strings.Trim(dir+name, "0123456789abcdef") == ""
	}
	return false
}

func order(rel string) int {
	if filepath.Ext(rel) == ".idx" {
		return 1
	}
	return 0
}

// copyMissing copies a file, which is whole then or not there. Those of packs end
// with the sum of all before.
func copyMissing(from, to string, sha256 bool) (err error) {
	if _, err := os.Lstat(to); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	temp := filepath.Join(filepath.Dir(to), ".tmp-"+filepath.Base(to))
	out, err := os.OpenFile(temp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o444)
	if err != nil {
		return err
	}
	if strings.HasPrefix(filepath.Base(from), "pack-") {
		err = copySummed(out, in, sha256)
	} else {
		_, err = io.Copy(out, in)
	}
	if err = errors.Join(err, out.Close()); err == nil {
		err = os.Rename(temp, to)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	return nil
}

func copySummed(out io.Writer, in *os.File, is256 bool) error {
	h := sha1.New()
	if is256 {
		h = sha256.New()
	}
	info, err := in.Stat()
	if err != nil {
		return err
	}
	if _, err := io.CopyN(io.MultiWriter(out, h), in, info.Size()-int64(h.Size())); err != nil {
		return err
	}
	sum, err := io.ReadAll(io.LimitReader(in, int64(h.Size())))
	if err != nil {
		return err
	}
	if !bytes.Equal(sum, h.Sum(nil)) {
		return fmt.Errorf("%s is damaged", filepath.Base(in.Name()))
	}
	_, err = out.Write(sum)
	return err
}
