package wrighttest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// authority signs the certificates of a test.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// SecureEtcd is Etcd that wants a certificate of its clients, and has a user who
// may read and write what is Wright's. It returns the arguments of a master, too.
func (h *House) SecureEtcd(members int) (*Etcd, []string) {
	h.t.Helper()
	ca := &authority{dir: h.Dir}
	var names []net.IP
	for n := range members {
		names = append(names, net.ParseIP(h.place(memberName(n), n)))
	}
	err := errors.Join(ca.issue("ca", nil), ca.issue("server", names), ca.issue("client", nil))
	if err != nil {
		h.t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(ca.file("client.crt"), ca.file("client.key"))
	if err != nil {
		h.t.Fatal(err)
	}
	h.secure = &tls.Config{RootCAs: x509.NewCertPool(), Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	h.secure.RootCAs.AddCert(ca.cert)
	e := h.Etcd(members, fmt.Sprintf("client-transport-security:\n  cert-file: %s\n  key-file: %s\n  trusted-ca-file: %s\n  client-cert-auth: true",
		ca.file("server.crt"), ca.file("server.key"), ca.file("ca.crt")))
	e.enableUsers()
	if err := os.WriteFile(ca.file("password"), []byte("of-the-user\n"), 0o600); err != nil {
		h.t.Fatal(err)
	}
	return e, []string{"--etcd-cacert", ca.file("ca.crt"), "--etcd-cert", ca.file("client.crt"), "--etcd-key", ca.file("client.key"),
		"--etcd-user", "wright", "--etcd-password-file", ca.file("password")}
}

// enableUsers makes the user wright, as docs/masters.md says.
func (e *Etcd) enableUsers() {
	e.house.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cli := e.Client()
	defer cli.Close()
	var all []error
	note := func(_ any, err error) { all = append(all, err) }
	note(cli.RoleAdd(ctx, "wright"))
	note(cli.RoleGrantPermission(ctx, "wright", "/wright/", clientv3.GetPrefixRangeEnd("/wright/"), clientv3.PermissionType(clientv3.PermReadWrite)))
	note(cli.UserAdd(ctx, "wright", "of-the-user"))
	note(cli.UserGrantRole(ctx, "wright", "wright"))
	note(cli.UserAdd(ctx, "root", "of-root"))
	note(cli.UserGrantRole(ctx, "root", "root"))
	note(cli.AuthEnable(ctx))
	if err := errors.Join(all...); err != nil {
		e.house.t.Fatal(err)
	}
}

func (a *authority) file(name string) string { return filepath.Join(a.dir, name) }

// issue writes NAME.crt and NAME.key; the first is that of the authority.
func (a *authority) issue(name string, ips []net.IP) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, IPAddresses: ips,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if a.cert == nil {
		cert.IsCA, cert.BasicConstraintsValid, cert.KeyUsage = true, true, x509.KeyUsageCertSign
		a.cert, a.key = cert, key
	}
	signed, err := x509.CreateCertificate(rand.Reader, cert, a.cert, key.Public(), a.key)
	if err != nil {
		return err
	}
	if cert == a.cert {
		if a.cert, err = x509.ParseCertificate(signed); err != nil {
			return err
		}
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(a.file(name+".crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}), 0o600),
		os.WriteFile(a.file(name+".key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600),
	)
}
