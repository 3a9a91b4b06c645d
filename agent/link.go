package agent

import (
	"context"
	"fmt"
	"net/url"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// link is the way to the master: it keeps the newest word on every attempt
// until it is sent, whether there is a connection or not.
type link struct {
	conn   *grpc.ClientConn
	client agentv1.AgentsClient
	more   chan struct{}

	mu      sync.Mutex // guards all below
	words   map[key]*agentv1.Update
	results []*agentv1.OperationResult
}

// dial prepares the connection; it is made when first needed and again
// whenever it breaks.
func dial(cfg Config) (*link, error) {
	u, err := url.Parse(cfg.Address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("address of the master %q: want http://host:port", cfg.Address)
	}
	creds := insecure.NewCredentials()
	if u.Scheme == "https" {
		creds = credentials.NewClientTLSFromCert(nil, "")
	}
	opts := []grpc.DialOption{
		grpc.WithTransportCredentials(creds),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 3 * time.Second},
			MinConnectTimeout: 5 * time.Second,
		}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 20 * time.Second, Timeout: 10 * time.Second}),
		grpc.WithInitialWindowSize(4 << 20), grpc.WithInitialConnWindowSize(16 << 20),
		grpc.WithWriteBufferSize(256 << 10),
	}
	if cfg.Token != "" {
		opts = append(opts, grpc.WithPerRPCCredentials(bearer{cfg.Token, u.Scheme == "https"}))
	}
	conn, err := grpc.NewClient("dns:///"+u.Host, opts...)
	if err != nil {
		return nil, err
	}
	return &link{conn: conn, client: agentv1.NewAgentsClient(conn), more: make(chan struct{}, 1), words: map[key]*agentv1.Update{}}, nil
}

// bearer shows the token with every call. Over plain HTTP it travels in
// clear: that is for loopback and trusted networks.
type bearer struct {
	token  string
	secure bool
}

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + b.token}, nil
}

func (b bearer) RequireTransportSecurity() bool { return b.secure }

func (l *link) close() { _ = l.conn.Close() }

// Client is for what has its own call: output and watch files.
func (l *link) Client() agentv1.AgentsClient { return l.client }

// Say queues a word for the master; a newer one replaces it.
func (l *link) Say(u *agentv1.Update) {
	l.mu.Lock()
	l.words[key{u.GetBuild(), u.GetAttempt()}] = u
	l.mu.Unlock()
	l.poke()
}

// result queues what became of an operation.
func (l *link) result(r *agentv1.OperationResult) {
	l.mu.Lock()
	l.results = append(l.results, r)
	l.mu.Unlock()
	l.poke()
}

func (l *link) poke() {
	select {
	case l.more <- struct{}{}:
	default:
	}
}

// take removes and returns what is queued.
func (l *link) take() ([]*agentv1.Update, []*agentv1.OperationResult) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var words []*agentv1.Update
	for k, u := range l.words {
		words = append(words, u)
		delete(l.words, k)
	}
	results := l.results
	l.results = nil
	return words, results
}
