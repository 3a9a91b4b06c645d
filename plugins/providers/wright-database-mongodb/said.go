package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/wright-build/wright/plugins"
)

// Codes of errors; see "Error Codes" in the manual of MongoDB.
const (
	unauthorized         = 13
	authenticationFailed = 18
	userNotFound         = 11
	userExists           = 51003
	atlasError           = 8000
	outOfDiskSpace       = 14031
	badValue             = 2
)

// momentary are the codes of a server that changes its role, or is busy or ending.
func momentary(code int) bool {
	return slices.Contains([]int{6, 7, 24, 46, 50, 64, 89, 91, 112, 117, 134, 189, 202, 262, 317, 358, 384, 9001, 10058, 10107, 11600, 11601, 11602, 13435, 13436}, code)
}

func hasCode(err error, code int) bool {
	var said mongo.ServerError
	return errors.As(err, &said) && said.HasErrorCode(code)
}

func notOurs(what string) error {
	return plugins.Errorf(plugins.Exists, "%s is there, and was not made by Wright", what)
}

// explained gives an error of the server or on the way to it its code.
func explained(ctx context.Context, doing string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", doing, ctx.Err())
	}
	if _, ok := errors.AsType[*plugins.Error](err); ok { // of the credentials
		return err
	}
	return plugins.Errorf(codeOf(err), "%s: %w", doing, said{err})
}

// said shows of an error what anybody may see.
type said struct{ err error }

// Error is bounded, and without control characters.
func (s said) Error() string {
	text := s.err.Error()
	text = strings.ToValidUTF8(text[:min(len(text), 1000)], "")
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, text)
}

// Unwrap gives the cause.
func (s said) Unwrap() error { return s.err }

// codeOf reads what the driver makes of an answer. A refused login is deep in an
// error about connections.
func codeOf(err error) plugins.Code {
	var answer mongo.ServerError
	is := func(codes ...int) bool {
		return answer != nil && slices.ContainsFunc(codes, answer.HasErrorCode)
	}
	errors.As(err, &answer)
	switch {
	case is(unauthorized, authenticationFailed, atlasError), strings.Contains(err.Error(), "AuthenticationFailed"), strings.Contains(err.Error(), "auth error"):
		return plugins.Denied
	case is(outOfDiskSpace):
		return plugins.Quota
	case is(badValue):
		return plugins.Invalid
	case answer == nil, mongo.IsNetworkError(err), mongo.IsTimeout(err), answer.HasErrorLabel("RetryableWriteError"), answer.HasErrorLabel("TransientTransactionError"):
		return plugins.Transient
	}
	for _, code := range answer.ErrorCodes() {
		if momentary(code) {
			return plugins.Transient
		}
	}
	return plugins.Unknown
}
