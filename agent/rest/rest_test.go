//go:build linux

package rest

import (
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestUnwritten(t *testing.T) {
	const clean, written = "Rss:                8 kB\nAnonymous:             0 kB\nVmFlags: rd ex mr\n", "Rss:  8 kB\nAnonymous:             4 kB\nVmFlags: rd mr\n"
	const maps = "00400000-01ff0000 r-xp 00000000 fe:00 393282                             /opt/my wright\n" + clean +
		"01ff0000-041e6000 r--p 01bf0000 fe:00 393282                             /opt/my wright\n" + clean +
		"041e6000-041e7000 r--p 01bf0000 fe:00 393282                             /opt/my wright\n" + written +
		"041e7000-042c0000 rw-p 03de6000 fe:00 393282                             /opt/my wright\n" + clean +
		"042c0000-05000000 rw-p 00000000 00:00 0\n" + clean +
		"05000000-06000000 r--s 00000000 fe:00 393282                             /opt/my wright\n" + clean +
		"c000000000-c000800000 rw-p 00000000 00:00 0\n" + clean +
		"7f00-7e00 r--p 01bf0000 fe:00 393282                             /opt/my wright\n" + clean +
		"7f1234560000-7f1234580000 r-xp 00000000 fe:00 12                         /lib/libc.so\n" + clean +
		"zz-7e00 r--p 01bf0000 fe:00 393282                             /opt/my wright\n" + clean +
		"06000000-07000000 r--p 01bf0000 fe:00 393282                             /opt/my wright\n" + // nothing is known of it
		"7ffd1000-7ffd3000 r-xp 00000000 00:00 0                          [vdso]\n" + clean + "garbage\n\n" + clean
	want := []area{{0x400000, 0x1ff0000}, {0x1ff0000, 0x41e6000}}
	if got := unwritten(maps, "/opt/my wright"); !slices.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
	if got := unwritten(maps, "/elsewhere"); len(got) > 0 {
		t.Errorf("of another program: %x", got)
	}
}

// mapped is how much of this program's file is in its memory, in KiB.
func mapped(t *testing.T) int { return status(t, "RssFile:") }

// status is a number of those that the kernel tells of this process.
func status(t *testing.T, name string) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, line, _ := strings.Cut(string(text), name)
	kib, err := strconv.Atoi(strings.Fields(line)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kib
}

// What is given back is there again when it is needed.
func TestNow(t *testing.T) {
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil || len(unwritten(string(maps), exe)) == 0 {
		t.Fatalf("nothing of %s is found in %v:\n%s", exe, err, maps)
	}
	before := mapped(t)
	for range 3 {
		if err := Now(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d KiB of the program were in memory, now %d", before, mapped(t))
}

// Ballast is no memory, and the collector waits for as much to be used.
func TestBallast(t *testing.T) {
	const size = 128 << 20
	runtime.GC()
	before := status(t, "RssAnon:")
	Ballast(size)
	t.Cleanup(ballast.Reset)
	runtime.GC()
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	runs := mem.NumGC
	for range size / 2 >> 20 {
		pieces = make([]byte, 1<<20)
	}
	runtime.ReadMemStats(&mem)
	if mem.NumGC != runs {
		t.Errorf("the collector ran %d times", mem.NumGC-runs)
	}
	pieces = nil
	if err := Now(); err != nil {
		t.Fatal(err)
	}
	if grown := status(t, "RssAnon:") - before; grown > size>>10/4 {
		t.Errorf("the process has grown by %d KiB", grown)
	}
}

// pieces are what a test has the heap grow by.
var pieces []byte
