package dispatch

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/wright-build/wright/master/state"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// maxHeld bounds what one answer may hold, whatever an agent sends.
const maxHeld = 100_000

// ask is a question of what a provider holds, and the answer so far.
type ask struct {
	done chan struct{} // closed with the answer

	// guarded by the session's mu
	all []*agentv1.Holding
	err error
}

// Holdings lists what a provider holds under the installation's tag.
func (d *Dispatcher) Holdings(ctx context.Context, at state.Place) ([]state.Held, error) {
	all, err := d.reap(ctx, at, nil)
	if err != nil {
		return nil, err
	}
	held := make([]state.Held, 0, len(all))
	for _, h := range all {
		one := state.Held{Token: h.GetToken(), Tags: h.GetTags(), Persistent: h.GetPersistent()}
		if t := h.GetCreatedAt(); t != nil {
			one.CreatedAt = t.AsTime().UTC()
		}
		held = append(held, one)
	}
	return held, nil
}

// EndHoldings ends things that a provider holds, and says why it could not where
// it could not.
func (d *Dispatcher) EndHoldings(ctx context.Context, at state.Place, tokens []string) (map[string]string, error) {
	if len(tokens) == 0 {
		return nil, nil
	}
	left, err := d.reap(ctx, at, tokens)
	failed := map[string]string{}
	for _, h := range left {
		failed[h.GetToken()] = bounded(h.GetError(), 1000)
	}
	return failed, err
}

// reap asks an agent and waits for its answer.
func (d *Dispatcher) reap(ctx context.Context, at state.Place, end []string) ([]*agentv1.Holding, error) {
	s := d.session(at.Agent)
	if s == nil {
		return nil, state.ErrAway
	}
	id := rand.Text()
	a := &ask{done: make(chan struct{})}
	s.mu.Lock()
	s.asks[id] = a
	if s.gone {
		s.fail()
	}
	s.mu.Unlock()
	defer s.forget(id)
	s.send(&agentv1.FromMaster{Message: &agentv1.FromMaster_Reap{Reap: &agentv1.Reap{Id: id, Kind: at.Kind, Provider: at.Provider, End: end}}})
	select {
	case <-a.done:
		return a.all, a.err
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the answer of agent %s: %w", at.Agent, ctx.Err())
	}
}

func (s *session) forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.asks, id)
}

// heed takes in a piece of an answer; nobody may be waiting for it any more.
func (s *session) heed(h *agentv1.Holdings) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.asks[h.GetReap()]
	switch {
	case a == nil:
		return
	case h.GetError() != "":
		a.err = errors.New(bounded(h.GetError(), 2000))
	case len(a.all)+len(h.GetHoldings()) > maxHeld:
		a.err = fmt.Errorf("agent %s lists more than %d things", s.name, maxHeld)
	default:
		if a.all = append(a.all, h.GetHoldings()...); h.GetMore() {
			return
		}
	}
	delete(s.asks, h.GetReap())
	close(a.done)
}

// fail answers everybody who waits for a session that is over. The caller holds
// mu.
func (s *session) fail() {
	for id, a := range s.asks {
		a.err = state.ErrAway
		delete(s.asks, id)
		close(a.done)
	}
}
