package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/wright-build/wright/cmd/wright/wrighttest"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

const sha = "0123456789abcdef0123456789abcdef01234567"

// pollRounds is how often each remote is asked while the benchmark looks.
const pollRounds = 2

// BenchmarkWatching is a master that watches 50,000 refs for 2,000 instances.
// The first four show the cost by remotes, the next two that the number of
// instances and watches adds nothing to a round, and in the last one remote in
// ten hangs.
func BenchmarkWatching(b *testing.B) {
	for _, w := range []watching{
		{remotes: 1000, instances: 2000, each: 25},
		{remotes: 2500, instances: 2000, each: 25},
		{remotes: 5000, instances: 2000, each: 25},
		{remotes: 10000, instances: 2000, each: 25},
		{remotes: 1000, instances: 100, each: 10},
		{remotes: 1000, instances: 500, each: 25},
		{remotes: 10000, instances: 2000, each: 25, hanging: 1000},
	} {
		b.Run(fmt.Sprintf("remotes=%d/watches=%d/hanging=%d", w.remotes, w.instances*w.each, w.hanging), func(b *testing.B) {
			for b.Loop() {
				w.run(b)
			}
		})
	}
}

type watching struct {
	remotes, instances, each int
	hanging                  int // of the remotes
}

// run measures some rounds, and how soon what a report brings is asked meanwhile.
func (w watching) run(b *testing.B) {
	const interval = 10 * time.Second
	h, gitd := wrighttest.New(b), wrighttest.NewGitd(b)
	for i := range w.remotes {
		gitd.Move(remoteName(i), map[string]string{"refs/heads/main": sha})
	}
	for i := range w.hanging {
		gitd.Hang(remoteName(i * w.remotes / w.hanging))
	}
	for i := range w.instances {
		h.Write(fmt.Sprintf("i%04d", i), w.manifest(gitd, i))
	}
	h.Write("reporting", noop)
	master := h.Master("--poll", interval.String(), "--config", loopbackConfig(b, h), "--agent-lease", "10m")
	h.Await("the manifests", func() bool { _, err := h.Instance("reporting"); return err == nil })
	a := dialAgent(b, h.Address, 1) // of a master that leads
	h.Await("every remote to be asked", func() bool { return gitd.Repos() >= w.remotes })
	h.Start("reporting")
	work := a.work(b)
	gitd.Forget()
	cpu, asked, began := master.CPU(), gitd.Asked(), time.Now()
	took := reload(b, gitd, a, work, began.Add(pollRounds*interval))
	passed := time.Since(began)
	cpu, asked = master.CPU()-cpu, gitd.Asked()-asked
	rss, _ := master.Memory()
	b.ReportMetric(cpu.Seconds()*1000/float64(asked), "master-cpu-ms/remote")
	b.ReportMetric(cpu.Seconds()/passed.Seconds()*100, "master-cpu-%")
	b.ReportMetric(float64(asked)/passed.Seconds(), "remotes/s")
	b.ReportMetric(gitd.LongestGap().Seconds(), "longest-gap-s")
	b.ReportMetric(float64(rss)/1e6, "master-MB")
	report(b, took)
	a.finish(b, work)
	a.close()
	h.StopAll()
}

func remoteName(i int) string { return fmt.Sprintf("r%05d", i) }

func (w watching) manifest(gitd *wrighttest.Gitd, i int) string {
	var text strings.Builder
	for n := range w.each {
		fmt.Fprintf(&text, "[[watch]]\ngit = %q\nbranch = \"main\"\n", gitd.URL(remoteName((i*w.each+n)%w.remotes)))
	}
	return text.String() + noop
}

// loopbackConfig lets reports name remotes of this machine.
func loopbackConfig(b *testing.B, h *wrighttest.House) string {
	file := filepath.Join(h.Dir, "master.toml")
	if err := os.WriteFile(file, []byte("[hosts]\nloopback = true\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	return file
}

// reload uploads a list with one more remote again and again, and tells how
// long it took until that was asked.
func reload(b *testing.B, gitd *wrighttest.Gitd, a *fakeAgent, work *agentv1.Work, until time.Time) (took []time.Duration) {
	pause := time.NewTicker(100 * time.Millisecond)
	defer pause.Stop()
	list := ""
	for n := 0; time.Now().Before(until); n++ {
		name := fmt.Sprintf("new%05d", n)
		list += fmt.Sprintf("[[watch]]\ngit = %q\nbranch = \"main\"\nrevision = %q\n", gitd.URL(name), sha)
		gitd.Move(name, map[string]string{"refs/heads/main": sha})
		seen := gitd.Expect(name)
		began := time.Now()
		a.upload(b, work, list)
		took = append(took, (<-seen).Sub(began))
		<-pause.C
	}
	return took
}

// fakeAgent takes work and never does it.
type fakeAgent struct {
	conn   *grpc.ClientConn
	client agentv1.AgentsClient
	stream grpc.BidiStreamingClient[agentv1.FromAgent, agentv1.FromMaster]
}

func dialAgent(b *testing.B, address string, slots int) *fakeAgent {
	conn, err := grpc.NewClient(strings.TrimPrefix(address, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, addr string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "tcp", addr)
		}))
	if err != nil {
		b.Fatal(err)
	}
	a := &fakeAgent{conn: conn, client: agentv1.NewAgentsClient(conn)}
	if a.stream, err = a.client.Session(b.Context()); err != nil {
		b.Fatal(err)
	}
	hello := &agentv1.Hello{Name: "fake", Slots: int32(slots)}
	if err := a.stream.Send(&agentv1.FromAgent{Message: &agentv1.FromAgent_Hello{Hello: hello}}); err != nil {
		b.Fatal(err)
	}
	return a
}

func (a *fakeAgent) work(b *testing.B) *agentv1.Work {
	for {
		m, err := a.stream.Recv()
		if err != nil {
			b.Fatal(err)
		}
		if w := m.GetWork(); w != nil {
			return w
		}
	}
}

func (a *fakeAgent) upload(b *testing.B, w *agentv1.Work, file string) {
	v, err := a.client.ReportWatches(b.Context(), &agentv1.WatchReport{Build: w.GetBuild(), Attempt: w.GetAttempt(), Agent: "fake", File: []byte(file)})
	if err != nil || !v.GetAccepted() {
		b.Fatalf("upload: %v, %v", v, err)
	}
}

func (a *fakeAgent) finish(b *testing.B, w *agentv1.Work) {
	u := &agentv1.Update{Build: w.GetBuild(), Attempt: w.GetAttempt(), Version: 1, State: agentv1.State_STATE_SUCCEEDED}
	m := &agentv1.FromAgent{Message: &agentv1.FromAgent_Updates{Updates: &agentv1.Updates{Updates: []*agentv1.Update{u}}}}
	if err := a.stream.Send(m); err != nil {
		b.Fatal(err)
	}
}

func (a *fakeAgent) close() {
	_ = a.stream.CloseSend()
	for {
		if _, err := a.stream.Recv(); err != nil {
			break
		}
	}
	_ = a.conn.Close()
}
