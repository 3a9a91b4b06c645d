package store

import (
	"maps"
	"slices"
	"sync"

	"github.com/wright-build/wright/master/state"
)

// Subscription collects which facts of some kinds have changed, until their
// reader takes them. It never grows beyond the number of facts.
type Subscription struct {
	kinds []state.Kind
	wake  chan struct{}

	mu    sync.Mutex // guards all below
	dirty map[state.Key]bool
	all   bool
}

// Subscribe begins to collect changes of the kinds given. The first Take says
// that everything is new. The caller ends it with Unsubscribe.
func (s *Store) Subscribe(kinds ...state.Kind) *Subscription {
	sub := &Subscription{kinds: kinds, wake: make(chan struct{}, 1), dirty: map[state.Key]bool{}}
	sub.touchAll()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.subs[sub] = true
	return sub
}

// Unsubscribe ends a subscription.
func (s *Store) Unsubscribe(sub *Subscription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.subs, sub)
}

// Wake receives when there is something to take.
func (u *Subscription) Wake() <-chan struct{} { return u.wake }

// Take returns what has changed since the last call. With all, everything may
// have, and the keys say nothing.
func (u *Subscription) Take() (keys []state.Key, all bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	keys, all = slices.Collect(maps.Keys(u.dirty)), u.all
	clear(u.dirty)
	u.all = false
	return keys, all
}

// Again makes the next Take say that everything may have changed.
func (u *Subscription) Again() { u.touchAll() }

// Return gives back what Take returned, for a reader that could not act on it.
func (u *Subscription) Return(keys []state.Key, all bool) {
	u.mu.Lock()
	for _, k := range keys {
		u.dirty[k] = true
	}
	u.all = u.all || all
	u.mu.Unlock()
	u.nudge()
}

func (u *Subscription) touch(k state.Key) {
	if !slices.Contains(u.kinds, k.Kind) {
		return
	}
	u.mu.Lock()
	u.dirty[k] = true
	u.mu.Unlock()
	u.nudge()
}

func (u *Subscription) touchAll() {
	u.mu.Lock()
	u.all = true
	u.mu.Unlock()
	u.nudge()
}

func (u *Subscription) nudge() {
	select {
	case u.wake <- struct{}{}:
	default:
	}
}
