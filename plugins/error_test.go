package plugins

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	pluginv1 "github.com/wright-build/wright/proto/plugin/v1"
)

func TestErrorsCrossTheWire(t *testing.T) {
	tests := []struct {
		err   error
		code  Code
		field string
		after time.Duration
		text  string
	}{
		{Errorf(NotFound, "no server %q", "x"), NotFound, "", 0, `no server "x"`},
		{Invalidf("config.port", "%d is no port", 0), Invalid, "config.port", 0, "config.port: 0 is no port"},
		{RetryAfter(time.Minute, errors.New("busy")), Transient, "", time.Minute, "busy"},
		{fmt.Errorf("make server: %w", Errorf(Quota, "full")), Quota, "", 0, "make server: full"},
		{fmt.Errorf("make server: %w", Invalidf("name", "bad")), Invalid, "name", 0, "name: make server: name: bad"},
		{errors.New("plain"), Unknown, "", 0, "plain"},
		{Errorf("from-the-future", "x"), Unknown, "", 0, "x"},
		{context.DeadlineExceeded, Transient, "", 0, "context deadline exceeded"},
		{context.Canceled, Unknown, "", 0, "context canceled"},
	}
	for _, tt := range tests {
		got := FromStatus(ToStatus(tt.err))
		if CodeOf(got) != tt.code || got.Error() != tt.text {
			t.Errorf("%v came back with code %q as %q, want %q as %q", tt.err, CodeOf(got), got, tt.code, tt.text)
		}
		if e, ok := errors.AsType[*Error](got); ok && (e.Field != tt.field || e.RetryAfter != tt.after) {
			t.Errorf("%v came back with field %q and retry after %v", tt.err, e.Field, e.RetryAfter)
		}
		for _, ctxErr := range []error{context.Canceled, context.DeadlineExceeded} {
			if errors.Is(tt.err, ctxErr) != errors.Is(got, ctxErr) {
				t.Errorf("%v came back as %v: lost or became %v", tt.err, got, ctxErr)
			}
		}
	}
	if ToStatus(nil) != nil || FromStatus(nil) != nil {
		t.Error("no error became one")
	}
}

func TestCausesAreKept(t *testing.T) {
	err := fmt.Errorf("outer: %w", Errorf(Denied, "inner: %w", fs.ErrPermission))
	if !errors.Is(err, fs.ErrPermission) || CodeOf(err) != Denied {
		t.Errorf("%v lost its cause or its code", err)
	}
	if CodeOf(nil) != Unknown || CodeOf(errors.New("x")) != Unknown || CodeOf(context.DeadlineExceeded) != Transient {
		t.Error("an error without a code has one")
	}
}

// What a plugin sends is foreign.
func TestForeignStatus(t *testing.T) {
	bad, err := status.New(codes.Internal, "x").WithDetails(&pluginv1.ErrorDetail{
		Code: "root", RetryAfter: &durationpb.Duration{Seconds: -5, Nanos: 7},
	})
	if err != nil {
		t.Fatal(err)
	}
	e, ok := errors.AsType[*Error](FromStatus(bad.Err()))
	if !ok || e.Code != Unknown || e.RetryAfter != 0 {
		t.Errorf("got %#v", e)
	}
	if got := CodeOf(FromStatus(status.Error(codes.Unavailable, "gone"))); got != Transient {
		t.Errorf("unavailable has code %q", got)
	}
	if got := CodeOf(FromStatus(status.Error(codes.Unimplemented, "what?"))); got != Unsupported {
		t.Errorf("unimplemented has code %q", got)
	}
}
