package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/wright-build/wright/cmd/wright/wrighttest"
	"github.com/wright-build/wright/master/api/view"
)

// heavy tests start clusters of etcd, and wait for their elections.
func heavy(t *testing.T) {
	t.Helper()
	if os.Getenv("WRIGHT_TEST_HEAVY") == "" {
		t.Skip("WRIGHT_TEST_HEAVY=1 wants it")
	}
}

// TestEtcdLosesItsQuorum: while two of three members of etcd are gone, steps go
// on, what is known can be read, and what cannot be done is refused in good
// order. With a majority back, all goes on, and every build was built once.
func TestEtcdLosesItsQuorum(t *testing.T) {
	t.Parallel()
	heavy(t)
	h := wrighttest.New(t)
	etcd := h.Etcd(3)
	c := h.ClusterOver(etcd.Endpoints(), 2)
	h.Agent("one")
	h.Manifest("noop", noop)
	lost := []int{etcd.Leader()}
	lost = append(lost, (lost[0]+1)%3)
	crash(t, h, func() {
		for _, n := range lost {
			etcd.Member(n).Kill()
		}
		for n := range 2 {
			h.Await("refusals in good order", func() bool { return refusesInGoodOrder(t, c.Address(n)) })
			if status, text := h.VisitAt(c.Address(n)+"/api/v1/builds", ""); status != http.StatusOK || !strings.Contains(text, `"running"`) {
				t.Errorf("master %d lists builds with %d %s", n, status, text)
			}
		}
	}, func() {
		for _, n := range lost {
			etcd.Start(n)
		}
	})
	h.AwaitState(h.Start("noop").ID, "succeeded")
}

// refusesInGoodOrder asks a master for a build, which it cannot promise.
func refusesInGoodOrder(t *testing.T, address string) bool {
	t.Helper()
	resp, err := http.Post(address+"/api/v1/builds", "application/json", strings.NewReader(`{"instance":"noop"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var said view.Failure
	if err := json.NewDecoder(resp.Body).Decode(&said); err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %d, Retry-After %q: %+v", address, resp.StatusCode, resp.Header.Get("Retry-After"), said)
	return resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") != "" && said.Hint != ""
}

// TestEtcdMemberSleeps: whichever member of etcd sleeps, and leaves unanswered all
// that it was asked, builds go on with the others.
func TestEtcdMemberSleeps(t *testing.T) {
	t.Parallel()
	heavy(t)
	h := wrighttest.New(t)
	etcd := h.Etcd(3)
	h.ClusterOver(etcd.Endpoints(), 1, "--leader-lease", "20s")
	h.Agent("one")
	h.Manifest("noop", noop)
	for n := range 3 {
		etcd.Member(n).Signal(syscall.SIGSTOP)
		b := h.Start("noop")
		if got := h.AwaitState(b.ID, "succeeded"); got.Attempt != 1 {
			t.Errorf("%s took %d attempts", b.ID, got.Attempt)
		}
		etcd.Member(n).Signal(syscall.SIGCONT)
		etcd.AwaitWrites()
	}
}

// TestEtcdWantsToKnowUs: a cluster with certificates, for both sides, and users is
// one flag for each, and nobody says the password. Who lacks one of them is told
// so, and does not wait for ever.
func TestEtcdWantsToKnowUs(t *testing.T) {
	t.Parallel()
	heavy(t)
	h := wrighttest.New(t)
	etcd, known := h.SecureEtcd(1)
	c := h.ClusterOver(etcd.Endpoints(), 2, known...)
	h.Agent("one")
	h.Manifest("noop", noop)
	first := c.Leader()
	h.AwaitState(h.Start("noop").ID, "succeeded")
	c.Master(first).Kill()
	h.AwaitState(h.Start("noop").ID, "succeeded")
	for n := range 2 {
		if strings.Contains(c.Master(n).Log(), "of-the-user") {
			t.Errorf("master %d says the password", n)
		}
	}
	for name, args := range map[string][]string{"nothing": nil, "no user": known[:6], "no certificate": slices.Concat(known[:2], known[6:])} {
		r := h.Run(append([]string{"master", "run", "--data", h.Data, "--manifests", h.Manifests, "--listen", "127.0.0.1:0", "--etcd-endpoints", etcd.Endpoints()}, args...)...)
		if r.Status != 1 || !strings.Contains(r.Err, "etcd") {
			t.Errorf("a master with %s ends with status %d: %s", name, r.Status, r.Err)
		}
	}
}

// TestEtcdIsFull: where the database of a cluster may not grow, Wright says so to
// who asks, keeps what it has, and goes on when there is room, as docs/masters.md
// says how to make it.
func TestEtcdIsFull(t *testing.T) {
	t.Parallel()
	heavy(t)
	h := wrighttest.New(t)
	etcd := h.Etcd(1, "quota-backend-bytes: 16777216")
	h.ClusterOver(etcd.Endpoints(), 2)
	h.Agent("one")
	gate := filepath.Join(h.Dir, "gate")
	h.Manifest("waits", fmt.Sprintf("[[step]]\nname = \"wait\"\nrun = '''%s'''\n", untilThere(gate)))
	b := h.Start("waits")
	h.AwaitPhase(b.ID, "step wait")
	cli := etcd.Client()
	defer cli.Close()
	var err error
	for err == nil { // nothing but its size ends it
		_, err = cli.Put(t.Context(), "others", strings.Repeat("x", 1<<20))
	}
	if r := h.Run("build", "start", "waits"); r.Status != 1 || !strings.Contains(r.Err, "etcd's database is full") {
		t.Errorf("build start: status %d, %s", r.Status, r.Err)
	}
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	makeRoom(t, cli, etcd.Endpoints())
	if got := h.AwaitState(b.ID, "succeeded"); got.Attempt != 1 {
		t.Errorf("%s took %d attempts", b.ID, got.Attempt)
	}
	h.AwaitState(h.Start("waits").ID, "succeeded")
}

// makeRoom is etcdctl compact, defrag and alarm disarm.
func makeRoom(t *testing.T, cli *clientv3.Client, endpoint string) {
	t.Helper()
	now, err := cli.Get(t.Context(), "others", clientv3.WithCountOnly())
	if err == nil {
		_, err = cli.Compact(t.Context(), now.Header.Revision, clientv3.WithCompactPhysical())
	}
	if err == nil {
		_, err = cli.Defragment(t.Context(), endpoint)
	}
	if err == nil {
		_, err = cli.AlarmDisarm(t.Context(), &clientv3.AlarmMember{})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestLeaderIsCutOff: a leader that loses its network, and believes that it leads,
// is replaced; steps go on, and each build is built once. When it is back it
// follows.
func TestLeaderIsCutOff(t *testing.T) {
	t.Parallel()
	heavy(t)
	h := wrighttest.New(t)
	if err := h.Network(); err != nil {
		t.Skip(err)
	}
	etcd := h.Etcd(3)
	c := h.ClusterOver(etcd.Endpoints(), 3)
	h.Agent("one")
	beat, gate := filepath.Join(h.Dir, "beat"), filepath.Join(h.Dir, "gate")
	h.Manifest("counts", fmt.Sprintf("[[step]]\nname = \"count\"\nrun = '''%s'''\n", counting(beat, gate)))
	b := h.Start("counts")
	h.AwaitPhase(b.ID, "step count")
	last := awaitBeat(h, beat, "")
	first := c.Leader()
	c.Master(first).Cut()
	second := c.Leader(first)
	awaitBeat(h, beat, last)
	all := h.Address
	h.Address = c.Address(second)
	another := h.Start("counts")
	h.AwaitPhase(another.ID, "step count")
	c.Master(first).Join()
	c.Follows(first)
	h.Address = all
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{b.ID, another.ID} {
		if got := h.AwaitState(id, "succeeded"); got.Attempt != 1 {
			t.Errorf("%s took %d attempts", id, got.Attempt)
		}
	}
	checkCount(t, h.Log(b.ID))
}
