package ask

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// idleSSH is how long a connection without sessions is kept.
const idleSSH = 90 * time.Second

// maxSessions is how many sessions share a connection: OpenSSH allows ten.
const maxSessions = 8

// sshPool keeps connections open for the next questions. One is shared only by
// questions of the same host, user, key, known hosts and trust.
type sshPool struct {
	asker *Asker

	mu    sync.Mutex // guards all below
	conns map[sshKey][]*sshConn
	turns map[sshKey]*turn
}

type sshKey struct {
	address, user, hosts string
	key                  [sha256.Size]byte
	trusted              bool
}

// turn lets one at a time connect to the same place: the others share it.
type turn struct {
	held    chan struct{} // full while somebody connects
	waiting int
}

type sshConn struct {
	key    sshKey
	client *ssh.Client

	// Guarded by the pool's mu.
	users int
	gone  bool // not to be used again
	idle  *time.Timer
}

func newSSHPool(a *Asker) *sshPool {
	return &sshPool{asker: a, conns: map[sshKey][]*sshConn{}, turns: map[sshKey]*turn{}}
}

func keyOf(q question) sshKey {
	return sshKey{q.address(), q.sshUser(), q.login.KnownHosts, sha256.Sum256(q.login.Key), q.Trusted}
}

// take finds a connection with room, or makes one.
func (p *sshPool) take(ctx context.Context, q question) (conn *sshConn, fresh bool, err error) {
	key := keyOf(q)
	if c := p.idleOf(key); c != nil {
		return c, false, nil
	}
	done, err := p.wait(ctx, key)
	if err != nil {
		return nil, false, err
	}
	defer done()
	if c := p.idleOf(key); c != nil {
		return c, false, nil
	}
	client, err := p.asker.dialSSH(ctx, q)
	if err != nil {
		return nil, false, err
	}
	c := &sshConn{key: key, client: client, users: 1}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns[key] = append(p.conns[key], c)
	return c, true, nil
}

// wait waits until nobody else connects to the same place.
func (p *sshPool) wait(ctx context.Context, key sshKey) (done func(), err error) {
	p.mu.Lock()
	t := p.turns[key]
	if t == nil {
		t = &turn{held: make(chan struct{}, 1)}
		p.turns[key] = t
	}
	t.waiting++
	p.mu.Unlock()
	leave := func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if t.waiting--; t.waiting == 0 {
			delete(p.turns, key)
		}
	}
	select {
	case t.held <- struct{}{}:
		return func() { <-t.held; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}

func (p *sshPool) idleOf(key sshKey) *sshConn {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns[key] {
		if c.users < maxSessions {
			c.users++
			if c.idle != nil {
				c.idle.Stop()
			}
			return c
		}
	}
	return nil
}

// release gives a connection back after use.
func (p *sshPool) release(c *sshConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.users--; c.users > 0 || c.gone {
		return
	}
	c.idle = time.AfterFunc(idleSSH, func() { p.expire(c) })
}

// expire closes a connection that nobody took up meanwhile.
func (p *sshPool) expire(c *sshConn) {
	p.mu.Lock()
	used := c.users > 0
	if !used {
		p.forget(c)
	}
	p.mu.Unlock()
	if !used {
		_ = c.client.Close()
	}
}

// drop closes a connection for good.
func (p *sshPool) drop(c *sshConn) {
	p.mu.Lock()
	p.forget(c)
	p.mu.Unlock()
	_ = c.client.Close()
}

// forget takes a connection out of the pool. The caller holds mu.
func (p *sshPool) forget(c *sshConn) {
	c.gone = true
	if c.idle != nil {
		c.idle.Stop()
	}
	all := p.conns[c.key]
	for i := range all {
		if all[i] == c {
			p.conns[c.key] = append(all[:i:i], all[i+1:]...)
			break
		}
	}
	if len(p.conns[c.key]) == 0 {
		delete(p.conns, c.key)
	}
}

func (p *sshPool) closeIdle() {
	p.mu.Lock()
	var idle []*sshConn
	for _, conns := range p.conns {
		for _, c := range conns {
			if c.users == 0 {
				idle = append(idle, c)
			}
		}
	}
	for _, c := range idle {
		p.forget(c)
	}
	p.mu.Unlock()
	for _, c := range idle {
		_ = c.client.Close()
	}
}
