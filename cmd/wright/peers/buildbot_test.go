package peers

import (
	"bufio"
	"crypto/rand"
	_ "embed"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

//go:embed testdata/master.cfg
var buildbotConfig []byte

//go:embed testdata/worker.tac
var buildbotWorker []byte

// buildbot is Debian's Buildbot: a master with SQLite, which syncs to disk, and two
// workers. What is asked for comes to it through a change source of the
// configuration's own, that is without a process or a request of HTTP.
type buildbot struct {
	b        *testing.B
	programs []*program // the master first
	conn     net.Conn
	events   chan event
}

// event is a line of the change source.
type event struct {
	Ended  string // "connecting", "build", "log"
	Result int    // of a build; 0 is success
	Name   string // of a log
	Lines  int
}

// builders is how many builds one change asks for.
const builders = 16

func startBuildbot(b *testing.B, fifo string) (system, string) {
	for _, name := range []string{"buildbot", "buildbot-worker", "twistd3"} {
		if _, err := exec.LookPath(name); err != nil {
			b.Fatalf("Debian's packages buildbot and buildbot-worker are wanted, see make bench-peers: %v", err)
		}
	}
	dir := b.TempDir()
	s := &buildbot{b: b, events: make(chan event, 4096)}
	env := []string{
		"BENCH_PORT=" + freePort(b), "BENCH_PASSWORD=" + rand.Text(), "BENCH_SOCKET=" + filepath.Join(dir, "s"),
		"BENCH_LOG=" + logStep, "BENCH_TELL=echo runs >" + fifo,
	}
	s.startMaster(filepath.Join(dir, "master"), filepath.Join(dir, "s"), env)
	for _, name := range []string{"one", "two"} {
		s.startWorker(filepath.Join(dir, name), append(env, "BENCH_WORKER="+name))
	}
	for range 2 {
		s.await("connecting", patience)
	}
	return s, buildbotVersion(b)
}

func buildbotVersion(b *testing.B) string {
	out, err := exec.Command("buildbot", "--version").Output()
	if err != nil {
		b.Fatal(err)
	}
	first, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimPrefix(first, "Buildbot version: ")
}

func (s *buildbot) startMaster(dir, socket string, env []string) {
	make := exec.Command("buildbot", "create-master", dir)
	if out, err := make.CombinedOutput(); err != nil {
		s.b.Fatalf("make a master of Buildbot: %v\n%s", err, out)
	}
	if err := os.WriteFile(filepath.Join(dir, "master.cfg"), buildbotConfig, 0o600); err != nil {
		s.b.Fatal(err)
	}
	p := startProgram(s.b, dir, env, "twistd3", "--nodaemon", "--no_save", "-y", "buildbot.tac")
	s.programs = append(s.programs, p)
	await(s.b, "Buildbot's master", func() bool {
		var err error
		s.conn, err = net.Dial("unix", socket)
		return err == nil
	}, p)
	s.b.Cleanup(func() { _ = s.conn.Close() })
	go s.listen()
}

func (s *buildbot) startWorker(dir string, env []string) {
	err := os.MkdirAll(filepath.Join(dir, "info"), 0o700)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "worker.tac"), buildbotWorker, 0o600)
	}
	if err != nil {
		s.b.Fatal(err)
	}
	s.programs = append(s.programs, startProgram(s.b, dir, env, "twistd3", "--nodaemon", "--no_save", "-y", "worker.tac"))
}

// listen reads events until the connection ends.
func (s *buildbot) listen() {
	defer close(s.events)
	for lines := bufio.NewScanner(s.conn); lines.Scan(); {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) == nil {
			s.events <- e
		}
	}
}

// await waits for the next event of a kind.
func (s *buildbot) await(ended string, within time.Duration) event {
	late := time.NewTimer(within)
	defer late.Stop()
	for {
		select {
		case e, ok := <-s.events:
			if !ok || e.Result != 0 {
				s.b.Fatalf("Buildbot: %+v\n%s", e, s.programs[0].said())
			}
			if e.Ended == ended {
				return e
			}
		case <-late.C:
			s.b.Fatalf("Buildbot: no end of %s within %s\n%s", ended, within, s.programs[0].said())
		}
	}
}

// ask sends changes to the change source.
func (s *buildbot) ask(project string, changes int) {
	if _, err := fmt.Fprintln(s.conn, project, changes); err != nil {
		s.b.Fatalf("ask Buildbot: %v", err)
	}
}

func (s *buildbot) noOps(n int) {
	if n%builders != 0 {
		s.b.Fatalf("Buildbot's builds come %d at a time", builders)
	}
	s.ask("noop", n/builders)
	for range n {
		s.await("build", 10*time.Minute)
	}
}

func (s *buildbot) log() bool {
	s.ask("log", 1)
	for whole := false; !whole; {
		e := s.await("log", 10*time.Minute)
		whole = e.Name == "stdio"
		if whole && e.Lines < logLines {
			s.b.Fatalf("Buildbot has %d lines of the output, want %d", e.Lines, logLines)
		}
	}
	s.await("build", patience)
	return true
}

func (s *buildbot) tell() func() {
	s.ask("tell", 1)
	return func() { s.await("build", patience) }
}

func (s *buildbot) processes() (pids []int) {
	for _, p := range s.programs {
		pids = append(pids, p.cmd.Process.Pid)
	}
	return pids
}

func (s *buildbot) stop() {
	for i := len(s.programs) - 1; i >= 0; i-- {
		s.programs[i].stop(s.b)
	}
}

// freePort is a port of loopback that nobody uses right now.
func freePort(b *testing.B) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}
