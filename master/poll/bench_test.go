package poll_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/poll"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
	"github.com/wright-build/wright/master/store/storetest"
	"github.com/wright-build/wright/master/watchlist"
)

// beServer in the environment makes the test binary a git server, so that its
// time is not counted as the poller's.
const beServer = "WRIGHT_TEST_GIT_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(beServer) != "" {
		serveGit()
		return
	}
	os.Exit(m.Run())
}

// serveGit answers every question over git:// with ten refs until its input
// ends; paths that begin with /hang get no answer.
func serveGit() {
	ln, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(ln.Addr().(*net.TCPAddr).Port)
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go answerGit(conn)
		}
	}()
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func answerGit(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	r := bufio.NewReader(conn)
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return
	}
	n, err := strconv.ParseUint(string(size[:]), 16, 16)
	if err != nil || n < 4 {
		return
	}
	hello := make([]byte, n-4)
	if _, err := io.ReadFull(r, hello); err != nil {
		return
	}
	if !bytes.Contains(hello, []byte(" /hang")) {
		_, _ = conn.Write(tenRefs())
	}
	_, _ = io.Copy(io.Discard, r)
}

func tenRefs() []byte {
	var b bytes.Buffer
	packet := func(line string) { fmt.Fprintf(&b, "%04x%s", len(line)+4, line) }
	packet(rev(1) + " HEAD\x00multi_ack symref=HEAD:refs/heads/main agent=git/2.39.5\n")
	for _, ref := range []string{"a", "b", "c", "d", "e", "f", "g", "main", "next"} {
		packet(rev(1) + " refs/heads/" + ref + "\n")
	}
	b.WriteString("0000")
	return b.Bytes()
}

// gitServer runs serveGit in a process of its own and returns its port.
func gitServer(t testing.TB) (port string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), beServer+"=1")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stdin.Close(); _ = cmd.Wait() })
	port, err = bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(port)
}

// scale is an installation: instances that watch remotes, by their reports.
type scale struct {
	t                           testing.TB
	st                          *store.Store
	p                           *poll.Poller
	port                        string
	remotes, instances, perInst int
	hanging                     int // of the remotes: one in so many; 0 is none
}

func (s *scale) url(i int) string {
	kind := "repo"
	if s.hanging > 0 && i%s.hanging == 0 {
		kind = "hang"
	}
	return fmt.Sprintf("git://127.0.%d.%d:%s/%s/%d.git", 1+i%4, 1+i/4%25, s.port, kind, i)
}

// fill puts the manifests and reports in force.
func (s *scale) fill() {
	var writes []state.Write
	commit := func() {
		if err := s.st.CommitSeen(s.t.Context(), writes...); err != nil {
			s.t.Fatal(err)
		}
		writes = nil
	}
	for i := range s.instances {
		name := fmt.Sprintf("instance-%d", i)
		m := state.InForce{Instance: name, File: name + ".toml", Text: []byte("[[step]]\nrun = \"true\"\n"), Since: time.Now()}
		r := state.Report{Instance: name, At: time.Now()}
		for j := range s.perInst {
			r.Watches = append(r.Watches, state.Reported{VCS: "git", URL: s.url((i*s.perInst + j) % s.remotes), Ref: main, Revision: rev(1)})
		}
		if writes = append(writes, m.Put(), r.Put()); len(writes) >= 100 {
			commit()
		}
	}
	commit()
}

// run starts a poller, and ends it with the test.
func (s *scale) run() (stop func()) {
	s.p = poll.New(s.st, poll.Config{Interval: time.Hour, Hosts: watchlist.NewHosts(manifests.HostsConfig{Loopback: true})}, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(s.t.Context())
	done := make(chan error, 1)
	go func() { done <- s.p.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			s.t.Error(err)
		}
	}
}

// good are the remotes that answer.
func (s *scale) good() (urls []string) {
	for i := range s.remotes {
		if url := s.url(i); !strings.Contains(url, "/hang/") {
			urls = append(urls, url)
		}
	}
	return urls
}

// round waits until every remote that answers was asked since a time.
func (s *scale) round(urls []string, since time.Time) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for _, url := range urls {
		for !s.p.Status("git", url).CheckedAt.After(since) {
			<-tick.C
			if time.Since(since) > 3*time.Minute {
				s.t.Fatalf("%s was not asked: %+v", url, s.p.Status("git", url))
			}
		}
		if err := s.p.Status("git", url).Error; err != "" {
			s.t.Fatal(url, err)
		}
	}
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // cannot fail
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// resident is the memory of this process in MiB.
func resident() float64 {
	text, _ := os.ReadFile("/proc/self/statm")
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.Atoi(fields[1])
	return float64(pages*os.Getpagesize()) / (1 << 20)
}

// BenchmarkRound measures a first round, which writes down all that it finds,
// and another in which nothing moved: what the poller, the store and the
// embedded etcd take of the processor for each remote.
func BenchmarkRound(b *testing.B) {
	port := gitServer(b)
	for _, s := range []scale{
		{remotes: 1000, instances: 500, perInst: 100},
		{remotes: 2500, instances: 500, perInst: 100},
		{remotes: 5000, instances: 500, perInst: 100},
		{remotes: 10000, instances: 500, perInst: 100},
		{remotes: 1000, instances: 100, perInst: 25},
		{remotes: 1000, instances: 500, perInst: 25},
		{remotes: 1000, instances: 2000, perInst: 25},
		{remotes: 10000, instances: 2000, perInst: 25},
		{remotes: 10000, instances: 2000, perInst: 25, hanging: 10},
	} {
		hanging := 0
		if s.hanging > 0 {
			hanging = s.remotes / s.hanging
		}
		name := fmt.Sprintf("remotes=%d/hanging=%d/instances=%d/watches=%d", s.remotes, hanging, s.instances, s.instances*s.perInst)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				s.t, s.port, s.st = b, port, storetest.Embedded(b)
				s.measure(b)
			}
		})
	}
}

func (s *scale) measure(b *testing.B) {
	s.fill()
	urls := s.good()
	perRemote := func(cpu time.Duration) float64 { return float64(cpu.Microseconds()) / float64(len(urls)) }
	began, cpu := time.Now(), cpuTime()
	stop := s.run()
	defer stop()
	s.round(urls, began)
	b.ReportMetric(perRemote(cpuTime()-cpu), "first-us/remote")
	b.ReportMetric(time.Since(began).Seconds(), "first-s")
	began, cpu = time.Now(), cpuTime()
	s.p.CheckNow(urls...)
	s.round(urls, began)
	b.ReportMetric(perRemote(cpuTime()-cpu), "us/remote")
	b.ReportMetric(time.Since(began).Seconds(), "s")
	b.ReportMetric(resident(), "MiB")
	b.ReportMetric(0, "ns/op")
}
