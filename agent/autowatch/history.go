package autowatch

import (
	"bufio"
	"compress/zlib"
	"io"
	"os"
	"path"
	"strings"
	"syscall"
)

const (
	maxCommits = 1000     // read to compare two revisions
	maxCommit  = 64 << 10 // bytes read of one, unpacked
)

// base tells which commit of the remote's branch a HEAD stands for, when the
// remote-tracking ref is elsewhere. Only loose objects are read: what a build
// commits is loose, while a clone's history is packed and so must have come
// from the remote. "" means that it cannot be told.
func (r repository) base(head, tracking string) string {
	switch {
	case head == tracking, r.reaches(tracking, head), !r.isLoose(head):
		return head
	case r.reaches(head, tracking):
		return tracking // the build committed on top
	}
	return ""
}

// reaches reports whether to is an ancestor of from, as far as loose commits go.
func (r repository) reaches(from, to string) bool {
	queue, seen := []string{from}, map[string]bool{from: true}
	for n := 0; n < len(queue) && n < maxCommits; n++ {
		for _, parent := range r.parents(queue[n]) {
			if parent == to {
				return true
			}
			if !seen[parent] {
				seen[parent] = true
				queue = append(queue, parent)
			}
		}
	}
	return false
}

func (r repository) loosePath(commit string) string {
	return path.Join(r.common, "objects", commit[:2], commit[2:])
}

func (r repository) isLoose(commit string) bool {
	_, err := r.root.Stat(r.loosePath(commit))
	return err == nil
}

// parents reads the parents of a loose commit; of any other object, none.
func (r repository) parents(commit string) []string {
	var parents []string
	for _, line := range r.header(commit, "commit") {
		if p, ok := strings.CutPrefix(line, "parent "); ok && isCommit(p) {
			parents = append(parents, p)
		}
	}
	return parents
}

// tagged is the commit that a loose object is a tag of, "" if it is none.
func (r repository) tagged(object string) string {
	for _, line := range r.header(object, "tag") {
		if commit, ok := strings.CutPrefix(line, "object "); ok {
			return commit
		}
	}
	return ""
}

// header is the lines before the message of a loose object, if it is of that kind.
func (r repository) header(object, kind string) []string {
	if !isCommit(object) {
		return nil
	}
	f, err := r.root.OpenFile(r.loosePath(object), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil
	}
	defer f.Close()
	z, err := zlib.NewReader(io.LimitReader(f, maxCommit))
	if err != nil {
		return nil
	}
	defer z.Close()
	text := bufio.NewReader(io.LimitReader(z, maxCommit))
	if header, err := text.ReadString(0); err != nil || !strings.HasPrefix(header, kind+" ") {
		return nil
	}
	var lines []string
	for {
		line, err := text.ReadString('\n')
		if err != nil || line == "\n" {
			return lines
		}
		lines = append(lines, strings.TrimSuffix(line, "\n"))
	}
}
