// Package gittrace reads the record that git keeps of its own commands, and
// tells which names of which remotes the work trees were at that these made. It
// knows of what scripts cloned that nobody can read, and of what they threw away.
//
// It is pure: it neither looks for those work trees nor asks whether a name is a
// branch or a tag.
package gittrace

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Variables have git, from 2.22 on, add what it does to a file.
func Variables(file string) map[string]string {
	return map[string]string{
		"GIT_TRACE2_EVENT":         file,
		"GIT_TRACE2_EVENT_BRIEF":   "1",
		"GIT_TRACE2_EVENT_NESTING": "1", // as little of what goes on inside as there is
	}
}

const (
	maxRecord   = 64 << 20  // bytes of a record that are read
	maxLine     = 256 << 10 // bytes
	maxCommands = 10_000    // that run at the same time, or never ended
	maxTrees    = 10_000    // work trees, and uses of them all
)

// Use is what a work tree was at.
type Use struct {
	URL  string // as git was told, and so maybe with a login
	Name string // a branch, tag, commit or full ref; "" is the remote's HEAD
	// TagFirst says that git took the tag where a tag and a branch have the name.
	TagFirst bool
	Besides  bool   // it was taken in besides what the work tree was at
	Dir      string // the work tree, absolute
}

// Read returns what the work trees of a record were at when all was done, each
// use once and in a fixed order. Commands that failed, those in repositories
// without a work tree and clones that were pushed back to do not count. What is
// no record is passed over. err says that not all was read; what is returned
// counts all the same.
func Read(r io.Reader) ([]Use, error) {
	trees := &forest{at: map[string]*tree{}}
	running := map[string]*command{}
	lines := bufio.NewReaderSize(io.LimitReader(r, maxRecord+1), maxLine)
	read, overlong := 0, false
	for {
		line, err := lines.ReadSlice('\n')
		read += len(line)
		switch {
		case read > maxRecord:
			return trees.uses(), fmt.Errorf("it is larger than %d MiB", maxRecord>>20)
		case errors.Is(err, bufio.ErrBufferFull):
			overlong = true
			continue
		case err != nil && !errors.Is(err, io.EOF):
			return trees.uses(), err
		case !overlong:
			take(line, running, trees)
		}
		overlong = false
		if err != nil {
			return trees.uses(), nil
		}
	}
}

// event is the part of one that matters.
type event struct {
	Event    string   `json:"event"`
	SID      string   `json:"sid"` // of the process, behind those of git's that it was started by
	Argv     []string `json:"argv"`
	Repo     int      `json:"repo"` // 1 is the command's own, others are submodules
	Worktree string   `json:"worktree"`
	Name     string   `json:"name"` // of a mode
	Code     int      `json:"code"`
}

var kinds = [][]byte{[]byte(`{"event":"start"`), []byte(`{"event":"def_repo"`), []byte(`{"event":"cmd_mode"`), []byte(`{"event":"exit"`)}

// take follows one line: a command counts once it has ended well.
func take(line []byte, running map[string]*command, trees *forest) {
	if !slices.ContainsFunc(kinds, func(kind []byte) bool { return bytes.HasPrefix(line, kind) }) {
		return // most are of other kinds
	}
	var e event
	if json.Unmarshal(line, &e) != nil {
		return
	}
	c := running[e.SID]
	switch {
	case e.Event == "start" && len(running) < maxCommands:
		if c, ok := parse(e.Argv); ok {
			running[e.SID] = &c
		}
	case c == nil:
	case e.Event == "def_repo" && e.Repo == 1:
		c.dir = cmp.Or(c.dir, e.Worktree)
	case e.Event == "cmd_mode":
		c.mode = e.Name
	case e.Event == "exit":
		delete(running, e.SID)
		if e.Code == 0 && c.dir != "" && !partOfPull(e.SID, running) {
			trees.follow(*c)
		}
	}
}

// partOfPull tells whether a command was started by a pull, which says by itself
// what it takes from where.
func partOfPull(sid string, running map[string]*command) bool {
	for i := range sid {
		if sid[i] == '/' {
			if c := running[sid[:i]]; c != nil && c.verb == "pull" {
				return true
			}
		}
	}
	return false
}
