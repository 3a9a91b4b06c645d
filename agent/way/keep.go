package way

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// How long an agent waits until it tries to reach a master again, about.
const (
	firstWait = 50 * time.Millisecond
	lastWait  = 500 * time.Millisecond
)

// ErrAgain ends a session that is to be begun again with the same master.
var ErrAgain = errors.New("beginning again")

// Keep holds one session after another until ctx ends, or until a master refuses
// the agent in a way that does not go away by trying again: that is the error.
func (w *Way) Keep(ctx context.Context, log *slog.Logger, session func(context.Context) error) error {
	wait := firstWait
	for ctx.Err() == nil {
		began := time.Now()
		err := session(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if fatal(err) {
			return fmt.Errorf("the master at %s refuses this agent: %s", w.Address(), status.Convert(err).Message())
		}
		if time.Since(began) > time.Second {
			wait = firstWait
		}
		log.Warn("no master; trying again", "address", w.Address(), "error", err, "in", wait)
		if err := w.next(err); err != nil {
			log.Error("turning to another master", "error", err)
		}
		t := time.NewTimer(wait/2 + rand.N(wait))
		select {
		case <-t.C:
			wait = min(2*wait, lastWait)
		case <-ctx.Done():
			t.Stop()
		}
	}
	return nil
}

// awayError is a session's end that names the master which leads.
type awayError struct {
	error
	leader string
}

func (e *awayError) Unwrap() error { return e.error }

// next leads to the master that is to be tried next: the one that was named, or
// another one of those that are configured.
func (w *Way) next(err error) error {
	var away *awayError
	switch {
	case errors.Is(err, ErrAgain):
		return nil
	case errors.As(err, &away):
		return w.turnTo(away.leader)
	default:
		return w.turnOn()
	}
}

// leaderHeader is where a master that does not lead names the one that does.
const leaderHeader = "wright-leader"

// Explained adds to a session's end what the stream's trailer says. The stream
// must have ended.
func Explained(s grpc.ClientStream, err error) error {
	if leader := s.Trailer().Get(leaderHeader); err != nil && len(leader) > 0 {
		return &awayError{err, leader[0]}
	}
	return err
}

// fatal errors do not go away by trying again.
func fatal(err error) bool {
	c := status.Code(err)
	return c == codes.Unauthenticated || c == codes.PermissionDenied || c == codes.InvalidArgument || c == codes.Unimplemented
}
