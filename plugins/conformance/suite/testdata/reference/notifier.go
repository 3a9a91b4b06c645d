package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/notifier"
)

// notices is the provider of the kind notifier: it delivers to an HTTP service,
// or a file where its settings have no endpoint.
type notices struct {
	*base
	delivering sync.Mutex // one at a time, so that a token is delivered once
	texts      map[string]bool
}

var _ notifier.Provider = (*notices)(nil)

func (n *notices) receipts() ledger[notifier.Receipt] {
	return ledger[notifier.Receipt]{n.base, "receipts"}
}

func (n *notices) key(token string) string {
	switch {
	case n.bug("tokens cut") && len(token) > 60:
		return token[:60]
	case n.bug("token case ignored"):
		return strings.ToLower(token)
	}
	return token
}

// Notify implements notifier.Provider. The far side knows a token that it was
// sent before, so a death between delivery and receipt does no harm.
func (n *notices) Notify(ctx context.Context, m notifier.Message) error {
	if !n.bug("twice at once") {
		n.delivering.Lock()
		defer n.delivering.Unlock()
	}
	all, err := n.receipts().read(ctx)
	if err != nil {
		return err
	}
	key := n.key(m.Token)
	if _, ok := all[key]; ok && !n.bug("token ignored") {
		return nil
	}
	if text := m.Subject + m.Text; n.bug("the same text once") {
		n.mu.Lock()
		told := n.texts[text]
		if n.texts == nil {
			n.texts = map[string]bool{}
		}
		n.texts[text] = true
		n.mu.Unlock()
		if told {
			return nil
		}
	}
	receipt := notifier.Receipt{Token: m.Token, Tags: n.tags(m.Tags), DeliveredAt: time.Now().UTC()}
	if n.bug("no time") {
		receipt.DeliveredAt = time.Time{}
	}
	if n.bug("receipt first") {
		if err := n.keep(ctx, key, receipt); err != nil {
			return err
		}
	}
	if err := n.pause(ctx); err != nil {
		return err
	}
	if err := n.deliver(ctx, m); err != nil {
		if n.bug("failure swallowed") {
			return nil
		}
		return err
	}
	return n.keep(ctx, key, receipt)
}

func (n *notices) keep(ctx context.Context, key string, r notifier.Receipt) error {
	if n.bug("no receipts") {
		return nil
	}
	return n.receipts().change(ctx, func(all map[string]notifier.Receipt) error {
		all[key] = r
		return nil
	})
}

func (n *notices) deliver(ctx context.Context, m notifier.Message) error {
	switch {
	case n.bug("delivers nothing"):
		return nil
	case n.bug("text cut") && len(m.Text) > 1000:
		m.Text = m.Text[:1000]
	case n.bug("first recipient only"):
		m.Recipients = m.Recipients[:min(1, len(m.Recipients))]
	case n.bug("subject lost"):
		m.Subject = "a message"
	case n.bug("panics on unicode"):
		for _, r := range m.Subject {
			_ = [128]bool{}[r]
		}
	}
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if n.bug("json by hand") {
		b = fmt.Appendf(nil, `{"Token":"%s","Subject":"%s","Text":"%s","Recipients":["%s"]}`, m.Token, m.Subject, m.Text, strings.Join(m.Recipients, `","`))
		if !json.Valid(b) {
			return errors.New("the far side did not understand the message")
		}
	}
	if n.text("endpoint") == "" {
		return n.write(append(b, '\n'))
	}
	attempts := 1
	if n.bug("repeats by itself") {
		attempts = 2
	}
	for i := range attempts {
		err = n.post(ctx, fmt.Sprint(m.Token, " ", i), b)
	}
	return err
}

func (n *notices) write(line []byte) error {
	f, err := os.OpenFile(filepath.Join(n.config().StateDir, "messages"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(line)
	return errors.Join(err, f.Close())
}

func (n *notices) post(ctx context.Context, token string, b []byte) error {
	if n.bug("no context") {
		ctx = context.WithoutCancel(ctx)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, n.text("endpoint"), bytes.NewReader(b))
	if err != nil {
		return plugins.Invalidf("settings.endpoint", "%w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	if !n.bug("far side not told", "twice at once") {
		r.Header.Set("Idempotency-Key", strconv.Quote(token))
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		if n.bug("outage is denied") {
			return plugins.Errorf(plugins.Denied, "deliver: %w", err)
		}
		return plugins.Errorf(plugins.Transient, "deliver: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	_, err = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<20))
	return n.judge(answer, err)
}

// judge makes an error of what the far side answered.
func (n *notices) judge(answer *http.Response, err error) error {
	switch code := answer.StatusCode; {
	case n.bug("status ignored"):
		return nil
	case code/100 == 2:
		return err
	case code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable:
		after, _ := strconv.Atoi(answer.Header.Get("Retry-After"))
		if n.bug("retry-after ignored") {
			after = 0
		}
		return plugins.RetryAfter(time.Duration(after)*time.Second, fmt.Errorf("deliver: the far side says %s", answer.Status))
	case code/100 == 5:
		if n.bug("outage without a code") {
			return fmt.Errorf("deliver: the far side says %s", answer.Status)
		}
		return plugins.Errorf(plugins.Transient, "deliver: the far side says %s", answer.Status)
	case n.bug("refusal is transient"):
		return plugins.Errorf(plugins.Transient, "deliver: the far side says %s", answer.Status)
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return plugins.Errorf(plugins.Denied, "deliver: the far side says %s", answer.Status)
	default:
		return plugins.Errorf(plugins.Invalid, "deliver: the far side says %s", answer.Status)
	}
}

// Receipts implements notifier.Provider.
func (n *notices) Receipts(ctx context.Context, tags map[string]string) ([]notifier.Receipt, error) {
	all, err := n.receipts().sorted(ctx)
	if err != nil {
		return nil, err
	}
	list := []notifier.Receipt{}
	for _, r := range all {
		if n.selects(r.Tags, tags) {
			list = append(list, r)
		}
	}
	if n.bug("newest only") {
		slices.SortFunc(list, func(a, b notifier.Receipt) int { return a.DeliveredAt.Compare(b.DeliveredAt) })
		list = list[max(0, len(list)-50):]
	}
	return pages(n.base, list), nil
}
