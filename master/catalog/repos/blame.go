package repos

import (
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// maxBlame bounds the search for last changes, in entries of trees looked at.
const maxBlame = 200_000

// lastChanges finds the commit that made each file of a directory what it is
// at head. Where the clone's history ends, or the search takes too long, a file
// is left out or ascribed to where the history ends.
func lastChanges(head *object.Commit, dir string, files map[string]identity) map[string]*object.Commit {
	found := map[string]*object.Commit{}
	waiting := map[plumbing.Hash]map[string]bool{head.Hash: {}}
	for name := range files {
		waiting[head.Hash][name] = true
	}
	queue, left := []*object.Commit{head}, maxBlame
	for ; len(queue) > 0 && left > 0; queue = queue[1:] {
		commit := queue[0]
		names := waiting[commit.Hash]
		delete(waiting, commit.Hash)
		for i, hash := range commit.ParentHashes {
			parent, there, looked := parentOf(commit, i, dir)
			left -= looked
			if parent == nil {
				continue
			}
			passed := pass(names, files, there)
			if len(passed) == 0 {
				continue
			}
			if waiting[hash] == nil {
				waiting[hash] = map[string]bool{}
				queue = append(queue, parent)
			}
			for _, name := range passed {
				waiting[hash][name] = true
			}
		}
		for name := range names {
			found[name] = commit
		}
	}
	return found
}

// pass takes out of names what a parent has the same, and returns it.
func pass(names map[string]bool, files, there map[string]identity) (passed []string) {
	for name := range names {
		if there[name] == files[name] {
			passed = append(passed, name)
			delete(names, name)
		}
	}
	return passed
}

// parentOf is the parent number i and its manifests, nil where the clone's
// history ends.
func parentOf(commit *object.Commit, i int, dir string) (parent *object.Commit, files map[string]identity, looked int) {
	parent, err := commit.Parent(i)
	if err != nil {
		return nil, nil, 1
	}
	tree, err := directory(parent, dir)
	if err != nil {
		return parent, nil, 1
	}
	files, _ = manifestsOf(tree) // too many then are none
	return parent, files, 1 + len(tree.Entries)
}
