package suite

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/wright-build/wright/plugins/balancer"
)

// backend is an AppServer that says who it is and how it was asked.
func (b *balancerBench) backend(name string) balancer.Target {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatalf("the suite cannot listen for an AppServer: %v", err)
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "%s %s %s", name, r.Host, r.URL.RequestURI())
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(l) }()
	b.Cleanup(func() { _ = server.Close(); <-done })
	return balancer.Target{Address: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port}
}

// ask sends a request for the name to the balancer. Who answers and how is the
// answer's text; an answer other than 200 gives the status.
func (b *balancerBench) ask(client *http.Client, name, path string) string {
	ctx, cancel := context.WithTimeout(b.Context(), min(b.grace(), b.subject.Limit))
	defer cancel()
	url := strings.TrimSuffix(strings.ReplaceAll(b.subject.Probe, "{name}", name), "/") + path
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		b.Fatalf("probe: %v", err)
	}
	r.Host = name
	answer, err := client.Do(r)
	if err != nil {
		return "error " + err.Error()
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 1<<10))
	if err != nil {
		return "error " + err.Error()
	}
	if answer.StatusCode != http.StatusOK {
		return "status " + answer.Status
	}
	return string(text)
}

// client gives one that makes a connection for each request.
func (b *balancerBench) client() *http.Client {
	if b.subject.Probe == "" {
		b.Skipf("no address to ask is given: set probe (Subject.Probe) to the URL at which the balancer answers, such as \"http://127.0.0.1:8080/\"")
	}
	t := &http.Transport{DisableKeepAlives: true}
	b.Cleanup(t.CloseIdleConnections)
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func balancerRequests(b *balancerBench) {
	c := b.client()
	name := b.domain("asked")
	one, two := b.backend("one"), b.backend("two")
	const path = "/a%20path/?q=1"
	b.set(name, one)
	b.answers(c, "Set a route", name, path, "one "+name+" "+path)
	b.answers(c, "Set a route, ask for the name in capitals", strings.ToUpper(name), path, "one "+strings.ToUpper(name)+" "+path)
	b.set(name, two)
	b.answers(c, "Set a route, then Set it to another target", name, path, "two "+name+" "+path)
	b.set(name, one, two)
	b.both(c, name)
	b.drop(b.m, name, b.ownTags())
	if got := b.ask(c, name, path); strings.HasPrefix(got, "one ") || strings.HasPrefix(got, "two ") {
		b.Report(Finding{Did: "Delete a route, then send a request for its name", Got: "the AppServer " + got[:3] + " still answers", Want: balancerDeleteDoc})
	}
}

func (b *balancerBench) answers(c *http.Client, did, name, path, want string) {
	for range 4 {
		if got := b.ask(c, name, path); !strings.EqualFold(got, want) {
			b.Report(Finding{
				Did: fmt.Sprintf("%s, then at once send a request for http://%s%s", did, name, path),
				Got: fmt.Sprintf("the answer %q, it must be the AppServer's: %q (who answers, the Host header, the path)", got, want),
			})
			return
		}
	}
}

// both looks whether each of two targets gets requests.
func (b *balancerBench) both(c *http.Client, name string) {
	var seen []string
	for range 60 {
		who, _, _ := strings.Cut(b.ask(c, name, "/"), " ")
		if !slices.Contains(seen, who) {
			seen = append(seen, who)
		}
	}
	if len(seen) != 2 || !slices.Contains(seen, "one") || !slices.Contains(seen, "two") {
		b.Report(Finding{Did: "Set a route to the targets one and two, then send 60 requests", Got: fmt.Sprintf("answers of %q", seen), Mend: "send requests to every target"})
	}
}

func balancerUndisturbed(b *balancerBench) {
	c := b.client()
	name := b.domain("steady")
	b.set(name, b.backend("steady"))
	b.answers(c, "Set a route", name, "/", "steady "+name+" /")
	var lost atomic.Pointer[string]
	ctx, stop := context.WithCancel(b.Context())
	defer stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			if got := b.ask(c, name, "/"); ctx.Err() == nil && !strings.HasPrefix(got, "steady ") {
				lost.CompareAndSwap(nil, &got)
			}
		}
	}()
	for i := range 10 {
		other := b.domain(fmt.Sprintf("busy%d", i))
		b.set(other, target("127.1.0.1")) // nobody is there
		if i%2 == 0 {
			b.drop(b.m, other, b.ownTags())
		}
	}
	stop()
	<-done
	if got := lost.Load(); got != nil {
		b.Report(Finding{Did: "send requests for one name while the routes of others are set and deleted", Got: fmt.Sprintf("the answer %q", *got)})
	}
}
