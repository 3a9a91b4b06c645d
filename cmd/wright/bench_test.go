package main

import (
	"bufio"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"

	"github.com/wright-build/wright/cmd/wright/wrighttest"
	"github.com/wright-build/wright/master/api/client"
	"github.com/wright-build/wright/master/api/view"
)

// The benchmarks run whole processes: a master with its embedded etcd, synced
// to disk, and agents beside it. The machine's own limits are measured in the
// same run, so that the ratios mean something on any machine.

const noop = "[[step]]\nname = \"true\"\nrun = \"true\"\n"

// builds is how many no-op builds are submitted at once.
const builds = 5000

func BenchmarkNoOpBuilds(b *testing.B) {
	forks := forkExecRate(b)
	writes := etcdRate(b)
	for b.Loop() {
		h := wrighttest.New(b)
		h.Write("noop", noop)
		master := h.Master()
		agents := []*wrighttest.Process{h.Agent("one", "--slots", "16"), h.Agent("two", "--slots", "16")}
		h.Await("the manifest", func() bool { i, err := h.Instance("noop"); return err == nil && i.InForce })
		busy := []time.Duration{master.CPU(), agents[0].CPU(), agents[1].CPU()}
		began := time.Now()
		h.Run("build", "start", "noop", "--count", fmt.Sprint(builds))
		awaitEnd(b, h)
		rate := builds / time.Since(began).Seconds()
		b.ReportMetric(float64((master.CPU()-busy[0]).Microseconds())/builds, "master-µs/build")
		b.ReportMetric(float64((agents[0].CPU()+agents[1].CPU()-busy[1]-busy[2]).Microseconds())/builds, "agent-µs/build")
		b.ReportMetric(rate, "builds/s")
		b.ReportMetric(rate/forks, "of-fork+exec")
		b.ReportMetric(rate/writes, "of-etcd-txn")
		rss, _ := master.Memory()
		b.ReportMetric(float64(rss)/1e6, "master-MB-after")
		rss, _ = agents[0].Memory()
		b.ReportMetric(float64(rss)/1e6, "agent-MB-after")
		h.StopAll()
	}
	b.ReportMetric(forks, "fork+exec/s")
	b.ReportMetric(writes, "etcd-txn/s")
}

// awaitEnd waits until the last build has been queued and none is live. It looks
// seldom, since looking takes the machine from what is measured.
func awaitEnd(b *testing.B, h *wrighttest.House) {
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for late := time.Now().Add(5 * time.Minute); time.Now().Before(late); <-look.C {
		i, err := h.Instance("noop")
		if err == nil && strings.HasSuffix(i.LastBuild, fmt.Sprint(builds)) && len(live(h)) == 0 {
			return
		}
	}
	b.Fatal("the builds do not end")
}

// live are builds that have not ended, if there are any: to list more costs the
// master more.
func live(h *wrighttest.House) []view.Build {
	for _, state := range []string{"queued", "assigned", "running"} {
		found, err := wrighttest.Ask(h, func(ctx context.Context, c *client.Client) ([]view.Build, error) {
			return c.Builds(ctx, "", state, 1)
		})
		if err != nil {
			return []view.Build{{}}
		}
		if len(found) > 0 {
			return found
		}
	}
	return nil
}

// forkExecRate is how many processes a second this machine starts, from as
// many threads as it has processors.
func forkExecRate(b *testing.B) float64 {
	const n = 2000
	began := time.Now()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range n / 4 {
				if err := exec.Command("/bin/true").Run(); err != nil {
					b.Error(err)
				}
			}
		})
	}
	all.Wait()
	return n / time.Since(began).Seconds()
}

// etcdRate is how many transactions a second an etcd synced to disk makes over
// gRPC for 64 clients.
func etcdRate(b *testing.B) float64 {
	dir := b.TempDir()
	cfg := embed.NewConfig()
	cfg.Dir, cfg.LogLevel = filepath.Join(dir, "etcd"), "fatal"
	endpoint := url.URL{Scheme: "unix", Path: filepath.Join(dir, "c")}
	cfg.ListenPeerUrls, cfg.ListenClientUrls = nil, []url.URL{endpoint}
	e, err := embed.StartEtcd(cfg)
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	cli, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint.String()}, DialTimeout: 10 * time.Second})
	if err != nil {
		b.Fatal(err)
	}
	defer cli.Close()
	const clients, each = 64, 200
	value := strings.Repeat("x", 400)
	began := time.Now()
	var all sync.WaitGroup
	for c := range clients {
		all.Go(func() {
			for i := range each {
				key := fmt.Sprintf("bench/%d/%d", c, i)
				txn := cli.Txn(b.Context()).If(clientv3.Compare(clientv3.ModRevision(key), "=", 0)).Then(clientv3.OpPut(key, value))
				if _, err := txn.Commit(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	return clients * each / time.Since(began).Seconds()
}

// BenchmarkRequestToRunning is the time from asking for a build to the first
// instruction of its step, on an idle system.
func BenchmarkRequestToRunning(b *testing.B) {
	for b.Loop() {
		h := wrighttest.New(b)
		fifo := filepath.Join(h.Dir, "fifo")
		if err := syscall.Mkfifo(fifo, 0o600); err != nil {
			b.Fatal(err)
		}
		h.Write("tell", fmt.Sprintf("[[step]]\nrun = \"echo $WRIGHT_BUILD >%s\"\n", fifo))
		master := h.Master()
		agent := h.Agent("one")
		h.Await("the manifest", func() bool { i, err := h.Instance("tell"); return err == nil && i.InForce })
		reader, err := os.OpenFile(fifo, os.O_RDWR, 0)
		if err != nil {
			b.Fatal(err)
		}
		lines := bufio.NewScanner(reader)
		rss, _ := master.Memory()
		b.ReportMetric(float64(rss)/1e6, "master-idle-MB")
		rss, _ = agent.Memory()
		b.ReportMetric(float64(rss)/1e6, "agent-idle-MB")
		var took []time.Duration
		for range 200 {
			began := time.Now()
			started := h.Start("tell")
			if !lines.Scan() {
				b.Fatal(lines.Err())
			}
			took = append(took, time.Since(began))
			h.AwaitEnd(started.ID)
		}
		report(b, took)
		reader.Close()
		h.StopAll()
	}
}

func report(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	ms := func(q float64) float64 { return took[int(q*float64(len(took)-1))].Seconds() * 1000 }
	b.ReportMetric(ms(0.5), "p50-ms")
	b.ReportMetric(ms(0.99), "p99-ms")
}

// BenchmarkLogThroughput is how fast the output of one step gets to the
// master's disk.
func BenchmarkLogThroughput(b *testing.B) {
	const size = 1 << 30
	for b.Loop() {
		h := wrighttest.New(b)
		h.Write("spew", fmt.Sprintf("[[step]]\nrun = \"head -c %d /dev/zero | tr '\\\\0' w\"\n", size))
		master := h.Master()
		agent := h.Agent("one")
		h.Await("the manifest", func() bool { i, err := h.Instance("spew"); return err == nil && i.InForce })
		masterBefore, _ := master.Memory()
		agentBefore, _ := agent.Memory()
		began := time.Now()
		if end := h.AwaitEnd(h.Start("spew").ID); end.State != "succeeded" {
			b.Fatalf("%+v", end)
		}
		b.ReportMetric(size/1e6/time.Since(began).Seconds(), "MB/s")
		_, masterMost := master.Memory()
		_, agentMost := agent.Memory()
		b.ReportMetric(float64(masterMost-masterBefore)/1e6, "master-grew-MB")
		b.ReportMetric(float64(agentMost-agentBefore)/1e6, "agent-grew-MB")
		h.StopAll()
	}
}
