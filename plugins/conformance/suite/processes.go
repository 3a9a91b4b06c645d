package suite

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// processes finds the processes that have text in their environment, their
// command line or as the path of their directory. Where there is no /proc it
// finds none.
func processes(text string) []int {
	var found []int
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		dir := filepath.Join("/proc", e.Name())
		env, _ := os.ReadFile(filepath.Join(dir, "environ"))
		args, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		cwd, _ := os.Readlink(filepath.Join(dir, "cwd"))
		if (bytes.Contains(env, []byte(text)) || bytes.Contains(args, []byte(text)) || strings.Contains(cwd, text)) && !isZombie(dir) {
			found = append(found, pid)
		}
	}
	return found
}

func isZombie(dir string) bool {
	b, err := os.ReadFile(filepath.Join(dir, "stat"))
	return err != nil || bytes.Contains(b, []byte(") Z "))
}

// commandOf says what a process is, for people.
func commandOf(pid int) string {
	b, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
	return strings.TrimSpace(string(bytes.ReplaceAll(b, []byte{0}, []byte(" "))))
}

// descriptors counts the open files of a process; 0 where that cannot be known.
func descriptors(pid int) int {
	entries, _ := os.ReadDir(filepath.Join("/proc", strconv.Itoa(pid), "fd"))
	return len(entries)
}

// children counts the children of a process.
func children(pid int) int {
	n := 0
	tasks, _ := filepath.Glob(filepath.Join("/proc", strconv.Itoa(pid), "task", "*", "children"))
	for _, t := range tasks {
		b, _ := os.ReadFile(t)
		n += len(strings.Fields(string(b)))
	}
	return n
}

// filesBelow lists what lies in a directory, relative to it.
func filesBelow(dir string) []string {
	var list []string
	_ = filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if rel, e := filepath.Rel(dir, path); err == nil && e == nil && rel != "." {
			list = append(list, rel)
		}
		return nil
	})
	return list
}
