package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/wright-build/wright/plugins"
)

// errOvertaken means that a document is no longer the one that was read.
var errOvertaken = errors.New("the document has changed meanwhile")

// fetch reads a document of the backend, and which version it is; a missing one
// leaves into as it is.
func (b *base) fetch(ctx context.Context, name string, into any) (version string, err error) {
	answer, body, err := b.request(ctx, http.MethodGet, name, "", nil)
	if b.bug("errors are an empty list") && (err != nil || json.Unmarshal(body, into) != nil) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	version = answer.Header.Get("ETag")
	if answer.StatusCode == http.StatusNotFound {
		if !json.Valid(body) && !b.bug("any 404 is gone") {
			return "", plugins.Errorf(plugins.Transient, "a 404, and not in the backend's words")
		}
		return version, nil
	}
	if err := json.Unmarshal(body, into); err != nil {
		if b.bug("garbage is an empty list") {
			return "", nil
		}
		return "", plugins.Errorf(plugins.Transient, "read the backend's answer: %w", err)
	}
	return version, nil
}

// store replaces a version of a document of the backend, "" for any. A request
// that was given up may arrive late: it must not overwrite what came after it.
func (b *base) store(ctx context.Context, name, version string, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	answer, body, err := b.request(ctx, http.MethodPut, name, version, body)
	if b.bug("failed writes ignored") {
		return nil
	}
	if err != nil {
		return err
	}
	if answer.StatusCode == http.StatusNotFound || !json.Valid(body) {
		return plugins.Errorf(plugins.Transient, "the backend's answer is %s and no JSON", answer.Status)
	}
	return nil
}

// request gives an answer with the status 2xx or 404.
func (b *base) request(ctx context.Context, method, name, version string, body []byte) (*http.Response, []byte, error) {
	if b.bug("no context") {
		ctx = context.WithoutCancel(ctx)
	}
	r, err := http.NewRequestWithContext(ctx, method, b.text("backend")+"/"+name, bytes.NewReader(body))
	if err != nil {
		return nil, nil, plugins.Invalidf("settings.backend", "%w", err)
	}
	if version != "" {
		r.Header.Set("If-Match", version)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, nil, b.outage(0, fmt.Errorf("ask the backend: %w", err))
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, nil, b.outage(0, fmt.Errorf("read the backend's answer: %w", err))
	}
	if answer.StatusCode == http.StatusPreconditionFailed {
		return nil, nil, errOvertaken
	}
	if answer.StatusCode/100 != 2 && answer.StatusCode != http.StatusNotFound {
		seconds, _ := strconv.Atoi(answer.Header.Get("Retry-After"))
		return nil, nil, b.outage(time.Duration(seconds)*time.Second, fmt.Errorf("the backend answers %s", answer.Status))
	}
	return answer, text, nil
}

func (b *base) outage(after time.Duration, err error) error {
	switch {
	case b.bug("outage without a code"):
		return err
	case b.bug("outage is not found"):
		return plugins.Errorf(plugins.NotFound, "%w", err)
	case b.bug("retry-after ignored"):
		after = 0
	}
	return plugins.RetryAfter(after, err)
}
