package peers

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long anything but the builds may take.
const patience = 2 * time.Minute

// program is one that was started, and ends with the benchmark.
type program struct {
	cmd   *exec.Cmd
	log   string
	ended chan struct{}
}

// startProgram starts a program in dir, with its words in a file there.
func startProgram(b *testing.B, dir string, env []string, name string, args ...string) *program {
	b.Helper()
	p := &program{log: filepath.Join(dir, filepath.Base(name)+".out"), ended: make(chan struct{})}
	out, err := os.Create(p.log)
	if err != nil {
		b.Fatal(err)
	}
	defer out.Close()
	p.cmd = exec.Command(name, args...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, out, out
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} // also if the benchmark is killed
	if err := p.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	go func() { defer close(p.ended); _ = p.cmd.Wait() }()
	b.Cleanup(func() { p.stop(b) })
	return p
}

// stop ends the program as its service manager would. It may be repeated.
func (p *program) stop(b *testing.B) {
	select {
	case <-p.ended:
		return
	default:
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(patience):
		b.Errorf("%s did not stop", p.cmd.Path)
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

// said is the end of what the program wrote, also into the log of twistd.
func (p *program) said() (all string) {
	for _, file := range []string{p.log, filepath.Join(p.cmd.Dir, "twistd.log")} {
		text, _ := os.ReadFile(file)
		all += string(text[max(0, len(text)-4000):])
	}
	return all
}

// await waits until something holds of running programs.
func await(b *testing.B, what string, holds func() bool, running ...*program) {
	b.Helper()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for late := time.Now().Add(patience); time.Now().Before(late); <-look.C {
		if holds() {
			return
		}
		for _, p := range running {
			select {
			case <-p.ended:
				b.Fatalf("%s ended:\n%s", p.cmd.Path, p.said())
			default:
			}
		}
	}
	for _, p := range running {
		b.Logf("%s said:\n%s", p.cmd.Path, p.said())
	}
	b.Fatalf("waited %s for %s", patience, what)
}

// memory is what processes have in memory, in MB.
func memory(b *testing.B, pids []int) (rss, pss float64) {
	b.Helper()
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			continue // it may just have ended
		}
		for line := range bytes.Lines(text) {
			fields := strings.Fields(string(line))
			if len(fields) < 2 {
				continue
			}
			kib, _ := strconv.ParseFloat(fields[1], 64)
			switch fields[0] {
			case "Rss:":
				rss += kib * 1024 / 1e6
			case "Pss:":
				pss += kib * 1024 / 1e6
			}
		}
	}
	return rss, pss
}
