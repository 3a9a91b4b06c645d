package plugins

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/protobuf/types/known/emptypb"
)

// What a host and its plugins agree on before anything else, in the words of
// go-plugin, which the host is made with. The plugin's side of it is so small
// that it stands here: go-plugin would bring eight modules into every provider.
//
// The host sets these variables, and the plugin answers with one line on its
// standard output: "1|PROTOCOL|unix|SOCKET|grpc|CERTIFICATE".
const (
	// The cookie is no secret: it only tells a launch by a host from one by a person.
	CookieKey   = "WRIGHT_PLUGIN_COOKIE"
	CookieValue = "1d6a0a54-wright-plugin"

	protocolsKey  = "PLUGIN_PROTOCOL_VERSIONS" // that the host speaks: "2,1"
	clientCertKey = "PLUGIN_CLIENT_CERT"       // PEM; nobody else may call
	socketDirKey  = "PLUGIN_UNIX_SOCKET_DIR"   // where the plugin listens

	healthService = "plugin" // what the host asks the health of
)

// The protocols that hosts and plugins of this version speak. The newest that
// both know is used; proto/plugin/v1/plugin.proto says how they differ.
const (
	Protocol       = 2
	OldestProtocol = 1
)

// protocol is the one that a launch agreed on.
type protocol int

// agree takes the newest protocol that the host offers and this package knows.
func agree(offered string) (protocol, error) {
	var known []int
	older := "upgrade Wright"
	for s := range strings.SplitSeq(offered, ",") {
		switch n, err := strconv.Atoi(strings.TrimSpace(s)); {
		case err != nil:
		case n > Protocol:
			older = "upgrade the plugin"
		case n >= OldestProtocol:
			known = append(known, n)
		}
	}
	if offered == "" {
		return OldestProtocol, nil // hosts always say it, but go-plugin need not
	}
	if len(known) == 0 {
		return 0, fmt.Errorf("the host speaks protocols %.60q, this plugin %d to %d: %s", offered, OldestProtocol, Protocol, older)
	}
	return protocol(slices.Max(known)), nil
}

func handshakeLine(p protocol, at net.Addr, identity []byte) string {
	const goPlugin = 1 // the version of the handshake itself
	return fmt.Sprintf("%d|%d|%s|%s|grpc|%s\n", goPlugin, p, at.Network(), at.String(), base64.RawStdEncoding.EncodeToString(identity))
}

// mutualTLS makes a certificate for this process, which the host is told, and
// credentials that let nobody call but the host.
func mutualTLS(hostPEM string) (identity []byte, _ credentials.TransportCredentials, err error) {
	host := x509.NewCertPool()
	if !host.AppendCertsFromPEM([]byte(hostPEM)) {
		return nil, nil, fmt.Errorf("the host gave no certificate in %s", clientCertKey)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("make a key: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(30, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IsCA: true, BasicConstraintsValid: true,
	}
	identity, err = x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, nil, fmt.Errorf("make a certificate: %w", err)
	}
	return identity, credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{identity}, PrivateKey: key}},
		ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: host, MinVersion: tls.VersionTLS13,
	}), nil
}

// registerController adds the service by which the host says goodbye.
func registerController(to grpc.ServiceRegistrar, stop func()) {
	to.RegisterService(&grpc.ServiceDesc{
		ServiceName: "plugin.GRPCController", HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{
			MethodName: "Shutdown",
			Handler: func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
				if err := decode(new(emptypb.Empty)); err != nil {
					return nil, errors.Join(errors.New("read the host's goodbye"), err)
				}
				go stop()
				return new(emptypb.Empty), nil
			},
		}},
	}, nil)
}
