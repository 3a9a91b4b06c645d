//go:build linux

package process

import (
	"context"
	"errors"
	"fmt"
)

// Start starts a step, or takes it up when its ID was started before, by this
// agent or a former one: then it does nothing and Wait delivers the verdict,
// ErrSupervisorLost if there will never be one. A program that cannot be run
// is not an error here; it is the StartError of its Exit. An error means that
// nothing was started, unless it is that of ctx.
func (c *Client) Start(ctx context.Context, spec Spec) error {
	if err := spec.check(); err != nil {
		return fmt.Errorf("start a step: %w", err)
	}
	t, fresh := c.track(spec.ID, spec.Result)
	if t.ended() {
		return nil
	}
	reply, err := c.call(ctx, message{Op: opStart, ID: spec.ID, Spec: &spec})
	if err == nil {
		err = reply.failure()
	}
	if errors.Is(err, ErrSupervisorLost) {
		c.resolveLost(spec.ID)
		return nil
	}
	if err != nil {
		err = fmt.Errorf("start step %s: %w", spec.ID, err)
		if fresh {
			c.abandon(spec.ID, t, err)
		}
		return err
	}
	c.accept(t, reply)
	return nil
}

// Wait returns the verdict on a step, also one that a former agent started.
// Many may wait for one step, at any time until Forget. Its errors are
// ErrSupervisorLost, ErrUnknownStep, ErrClosed and that of ctx.
func (c *Client) Wait(ctx context.Context, id string) (Exit, error) {
	t, fresh := c.track(id, "")
	if fresh {
		reply, err := c.call(ctx, message{Op: opWait, ID: id})
		if err == nil {
			err = reply.failure()
		}
		if err != nil {
			err = fmt.Errorf("wait for step %s: %w", id, err)
			c.abandon(id, t, err)
			return Exit{}, err
		}
		c.accept(t, reply)
	}
	select {
	case <-t.done:
		return t.exit, t.err
	default:
	}
	select {
	case <-t.done:
		return t.exit, t.err
	case <-c.done:
		return Exit{}, fmt.Errorf("wait for step %s: %w", id, ErrClosed)
	case <-ctx.Done():
		return Exit{}, ctx.Err()
	}
}

// Kill sends SIGTERM to a step's whole tree and SIGKILL when its grace is over.
// It returns at once; Wait tells when the tree is gone. Killing a step that has
// ended or is being killed does nothing.
func (c *Client) Kill(ctx context.Context, id string, reason string) error {
	reply, err := c.call(ctx, message{Op: opKill, ID: id, Reason: reason})
	if err == nil {
		err = reply.failure()
	}
	if err != nil {
		return fmt.Errorf("kill step %s: %w", id, err)
	}
	return nil
}

// Forget drops what is remembered of a step that has ended; one that is never
// forgotten is remembered for ever. The same ID could then be started again,
// unless the step has a Result file, which stays.
func (c *Client) Forget(ctx context.Context, id string) error {
	reply, err := c.call(ctx, message{Op: opForget, ID: id})
	if err == nil {
		err = reply.failure()
	}
	if err != nil {
		return fmt.Errorf("forget step %s: %w", id, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.steps, id)
	return nil
}

// Leave tells the supervisor that nobody will come back soon: once no step runs
// and this client is closed, it ends at once instead of lingering.
func (c *Client) Leave(ctx context.Context) error {
	if _, err := c.call(ctx, message{Op: opLeave}); err != nil {
		return fmt.Errorf("leave the supervisor: %w", err)
	}
	return nil
}

// track returns the entry of a step; fresh is true when there was none.
func (c *Client) track(id, result string) (t *tracked, fresh bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t = c.steps[id]; t != nil {
		if t.result == "" {
			t.result = result
		}
		return t, false
	}
	t = &tracked{result: result, done: make(chan struct{})}
	c.steps[id] = t
	return t, true
}

// accept notes that the supervisor knows the step, and its verdict if there is one.
func (c *Client) accept(t *tracked, reply message) {
	c.mu.Lock()
	t.accepted = true
	c.mu.Unlock()
	if reply.Exit != nil {
		c.deliver(reply.ID, *reply.Exit, nil)
	}
}

// abandon drops an entry that the supervisor did not take, for those who wait too.
func (c *Client) abandon(id string, t *tracked, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.steps[id] == t {
		delete(c.steps, id)
	}
	if !t.ended() {
		t.err = err
		close(t.done)
	}
}
