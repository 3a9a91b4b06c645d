package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wright-build/wright/plugins"
)

// backend is the far side.
type backend struct {
	url, key, bug string
	client        *http.Client
}

var errTaken = errors.New("there is one with this key")

func newBackend(url, key, bug string) *backend {
	return &backend{url: strings.TrimSuffix(url, "/"), key: key, bug: bug, client: &http.Client{Transport: &http.Transport{}}}
}

func (b *backend) has(bug string) bool { return b.bug == bug }

// do sends a request and reads the answer.
func (b *backend) do(ctx context.Context, method, path string, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	if b.has("requests without the context") {
		ctx = context.WithoutCancel(ctx)
	}
	if b.has("gives up after 10 s only") {
		own, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		ctx = own
	}
	for {
		err := b.once(ctx, method, path, text, into)
		if b.has("retries what was denied") && plugins.CodeOf(err) == plugins.Denied {
			time.Sleep(100 * time.Millisecond)
			continue
		}
		return err
	}
}

func (b *backend) once(ctx context.Context, method, path string, text []byte, into any) error {
	r, err := http.NewRequestWithContext(ctx, method, b.url+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	r.Header.Set("X-Key", b.key)
	answer, err := b.client.Do(r)
	if err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("%s %s: %w", method, path, ctx.Err())
		}
		if b.has("lost connections without a code") {
			return err
		}
		return plugins.Errorf(plugins.Transient, "%s %s: %w", method, path, err)
	}
	defer func() { _ = answer.Body.Close() }()
	if err := b.code(answer, fmt.Sprintf("%s %s: the backend says %s", method, path, answer.Status)); err != nil {
		return err
	}
	if into == nil {
		return nil
	}
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil && !b.has("answers are not checked") {
		return plugins.Errorf(plugins.Transient, "%s %s: read the answer: %w", method, path, err)
	}
	return nil
}

// code makes an error of an answer that is none.
func (b *backend) code(answer *http.Response, text string) error {
	status := answer.StatusCode
	wait, _ := strconv.Atoi(answer.Header.Get("Retry-After"))
	switch {
	case b.has("status is not checked"):
		return nil
	case status < 300:
		return nil
	case (status == 401 || status == 403) && b.has("denied without a code"):
		return errors.New(text)
	case (status == 401 || status == 403) && b.has("denied with the key in the text"):
		return plugins.Errorf(plugins.Denied, "%s (key %s)", text, b.key)
	case status == 401 || status == 403:
		return plugins.Errorf(plugins.Denied, "%s", text)
	case status == 404 && (b.ownWords(answer) || b.has("any 404 is gone")):
		return plugins.Errorf(plugins.NotFound, "%s", text)
	case status == 409:
		return errTaken
	case status == 413 && b.has("quota as denied"):
		return plugins.Errorf(plugins.Denied, "%s", text)
	case status == 413:
		return plugins.Errorf(plugins.Quota, "%s", text)
	case status == 429 && b.has("throttling as quota"):
		return plugins.Errorf(plugins.Quota, "%s", text)
	case wait > 10 && b.has("Retry-After cut"):
		return plugins.RetryAfter(10*time.Second, errors.New(text))
	case wait > 0 && b.has("Retry-After in milliseconds"):
		return plugins.RetryAfter(time.Duration(wait)*time.Millisecond, errors.New(text))
	case (status == 429 || status == 503) && wait > 0 && !b.has("Retry-After ignored"):
		return plugins.RetryAfter(time.Duration(wait)*time.Second, errors.New(text))
	case status >= 500 && b.has("500 is invalid"):
		return plugins.Invalidf("config", "%s", text)
	}
	return plugins.Errorf(plugins.Transient, "%s", text)
}

// ownWords says whether an answer is the backend's and not that of whoever is
// between.
func (b *backend) ownWords(answer *http.Response) bool {
	var said struct {
		Error string `json:"error"`
	}
	return json.NewDecoder(answer.Body).Decode(&said) == nil && said.Error != ""
}

type page struct {
	Servers []instance `json:"servers"`
	Next    int        `json:"next"` // 0 when this is the last
}

// list reads all pages until two readings agree: they are numbered, and what goes
// meanwhile moves the rest.
func (b *backend) list(ctx context.Context, query url.Values) ([]instance, error) {
	all, err := b.reading(ctx, query)
	for err == nil && !b.has("pages read once") && !b.has("an error ends the pages") {
		var again []instance
		if again, err = b.reading(ctx, query); sameIDs(all, again) || b.has("first page only") {
			break
		}
		all = again
	}
	return all, err
}

func sameIDs(a, b []instance) bool {
	return slices.EqualFunc(a, b, func(x, y instance) bool { return x.ID == y.ID })
}

// reading asks for every page.
func (b *backend) reading(ctx context.Context, query url.Values) ([]instance, error) {
	var all []instance
	for next := 1; next != 0; {
		query.Set("page", strconv.Itoa(next))
		var p page
		err := b.do(ctx, http.MethodGet, "/v1/servers?"+query.Encode(), nil, &p)
		if err != nil && next > 1 && b.has("an error ends the pages") {
			return all, nil
		}
		if err == nil && p.Servers == nil && !b.has("{} is an empty list") && !b.has("answers are not checked") && !b.has("status is not checked") {
			err = plugins.Errorf(plugins.Transient, "the backend's answer is no list")
		}
		if err != nil {
			return nil, err
		}
		all = append(all, p.Servers...)
		switch {
		case b.has("first page only"):
			return all, nil
		case b.has("page twice") && next == 2 && p.Next != 0:
			all = append(all, p.Servers...)
		case b.has("page skipped") && next == 1 && p.Next != 0:
			p.Next++
		case b.has("last page missed") && p.Next != 0 && len(p.Servers) == 10 && next >= 2:
			return all, nil
		case b.has("pages end at an error") && next == 2:
			if err := b.do(ctx, http.MethodGet, "/v1/nothing", nil, nil); err != nil {
				return all, nil
			}
		}
		next = p.Next
	}
	return all, nil
}

func (b *backend) get(ctx context.Context, id string) (*instance, error) {
	var i instance
	if err := b.do(ctx, http.MethodGet, "/v1/servers/"+url.PathEscape(id), nil, &i); err != nil {
		return nil, err
	}
	return &i, b.whole(i)
}

func (b *backend) post(ctx context.Context, i instance) (*instance, error) {
	var made instance
	if err := b.do(ctx, http.MethodPost, "/v1/servers", i, &made); err != nil {
		return nil, err
	}
	return &made, b.whole(made)
}

func (b *backend) put(ctx context.Context, i instance) (*instance, error) {
	var made instance
	return &made, b.do(ctx, http.MethodPut, "/v1/servers/"+url.PathEscape(i.ID), i, &made)
}

func (b *backend) delete(ctx context.Context, id string) error {
	return b.do(ctx, http.MethodDelete, "/v1/servers/"+url.PathEscape(id), nil, nil)
}

// whole refuses JSON that is no instance.
func (b *backend) whole(i instance) error {
	if (i.ID == "" || i.State == "") && !b.has("answers are not checked") {
		return plugins.Errorf(plugins.Transient, "the backend's answer is no server")
	}
	return nil
}
