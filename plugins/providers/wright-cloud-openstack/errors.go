package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/gophercloud/gophercloud/v2"

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
		if errors.Is(err, ctx.Err()) {
			return fmt.Errorf("openstack: %s: %w", doing, bounded(err))
		}
		return fmt.Errorf("openstack: %s: %w", doing, ctx.Err())
	}
	if _, ok := errors.AsType[*plugins.Error](err); ok {
		return fmt.Errorf("openstack: %s: %w", doing, err)
	}
	if noEndpoint(err) {
		return plugins.Errorf(plugins.Invalid, "openstack: %s: the cloud has none; look at the settings region and interface: %w", doing, bounded(err))
	}
	answer, ok := answerOf(err)
	if !ok {
		return plugins.Errorf(plugins.Transient, "openstack: %s: %w", doing, bounded(err))
	}
	said := said(answer.Body)
	told := fmt.Errorf("openstack: %s: %s %s: %d %s: %s", doing, answer.Method, place(answer.URL), answer.Actual, http.StatusText(answer.Actual), said)
	e := &plugins.Error{Code: codeOf(answer.Actual, said), Err: told}
	if answer.Actual == http.StatusNotFound && !missing(err) {
		e.Code = plugins.Transient
	}
	if e.Code == plugins.Transient {
		e.RetryAfter = retryAfter(answer.ResponseHeader)
	}
	return e
}

// answerOf finds the answer in an error, also in that of a login that failed.
func answerOf(err error) (gophercloud.ErrUnexpectedResponseCode, bool) {
	if e, ok := errors.AsType[*gophercloud.ErrUnableToReauthenticate](err); ok {
		return answerOf(e.ErrReauth)
	}
	if e, ok := errors.AsType[*gophercloud.ErrErrorAfterReauthentication](err); ok {
		return answerOf(e.ErrOriginal)
	}
	return errors.AsType[gophercloud.ErrUnexpectedResponseCode](err)
}

// statusOf is the status that the cloud answered with; 0 when it did not.
func statusOf(err error) int {
	answer, _ := answerOf(err)
	return answer.Actual
}

func codeOf(status int, said string) plugins.Code {
	low := strings.ToLower(said)
	quota := strings.Contains(low, "quota") || strings.Contains(low, "no more ip addresses")
	switch {
	case quota && (status == http.StatusForbidden || status == http.StatusConflict || status == http.StatusRequestEntityTooLarge):
		return plugins.Quota
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return plugins.Denied
	case status == http.StatusNotFound:
		return plugins.NotFound
	case status == http.StatusNotAcceptable:
		return plugins.Unsupported
	case status == http.StatusBadRequest, status == http.StatusUnprocessableEntity:
		return plugins.Invalid
	case status == http.StatusConflict, status == http.StatusRequestTimeout, status == http.StatusRequestEntityTooLarge,
		status == http.StatusTooManyRequests, status >= 500:
		return plugins.Transient
	}
	return plugins.Unknown
}

// said finds the message in an answer: every service has its own form.
func said(body []byte) string {
	text := string(body)
	var outer map[string]json.RawMessage
	if json.Unmarshal(body, &outer) == nil {
		for _, raw := range outer {
			var inner struct{ Message string }
			if json.Unmarshal(raw, &inner) == nil && inner.Message != "" {
				text = inner.Message
			}
		}
	}
	return clean(text)
}

// clean bounds a text and makes it one line.
func clean(text string) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "?")), " ")
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
		return fmt.Errorf("%s %s: %w", strings.ToUpper(e.Op), place(e.URL), e.Err)
	}
	if text := err.Error(); len(text) > maxSaid {
		return errors.New(clean(text))
	}
	return err
}

// place is a URL without what may be private in it.
func place(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "an address that is none"
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}

// missing says whether the cloud said that a thing is not there. The page of a
// proxy that finds no service is no word of the cloud's.
func missing(err error) bool {
	answer, _ := answerOf(err)
	var parts map[string]json.RawMessage
	return answer.Actual == http.StatusNotFound && json.Unmarshal(answer.Body, &parts) == nil && len(parts) > 0
}

// refused says whether the cloud surely did not do what was asked for.
func refused(err error) bool {
	status := statusOf(err)
	return status >= 400 && status < 500 && status != http.StatusRequestTimeout
}
