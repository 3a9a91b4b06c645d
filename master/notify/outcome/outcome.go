// Package outcome says what became of something that was sent, so that whoever
// sends knows whether to try again, and when. It knows no way of sending.
package outcome

import (
	"errors"
	"time"
)

// Error is why something was not delivered. Any other error is one that concerns
// this thing alone and may be over at the next try.
type Error struct {
	Err   error
	Final bool          // another try is no use
	Far   bool          // the far side is in trouble: what else is for it need not be tried now
	After time.Duration // the far side asks for so much patience; 0: it says nothing
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// Final is an error after which nothing is tried again.
func Final(err error) error { return &Error{Err: err, Final: true} }

// Far is an error of the far side as a whole.
func Far(err error) error { return &Error{Err: err, Far: true} }

// Of reads what an error says; the zero value for others.
func Of(err error) Error {
	if e := (*Error)(nil); errors.As(err, &e) {
		return *e
	}
	return Error{Err: err}
}
