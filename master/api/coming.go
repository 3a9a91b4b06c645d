package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/wright-build/wright/master/logs"
	"github.com/wright-build/wright/master/state"
)

// lacks says whether output of a build that has ended is missing here: the master
// that took it has died, and its agent brings it again.
func (o Output) lacks(b *state.Build, at logs.Attempt) bool {
	if o.logs == nil || !b.State.Final() || at.Attempt != b.Attempt || b.Output == 0 || o.logs.Expired(b.Instance, b.ID) {
		return false
	}
	parts, err := o.logs.Parts(at)
	held := int64(0)
	for _, p := range parts {
		held += p.Size
	}
	return err == nil && held < b.Output // with an error, who reads it says more
}

// Here refuses to read output that is still on its way, so that nobody takes what
// there is for all of it.
func (o Output) Here(b *state.Build, at logs.Attempt) error {
	if !o.lacks(b, at) {
		return nil
	}
	f := Failure{
		Status: http.StatusServiceUnavailable, Hint: "agent " + b.Agent + ", which has it, is not connected: it comes when the agent is back; " +
			"where there is no bucket, the disk of another master may have it (docs/masters.md)",
		err: fmt.Errorf("the output of build %s is not here yet", b.ID),
	}
	o.queries.store.Read(func(facts *state.Facts) { f.Again = facts.Agents[b.Agent] != nil })
	if f.Again {
		f.Hint = "it is on its way from agent " + b.Agent + ": try again in a moment"
	}
	return &f
}

// awaitOutput waits until the output of a build that has ended is here.
func (o Output) awaitOutput(ctx context.Context, b *state.Build, at logs.Attempt) error {
	return untilHere(ctx, func() error { return o.Here(b, at) })
}

// awaitWhere is where, of output that another master had and that comes here again.
func (o Output) awaitWhere(ctx context.Context, at logs.Attempt, want logs.PartFilter, offset int64) (seen map[int]int64, err error) {
	err = untilHere(ctx, func() (err error) {
		seen, err = o.where(at, want, offset)
		return err
	})
	return seen, err
}

const (
	lookAgain     = 100 * time.Millisecond // how often a log is looked at that is not yet as long as it is known to be
	redeliverTime = 30 * time.Second       // bounds how long a follower waits for that
)

// untilHere looks until it is not refused, or for as long as a follower waits.
func untilHere(ctx context.Context, look func() error) error {
	again := time.NewTicker(lookAgain)
	defer again.Stop()
	for late := time.Now().Add(redeliverTime); ; {
		err := look()
		var refused *Failure
		if !errors.As(err, &refused) || time.Now().After(late) {
			return err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
