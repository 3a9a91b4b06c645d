package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"

	"github.com/wright-build/wright/plugins/environ"
	"golang.org/x/sys/unix"
)

// cookieName is the variable that marks every process of a server. It is not
// one of those that provisioning gets, so provisioning is never mistaken for it.
const cookieName = "WRIGHT_APPSERVER_MACHINE"

// descendants lists the processes below pid, itself excluded.
func descendants(pid int) []int {
	children := map[int][]int{}
	for _, p := range allPIDs() {
		if parent, ok := parentOf(p); ok {
			children[parent] = append(children[parent], p)
		}
	}
	var found []int
	for queue := children[pid]; len(queue) > 0; queue = queue[1:] {
		found = append(found, queue[0])
		queue = append(queue, children[queue[0]]...)
	}
	return found
}

// marked lists the live processes that carry the cookie of a server, and all
// below them.
func marked(dir string) []int {
	seen := map[int]bool{}
	var found []int
	for _, p := range allPIDs() {
		if !environ.Has(p, cookieName+"="+dir) {
			continue
		}
		for _, q := range append(descendants(p), p) {
			if !seen[q] && q != os.Getpid() {
				seen[q] = true
				found = append(found, q)
			}
		}
	}
	return found
}

func signalAll(pids []int, s unix.Signal) {
	for _, p := range pids {
		_ = unix.Kill(p, s)
	}
}

func allPIDs() []int {
	d, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer func() { _ = d.Close() }()
	names, _ := d.Readdirnames(-1)
	pids := make([]int, 0, len(names))
	for _, n := range names {
		if p, err := strconv.Atoi(n); err == nil {
			pids = append(pids, p)
		}
	}
	return pids
}

// parentOf reads the fourth field of stat; the second is the program's name in
// parentheses and may hold anything, parentheses included.
func parentOf(pid int) (int, bool) {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0, false
	}
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(fields) < 2 {
		return 0, false
	}
	parent, err := strconv.Atoi(string(fields[1]))
	return parent, err == nil
}
