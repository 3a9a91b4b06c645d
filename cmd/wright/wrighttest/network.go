package wrighttest

import (
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"os/exec"
	"path/filepath"
)

// network is one of the test's own: each process has a namespace with one wire
// to a bridge, and a wire can be cut.
type network struct {
	house  *House
	tag    string // begins the names of all that it has on this machine
	subnet string // "198.18.7."
	places map[string]int
}

// Network gives each process that is started from now on a network of its own,
// which Cut cuts off, and says why not where that cannot be had. Masters want a
// token there, since they are not on loopback.
func (h *House) Network() error {
	h.t.Helper()
	if os.Geteuid() != 0 {
		return errors.New("only root has network namespaces")
	}
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(h.Dir))
	n := &network{house: h, tag: fmt.Sprintf("wt%08x", hash.Sum32()), subnet: fmt.Sprintf("198.%d.%d.", 18+hash.Sum32()>>8%2, hash.Sum32()%256), places: map[string]int{}}
	if err := n.ip("link", "add", n.bridge(), "type", "bridge"); err != nil {
		return err
	}
	n.must("addr", "add", n.subnet+"1/24", "dev", n.bridge())
	n.must("link", "set", n.bridge(), "up")
	h.network, h.token = n, "of-the-test"
	if err := os.WriteFile(h.tokenFile(), []byte(h.token+"\n"), 0o600); err != nil {
		h.t.Fatal(err)
	}
	return nil
}

func (h *House) tokenFile() string { return filepath.Join(h.Dir, "token") }

// bridge and wire are names of interfaces, of which Linux wants few letters.
func (n *network) bridge() string { return n.tag }

func (n *network) wire(place int) string { return fmt.Sprintf("%s-%d", n.tag, place) }

// place makes the namespace of a process and returns its address.
func (n *network) place(name string) string {
	n.house.t.Helper()
	number, known := n.places[name]
	if known {
		return n.address(number)
	}
	number = len(n.places) + 2
	n.places[name] = number
	ns, wire := n.wire(number), n.wire(number)
	n.must("netns", "add", ns)
	n.must("link", "add", wire, "type", "veth", "peer", "name", "eth0", "netns", ns)
	n.must("link", "set", wire, "master", n.bridge(), "up")
	n.must("-n", ns, "addr", "add", n.address(number)+"/24", "dev", "eth0")
	n.must("-n", ns, "link", "set", "eth0", "up")
	n.must("-n", ns, "link", "set", "lo", "up")
	return n.address(number)
}

func (n *network) address(place int) string { return fmt.Sprintf("%s%d", n.subnet, place) }

// command is a program that runs where the process of that name has its place.
func (n *network) command(name, program string, args ...string) *exec.Cmd {
	n.house.t.Helper()
	n.place(name)
	return exec.Command("ip", append([]string{"netns", "exec", n.wire(n.places[name]), program}, args...)...)
}

// Cut cuts a process off from all others: nothing comes and nothing goes, and
// nobody is told.
func (p *Process) Cut() {
	p.t.Helper()
	p.cut = true
	p.network.must("link", "set", p.network.wire(p.network.places[p.Name]), "down")
}

// Join brings back a process that was cut off.
func (p *Process) Join() {
	p.t.Helper()
	p.cut = false
	p.network.must("link", "set", p.network.wire(p.network.places[p.Name]), "up")
}

// Slow lets a process hear and be heard at a rate only, such as "1mbit": what is
// faster waits, and what would wait for more than a second is lost.
func (p *Process) Slow(rate string) {
	p.t.Helper()
	p.slow = true
	p.shape("replace", "root", "tbf", "rate", rate, "burst", "16kb", "latency", "1s")
}

// Quicken takes back what Slow did.
func (p *Process) Quicken() {
	p.t.Helper()
	p.slow = false
	p.shape("del", "root")
}

// shape says how both ends of a process's wire send.
func (p *Process) shape(deed string, how ...string) {
	p.t.Helper()
	wire := p.network.wire(p.network.places[p.Name])
	for _, end := range [][]string{{"qdisc", deed, "dev", wire}, {"-n", wire, "qdisc", deed, "dev", "eth0"}} {
		if err := run("", "tc", append(end, how...)...); err != nil {
			p.t.Fatal(err)
		}
	}
}

// remove takes the network away.
func (n *network) remove() {
	n.house.t.Helper()
	for _, place := range n.places {
		n.must("netns", "del", n.wire(place))
	}
	n.must("link", "del", n.bridge())
}

func (n *network) must(args ...string) {
	n.house.t.Helper()
	if err := n.ip(args...); err != nil {
		n.house.t.Fatal(err)
	}
}

func (n *network) ip(args ...string) error { return run("", "ip", args...) }
