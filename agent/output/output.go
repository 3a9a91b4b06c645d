// Package output delivers what a build writes to the master: each byte once, in
// order, however often the connection or the agent dies. The files on disk are
// the truth; nothing is kept in memory but the chunk under way. It does not
// know what a build is for.
package output

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"google.golang.org/grpc"

	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// chunkSize is how much goes into one message.
const chunkSize = 512 << 10

// lookAgain is how often a file that is being written is looked at for more.
const lookAgain = 50 * time.Millisecond

// errRefused means that nobody wants the output any more.
var errRefused = errors.New("the master refuses the output of this attempt")

// Dialer opens the stream that output goes through.
type Dialer interface {
	Logs(ctx context.Context, opts ...grpc.CallOption) (grpc.BidiStreamingClient[agentv1.LogChunk, agentv1.LogAck], error)
}

// Output is the output of one attempt: parts, each a file, in the order in
// which they were begun.
type Output struct {
	build   string
	attempt int32
	dir     string
	log     *slog.Logger

	mu    sync.Mutex // guards all below
	parts []*part
	news  chan struct{}
}

type part struct {
	number int32
	name   string
	path   string
	ended  bool  // no more bytes come
	size   int64 // what the master has
	done   bool  // the master has all
}

// New makes the output of an attempt whose files are in dir.
func New(build string, attempt int32, dir string, log *slog.Logger) *Output {
	return &Output{build: build, attempt: attempt, dir: dir, log: log, news: make(chan struct{}, 1)}
}

// Begin starts a part and returns the file that its bytes go to. Beginning it
// again changes nothing.
func (o *Output) Begin(number int, name string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	path := filepath.Join(o.dir, fmt.Sprintf("part-%04d", number))
	for _, p := range o.parts {
		if p.number == int32(number) {
			return path
		}
	}
	o.parts = append(o.parts, &part{number: int32(number), name: name, path: path})
	o.poke()
	return path
}

// End says that nothing is written to a part any more.
func (o *Output) End(number int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, p := range o.parts {
		if p.number == int32(number) {
			p.ended = true
		}
	}
	o.poke()
}

// endAll ends the parts that nobody has ended: those of commands that could not
// be started.
func (o *Output) endAll() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, p := range o.parts {
		p.ended = true
	}
}

// poke wakes Deliver. The caller holds mu.
func (o *Output) poke() {
	select {
	case o.news <- struct{}{}:
	default:
	}
}

// The time between two tries to reach a master. A connection that held for
// stable forgives earlier failures.
const (
	minWait = 50 * time.Millisecond
	maxWait = 2 * time.Second
	stable  = 5 * time.Second
)

// Deliver sends everything until closed is closed, which says that all parts
// have ended, and the master has acknowledged it all. It reconnects until ctx
// ends.
func (o *Output) Deliver(ctx context.Context, master Dialer, closed <-chan struct{}) error {
	wait := minWait
	for {
		began := time.Now()
		err := o.deliver(ctx, master, closed)
		if err == nil || errors.Is(err, errRefused) || ctx.Err() != nil {
			return err
		}
		if time.Since(began) > stable {
			wait = minWait
		}
		o.log.Debug("output stream broke; trying again", "build", o.build, "error", err)
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		}
		wait = min(wait*2, maxWait)
	}
}

// deliver is one connection's worth of Deliver. No stream is opened before
// there is a byte to send.
func (o *Output) deliver(ctx context.Context, master Dialer, closed <-chan struct{}) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	l := &line{output: o, master: master}
	defer l.close(cancel)
	for {
		if err := l.sendAll(ctx); err != nil {
			return err
		}
		if o.complete(closed) {
			return nil
		}
		select {
		case <-o.news:
		case <-tick.C:
		case <-closed:
			o.endAll()
			if err := l.await(ctx, o); err != nil {
				return err
			}
		case err := <-l.broken:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// complete says whether there is nothing more to do.
func (o *Output) complete(closed <-chan struct{}) bool {
	select {
	case <-closed:
	default:
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, p := range o.parts {
		if !p.done {
			return false
		}
	}
	return true
}

// line is one stream to the master.
type line struct {
	output *Output
	master Dialer
	stream grpc.BidiStreamingClient[agentv1.LogChunk, agentv1.LogAck]
	acks   chan struct{}
	broken chan error
	sent   map[int32]int64
	ended  map[int32]bool
	buf    []byte
}

func (l *line) open(ctx context.Context) error {
	if l.stream != nil {
		return nil
	}
	stream, err := l.master.Logs(ctx)
	if err != nil {
		return err
	}
	l.stream, l.acks, l.broken = stream, make(chan struct{}, 1), make(chan error, 1)
	l.sent, l.ended, l.buf = map[int32]int64{}, map[int32]bool{}, make([]byte, chunkSize)
	go l.listen()
	return nil
}

// close ends the stream and waits for the listener.
func (l *line) close(cancel context.CancelFunc) {
	if l.stream == nil {
		return
	}
	_ = l.stream.CloseSend()
	cancel()
	for range l.acks { // closed by the listener
	}
}

// listen takes in acknowledgements until the stream ends.
func (l *line) listen() {
	defer close(l.acks)
	for {
		ack, err := l.stream.Recv()
		if err == nil && ack.GetRefused() {
			err = errRefused
		}
		if err == nil && ack.GetRewind() {
			err = fmt.Errorf("the master has %d bytes of part %d", ack.GetSize(), ack.GetPart())
		}
		l.output.acknowledge(ack)
		if err != nil {
			l.broken <- err
			return
		}
		select {
		case l.acks <- struct{}{}:
		default:
		}
	}
}

func (o *Output) acknowledge(a *agentv1.LogAck) {
	if a == nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, p := range o.parts {
		if p.number == a.GetPart() {
			p.size = a.GetSize()
			p.done = p.done || a.GetEnded()
		}
	}
	o.poke()
}

// held is how much of a part the master has: more than was sent in this
// connection, if a former agent process sent it.
func (o *Output) held(number int32) int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, p := range o.parts {
		if p.number == number {
			return p.size
		}
	}
	return 0
}

// sendAll sends what there is beyond what was sent.
func (l *line) sendAll(ctx context.Context) error {
	for _, p := range l.output.open() {
		if err := l.sendPart(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// open returns copies of the parts that the master does not have whole.
func (o *Output) open() []part {
	o.mu.Lock()
	defer o.mu.Unlock()
	var open []part
	for _, p := range o.parts {
		if !p.done {
			open = append(open, *p)
		}
	}
	return open
}

func (l *line) sendPart(ctx context.Context, p part) error {
	f, err := os.Open(p.path)
	if errors.Is(err, os.ErrNotExist) {
		return l.empty(p)
	}
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if info, err := f.Stat(); err == nil && info.Size() == 0 {
		return l.empty(p)
	}
	if err := l.open(ctx); err != nil {
		return err
	}
	if _, known := l.sent[p.number]; !known {
		l.sent[p.number] = p.size
	}
	return l.sendFrom(f, p)
}

// empty settles a part without a byte: there is nothing to tell of it.
func (l *line) empty(p part) error {
	if !p.ended {
		return nil
	}
	l.output.mu.Lock()
	defer l.output.mu.Unlock()
	for _, q := range l.output.parts {
		if q.number == p.number {
			q.done = true
		}
	}
	return nil
}

func (l *line) sendFrom(f *os.File, p part) error {
	for !l.ended[p.number] {
		select {
		case err := <-l.broken:
			return err // nobody listens to the rest
		default:
		}
		l.sent[p.number] = max(l.sent[p.number], l.output.held(p.number))
		n, err := f.ReadAt(l.buf, l.sent[p.number])
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read output %s: %w", p.path, err)
		}
		end := p.ended && errors.Is(err, io.EOF)
		if n == 0 && !end {
			return nil
		}
		chunk := &agentv1.LogChunk{
			Build: l.output.build, Attempt: l.output.attempt, Part: p.number, Name: p.name,
			Offset: l.sent[p.number], Data: l.buf[:n], End: end,
		}
		if err := l.stream.Send(chunk); err != nil {
			return fmt.Errorf("send output: %w", err)
		}
		l.sent[p.number] += int64(n)
		l.ended[p.number] = end
		if errors.Is(err, io.EOF) && !end {
			return nil
		}
	}
	return nil
}

// await waits for the acknowledgements of what was sent, once everything was.
func (l *line) await(ctx context.Context, o *Output) error {
	if err := l.sendAll(ctx); err != nil || l.stream == nil {
		return err
	}
	for len(o.open()) > 0 {
		select {
		case err := <-l.broken:
			return err
		case <-l.acks:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
