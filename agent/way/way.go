// Package way leads an agent to the master that leads: to any of several
// addresses at first, then where a master sends it, and to the next address
// whenever nobody answers. It asks in ever longer intervals that differ from
// agent to agent, since all of them lose a master at once.
package way

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
)

// Way is a connection to one of several masters: the one that leads, as far as
// is known. Calls go where it leads at their begin. It is what a generated client
// calls through; all methods may be called at any time.
type Way struct {
	token     string
	addresses []string // as configured, of which any may lead

	mu   sync.Mutex // guards all below
	at   string     // address that conn is to
	turn int        // index in addresses that was tried last
	conn *grpc.ClientConn
}

// New begins with the first of the addresses, which are separated by commas. The
// connection is made when first needed and again whenever it breaks. Each call
// shows the token, unless it is empty.
func New(addresses, token string) (*Way, error) {
	w := &Way{token: token}
	for _, address := range strings.Split(addresses, ",") {
		w.addresses = append(w.addresses, strings.TrimSpace(address))
	}
	for _, address := range w.addresses {
		if _, err := parseMaster(address); err != nil {
			return nil, err
		}
	}
	return w, w.move(w.addresses[0])
}

func parseMaster(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("address of a master %.200q: want http://host:port", address)
	}
	return u, nil
}

// Invoke makes one call.
func (w *Way) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	return w.now().Invoke(ctx, method, args, reply, opts...)
}

// NewStream opens one stream.
func (w *Way) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	return w.now().NewStream(ctx, desc, method, opts...)
}

func (w *Way) now() *grpc.ClientConn {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.conn
}

// Address is where the way leads.
func (w *Way) Address() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at
}

// turnTo leads to the master that another one has named, unless that would show
// the token in clear where it was not before.
func (w *Way) turnTo(leader string) error {
	u, err := parseMaster(leader)
	if err != nil {
		return err
	}
	if w.token != "" && u.Scheme != "https" && strings.HasPrefix(w.Address(), "https:") {
		return fmt.Errorf("the master at %s names %s as the leader, which is not https", w.Address(), leader)
	}
	return w.move(leader)
}

// turnOn leads to the next address that was configured.
func (w *Way) turnOn() error {
	w.mu.Lock()
	w.turn = (w.turn + 1) % len(w.addresses)
	next := w.addresses[w.turn]
	w.mu.Unlock()
	return w.move(next)
}

func (w *Way) move(address string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.at == address {
		return nil
	}
	conn, err := connect(address, w.token)
	if err != nil {
		return err
	}
	if w.conn != nil {
		_ = w.conn.Close()
	}
	w.at, w.conn = address, conn
	return nil
}

// Close ends the connection, and calls with it.
func (w *Way) Close() { _ = w.now().Close() }

func connect(address, token string) (*grpc.ClientConn, error) {
	u, err := parseMaster(address)
	if err != nil {
		return nil, err
	}
	creds := insecure.NewCredentials()
	if u.Scheme == "https" {
		creds = credentials.NewClientTLSFromCert(nil, "")
	}
	opts := []grpc.DialOption{
		grpc.WithTransportCredentials(creds),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: firstWait, Multiplier: 1.6, Jitter: 0.2, MaxDelay: lastWait},
			MinConnectTimeout: 5 * time.Second,
		}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 20 * time.Second, Timeout: 10 * time.Second}),
		grpc.WithInitialWindowSize(4 << 20), grpc.WithInitialConnWindowSize(16 << 20),
		grpc.WithWriteBufferSize(256 << 10),
	}
	if token != "" {
		opts = append(opts, grpc.WithPerRPCCredentials(bearer{token, u.Scheme == "https"}))
	}
	return grpc.NewClient("dns:///"+u.Host, opts...)
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
