package suite

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/wright-build/wright/plugins/host"
)

// held is what a process holds.
type held struct {
	files, children, threads int
	memory                   int64 // bytes; 0 where that cannot be known
}

func heldBy(pid int) held {
	return held{descriptors(pid), children(pid), threads(pid), memory(pid)}
}

// threads counts the threads of a process; 0 where that cannot be known.
func threads(pid int) int {
	entries, _ := os.ReadDir(filepath.Join("/proc", strconv.Itoa(pid), "task"))
	return len(entries)
}

// memory is what a process has in memory (RSS).
func memory(pid int) int64 {
	text, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "statm"))
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

// accustomed is the round after which a process should have all the memory that it
// needs.
const accustomed = 20

// grows does something over and over; the provider's process must not hold more
// with each time, nor its directory the filler, which each has in bytes.
func (t *T) grows(h *host.Host, what string, filler int, once func(i int)) {
	const most, least, warm, slack, budget = 200, 8, 4, 6, 8 * time.Second
	now := func() held { return heldBy(t.pid(h)) }
	var early, later held
	var kept int64
	rounds, start := 0, time.Now()
	for ; rounds < least || rounds < most && time.Since(start) < budget; rounds++ {
		if once(rounds); t.Failed() {
			return
		}
		switch rounds {
		case warm:
			early = now()
		case accustomed:
			later = now()
			_, kept = contents(t.state())
		}
	}
	did := fmt.Sprintf("%s %d times", what, rounds)
	if !t.eventually(settling, func() bool { return now().files <= early.files+slack }) {
		t.Report(Finding{Did: did, Got: fmt.Sprintf("the process had %d open files after %d rounds and has %d after all", early.files, warm+1, now().files)})
	}
	if !t.eventually(settling, func() bool { return now().children <= early.children+slack }) {
		t.Report(Finding{Did: did, Got: fmt.Sprintf("the process had %d children after %d rounds and has %d after all", early.children, warm+1, now().children), Mend: "wait for the processes that you start"})
	}
	// A pool of threads fills up to its size; who starts one for each call and
	// leaves it has as many as there were calls.
	if rounds >= 40 && !t.eventually(settling, func() bool { return now().threads <= early.threads+rounds*8/10 }) {
		t.Report(Finding{Did: did, Got: fmt.Sprintf("the process had %d threads after %d rounds and has %d after all", early.threads, warm+1, now().threads), Mend: "let every thread that a call starts end with it"})
	}
	t.swells(h, rounds, later.memory, did, once)
	if filler > 0 && rounds >= 2*accustomed {
		t.hoards(kept, int64(filler), rounds, did, once)
	}
}

// hoards fails the check if the files below the state directory grow with each
// round by what it is about, and go on growing: who tidies up now and then may.
func (t *T) hoards(first, filler int64, rounds int, did string, once func(i int)) {
	_, size := contents(t.state())
	if size-first < filler*int64(rounds-accustomed)*9/10 {
		return
	}
	for i := range rounds {
		if once(3*rounds + i); t.Failed() {
			return
		}
	}
	_, again := contents(t.state())
	if again-size < filler*int64(rounds)*9/10 {
		return
	}
	t.Report(Finding{
		Did: did + ", look at the provider's directory, and go on", Got: fmt.Sprintf("it holds %d bytes after %d rounds, %d after %d and %d after %d", first, accustomed, size, rounds, again, 2*rounds),
		Mend: "forget a thing when it is deleted, in files too: a journal that is never cut grows for months",
	})
}

// swells fails the check if the process's memory grows on and on. A collector of
// garbage may let it grow for a while: only what grows in each of several windows
// by far more than they do is a leak.
func (t *T) swells(h *host.Host, rounds int, first int64, did string, once func(i int)) {
	const windows, least, most = 3, 12 << 20, 24 << 20
	much := min(most, max(least, int64(rounds-accustomed)*128<<10)) // on a machine that is very busy there are few rounds
	shown := fmt.Sprintf("%d MiB after %d rounds", first>>20, accustomed)
	for w, before := 1, first; w <= windows; w++ {
		size := memory(t.pid(h))
		if before == 0 || size-before < much {
			return
		}
		shown += fmt.Sprintf(", %d MiB after %d", size>>20, w*rounds)
		before = size
		for i := range rounds {
			if once(w*rounds + i); t.Failed() || w == windows {
				break
			}
		}
	}
	t.Report(Finding{
		Did: did + ", look at its memory, and go on", Got: "the process has " + shown,
		Mend: "forget what a call was about when it is over, or when its thing is deleted: maps and lists that only grow are a leak",
	})
}
