package main

import (
	"context"
	"sync"
)

// orders lets only one order or end of a machine be on its way for each token:
// nobody says "it is gone" while a request that was given up may still make it.
type orders struct {
	mu   sync.Mutex // guards all below
	busy map[string]chan struct{}
}

// begin waits for its turn. The caller must call end.
func (o *orders) begin(ctx context.Context, token string) (end func(), err error) {
	for {
		o.mu.Lock()
		before, wait := o.busy[token]
		if !wait {
			mine := make(chan struct{})
			if o.busy == nil {
				o.busy = map[string]chan struct{}{}
			}
			o.busy[token] = mine
			o.mu.Unlock()
			return func() {
				o.mu.Lock()
				defer o.mu.Unlock()
				delete(o.busy, token)
				close(mine)
			}, nil
		}
		o.mu.Unlock()
		select {
		case <-before:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
