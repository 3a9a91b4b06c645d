// Package peers measures Wright beside programs that people would take instead of
// it, in one run on one machine: `make bench-peers`. It knows them as their manuals
// describe them, and ends whatever it has started.
package peers

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/wright-build/wright/cmd/wright/wrighttest"
)

func TestMain(m *testing.M) { os.Exit(wrighttest.Main(m)) }

var (
	nomadFlag   = flag.String("nomad", "", "`FILE` of the nomad program, which joins then")
	figuresFlag = flag.String("figures", "", "`FILE` for the figures as JSON")
	wrightFlag  = flag.Int("wright-builds", 5000, "no-op builds for Wright")
	peerFlag    = flag.Int("peer-builds", 192, "no-op builds for each of the others: Buildbot takes a minute or so")
)

// Every one is asked to do the same: a shell that runs true, one that prints
// 50 MB in lines of 80 bytes, one that tells through a FIFO that it runs.
const (
	logBytes = 50_000_000
	logLines = logBytes / 80
	logStep  = "yes 0123456789012345678901234567890123456789012345678901234567890123456789012345678 | head -c 50000000"
	asked    = 40 // builds whose latency is measured

	// rested is how long a system has been left alone when its memory at rest is
	// taken; the same for all.
	rested = 5 * time.Second
)

// system is a program under measurement, with two workers of 16 slots, at rest.
type system interface {
	// noOps has n no-op builds done, asked for at once, and returns with the last.
	noOps(n int)
	// log has 50 MB printed and returns when the master has all of it; false if it
	// keeps no output.
	log() bool
	// tell asks for a build that writes a line to the FIFO, and returns once that is
	// asked for; the function returned waits for its end.
	tell() (end func())
	// processes are those of the program, steps left out.
	processes() []int
	stop()
}

func BenchmarkPeers(b *testing.B) {
	for b.Loop() {
		all := []Figures{measure(b, "Wright", *wrightFlag, startWright)}
		all = append(all, measure(b, "Buildbot", *peerFlag, startBuildbot))
		if *nomadFlag != "" {
			all = append(all, measure(b, "Nomad", *peerFlag, startNomad))
		}
		fmt.Printf("\n%s\n", table(all))
		save(b, all)
	}
}

// save writes the figures down for programs.
func save(b *testing.B, all []Figures) {
	if *figuresFlag == "" {
		return
	}
	text, err := json.MarshalIndent(all, "", "  ")
	if err == nil {
		err = os.MkdirAll(filepath.Dir(*figuresFlag), 0o755)
	}
	if err == nil {
		err = os.WriteFile(*figuresFlag, append(text, '\n'), 0o644)
	}
	if err != nil {
		b.Fatalf("write the figures down: %v", err)
	}
}

// measure starts a system, takes all its figures, and stops it.
func measure(b *testing.B, name string, builds int, start func(b *testing.B, fifo string) (system, string)) Figures {
	fifo := filepath.Join(b.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		b.Fatal(err)
	}
	s, version := start(b, fifo)
	defer s.stop()
	f := Figures{Name: name, Version: version, Builds: builds}
	<-time.After(rested)
	f.RestRSS, f.RestPSS = memory(b, s.processes())
	f.P50, f.P95 = latency(b, s, fifo)
	began := time.Now()
	if s.log() {
		f.LogMBPerSecond = logBytes / 1e6 / time.Since(began).Seconds()
	}
	began = time.Now()
	s.noOps(builds)
	f.BuildsPerSecond = float64(builds) / time.Since(began).Seconds()
	f.AfterRSS, f.AfterPSS = memory(b, s.processes())
	b.Logf("%+v", f)
	return f
}

// latency is how long it takes from asking for a build to the first instruction of
// its step, in milliseconds, while there is nothing else to do.
func latency(b *testing.B, s system, fifo string) (p50, p95 float64) {
	reader, err := os.OpenFile(fifo, os.O_RDWR, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer reader.Close()
	lines := bufio.NewScanner(reader)
	took := make([]float64, asked)
	for i := range took {
		late := time.AfterFunc(time.Minute, func() { _, _ = reader.WriteString("late\n") })
		began := time.Now()
		end := s.tell()
		if !lines.Scan() || lines.Text() != "runs" {
			b.Fatalf("the step does not run: %q, %v", lines.Text(), lines.Err())
		}
		took[i] = time.Since(began).Seconds() * 1000
		late.Stop()
		end()
	}
	slices.Sort(took)
	return quantile(took, 0.5), quantile(took, 0.95)
}
