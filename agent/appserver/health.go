package appserver

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// Healthy waits until the AppServer at address (host:port) answers its health
// check: a status from 200 to 399, asked without following redirects. Without a
// check it is healthy at once.
func Healthy(ctx context.Context, address string, h *agentv1.Health, progress io.Writer) error {
	if h.GetHttp() == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, h.GetWithin().AsDuration())
	defer cancel()
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("health check: %w", err)
	}
	if h.GetPort() != 0 {
		address = net.JoinHostPort(host, fmt.Sprint(h.GetPort()))
	}
	url := "http://" + address + h.GetHttp()
	_, _ = fmt.Fprintf(progress, "waiting for %s, at most %s\n", url, h.GetWithin().AsDuration())
	client := &http.Client{
		Timeout:       10 * time.Second,
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	wait := 20 * time.Millisecond
	var last error
	for {
		err := ask(ctx, client, url)
		if err == nil {
			return nil
		}
		if last == nil || ctx.Err() == nil { // what it answered says more than that time was up
			last = err
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
			wait = min(wait*3/2, time.Second)
		case <-ctx.Done():
			t.Stop()
			return fmt.Errorf("the AppServer was not healthy within %s: %w", h.GetWithin().AsDuration(), last)
		}
	}
}

func ask(ctx context.Context, client *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode < 200 || resp.StatusCode > 399 {
		return fmt.Errorf("%s answers %s", url, resp.Status)
	}
	return nil
}
