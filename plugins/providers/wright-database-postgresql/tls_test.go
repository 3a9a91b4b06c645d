package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/database/ledger/ledgertest"
)

// encrypted has the server speak TLS, and plain text to nobody but the tests.
func encrypted(t *testing.T, one starter, dir string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "lab"}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	cert, err := x509.CreateCertificate(rand.Reader, &about, &about, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certificate := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}))
	server, plain := one(t, asTheyAre)
	plain.Make(t, ledgertest.Spec("plain"))
	plain.End(t, "plain")
	// The server writes its own files, as their owner.
	for name, text := range map[string]string{"server.crt": certificate, "server.key": string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private}))} {
		execute(t, server.Admin, "COPY (SELECT unnest(string_to_array('"+text+"', E'\\n'))) TO PROGRAM 'umask 077; cat > "+name+"'")
	}
	execute(t, server.Admin, "COPY (SELECT unnest(ARRAY['hostssl all admin all scram-sha-256', 'host all tester all scram-sha-256', 'hostssl all all all scram-sha-256'])) TO PROGRAM 'cat > pg_hba.conf'",
		"ALTER SYSTEM SET ssl = on", "SELECT pg_reload_conf()")
	address := server.Entry["address"].(string)
	tls := open(t, "postgres://tester:tester@"+address+"/postgres?sslmode=require")
	for tls.PingContext(t.Context()) != nil { // until the server has read all that
		<-time.After(20 * time.Millisecond)
	}
	ca := dir + "/ca.pem"
	write(t, ca, certificate)
	with := func(mode, file string) ledgertest.Agent {
		_, a := one(t, func(_, server map[string]any) {
			server["tls"] = mode
			if file != "" {
				server["ca-file"] = file
			}
		})
		return a
	}
	with("off", "").Refused(t, ledgertest.Spec("off"), plugins.Denied, "no encryption")
	with("verify", "").Refused(t, ledgertest.Spec("unknown"), plugins.Transient, "unknown authority")
	with("insecure", "").Make(t, ledgertest.Spec("insecure"))
	a := with("verify", ca)
	made := a.Make(t, ledgertest.Spec("verify"))
	if err := open(t, made.URL).PingContext(t.Context()); err != nil {
		t.Errorf("a program cannot log in at %s: %v", made.Variables["HOST"], err)
	}
	a.End(t, "verify", "insecure")
	ledgertest.Subject{One: server, Two: server}.Empty(t)
}
