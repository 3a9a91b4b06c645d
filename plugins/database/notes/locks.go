package notes

import (
	"context"
	"hash/maphash"
	"sync"
)

// locks let one call at a time work on a token, and one on a persistent database.
// Between processes nothing is locked: what is done may be done twice.
type locks struct {
	once          sync.Once
	seed          maphash.Seed
	tokens, homes [256]chan struct{} // each holds one value while taken
}

func (l *locks) prepare() {
	l.seed = maphash.MakeSeed()
	for i := range l.tokens {
		l.tokens[i], l.homes[i] = make(chan struct{}, 1), make(chan struct{}, 1)
	}
}

// take waits for both; an empty home is not waited for. The order is always the
// same, so nobody waits in a circle.
func (l *locks) take(ctx context.Context, token, home string) (free func(), err error) {
	l.once.Do(l.prepare)
	wanted := []chan struct{}{l.tokens[maphash.String(l.seed, token)%uint64(len(l.tokens))]}
	if home != "" {
		wanted = append(wanted, l.homes[maphash.String(l.seed, home)%uint64(len(l.homes))])
	}
	var held []chan struct{}
	free = func() {
		for _, c := range held {
			<-c
		}
	}
	for _, c := range wanted {
		select {
		case c <- struct{}{}:
			held = append(held, c)
		case <-ctx.Done():
			free()
			return nil, ctx.Err()
		}
	}
	if err := ctx.Err(); err != nil {
		free()
		return nil, err
	}
	return free, nil
}
