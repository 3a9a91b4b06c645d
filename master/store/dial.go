package store

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// Cluster is an etcd that others run.
type Cluster struct {
	Endpoints []string
	CACert    string // file with the authorities of its certificates; "": the system's
	Cert, Key string // files by which it knows us; "": it does not ask for that
	User      string // "": it does not ask for one
	Password  string
}

const (
	// callTime is how long a member may leave a question unanswered until it is left.
	callTime = 3 * time.Second
	// deafTime is after how much less it is left where the caller waits no longer.
	deafTime = time.Second
	// readTime is the same for many facts at once.
	readTime = time.Minute
	// pingTime is the least that grpc takes.
	pingTime, pongTime = 10 * time.Second, 3 * time.Second
	dialTime           = 10 * time.Second
)

// Dial makes a client of a cluster, and waits until it answers. A member that does
// not, since it sleeps or was cut off, is left for another one.
func Dial(ctx context.Context, c Cluster, log *slog.Logger) (*clientv3.Client, error) {
	secure, err := c.tls()
	if err != nil {
		return nil, err
	}
	w := &wires{began: time.Now(), open: map[string]*wire{}}
	cfg := clientv3.Config{
		Context: ctx, Endpoints: c.Endpoints, TLS: secure, Username: c.User, Password: c.Password, Logger: zap.NewNop(), // errors say it all
		DialTimeout: dialTime, DialKeepAliveTime: pingTime, DialKeepAliveTimeout: pongTime,
		DialOptions: []grpc.DialOption{grpc.WithChainUnaryInterceptor(w.call), grpc.WithChainStreamInterceptor(converse)},
	}
	if !slices.ContainsFunc(c.Endpoints, func(e string) bool { return strings.HasPrefix(e, "unix") }) {
		cfg.DialOptions = append(cfg.DialOptions, grpc.WithContextDialer(w.dial))
	}
	cli, err := clientv3.New(cfg)
	if err != nil {
		return nil, fmt.Errorf("reach etcd at %s: %w", strings.Join(c.Endpoints, ", "), err)
	}
	if err := w.greet(ctx, cli, log); err != nil {
		return nil, errors.Join(fmt.Errorf("reach etcd at %s: %w", strings.Join(c.Endpoints, ", "), err), cli.Close())
	}
	return cli, nil
}

// greet waits until etcd answers, and says why it waits. A certificate or a user
// that does not fit will not get better.
func (w *wires) greet(ctx context.Context, cli *clientv3.Client, log *slog.Logger) error {
	for {
		try, cancel := context.WithTimeout(ctx, callTime)
		_, err := cli.Get(try, root+"installation", clientv3.WithKeysOnly())
		cancel()
		if err == nil || ctx.Err() != nil {
			return err
		}
		var refused rpctypes.EtcdError
		if errors.As(err, &refused) && refused.Code() != codes.Unavailable && refused.Code() != codes.DeadlineExceeded {
			return err
		}
		w.mu.Lock()
		said := w.said
		w.mu.Unlock()
		if strings.Contains(said, "tls: ") || strings.Contains(said, "x509: ") {
			return errors.New(said)
		}
		log.Warn("etcd does not answer; waiting for it", "error", err, "said", said)
		pause(ctx, time.Second)
	}
}

// tls is nil where nothing is said about certificates: etcd's client takes the
// system's authorities then for addresses with https.
func (c Cluster) tls() (*tls.Config, error) {
	if (c.Cert == "") != (c.Key == "") {
		return nil, errors.New("a certificate for etcd and its key come together")
	}
	if c.CACert == "" && c.Cert == "" {
		return nil, nil
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CACert != "" {
		text, err := os.ReadFile(c.CACert)
		if err != nil {
			return nil, fmt.Errorf("read the authorities of etcd's certificates: %w", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("read the authorities of etcd's certificates: there is none in %s", c.CACert)
		}
	}
	if c.Cert != "" {
		if _, err := tls.LoadX509KeyPair(c.Cert, c.Key); err != nil {
			return nil, fmt.Errorf("read the certificate for etcd: %w", err)
		}
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { // anew: it is replaced before it expires
			pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
			return &pair, err
		}
	}
	return cfg, nil
}

// wires are the connections to members.
type wires struct {
	began time.Time // times count from here, whatever the clock on the wall does

	mu   sync.Mutex // guards all below
	open map[string]*wire
	said string // why the last question failed
}

// wire is one that knows when something came, and takes itself off the list.
type wire struct {
	net.Conn
	all   *wires
	heard atomic.Int64 // when, in ns since all.began
}

func (w *wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	w.heard.Store(int64(time.Since(w.all.began)))
	return n, err
}

func (w *wires) dial(ctx context.Context, address string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	it := &wire{Conn: conn, all: w}
	w.open[conn.LocalAddr().String()] = it
	return it, nil
}

func (w *wire) Close() error {
	w.all.mu.Lock()
	delete(w.all.open, w.LocalAddr().String())
	w.all.mu.Unlock()
	return w.Conn.Close()
}

// call asks one member. One that does not answer loses its connection, with all
// that waits there: grpc asks others until there is a new one. Reads are tried
// again by etcd's client; of writes nobody knows whether they were made.
func (w *wires) call(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	bound := callTime
	if r, ok := req.(*etcdserverpb.RangeRequest); ok && len(r.RangeEnd) > 0 && r.Limit == 0 {
		bound = readTime
	}
	attempt, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	var member peer.Peer
	began := time.Now()
	err := invoke(attempt, method, req, reply, cc, append(opts, grpc.Peer(&member))...)
	if err == nil {
		return nil
	}
	w.mu.Lock()
	w.said = err.Error() // of the latest connection, too
	w.mu.Unlock()
	if !errors.Is(attempt.Err(), context.DeadlineExceeded) {
		return err
	}
	if time.Since(began) >= deafTime {
		w.leave(member.LocalAddr, began)
	}
	if ctx.Err() != nil {
		return err
	}
	return status.Errorf(codes.Unavailable, "etcd has not answered for %s", bound)
}

// leave closes the connection to a member of which nothing has come since; one
// that is but slow keeps it.
func (w *wires) leave(at net.Addr, since time.Time) {
	if at == nil {
		return
	}
	w.mu.Lock()
	it := w.open[at.String()]
	w.mu.Unlock()
	if it != nil && it.heard.Load() < int64(since.Sub(w.began)) {
		_ = it.Conn.Close()
	}
}

// converse begins a conversation with a member. Without one the caller waits a
// little: etcd's client tries again at once, for ever.
func converse(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, begin grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	s, err := begin(ctx, desc, cc, method, opts...)
	if err != nil {
		pause(ctx, soon)
	}
	return s, err
}
