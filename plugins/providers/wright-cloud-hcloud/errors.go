package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/hetznercloud/hcloud-go/v2/hcloud"

	"github.com/wright-build/wright/plugins"
)

// maxSaid bounds what is repeated of what the cloud said.
const maxSaid = 500

// wrong makes an error of what a call to the cloud came back with: what was being
// done, what the cloud said, and what can be done about it.
func wrong(ctx context.Context, doing string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("hcloud: %s: %w", doing, ctx.Err())
	}
	if _, ok := errors.AsType[*plugins.Error](err); ok {
		return fmt.Errorf("hcloud: %s: %w", doing, err)
	}
	if o, ok := errors.AsType[*odd](err); ok {
		return &plugins.Error{Code: ofStatus(o.status), RetryAfter: o.after, Err: fmt.Errorf("hcloud: %s: %w", doing, bounded(err))}
	}
	e, ok := errors.AsType[hcloud.Error](err)
	if !ok {
		return plugins.Errorf(plugins.Transient, "hcloud: %s: %w", doing, bounded(err))
	}
	told := &plugins.Error{Code: codeOf(e), Err: fmt.Errorf("hcloud: %s: %s%s: %s", doing, requestOf(e), e.Code, said(e))}
	if told.Code == plugins.Transient {
		told.RetryAfter = later(e)
	}
	return told
}

// requestOf names the request that an error answers.
func requestOf(e hcloud.Error) string {
	r := e.Response()
	if r == nil || r.Response == nil || r.Request == nil {
		return ""
	}
	return fmt.Sprintf("%s %s: %d ", r.Request.Method, place(r.Request.URL), r.StatusCode)
}

func codeOf(e hcloud.Error) plugins.Code {
	switch e.Code { // the rest is told by the status
	case hcloud.ErrorCodeUnauthorized, hcloud.ErrorCodeForbidden, hcloud.ErrorCodeProtected:
		return plugins.Denied
	case hcloud.ErrorCodeResourceLimitExceeded:
		return plugins.Quota
	case hcloud.ErrorCodeNotFound:
		return plugins.NotFound
	case hcloud.ErrorCodeUniquenessError:
		return plugins.Exists
	case hcloud.ErrorCodeInvalidInput, hcloud.ErrorCodeJSONError, hcloud.ErrorCodeInvalidServerType, hcloud.ErrorUnsupportedError,
		hcloud.ErrorCodeIncompatibleNetworkType, hcloud.ErrorCodePrivateNetOnlyServer, hcloud.ErrorDeprecatedAPIEndpoint:
		return plugins.Invalid
	case hcloud.ErrorCodeLocked, hcloud.ErrorCodeConflict, hcloud.ErrorCodeRateLimitExceeded, hcloud.ErrorCodeMaintenance,
		hcloud.ErrorCodeResourceUnavailable, hcloud.ErrorCodePlacementError, hcloud.ErrorCodeNoSubnetAvailable, hcloud.ErrorCodeResourceInUse:
		return plugins.Transient
	}
	return ofStatus(statusOf(e))
}

func ofStatus(status int) plugins.Code {
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return plugins.Denied
	case status == http.StatusTooManyRequests, status == http.StatusRequestTimeout, status == http.StatusLocked, status >= 500:
		return plugins.Transient
	}
	return plugins.Unknown
}

func statusOf(e hcloud.Error) int {
	if r := e.Response(); r != nil && r.Response != nil {
		return r.StatusCode
	}
	return 0
}

// later says when the same call may work.
func later(e hcloud.Error) time.Duration {
	if noRoom(e) {
		return time.Minute
	}
	if r := e.Response(); r != nil && r.Response != nil {
		return waitFor(r.Header, time.Now())
	}
	return 0
}

// noRoom says whether a location cannot take the server just now.
func noRoom(err error) bool {
	return hcloud.IsError(err, hcloud.ErrorCodeResourceUnavailable, hcloud.ErrorCodePlacementError)
}

// said is the message of an error, with the fields that it is about.
func said(e hcloud.Error) string {
	text := e.Message
	if d, ok := e.Details.(hcloud.ErrorDetailsInvalidInput); ok {
		for _, f := range d.Fields {
			text += fmt.Sprintf("; %s: %s", f.Name, strings.Join(f.Messages, ", "))
		}
	}
	return clean(text)
}

// clean bounds a text and makes it one line.
func clean(text string) string {
	text = strings.ToValidUTF8(text, "?")
	text = strings.Join(strings.FieldsFunc(text, func(c rune) bool { return unicode.IsSpace(c) || unicode.IsControl(c) }), " ")
	if len(text) > maxSaid {
		text = strings.ToValidUTF8(text[:maxSaid], "") + "…"
	}
	if text == "" {
		return "it gave no reason"
	}
	return text
}

// bounded keeps the cause of a network error, without what http.Client puts
// before it.
func bounded(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		u, _ := url.Parse(e.URL)
		return fmt.Errorf("%s %s: %w", strings.ToUpper(e.Op), place(u), e.Err)
	}
	if text := err.Error(); len(text) > maxSaid {
		return errors.New(clean(text))
	}
	return err
}

// place is a URL without what may be private in it.
func place(u *url.URL) string {
	if u == nil {
		return "an address that is none"
	}
	plain := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	return plain.String()
}

// missing says whether the cloud said that a thing is not there.
func missing(err error) bool { return hcloud.IsError(err, hcloud.ErrorCodeNotFound) }

// refused says whether the cloud surely did not do what it was asked for.
func refused(err error) bool {
	status := 0
	if e, ok := errors.AsType[hcloud.Error](err); ok {
		status = statusOf(e)
	}
	if o, ok := errors.AsType[*odd](err); ok {
		status = o.status
	}
	return status >= 400 && status < 500 && status != http.StatusRequestTimeout
}
