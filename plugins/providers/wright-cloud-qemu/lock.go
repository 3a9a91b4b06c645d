package main

import (
	"os"
	"strconv"

	"github.com/wright-build/wright/plugins/environ"
	"golang.org/x/sys/unix"
)

// cookie is the variable that marks the daemon of a server, and its QEMU. It is not
// one of those that provisioning gets.
func cookie(dir string) string { return "WRIGHT_APPSERVER_MACHINE=" + dir }

// killMarked kills all processes of a server but this one, and says whether there
// were none.
func killMarked(dir string) bool {
	none := true
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() || !environ.Has(pid, cookie(dir)) {
			continue
		}
		none = false
		kill(pid, dir)
	}
	return none
}

// kill looks again with the process in hand: another may have got its ID.
func kill(pid int, dir string) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return
	}
	defer func() { _ = unix.Close(fd) }()
	if environ.Has(pid, cookie(dir)) {
		_ = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
	}
}
