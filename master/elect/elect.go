// Package elect decides which of several masters of one installation leads, by
// an election in etcd whose terms end with a lease. It tells who leads; it does
// not know what leading means.
package elect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// prefix is where candidates stand, the leader first.
const prefix = "/wright/leader"

// DefaultTTL is how long a leader that says nothing stays one.
const DefaultTTL = 3 * time.Second

// Errors that end a term.
var (
	// ErrOver means that the lease of the term has ended.
	ErrOver = errors.New("the term is over")
	// ErrUnknown means that nobody leads, as far as is known here.
	ErrUnknown = errors.New("no master leads at the moment")
)

// Term is one time of leading. What makes it differ from all others is the
// revision at which its key was made.
type Term struct {
	Key     string
	Created int64
	End     context.CancelCauseFunc // for who finds out that it is over; does not block
}

// Candidate is a master that leads when it is its turn. Run must run.
type Candidate struct {
	cli     *clientv3.Client
	address string
	ttl     time.Duration
	log     *slog.Logger

	news chan struct{}

	mu      sync.Mutex // guards all below
	leader  string
	first   string        // key of the leader's candidacy
	changed chan struct{} // closed and replaced with each look
}

// New makes a candidate that others reach at address. ttl is in whole seconds,
// at least 2, which is the least that etcd keeps by default; 0 is DefaultTTL.
func New(cli *clientv3.Client, address string, ttl time.Duration, log *slog.Logger) *Candidate {
	return &Candidate{cli: cli, address: address, ttl: cmp.Or(ttl, DefaultTTL), log: log, news: make(chan struct{}, 1), changed: make(chan struct{})}
}

// Leader is the address of the master that leads, as far as is known here; it
// may have ended since. ErrUnknown: nobody does.
func (c *Candidate) Leader() (address string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.leader == "" {
		return "", ErrUnknown
	}
	return c.leader, nil
}

// Run stands for election until ctx ends, and calls lead for each term, whose
// end is that of the context given. An error of lead that comes before that ends
// Run: this master cannot lead.
func (c *Candidate) Run(ctx context.Context, lead func(context.Context, Term) error) error {
	var watching sync.WaitGroup
	ctx, stop := context.WithCancel(ctx)
	defer func() { stop(); watching.Wait() }()
	watching.Go(func() { c.listen(ctx) })
	watching.Go(func() { c.keepLooking(ctx) })
	for ctx.Err() == nil {
		err := c.stand(ctx, lead)
		if errors.As(err, new(unfit)) {
			return err
		}
		if err != nil && ctx.Err() == nil {
			c.log.Warn("standing for election again", "error", err)
			pause(ctx, c.ttl/3)
		}
	}
	return nil
}

// unfit is an error of leading itself.
type unfit struct{ error }

func (u unfit) Unwrap() error { return u.error }

// stand is one candidacy, and the term that it leads to.
func (c *Candidate) stand(ctx context.Context, lead func(context.Context, Term) error) error {
	asked := time.Now()
	lease, err := c.cli.Grant(ctx, int64(c.ttl/time.Second))
	if err != nil {
		return fmt.Errorf("grant a candidate's lease: %w", err)
	}
	defer c.withdraw(ctx, lease.ID)
	term, end := context.WithCancelCause(ctx)
	renewing := make(chan struct{})
	defer func() { end(nil); <-renewing }()
	go func() { defer close(renewing); c.renew(term, lease.ID, asked, end) }()
	key := fmt.Sprintf("%s/%x", prefix, lease.ID)
	entered, err := c.cli.Put(term, key, c.address, clientv3.WithLease(lease.ID))
	if err != nil {
		return fmt.Errorf("stand for election: %w", err)
	}
	// gofail: var candidateEntered struct{}
	if err := c.await(term, key); err != nil {
		return fmt.Errorf("stand for election: %w", err)
	}
	// gofail: var termBegun struct{}
	c.log.Info("this master leads now", "address", c.address)
	err = lead(term, Term{Key: key, Created: entered.Header.Revision, End: end})
	if term.Err() == nil && err != nil {
		return unfit{err}
	}
	c.log.Info("this master leads no more", "why", context.Cause(term))
	return nil
}

// renew keeps a lease, and ends the term when it may be over: counted from when
// etcd was asked for the last one that it gave. It asks again while it waits: the
// next question goes to another member, since one may be asleep.
func (c *Candidate) renew(ctx context.Context, lease clientv3.LeaseID, kept time.Time, end context.CancelCauseFunc) {
	ctx, stop := context.WithCancel(ctx)
	var tries sync.WaitGroup
	defer func() { stop(); tries.Wait() }()
	answers := make(chan time.Time) // when it was asked
	ask := func() {
		asked := time.Now()
		tries.Go(func() {
			try, cancel := context.WithTimeout(ctx, c.ttl)
			defer cancel()
			_, err := c.cli.KeepAliveOnce(try, lease)
			switch {
			case errors.Is(err, rpctypes.ErrLeaseNotFound):
				end(ErrOver)
			case err == nil:
				select {
				case answers <- asked:
				case <-ctx.Done():
				}
			}
		})
	}
	tick := time.NewTicker(c.ttl / 3)
	defer tick.Stop()
	for over := time.NewTimer(time.Until(kept.Add(c.ttl))); ; over.Reset(time.Until(kept.Add(c.ttl))) {
		select {
		case <-tick.C:
			ask()
		case asked := <-answers:
			if asked.After(kept) {
				kept = asked
			}
		case <-over.C:
			end(ErrOver)
			return
		case <-ctx.Done():
			over.Stop()
			return
		}
	}
}

// await waits until the key is that of the leader.
func (c *Candidate) await(ctx context.Context, key string) error {
	c.nudge() // news of the own candidacy may not have come
	for {
		c.mu.Lock()
		first, changed := c.first, c.changed
		c.mu.Unlock()
		if first == key {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// withdrawTime bounds how long a master that stops tries to say so. If it cannot
// the others wait for the end of its lease.
const withdrawTime = time.Second

// withdraw ends a candidacy, and with it the term.
func (c *Candidate) withdraw(ctx context.Context, lease clientv3.LeaseID) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), withdrawTime)
	defer cancel()
	if _, err := c.cli.Revoke(ctx, lease); err != nil {
		c.log.Debug("ending a candidate's lease", "error", err)
	}
}

// nudge has who leads looked up at once.
func (c *Candidate) nudge() {
	select {
	case c.news <- struct{}{}:
	default:
	}
}

// keepLooking looks who leads, when there is news of it and every now and then: a
// member of etcd that sleeps tells no news.
func (c *Candidate) keepLooking(ctx context.Context) {
	tick := time.NewTicker(c.ttl / 3)
	defer tick.Stop()
	told := false
	for ctx.Err() == nil {
		err := c.look(ctx)
		if err != nil && ctx.Err() == nil && !told {
			c.log.Warn("it is not known who leads, until etcd answers", "error", err)
		}
		told = err != nil
		select {
		case <-c.news:
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// listen nudges when candidates come and go.
func (c *Candidate) listen(ctx context.Context) {
	for ctx.Err() == nil {
		watch, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
		for range c.cli.Watch(watch, prefix+"/", clientv3.WithPrefix()) {
			c.nudge()
		}
		cancel()
		pause(ctx, c.ttl/3)
	}
}

// look finds out who leads: the candidate that has stood for longest.
func (c *Candidate) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.ttl)
	defer cancel()
	resp, err := c.cli.Get(ctx, prefix+"/", clientv3.WithFirstCreate()...)
	if err != nil {
		return fmt.Errorf("ask who leads: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leader, c.first = "", ""
	if len(resp.Kvs) > 0 {
		c.leader, c.first = string(resp.Kvs[0].Value), string(resp.Kvs[0].Key)
	}
	close(c.changed)
	c.changed = make(chan struct{})
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
