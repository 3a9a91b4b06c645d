package wrighttest

import (
	"context"
	"fmt"
	"hash/fnv"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
)

// Etcd is a cluster of etcd, each member a process of its own: the test's own
// program, which every machine has.
type Etcd struct {
	house     *House
	members   []*Process
	addresses []string // IP addresses: the ports are etcd's own
}

// Ports of etcd.
const (
	clientPort = "2379"
	peerPort   = "2380"
)

// Etcd starts a cluster of etcd and waits until it takes writes. The settings are
// lines of etcd's configuration file, for every member. Every write is synced to
// disk. The members are killed when the processes of the house have stopped.
func (h *House) Etcd(members int, settings ...string) *Etcd {
	h.t.Helper()
	e := &Etcd{house: h, members: make([]*Process, members)}
	for n := range members {
		e.addresses = append(e.addresses, h.place(memberName(n), n))
	}
	for n := range members {
		e.configure(n, settings)
		e.Start(n)
	}
	e.AwaitWrites()
	return e
}

func memberName(n int) string { return fmt.Sprintf("etcd-%d", n) }

// loopback is an address of this machine that no other house has: etcd's members
// keep their ports while they are dead.
func (h *House) loopback(n int) string {
	h.t.Helper()
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(h.Dir))
	for try := hash.Sum32(); ; try++ {
		address := fmt.Sprintf("127.%d.%d.%d", 1+try>>8%254, try%256, 10+n)
		l, err := net.Listen("tcp", net.JoinHostPort(address, peerPort))
		if err == nil {
			_ = l.Close()
			return address
		}
		if try == hash.Sum32()+100 {
			h.t.Fatal(err)
		}
	}
}

// configure writes a member's configuration file.
func (e *Etcd) configure(n int, settings []string) {
	e.house.t.Helper()
	var all []string
	for i, address := range e.addresses {
		all = append(all, fmt.Sprintf("%s=http://%s:%s", memberName(i), address, peerPort))
	}
	text := fmt.Sprintf("name: %s\ndata-dir: %s\nlog-level: error\nlog-outputs: [stderr]\nlisten-peer-urls: http://%[3]s:%[4]s\ninitial-advertise-peer-urls: http://%[3]s:%[4]s\n"+
		"listen-client-urls: %[5]s://%[3]s:%[6]s\nadvertise-client-urls: %[5]s://%[3]s:%[6]s\ninitial-cluster: %[7]s\n%[8]s\n",
		memberName(n), e.Data(n), e.addresses[n], peerPort, e.scheme(), clientPort, strings.Join(all, ","), strings.Join(settings, "\n"))
	if err := os.WriteFile(e.file(n), []byte(text), 0o600); err != nil {
		e.house.t.Fatal(err)
	}
}

func (e *Etcd) file(n int) string { return filepath.Join(e.house.Dir, memberName(n)+".yaml") }

// Data is where a member keeps its things.
func (e *Etcd) Data(n int) string { return filepath.Join(e.house.Dir, memberName(n)) }

// Start starts a member, again if need be. Who wants to know whether it serves
// asks for AwaitWrites.
func (e *Etcd) Start(n int) {
	h := e.house
	h.t.Helper()
	self, err := os.Executable()
	if err != nil {
		h.t.Fatal(err)
	}
	cmd := h.command(memberName(n), self)
	cmd.Env = append(h.environment(), taskVariable+"=etcd "+e.file(n))
	e.members[n] = h.launch(memberName(n), false, cmd)
	h.under = append(h.under, e.members[n])
}

// AwaitWrites waits until a majority of the members takes writes.
func (e *Etcd) AwaitWrites() {
	e.house.t.Helper()
	cli := e.Client()
	defer cli.Close()
	e.house.Await("etcd to take writes", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, err := cli.Put(ctx, "wrighttest", "")
		return err == nil
	})
}

// Client is one of all members. The caller closes it.
func (e *Etcd) Client() *clientv3.Client {
	e.house.t.Helper()
	cfg := clientv3.Config{Endpoints: strings.Split(e.Endpoints(), ","), TLS: e.house.secure, Logger: zap.NewNop()}
	cli, err := clientv3.New(cfg)
	if err != nil {
		e.house.t.Fatal(err)
	}
	return cli
}

// Endpoints are where the members answer.
func (e *Etcd) Endpoints() string {
	all := make([]string, len(e.addresses))
	for n, address := range e.addresses {
		all[n] = e.scheme() + "://" + net.JoinHostPort(address, clientPort)
	}
	return strings.Join(all, ",")
}

func (e *Etcd) scheme() string {
	if e.house.secure != nil {
		return "https"
	}
	return "http"
}

// Member is the one of that number.
func (e *Etcd) Member(n int) *Process { return e.members[n] }

// Leader is the member that leads the others.
func (e *Etcd) Leader() (leader int) {
	e.house.t.Helper()
	cli := e.Client()
	defer cli.Close()
	e.house.Await("a member of etcd to lead", func() bool {
		for n, address := range e.addresses {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			status, err := cli.Status(ctx, e.scheme()+"://"+net.JoinHostPort(address, clientPort))
			cancel()
			if err == nil && status.Leader == status.Header.MemberId {
				leader = n
				return true
			}
		}
		return false
	})
	return leader
}

// member is a process that is one member of etcd, until it is told to end.
func member(file string) error {
	cfg, err := embed.ConfigFromFile(file)
	if err != nil {
		return err
	}
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM, syscall.SIGINT)
	e, err := embed.StartEtcd(cfg)
	if err != nil {
		return err
	}
	select {
	case err := <-e.Err():
		return err
	case <-end: // what it has taken is on the disk
		return nil
	}
}

// command is a program that is to run where the process of that name has its
// place.
func (h *House) command(name, program string, args ...string) *exec.Cmd {
	if h.network == nil {
		return exec.Command(program, args...)
	}
	return h.network.command(name, program, args...)
}

// place is the address of a process's own: the n-th of its kind.
func (h *House) place(name string, n int) string {
	h.t.Helper()
	if h.network == nil {
		return h.loopback(n)
	}
	return h.network.place(name)
}
