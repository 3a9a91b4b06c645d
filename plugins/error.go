package plugins

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	pluginv1 "github.com/wright-build/wright/proto/plugin/v1"
)

// Code says what the caller can do about an error.
type Code string

// The codes. Unknown is what an error without a code has.
const (
	Unknown     Code = ""
	NotFound    Code = "not-found"   // the thing does not exist
	Exists      Code = "exists"      // it exists and belongs to somebody else
	Quota       Code = "quota"       // no room; a person must make some
	Denied      Code = "denied"      // credentials or permissions are missing
	Invalid     Code = "invalid"     // the request can never work; see Error.Field
	Transient   Code = "transient"   // the same call may work later; see Error.RetryAfter
	Unsupported Code = "unsupported" // this provider cannot do that
)

// Error is an error with a code. It keeps its cause.
type Error struct {
	Code       Code
	Field      string        // path of the invalid field, such as "config.port"
	RetryAfter time.Duration // of a transient error; 0 means the caller chooses
	Err        error
}

// Error says the cause, with the field before it when there is one.
func (e *Error) Error() string {
	if e.Field != "" {
		return e.Field + ": " + e.Err.Error()
	}
	return e.Err.Error()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an error with a code; %w keeps causes.
func Errorf(code Code, format string, args ...any) error {
	return &Error{Code: code, Err: fmt.Errorf(format, args...)}
}

// Invalidf makes an invalid error about the field at a path such as "tags.owner".
func Invalidf(field, format string, args ...any) error {
	return &Error{Code: Invalid, Field: field, Err: fmt.Errorf(format, args...)}
}

// RetryAfter makes a transient error of err: the call may work after d.
func RetryAfter(d time.Duration, err error) error {
	return &Error{Code: Transient, RetryAfter: d, Err: err}
}

// CodeOf gives the code of the outermost Error in err's chain. A deadline that
// passed is transient; anything else without a code is Unknown.
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return Transient
	}
	return Unknown
}

// ToStatus turns an error into what crosses the wire. Kinds use it in their servers.
func ToStatus(err error) error {
	if err == nil {
		return nil
	}
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return bounded(status.FromContextError(err)).Err()
	}
	d := &pluginv1.ErrorDetail{Code: string(e.Code), Field: cut(e.Field)}
	if e.RetryAfter > 0 {
		d.RetryAfter = durationpb.New(e.RetryAfter)
	}
	whole := bounded(status.New(grpcCode(e.Code), err.Error()))
	st, detailErr := whole.WithDetails(d)
	if detailErr != nil {
		return whole.Err()
	}
	return st.Err()
}

// FromStatus is the way back: what a client's call returned becomes an *Error.
// A plugin that died or could not be reached is transient; an exceeded deadline
// and a cancellation stay visible to errors.Is.
func FromStatus(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	st, ok := status.FromError(err)
	if !ok {
		return err
	}
	d := detail(st)
	st = bounded(st)
	if d != nil {
		return fromDetail(d, st.Message())
	}
	return fromCode(st)
}

// What an error may hold at most; it ends up in logs and on pages.
const (
	maxErrorText  = 8 << 10
	maxRetryAfter = 24 * time.Hour
)

// bounded is a status, without its details, whose message anybody can show.
func bounded(st *status.Status) *status.Status {
	return status.New(st.Code(), readable(st.Message(), maxErrorText))
}

// HasDetail says whether the provider itself gave this status, rather than
// the transport on the way to it.
func HasDetail(err error) bool {
	st, ok := status.FromError(err)
	return ok && detail(st) != nil
}

func detail(st *status.Status) *pluginv1.ErrorDetail {
	for _, d := range st.Details() {
		if d, ok := d.(*pluginv1.ErrorDetail); ok {
			return d
		}
	}
	return nil
}

func fromDetail(d *pluginv1.ErrorDetail, message string) error {
	e := &Error{Code: knownCode(d.GetCode()), Field: cut(d.GetField())}
	if d.GetRetryAfter().CheckValid() == nil {
		e.RetryAfter = min(max(0, d.GetRetryAfter().AsDuration()), maxRetryAfter)
	}
	// The message was made by Error, so it already names the field.
	e.Err = errors.New(trimField(message, e.Field))
	return e
}

func trimField(message, field string) string {
	if n := len(field); n > 0 && len(message) > n+2 && message[:n+2] == field+": " {
		return message[n+2:]
	}
	return message
}

func fromCode(st *status.Status) error {
	switch st.Code() {
	case codes.DeadlineExceeded:
		return Errorf(Transient, "%w", because(st.Message(), context.DeadlineExceeded))
	case codes.Canceled:
		return because(st.Message(), context.Canceled)
	case codes.Unavailable:
		return Errorf(Transient, "the plugin did not answer: %w", st.Err())
	case codes.Unimplemented:
		return Errorf(Unsupported, "%w", st.Err())
	case codes.Unknown:
		return errors.New(st.Message()) // an error without a code
	default:
		return st.Err()
	}
}

// because is the cause with the message before it, which may end with the cause.
func because(message string, cause error) error {
	before, named := strings.CutSuffix(message, cause.Error())
	if !named {
		before += ": "
	}
	return fmt.Errorf("%s%w", before, cause)
}

// knownCode keeps a code that a newer plugin may have invented from leaking
// into decisions.
func knownCode(s string) Code {
	switch c := Code(s); c {
	case NotFound, Exists, Quota, Denied, Invalid, Transient, Unsupported:
		return c
	}
	return Unknown
}

func grpcCode(c Code) codes.Code {
	switch c {
	case NotFound:
		return codes.NotFound
	case Exists:
		return codes.AlreadyExists
	case Quota:
		return codes.ResourceExhausted
	case Denied:
		return codes.PermissionDenied
	case Invalid:
		return codes.InvalidArgument
	case Transient:
		return codes.Unavailable
	case Unsupported:
		return codes.Unimplemented
	}
	return codes.Unknown
}

// BadAnswer makes the error of an answer that no provider may give, from what
// is wrong with it. It has no code: it is nobody's fault but the plugin's.
// Kinds use it in their clients.
func BadAnswer(err error) error {
	if err == nil {
		return nil
	}
	return Errorf(Unknown, "the plugin's answer is not valid: %w", err)
}
