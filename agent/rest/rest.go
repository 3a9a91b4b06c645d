//go:build linux

// Package rest gives memory back when a process has nothing to do: the heap that
// is free, and the pages of the program's own file that only its start, or its
// last work, has needed. They come back by themselves when they are touched. What
// a process may take while it works is its ballast. It knows nothing of what the
// process does.
package rest

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
)

// Now gives back what can be had again.
func Now() error {
	debug.FreeOSMemory()
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return fmt.Errorf("look at the memory of this process: %w", err)
	}
	var errs []error
	for _, a := range unwritten(string(maps), exe) {
		_, _, errno := syscall.Syscall(syscall.SYS_MADVISE, a.from, a.to-a.from, syscall.MADV_DONTNEED)
		if errno != 0 {
			errs = append(errs, fmt.Errorf("give back memory at %x: %w", a.from, errno))
		}
	}
	return errors.Join(errs...)
}

// ballast is never touched: a builder, unlike make, writes no zeroes into it.
var ballast strings.Builder

// Ballast keeps the garbage collector from running again and again while the heap
// is small: for its next run, bytes that take no memory count as used. Once in the
// life of a process.
func Ballast(bytes int) { ballast.Grow(bytes) }

// area is a part of the address space.
type area struct{ from, to uintptr }

// unwritten lists the areas that show the file exe and in which nothing was ever
// written, so that the file still has all that is in them. Mode alone does not tell:
// the loader of a position-independent program writes to some before it locks them.
func unwritten(smaps, exe string) []area {
	var all []area
	var last area // whose header was read last; empty if it is not of interest
	for line := range strings.Lines(smaps) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch {
		case name == "Anonymous:" && strings.TrimSpace(value) == "0 kB" && last != area{}:
			all = append(all, last)
		case !strings.HasSuffix(name, ":"):
			last = header(name, value, exe)
		}
	}
	return all
}

// header reads 00400000-0141d000 r-xp 00000000 08:01 1234    /usr/bin/wright, and
// gives the empty area for one that is of something else or may be written to.
func header(addresses, rest, exe string) area {
	mode, rest, _ := strings.Cut(rest, " ")
	fields := strings.SplitN(strings.TrimSpace(rest), " ", 4)
	if mode != "r-xp" && mode != "r--p" || len(fields) < 4 || strings.TrimLeft(fields[3], " ") != exe {
		return area{}
	}
	begin, end, _ := strings.Cut(addresses, "-")
	from, err1 := strconv.ParseUint(begin, 16, strconv.IntSize)
	to, err2 := strconv.ParseUint(end, 16, strconv.IntSize)
	if err1 != nil || err2 != nil || from >= to {
		return area{}
	}
	return area{uintptr(from), uintptr(to)}
}
