// Package output delivers what a build writes to the master: each byte once, in
// order, however often the connection or the agent dies, and none of the build's
// secrets. The files on disk are the truth; nothing is kept in memory but the
// chunk under way. It does not know what a build is for.
package output

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"google.golang.org/grpc"

	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

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
	build    string
	attempt  int32
	dir      string
	redactor *Redactor
	log      *slog.Logger

	mu       sync.Mutex // guards all below
	parts    []*part
	renewals int
	news     chan struct{}
}

type part struct {
	number int32
	name   string
	path   string
	ended  bool  // no more bytes come
	size   int64 // what the master has
	most   int64 // what any master has had
	done   bool  // the master has all
}

// New makes the output of an attempt whose files are in dir. What r hides, which
// may be nil, is in the files but not in what is delivered; a restarted agent
// must give the same one.
func New(build string, attempt int32, dir string, r *Redactor, log *slog.Logger) *Output {
	return &Output{build: build, attempt: attempt, dir: dir, redactor: r, log: log, news: make(chan struct{}, 1)}
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

func (o *Output) acknowledge(a *agentv1.LogAck) {
	if a == nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, p := range o.parts {
		if p.number == a.GetPart() {
			p.size = a.GetSize()
			p.most = max(p.most, p.size)
			p.done = p.done || a.GetEnded()
		}
	}
	o.poke()
}

// Renew has everything delivered again, to a master that may have none of it. What
// it has is hardly sent twice, since its first answer says how much that is.
func (o *Output) Renew() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.renewals++
	o.reset()
	o.poke()
}

// errRenewed ends a stream through which something was sent before Renew.
var errRenewed = errors.New("all of the output is wanted again")

// begin is told of a new stream, which may lead to another master than the one
// before. It returns how often all was wanted again so far.
func (o *Output) begin() (renewals int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.reset()
	return o.renewals
}

// renewed says whether all is wanted again since then.
func (o *Output) renewed(since int) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.renewals != since
}

// reset forgets what the master has. The caller holds mu.
func (o *Output) reset() {
	for _, p := range o.parts {
		if p.size > 0 {
			p.size, p.done = 0, false
		}
	}
}

// Sizes are the bytes of each part that has any, as some master has acknowledged
// them: all, once Deliver has returned without an error. Renew changes nothing.
func (o *Output) Sizes() map[int32]int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	sizes := map[int32]int64{}
	for _, p := range o.parts {
		if p.most > 0 {
			sizes[p.number] = p.most
		}
	}
	return sizes
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
