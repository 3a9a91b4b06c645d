// Package trees reads the commits and trees that a git server packed up, and
// says in which files two commits differ. What it is given is a stranger's, so
// everything is bounded. It knows pack files and objects; it does not know how
// they came, and reads no contents of files.
package trees

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

const (
	// MaxPaths bounds the files of one difference.
	MaxPaths = 3000
	maxDepth = 200
	// maxMessage bounds what is kept of a commit's message, in bytes: its end
	// goes first.
	maxMessage = 64 << 10
)

// Objects are commits and trees by ID.
type Objects map[string]object

type object struct {
	kind kind
	data []byte
}

// Message is the message of a commit.
func (o Objects) Message(commit string) (string, error) {
	_, message, err := o.commit(commit)
	return message, err
}

func (o Objects) commit(id string) (tree, message string, err error) {
	c, ok := o[id]
	if !ok || c.kind != commitKind {
		return "", "", fmt.Errorf("the remote left out commit %.12s", id)
	}
	head, body, _ := bytes.Cut(c.data, []byte("\n\n"))
	line, _, _ := strings.Cut(string(head), "\n")
	tree, ok = strings.CutPrefix(line, "tree ")
	if !ok || len(tree) != len(id) {
		return "", "", fmt.Errorf("commit %.12s names no tree", id)
	}
	return tree, strings.ToValidUTF8(string(body[:min(len(body), maxMessage)]), "?"), nil
}

// ErrMany means that more than MaxPaths files differ.
var ErrMany = fmt.Errorf("more than %d files changed", MaxPaths)

// Changed lists the files that are not the same in two commits, in no order.
func (o Objects) Changed(before, after string) ([]string, error) {
	a, _, err := o.commit(before)
	if err != nil {
		return nil, err
	}
	b, _, err := o.commit(after)
	if err != nil {
		return nil, err
	}
	d := differ{objects: o}
	if err := d.trees(a, b, "", 0); err != nil {
		return nil, err
	}
	return d.paths, nil
}

type differ struct {
	objects Objects
	paths   []string
	work    int // bytes of trees read: a hostile one may name the same a thousand times
}

// trees compares two trees; "" is none.
func (d *differ) trees(a, b, prefix string, depth int) error {
	if a == b {
		return nil
	}
	if depth > maxDepth {
		return fmt.Errorf("directories are nested more than %d deep", maxDepth)
	}
	before, err := d.entries(a)
	if err != nil {
		return err
	}
	after, err := d.entries(b)
	if err != nil {
		return err
	}
	for name, was := range before {
		if err := d.entry(was, after[name], prefix+name, depth); err != nil {
			return err
		}
	}
	for name, is := range after {
		if _, both := before[name]; both {
			continue
		}
		if err := d.entry(entry{}, is, prefix+name, depth); err != nil {
			return err
		}
	}
	return nil
}

// entry compares what a name stood for and stands for; the zero entry is
// nothing.
func (d *differ) entry(was, is entry, path string, depth int) error {
	if was == is {
		return nil
	}
	if was.file() || is.file() {
		if len(d.paths) == MaxPaths {
			return ErrMany
		}
		d.paths = append(d.paths, path)
	}
	return d.trees(was.directory(), is.directory(), path+"/", depth+1)
}

// entry is one line of a tree.
type entry struct{ mode, id string }

const directoryMode = "40000"

// file says whether it is a file, a link or a submodule.
func (e entry) file() bool { return e.id != "" && e.mode != directoryMode }

// directory is the tree that it stands for, "" if it is none.
func (e entry) directory() string {
	if e.mode != directoryMode {
		return ""
	}
	return e.id
}

const maxWork = 256 << 20

// entries reads a tree.
func (d *differ) entries(id string) (map[string]entry, error) {
	if id == "" {
		return nil, nil
	}
	t, ok := d.objects[id]
	if d.work += len(t.data); d.work > maxWork {
		return nil, errors.New("too many directories changed")
	}
	if !ok || t.kind != treeKind {
		return nil, errors.New("the remote left out a part of the directories")
	}
	all := map[string]entry{}
	for data := t.data; len(data) > 0; {
		mode, rest, ok := bytes.Cut(data, []byte{' '})
		name, rest, ok2 := bytes.Cut(rest, []byte{0})
		if !ok || !ok2 || len(rest) < len(id)/2 || len(name) == 0 {
			return nil, fmt.Errorf("tree %.12s cannot be read", id)
		}
		all[string(name)] = entry{string(mode), hex.EncodeToString(rest[:len(id)/2])}
		data = rest[len(id)/2:]
	}
	return all, nil
}
