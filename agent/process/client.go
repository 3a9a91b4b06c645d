//go:build linux

package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
)

// Client is the agent's side of a supervisor. Its methods may be called from
// many goroutines. It reconnects by itself; a call that meets a broken
// connection is repeated on the next one, which every operation permits.
type Client struct {
	dir     string
	command []string
	log     *slog.Logger
	stop    context.CancelFunc
	done    chan struct{} // closed when the connection loop has ended

	mu     sync.Mutex // guards all below
	link   *link      // nil while there is no connection
	up     chan struct{}
	steps  map[string]*tracked
	seq    uint64
	closed bool
}

// tracked is a step that this client started or waits for.
type tracked struct {
	result   string
	accepted bool          // the supervisor knows it
	done     chan struct{} // closed when exit or err holds the verdict
	exit     Exit
	err      error
}

// Connect connects to the supervisor of dir, starting one with command when
// none answers, like [self, "internal-supervise", dir]: a program that calls
// Supervise(dir). It is detached from this process and outlives it.
func Connect(ctx context.Context, dir string, command []string, log *slog.Logger) (*Client, error) {
	dir, err := canonicalDir(dir)
	if err != nil {
		return nil, fmt.Errorf("connect to the supervisor: %w", err)
	}
	c := &Client{
		dir: dir, command: command, log: log,
		done: make(chan struct{}), up: make(chan struct{}), steps: map[string]*tracked{},
	}
	dialer := &dialer{dir: dir, command: command, log: log}
	l, err := dialer.connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect to the supervisor in %s: %w", dir, err)
	}
	loopCtx, stop := context.WithCancel(context.WithoutCancel(ctx))
	c.stop = stop
	c.adopt(l)
	go func() {
		defer close(c.done)
		c.run(loopCtx, dialer, l)
	}()
	return c, nil
}

// run reads from one connection after the other until Close.
func (c *Client) run(ctx context.Context, dialer *dialer, l *link) {
	defer dialer.reap()
	for {
		err := c.read(l)
		c.disown(l)
		if ctx.Err() != nil {
			return
		}
		c.log.Warn("connection to the supervisor lost", "dir", c.dir, "error", err)
		for {
			if l, err = dialer.connect(ctx); err == nil {
				break
			}
			if ctx.Err() != nil {
				return
			}
			c.log.Error("no supervisor", "dir", c.dir, "error", err)
			c.lose()
		}
		if !c.adopt(l) {
			l.shut()
			return
		}
	}
}

func (c *Client) read(l *link) error {
	for {
		m, err := l.receive()
		if err != nil {
			return err
		}
		switch {
		case m.Op == opExit && m.Exit != nil:
			c.deliver(m.ID, *m.Exit, nil)
		case m.Seq != 0:
			l.answer(m)
		case m.Kind != "":
			c.resolveLost(m.ID) // asked for by adopt
		case m.Exit != nil:
			c.deliver(m.ID, *m.Exit, nil)
		}
	}
}

// adopt makes l the connection and asks it for every step that is still out.
// It reports false when the client has been closed.
func (c *Client) adopt(l *link) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.link = l
	close(c.up)
	for id, t := range c.steps {
		if t.accepted && !t.ended() {
			l.send(message{Op: opWait, ID: id})
		}
	}
	return true
}

func (c *Client) disown(l *link) {
	c.mu.Lock()
	c.link = nil
	c.up = make(chan struct{})
	c.mu.Unlock()
	l.shut()
}

// lose gives up the steps that were running, because no supervisor can be had.
func (c *Client) lose() {
	c.mu.Lock()
	var ids []string
	for id, t := range c.steps {
		if t.accepted && !t.ended() {
			ids = append(ids, id)
		}
	}
	c.mu.Unlock()
	for _, id := range ids {
		c.resolveLost(id)
	}
}

// resolveLost ends a step that the supervisor does not know: its verdict is in
// its Result file, or lost.
func (c *Client) resolveLost(id string) {
	c.mu.Lock()
	var result string
	if t := c.steps[id]; t != nil {
		result = t.result
	}
	c.mu.Unlock()
	if result != "" {
		if exit, err := readResult(result, id); err == nil {
			c.deliver(id, exit, nil)
			return
		}
	}
	c.deliver(id, Exit{}, fmt.Errorf("step %s: %w", id, ErrSupervisorLost))
}

func (t *tracked) ended() bool {
	select {
	case <-t.done:
		return true
	default:
		return false
	}
}

func (c *Client) deliver(id string, exit Exit, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.steps[id]
	if t == nil || t.ended() {
		return
	}
	t.exit, t.err, t.accepted = exit, err, true
	close(t.done)
}

// call sends a request and returns the answer, over as many connections as it takes.
func (c *Client) call(ctx context.Context, m message) (message, error) {
	for {
		l, err := c.await(ctx)
		if err != nil {
			return message{}, err
		}
		m.Seq = c.nextSeq()
		reply, ok := l.expect(m.Seq)
		if !ok {
			continue
		}
		l.send(m)
		select {
		case r := <-reply:
			return r, nil
		case <-l.down:
		case <-ctx.Done():
			l.forget(m.Seq)
			return message{}, ctx.Err()
		}
	}
}

func (c *Client) nextSeq() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seq++
	return c.seq
}

// await returns the connection, waiting for it if need be.
func (c *Client) await(ctx context.Context) (*link, error) {
	for {
		c.mu.Lock()
		l, up, closed := c.link, c.up, c.closed
		c.mu.Unlock()
		switch {
		case closed:
			return nil, ErrClosed
		case l != nil:
			return l, nil
		}
		select {
		case <-up:
		case <-c.done:
			return nil, ErrClosed
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Close ends the connection and leaves the steps running. Calls that wait return ErrClosed.
func (c *Client) Close() error {
	c.mu.Lock()
	c.closed = true
	c.stop() // first: whoever finds the connection broken must not make another
	if c.link != nil {
		c.link.close()
	}
	c.mu.Unlock()
	<-c.done
	return nil
}

func (m message) failure() error {
	switch m.Kind {
	case "":
		return nil
	case kindUnknown:
		return ErrUnknownStep
	case kindLost:
		return ErrSupervisorLost
	default:
		return errors.New(m.Err)
	}
}
