package main

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wright-build/wright/cmd/wright/wrighttest"
)

// TestKilledLeader: kill -9 of the master that leads takes nothing from builds:
// another leads, the steps never notice, and each build succeeds at its first
// attempt with every byte of its output once, for those who follow it, too.
func TestKilledLeader(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	c := h.Cluster(3)
	h.Agent("one")
	first := c.Leader()
	crash(t, h, c.Master(first).Kill, func() { c.Start(first) })
}

// TestStoppedLeader: a leader that sleeps for longer than its term, and believes
// that it leads when it wakes, does no harm.
func TestStoppedLeader(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	c := h.Cluster(2)
	h.Agent("one")
	first := c.Leader()
	crash(t, h, func() {
		c.Master(first).Signal(syscall.SIGSTOP)
		c.Leader(first)
	}, func() { c.Master(first).Signal(syscall.SIGCONT) })
	c.Follows(first)
}

// TestFollowersAnswer: whichever master is asked, the answer is that of all. A
// follower reads itself, and what it was asked to do is done when it says so.
func TestFollowersAnswer(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	c := h.Cluster(2)
	leader := c.Leader()
	follower := 1 - leader
	h.Agent("one")
	h.Address = c.Address(follower)
	h.Manifest("counts", "[[step]]\nname = \"count\"\nrun = \"echo one; echo two\"\n")
	if r := h.Run("build", "start", "counts", "--wait"); r.Status != 0 {
		t.Errorf("build start --wait: status %d, %s", r.Status, r.Err)
	}
	if b := h.Start("counts"); h.AwaitState(b.ID, "succeeded").Number != 2 || h.Log(b.ID) != "one\ntwo\n" {
		t.Errorf("build %s has the log %q", b.ID, h.Log(b.ID))
	}
	for _, list := range []string{"agent", "build", "instance"} {
		h.Address = c.Address(leader)
		want := h.Run(list, "list", "-o", "json")
		h.Address = c.Address(follower)
		if got := h.Run(list, "list", "-o", "json"); got != want {
			t.Errorf("%s list of the follower: %+v, of the leader: %+v", list, got, want)
		}
	}
	if status, page := h.VisitAt(c.Address(follower)+"/instances/counts", ""); status != 200 || !strings.Contains(page, "counts-000002") {
		t.Errorf("the page of the instance: %d %s", status, page)
	}
	h.Address = strings.Join([]string{c.Address(leader), c.Address(follower)}, ",")
}

// TestMastersShareAnIdentity: one whose secrets nobody else could read does not
// join, and says what to do.
func TestMastersShareAnIdentity(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	c := h.Cluster(1)
	r := h.Run("master", "run", "--data", filepath.Join(h.Dir, "other"), "--manifests", h.Manifests, "--listen", "127.0.0.1:0", "--etcd-endpoints", c.Endpoint())
	if r.Status != 1 || !strings.Contains(r.Err, "copy the file of that name from a master that runs") {
		t.Errorf("status %d: %s", r.Status, r.Err)
	}
}

// BenchmarkFailover is how long nothing is scheduled when the leader goes: killed,
// with the default term of 3 s, and stopped in good order. It is the time from
// there to a build running that was asked for meanwhile.
func BenchmarkFailover(b *testing.B) {
	for _, way := range []string{"killed", "stopped"} {
		b.Run(way, func(b *testing.B) {
			for b.Loop() {
				h := wrighttest.New(b)
				c := h.Cluster(3, "--leader-lease", "3s")
				h.Agent("one")
				h.Manifest("noop", noop)
				first := c.Leader()
				h.AwaitState(h.Start("noop").ID, "succeeded")
				began := time.Now()
				if way == "killed" {
					c.Master(first).Kill()
				} else {
					c.Master(first).Stop()
				}
				h.AwaitState(h.Start("noop").ID, "succeeded")
				b.ReportMetric(time.Since(began).Seconds()*1000, "ms")
				h.StopAll()
			}
		})
	}
}
