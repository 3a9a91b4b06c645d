package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// shopURL is where the shop's active AppServer answers.
func (d *demo) shopURL() string {
	u, err := url.Parse(d.address)
	if err != nil {
		return d.address
	}
	return "http://shop.localhost:" + u.Port() + "/"
}

// fetch gets the shop's page. The name is not looked up: browsers know what
// *.localhost means, resolvers may not.
func (d *demo) fetch(ctx context.Context) (string, error) {
	return d.get(ctx, d.browser())
}

func (d *demo) browser() *http.Client {
	u, _ := url.Parse(d.address)
	var dialer net.Dialer
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, u.Host)
		},
	}}
}

func (d *demo) get(ctx context.Context, c *http.Client) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.shopURL(), nil)
	if err != nil {
		return "", err
	}
	resp, err := c.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answers %s", d.shopURL(), resp.Status)
	}
	return string(body), err
}

// visits is what a visitor has seen.
type visits struct {
	count int
	pages []string // in order, repetitions left out
	err   error    // the first that went wrong
}

// visitor visits the shop at a steady rate until stopped.
type visitor struct {
	cancel context.CancelFunc
	done   chan visits
}

func (d *demo) visit(ctx context.Context, perSecond int) *visitor {
	ctx, cancel := context.WithCancel(ctx)
	v := &visitor{cancel: cancel, done: make(chan visits, 1)}
	go func() {
		var seen visits
		client := d.browser()
		tick := time.NewTicker(time.Second / time.Duration(perSecond))
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				seen.add(d.get(ctx, client))
			case <-ctx.Done():
				v.done <- seen
				return
			}
		}
	}()
	return v
}

func (v *visitor) stop() visits {
	v.cancel()
	return <-v.done
}

func (s *visits) add(page string, err error) {
	if err != nil {
		if s.err == nil && !strings.Contains(err.Error(), context.Canceled.Error()) {
			s.err = err
		}
		return
	}
	s.count++
	if n := len(s.pages); n == 0 || s.pages[n-1] != page {
		s.pages = append(s.pages, page)
	}
}

// check wants first the old page, then the new one, and nothing else.
func (s *visits) check(before, after string) error {
	if s.err != nil {
		return fmt.Errorf("a visit failed: %w", s.err)
	}
	if len(s.pages) != 2 || !strings.Contains(s.pages[0], before) || !strings.Contains(s.pages[1], after) {
		return fmt.Errorf("visitors saw %d different pages in turn, want %q and then %q", len(s.pages), before, after)
	}
	return nil
}
