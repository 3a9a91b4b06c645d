// Package mailtest is a mail server for tests: it takes mail by real SMTP, with
// STARTTLS and a password where they are asked for, and misbehaves as it is told.
// It delivers nothing.
package mailtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Config says what the server is like.
type Config struct {
	Listen   string // default: a free port on loopback
	StartTLS bool   // with a certificate that only CA is trusted for
	TLS      bool   // from the first byte
	User     string // wanted, with Password; "": nobody logs in
	Password string
}

// Mail is a message that was taken.
type Mail struct {
	From, To string
	Data     string
	TLS      bool
	User     string
}

// Server takes mail.
type Server struct {
	Addr string
	CA   string // file

	mu     sync.Mutex // guards all below
	taken  []Mail
	refuse func(stage, to string) error // stage: mail, rcpt, data, taken
	open   int                          // sessions
}

// Start starts a server that ends with the test.
func Start(t testing.TB, cfg Config) *Server {
	t.Helper()
	if cfg.Listen == "" {
		cfg.Listen = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Addr: l.Addr().String()}
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.open++
		return &session{server: s, conn: c, cfg: cfg}, nil
	}))
	server.Domain, server.AllowInsecureAuth = "mail.example.test", true
	server.MaxMessageBytes, server.ErrorLog = 20<<20, discard{}
	if cfg.StartTLS || cfg.TLS {
		certificate := s.certificate(t)
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
		if cfg.TLS {
			l = tls.NewListener(l, server.TLSConfig)
			server.TLSConfig = nil
		}
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	return s
}

type discard struct{}

func (discard) Printf(string, ...any) {}
func (discard) Println(...any)        {}

// Refuse has the server answer with an error where refuse says so; nil: never.
func (s *Server) Refuse(refuse func(stage, to string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = refuse
}

// Taken lists what was taken.
func (s *Server) Taken() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.taken)
}

// Open is how many are connected.
func (s *Server) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}

func (s *Server) ask(stage, to string) error {
	s.mu.Lock()
	refuse := s.refuse
	s.mu.Unlock()
	if refuse == nil {
		return nil
	}
	return refuse(stage, to)
}

// certificate makes one for loopback, and the file CA.
func (s *Server) certificate(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	s.CA = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(s.CA, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// session is one conversation.
type session struct {
	server *Server
	conn   *smtp.Conn
	cfg    Config
	user   string
	mail   Mail
}

func (s *session) AuthMechanisms() []string {
	if s.cfg.User == "" {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != s.cfg.User || password != s.cfg.Password {
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "no, " + password + " is wrong"}
		}
		s.user = user
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	_, secure := s.conn.TLSConnectionState()
	if s.cfg.StartTLS && !secure {
		return &smtp.SMTPError{Code: 530, Message: "must issue a STARTTLS command first"}
	}
	if s.cfg.User != "" && s.user == "" {
		return &smtp.SMTPError{Code: 530, Message: "authentication required"}
	}
	s.mail = Mail{From: from, TLS: secure, User: s.user}
	return s.server.ask("mail", "")
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if s.mail.To != "" {
		return errors.New("one recipient at a time, please")
	}
	if err := s.server.ask("rcpt", to); err != nil {
		return err
	}
	s.mail.To = to
	return nil
}

// Data takes the message; what is refused at the stage "taken" is there none the
// less, only its sender does not hear of it.
func (s *session) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if err := s.server.ask("data", s.mail.To); err != nil {
		return err
	}
	s.mail.Data = string(data)
	s.server.mu.Lock()
	s.server.taken = append(s.server.taken, s.mail)
	s.server.mu.Unlock()
	return s.server.ask("taken", s.mail.To)
}

func (s *session) Reset() { s.mail = Mail{} }

func (s *session) Logout() error {
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.server.open--
	return nil
}

// Greylisted is what a server says that wants to be asked again later.
func Greylisted() error {
	return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "greylisted, try again later"}
}

// Unknown is what a server says of a mailbox that there is not.
func Unknown() error {
	return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
}
