// Package mail brings notices to a mail server. It writes the message, with an
// ID that stays the same however often it is sent, so that receivers drop what
// comes twice, and hands it over by SMTP. It does not know what a notice is
// about, nor when it is tried again.
//
// Messages and their transport are go-mail's: MIME, the encoding of headers and
// four ways to log in are no work to do again.
package mail

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/notify/content"
	"github.com/wright-build/wright/master/notify/outcome"
	"github.com/wright-build/wright/master/state"
)

// patience is how long the server may be silent.
const patience = 2 * time.Minute

// farewell is how long a server may take to say goodbye.
const farewell = 2 * time.Second

// maxReply bounds what is kept of a server's reply, in bytes.
const maxReply = 500

// Config is the server and how it is used.
type Config struct {
	manifests.SMTPConfig
	Secret       func(manifests.SecretRef) ([]byte, error) // asked for each message: it may change
	Installation string                                    // whose builds these are: others may have some of the same names
	Patience     time.Duration                             // how long the server may be silent; default 2 minutes
}

// Server is where mail goes.
type Server struct {
	cfg     Config
	leaving sync.WaitGroup // goodbyes that are still being said
}

// New makes it; nothing is connected.
func New(cfg Config) *Server {
	if cfg.Patience == 0 {
		cfg.Patience = patience
	}
	return &Server{cfg: cfg}
}

// Close waits until the last goodbye is said.
func (s *Server) Close() { s.leaving.Wait() }

// Deliver sends a notice to its address.
func (s *Server) Deliver(ctx context.Context, n *state.Notice, c content.Content) error {
	m, err := s.message(n.To, c.Subject, c.Text)
	if err != nil {
		return outcome.Final(err)
	}
	m.SetMessageIDWithValue(s.messageID(n.ID))
	if first := content.OneLine(n.Since); first != "" && first != n.Build {
		thread := "<" + s.messageID(thread(n, first)) + ">"
		m.SetGenHeader(gomail.HeaderReferences, thread)
		m.SetGenHeader(gomail.HeaderInReplyTo, thread)
	}
	m.SetGenHeader("X-Wright-Event", n.Event)
	m.SetGenHeader("X-Wright-Instance", n.Instance)
	m.SetGenHeader("X-Wright-Build", n.Build)
	if f := c.Log; f != nil {
		if err := m.AttachReader(f.Name, strings.NewReader(string(f.Data)), gomail.WithFileContentType(gomail.ContentType(f.Type))); err != nil {
			return fmt.Errorf("attach %s: %w", f.Name, err)
		}
	}
	return s.send(ctx, m)
}

// thread is the ID of the notice with which a row of failures began.
func thread(n *state.Notice, first string) string {
	return state.NoticeID(n.Channel, manifests.BuildFailed, first, n.To)
}

// Test sends a message that says only that it came.
func (s *Server) Test(ctx context.Context, to, page string, now time.Time) error {
	m, err := s.message(to, "[wright] a test", "Wright at "+page+" can send you mail.\n")
	if err != nil {
		return err
	}
	m.SetMessageIDWithValue(s.messageID(fmt.Sprint("test.", now.UnixNano())))
	return s.send(ctx, m)
}

// message is what all have in common. Headers are encoded by go-mail, which
// lets no line end through; what comes here holds none.
func (s *Server) message(to, subject, text string) (*gomail.Msg, error) {
	if err := manifests.CheckMailAddress(to); err != nil {
		return nil, err
	}
	m := gomail.NewMsg()
	if err := m.FromFormat("Wright", s.cfg.From); err != nil {
		return nil, fmt.Errorf("the sender %s: %w", s.cfg.From, err)
	}
	if err := m.To(to); err != nil {
		return nil, fmt.Errorf("the recipient %s: %w", to, err)
	}
	m.Subject(content.OneLine(subject))
	m.SetDate()
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: nobody is to answer by himself
	m.SetGenHeader("X-Auto-Response-Suppress", "All")
	m.SetUserAgent("Wright")
	m.SetBodyString(gomail.TypeTextPlain, text)
	return m, nil
}

// messageID is made of what stays the same.
func (s *Server) messageID(id string) string {
	sum := sha256.Sum256([]byte(s.cfg.Installation + "\x00" + id))
	_, domain, _ := strings.Cut(s.cfg.From, "@")
	return "wright." + hex.EncodeToString(sum[:16]) + "@" + domain
}

// send hands a message over. Once the server has taken it, nothing that goes
// wrong afterwards counts, and nothing else is waited for: whoever dies before
// that is written down sends it twice.
func (s *Server) send(ctx context.Context, m *gomail.Msg) error {
	var conn *bound // go-mail closes none that it cannot log in on
	client, err := s.client(ctx, func(c *bound) { conn = c })
	if err != nil {
		return outcome.Far(err)
	}
	session, err := client.DialToSMTPClientWithContext(ctx)
	if err == nil {
		err = client.SendWithSMTPClient(session, m)
	}
	switch {
	case conn == nil:
	case m.IsDelivered():
		s.leaving.Go(func() { conn.leave(func() error { return client.CloseWithSMTPClient(session) }) })
		return nil
	default:
		err = errors.Join(err, conn.Close())
	}
	return s.judge(err)
}

// judge reads from an error whether another try is of use.
func (s *Server) judge(err error) error {
	said := fmt.Errorf("the mail server %s: %s", s.address(), content.OneLine(s.quiet(err)))
	var e *gomail.SendError
	if !errors.As(err, &e) {
		return outcome.Far(said) // it did not come to the message
	}
	switch code := e.ErrorCode(); {
	case code == 421 || code < 400: // it closes the connection, or has
		return outcome.Far(said)
	case code >= 500:
		return outcome.Final(said)
	}
	return said
}

// quiet is an error's text without the password, should the server repeat it.
func (s *Server) quiet(err error) string {
	text := err.Error()
	if password, err := s.password(); err == nil && len(password) > 0 {
		text = strings.ReplaceAll(text, password, "***")
	}
	return text[:min(len(text), maxReply)]
}

func (s *Server) password() (string, error) {
	if s.cfg.User == "" {
		return "", nil
	}
	value, err := s.cfg.Secret(s.cfg.Password)
	return string(value), err
}

func (s *Server) address() string { return net.JoinHostPort(s.cfg.Host, fmt.Sprint(s.cfg.Port)) }

// client is set up for one message.
func (s *Server) client(ctx context.Context, opened func(*bound)) (*gomail.Client, error) {
	trust, err := s.trust()
	if err != nil {
		return nil, err
	}
	options := []gomail.Option{
		gomail.WithPort(s.cfg.Port), gomail.WithTimeout(s.cfg.Patience), gomail.WithTLSConfig(trust), gomail.WithoutNoop(), gomail.WithoutRset(),
		gomail.WithTLSPolicy(gomail.NoTLS), gomail.WithDialContextFunc(s.dial(ctx, opened, trust)),
	}
	if s.cfg.TLS == "starttls" {
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if s.cfg.User != "" {
		password, err := s.password()
		if err != nil {
			return nil, err
		}
		options = append(options, gomail.WithUsername(s.cfg.User), gomail.WithPassword(password),
			gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin))
	}
	client, err := gomail.NewClient(s.cfg.Host, options...)
	if err != nil {
		return nil, fmt.Errorf("set up mail by %s: %w", s.address(), err)
	}
	return client, nil
}

func (s *Server) trust() (*tls.Config, error) {
	c := &tls.Config{ServerName: s.cfg.Host, MinVersion: tls.VersionTLS12}
	if s.cfg.CA == "" {
		return c, nil
	}
	text, err := os.ReadFile(s.cfg.CA)
	if err != nil {
		return nil, fmt.Errorf("read the certificates that mail servers are trusted by: %w", err)
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate in PEM", s.cfg.CA)
	}
	return c, nil
}

// dial connects so that the end of ctx ends whatever is under way.
func (s *Server) dial(whole context.Context, opened func(*bound), trust *tls.Config) gomail.DialContextFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		c := &bound{Conn: conn, stop: context.AfterFunc(whole, func() { _ = conn.Close() })}
		opened(c)
		if s.cfg.TLS != "tls" {
			return c, nil
		}
		secure := tls.Client(c, trust)
		return secure, secure.HandshakeContext(ctx)
	}
}

// bound is a connection that is bound to a context, until it is closed.
type bound struct {
	net.Conn
	stop func() bool
}

func (b *bound) Close() error {
	b.stop()
	return b.Conn.Close()
}

// leave says goodbye, which nobody waits for long, and closes the connection.
func (b *bound) leave(goodbye func() error) {
	defer func() { _ = b.Close() }()
	b.stop()
	if b.SetDeadline(time.Now().Add(farewell)) == nil {
		_ = goodbye() // what was to be said is said
	}
}
