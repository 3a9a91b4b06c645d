package process

import (
	"bufio"
	"encoding/gob"
	"fmt"
	"net"
	"sync"
)

// Operations of the protocol between a client and its supervisor. A request
// carries a Seq and is answered by a message with the same Seq; opExit and
// opHello are sent by the supervisor unasked.
const (
	opHello  = "hello"
	opStart  = "start"
	opWait   = "wait"
	opKill   = "kill"
	opForget = "forget"
	opLeave  = "leave"
	opExit   = "exit"
)

// A supervisor outlives the agent that started it, so the next agent may be of
// another release, a newer or an older one. The supervisor's hello says what it
// speaks; the agent decides whether the two can work together. What is merely
// added, such as a field that may be ignored, raises no version.
const (
	wireVersion = 1 // what this release speaks
	wireOldest  = 0 // what it still works with; 0 is that of releases which say nothing
)

// Kinds of failure that the other side acts upon.
const (
	kindUnknown = "unknown"
	kindLost    = "lost"
	kindFailed  = "failed"
)

// message is everything that crosses the socket. Gob, not JSON: arguments and
// environments are bytes, not text.
type message struct {
	Seq    uint64
	Op     string
	ID     string
	Spec   *Spec
	Reason string
	Exit   *Exit
	Kind   string
	Err    string

	Version int // of a hello: what the supervisor speaks
	Oldest  int // of a hello: what it still works with
}

// understood says whether the supervisor that greets so can be worked with.
func understood(hello message) error {
	if hello.Version >= wireOldest && hello.Oldest <= wireVersion {
		return nil
	}
	return fmt.Errorf("%w: it speaks version %d and understands %d and later, this release speaks %d and understands %d and later; run the release that started the steps until they have ended",
		ErrForeign, hello.Version, hello.Oldest, wireVersion, wireOldest)
}

// pipe carries messages over one connection. Sending never blocks, so that a
// stopped peer cannot hold up the goroutine that reaps processes.
type pipe struct {
	nc  net.Conn
	dec *gob.Decoder

	mu     sync.Mutex // guards all below
	queue  []message
	closed bool
	wake   chan struct{} // capacity 1: the queue is not empty, or closed
}

func newPipe(nc net.Conn) *pipe {
	return &pipe{nc: nc, dec: gob.NewDecoder(bufio.NewReader(nc)), wake: make(chan struct{}, 1)}
}

func (p *pipe) send(m message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.queue = append(p.queue, m)
	p.nudge()
}

func (p *pipe) nudge() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

func (p *pipe) receive() (message, error) {
	var m message
	err := p.dec.Decode(&m)
	return m, err
}

// write sends what is queued until the pipe is closed. One goroutine runs it.
func (p *pipe) write() {
	buf := bufio.NewWriter(p.nc)
	enc := gob.NewEncoder(buf)
	for range p.wake {
		batch, open := p.take()
		for i := range batch {
			if enc.Encode(&batch[i]) != nil {
				p.close()
				return
			}
		}
		if buf.Flush() != nil || !open {
			p.close()
			return
		}
	}
}

func (p *pipe) take() (batch []message, open bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	batch, p.queue = p.queue, nil
	return batch, !p.closed
}

// close ends both directions. It may be called more than once.
func (p *pipe) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.nudge()
	p.nc.Close()
}

func failure(m message, kind, format string, args ...any) message {
	return message{Seq: m.Seq, ID: m.ID, Kind: kind, Err: fmt.Sprintf(format, args...)}
}
