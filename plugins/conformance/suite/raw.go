package suite

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/wright-build/wright/plugins"
	pluginv1 "github.com/wright-build/wright/proto/plugin/v1"
)

// raw is the provider's process without the host, which would tidy up after it:
// here one sees what the provider does by itself.
type raw struct {
	t      *T
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	conn   *grpc.ClientConn
	home   string // its HOME
	tmp    string // its TMPDIR
	mark   string // a variable that it and what it starts have
	exited chan struct{}
}

// startRaw launches the provider and does the handshake.
func (t *T) startRaw() *raw {
	r := &raw{t: t, home: t.TempDir(), tmp: t.TempDir(), mark: "WRIGHT_PLUGIN_VERIFY=" + t.id + newID(), exited: make(chan struct{})}
	t.mu.Lock()
	t.opened++
	t.mu.Unlock()
	identity, clientPEM := newIdentity(t)
	line := r.start(clientPEM)
	conn, err := dial(line, identity)
	if err != nil {
		t.Report(Finding{
			Did: "start " + t.subject.Binary + " as a host does", Got: fmt.Sprintf("the first line of its standard output was %.200q: %v", line, err),
			Want: "the handshake of go-plugin: 1|PROTOCOL|unix|SOCKET|grpc|CERTIFICATE on one line, the certificate as base64 of its DER form without padding.",
			Mend: "print nothing else to the standard output before that line; see docs/plugin-contract.md; plugins.Serve does it by itself",
		})
		t.stopNow()
	}
	r.conn = conn
	t.Cleanup(func() { _ = conn.Close() })
	return r
}

// start gives the first line of the process's standard output.
func (r *raw) start(clientPEM string) string {
	t := r.t
	r.cmd = exec.Command(t.subject.Binary)
	r.cmd.Dir = t.TempDir()
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	r.cmd.Stderr = t.said
	r.cmd.WaitDelay = time.Second // a grandchild may keep the output open
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if name == "PATH" || name == "LANG" || strings.HasPrefix(name, "WRIGHT_PLUGIN_") {
			r.cmd.Env = append(r.cmd.Env, kv)
		}
	}
	r.cmd.Env = append(r.cmd.Env, "HOME="+r.home, "TMPDIR="+r.tmp, r.mark, plugins.CookieKey+"="+plugins.CookieValue,
		"PLUGIN_PROTOCOL_VERSIONS=2,1", "PLUGIN_UNIX_SOCKET_DIR="+t.TempDir(), "PLUGIN_CLIENT_CERT="+clientPEM)
	var err error
	if r.stdin, err = r.cmd.StdinPipe(); err != nil {
		t.Fatalf("the suite cannot make a pipe: %v", err)
	}
	out, ours, err := os.Pipe()
	if err != nil {
		t.Fatalf("the suite cannot make a pipe: %v", err)
	}
	r.cmd.Stdout = ours
	if err := r.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", t.subject.Binary, err)
	}
	_ = ours.Close()
	go func() { _ = r.cmd.Wait(); close(r.exited) }()
	t.Cleanup(func() { r.kill(); _ = out.Close() })
	_ = out.SetReadDeadline(time.Now().Add(15*time.Second + t.grace()))
	line, _ := bufio.NewReader(out).ReadString('\n')
	go func() { _ = out.SetReadDeadline(time.Time{}); _, _ = io.Copy(t.said, out) }() // until the pipe is closed
	return strings.TrimSpace(line)
}

// kill ends the process and its group, whatever they do.
func (r *raw) kill() {
	select {
	case <-r.exited: // its ID may be another's by now
	default:
		_ = syscall.Kill(-r.cmd.Process.Pid, syscall.SIGKILL)
	}
	<-r.exited
	for _, pid := range processes(r.mark) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// newIdentity makes the host's certificate.
func newIdentity(t *T) (tls.Certificate, string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatalf("the suite cannot make a key: %v", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment | x509.KeyUsageKeyAgreement | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatalf("the suite cannot make a certificate: %v", err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, string(text)
}

// dial reads the handshake line.
func dial(line string, identity tls.Certificate) (*grpc.ClientConn, error) {
	parts := strings.Split(line, "|")
	if len(parts) < 6 || parts[0] != "1" || parts[4] != "grpc" {
		return nil, errors.New("that is no handshake")
	}
	if parts[1] != "1" && parts[1] != "2" {
		return nil, fmt.Errorf("protocol %q is none of 1, 2", parts[1])
	}
	der, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(parts[5], "="))
	if err != nil {
		return nil, fmt.Errorf("its certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("its certificate: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	return grpc.NewClient("passthrough:///plugin",
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{
			ServerName: "localhost", RootCAs: roots, Certificates: []tls.Certificate{identity}, MinVersion: tls.VersionTLS12,
		})),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(plugins.MaxMessage)),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, parts[2], parts[3])
		}))
}

// describe asks the process what it is.
func (r *raw) describe() (*pluginv1.DescribeResponse, error) {
	d, err := pluginv1.NewPluginServiceClient(r.conn).Describe(r.t.call(), &pluginv1.DescribeRequest{}, grpc.WaitForReady(true))
	return d, plugins.FromStatus(err)
}

// configure tells the process its settings, and gives what the provider says to them.
func (r *raw) configure(settings map[string]any) error {
	return r.configureWithin(r.t.call(), settings)
}

func (r *raw) configureWithin(ctx context.Context, settings map[string]any) error {
	state := r.t.state()
	if err := os.MkdirAll(state, 0o700); err != nil {
		r.t.Fatalf("the suite cannot make a directory: %v", err)
	}
	config, err := plugins.EncodeConfig(settings)
	if err != nil {
		return err
	}
	_, err = pluginv1.NewPluginServiceClient(r.conn).Configure(ctx, &pluginv1.ConfigureRequest{
		StateDir: state, Installation: r.t.installation(), ConfigJson: config,
	}, grpc.WaitForReady(true))
	return r.t.seen(plugins.FromStatus(err))
}

// healthy asks for the process's health.
func (r *raw) healthy(limit time.Duration) error {
	a, err := grpc_health_v1.NewHealthClient(r.conn).Check(r.t.within(limit),
		&grpc_health_v1.HealthCheckRequest{Service: "plugin"}, grpc.WaitForReady(true))
	if err == nil && a.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
		err = fmt.Errorf("it says %s", a.GetStatus())
	}
	return err
}

// goodbye is how a host ends the process.
func (r *raw) goodbye() {
	_ = r.conn.Invoke(r.t.call(), "/plugin.GRPCController/Shutdown", &emptypb.Empty{}, &emptypb.Empty{})
}

// ends says whether the process ends within a time.
func (r *raw) ends(limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-r.exited:
		return true
	case <-timer.C:
		return false
	}
}
