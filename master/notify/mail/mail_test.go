package mail

import (
	"context"
	"errors"
	"io"
	"mime"
	"net"
	"net/mail"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/notify/content"
	"github.com/wright-build/wright/master/notify/mail/mailtest"
	"github.com/wright-build/wright/master/notify/outcome"
	"github.com/wright-build/wright/master/state"
)

// to is a server of ours that sends to the one of a test.
func to(t *testing.T, s *mailtest.Server, set func(*Config)) *Server {
	t.Helper()
	host, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	n, _ := strconv.Atoi(port)
	cfg := Config{
		SMTPConfig: manifests.SMTPConfig{Host: host, Port: n, TLS: "none", From: "wright@example.test"}, Patience: 10 * time.Second,
		Secret: func(manifests.SecretRef) ([]byte, error) { return []byte("s3cret-word"), nil },
	}
	if set != nil {
		set(&cfg)
	}
	return New(cfg)
}

func failure(build string) *state.Notice {
	return &state.Notice{
		ID: state.NoticeID("mail", manifests.BuildFailed, build, "ops@example.test"), Channel: "mail", Event: manifests.BuildFailed,
		Instance: "shop", Build: build, To: "ops@example.test", Since: build, Failures: 1,
	}
}

func parsed(t *testing.T, m mailtest.Mail) (*mail.Message, string) {
	t.Helper()
	read, err := mail.ReadMessage(strings.NewReader(m.Data))
	if err != nil {
		t.Fatalf("%v:\n%s", err, m.Data)
	}
	body, err := io.ReadAll(read.Body)
	if err != nil {
		t.Fatal(err)
	}
	return read, string(body)
}

// TestWays: mail passes in each of the ways that a server may want it.
func TestWays(t *testing.T) {
	for name, way := range map[string]struct {
		server mailtest.Config
		mode   string
	}{
		"in the clear":      {mailtest.Config{}, "none"},
		"with a password":   {mailtest.Config{User: "wright", Password: "s3cret-word"}, "none"},
		"STARTTLS":          {mailtest.Config{StartTLS: true}, "starttls"},
		"STARTTLS and user": {mailtest.Config{StartTLS: true, User: "wright", Password: "s3cret-word"}, "starttls"},
		"TLS":               {mailtest.Config{TLS: true}, "tls"},
		"TLS and user":      {mailtest.Config{TLS: true, User: "wright", Password: "s3cret-word"}, "tls"},
	} {
		t.Run(name, func(t *testing.T) {
			s := mailtest.Start(t, way.server)
			from := to(t, s, func(c *Config) { c.TLS, c.CA, c.User = way.mode, s.CA, way.server.User })
			if err := from.Deliver(t.Context(), failure("shop-000001"), content.Content{Subject: "a", Text: "b"}); err != nil {
				t.Fatal(err)
			}
			taken := s.Taken()
			if len(taken) != 1 || taken[0].To != "ops@example.test" || taken[0].From != "wright@example.test" ||
				taken[0].User != way.server.User || taken[0].TLS != (way.mode != "none") {
				t.Errorf("taken %+v", taken)
			}
		})
	}
}

// TestNoWayBack: where protection is asked for, nothing is sent without it, and
// no password either.
func TestNoWayBack(t *testing.T) {
	plain := mailtest.Start(t, mailtest.Config{User: "wright", Password: "s3cret-word"})
	secure := mailtest.Start(t, mailtest.Config{StartTLS: true})
	for name, from := range map[string]*Server{
		"no STARTTLS": to(t, plain, func(c *Config) { c.TLS, c.User = "starttls", "wright" }),
		"no TLS":      to(t, plain, func(c *Config) { c.TLS, c.User = "tls", "wright" }),
		"not trusted": to(t, secure, func(c *Config) { c.TLS = "starttls" }),
		"no CA":       to(t, secure, func(c *Config) { c.TLS, c.CA = "starttls", "/nowhere/ca.pem" }),
	} {
		err := from.Deliver(t.Context(), failure("shop-000001"), content.Content{Subject: "a", Text: "b"})
		if said := outcome.Of(err); err == nil || !said.Far || said.Final {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(plain.Taken()) + len(secure.Taken()); n != 0 {
		t.Errorf("%d were taken", n)
	}
}

// TestMessage: what the message says; its ID is always the same, and a recovery
// answers the first failure.
func TestMessage(t *testing.T) {
	s := mailtest.Start(t, mailtest.Config{})
	from := to(t, s, nil)
	c := content.Content{
		Subject: "[wright] shop: build 1 failed: ärger\r\nBcc: eve@example.test", Text: "Build 1 failed.\n.\nQUIT\n" + strings.Repeat("ü", 2000),
		Log: &content.File{Name: "shop-000001.log", Type: "text/plain", Data: []byte("hello\n")},
	}
	recovery := failure("shop-000002")
	recovery.Event, recovery.Since = manifests.BuildRecovered, "shop-000001"
	for _, n := range []*state.Notice{failure("shop-000001"), failure("shop-000001"), recovery} {
		if err := from.Deliver(t.Context(), n, c); err != nil {
			t.Fatal(err)
		}
	}
	taken := s.Taken()
	if len(taken) != 3 {
		t.Fatalf("taken %d", len(taken))
	}
	first, body := parsed(t, taken[0])
	second, _ := parsed(t, taken[1])
	third, _ := parsed(t, taken[2])
	id := first.Header.Get("Message-Id")
	if id == "" || id != second.Header.Get("Message-Id") || id == third.Header.Get("Message-Id") {
		t.Errorf("IDs %q, %q, %q", id, second.Header.Get("Message-Id"), third.Header.Get("Message-Id"))
	}
	if third.Header.Get("In-Reply-To") != id || first.Header.Get("In-Reply-To") != "" {
		t.Errorf("the recovery answers %q, the failure %q", third.Header.Get("In-Reply-To"), first.Header.Get("In-Reply-To"))
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(first.Header.Get("Subject"))
	if err != nil || subject != "[wright] shop: build 1 failed: ärger Bcc: eve@example.test" || first.Header.Get("Bcc") != "" {
		t.Errorf("subject %q, %v, Bcc %q", subject, err, first.Header.Get("Bcc"))
	}
	if first.Header.Get("Auto-Submitted") != "auto-generated" || first.Header.Get("X-Wright-Build") != "shop-000001" {
		t.Errorf("headers %v", first.Header)
	}
	if !strings.Contains(body, "shop-000001.log") || strings.Contains(taken[0].Data, "\neve@") {
		t.Errorf("the message:\n%.2000s", taken[0].Data)
	}
	for line := range strings.Lines(taken[0].Data) {
		if len(line) > 998 {
			t.Errorf("a line of %d bytes", len(line))
		}
	}
}

// TestVerdicts: what a server says decides whether another try is of use, and for
// whom; a password that it repeats is not shown.
func TestVerdicts(t *testing.T) {
	refused := func(stage string, err error) func(string, string) error {
		return func(at, _ string) error {
			if at == stage {
				return err
			}
			return nil
		}
	}
	for name, c := range map[string]struct {
		refuse     func(string, string) error
		final, far bool
		want       string
	}{
		"greylisted":      {refused("rcpt", mailtest.Greylisted()), false, false, "greylisted"},
		"no such mailbox": {refused("rcpt", mailtest.Unknown()), true, false, "550"},
		"sender refused":  {refused("mail", mailtest.Greylisted()), false, false, "451"},
		"not now":         {refused("data", mailtest.Greylisted()), false, false, "451"},
		"spam":            {refused("data", mailtest.Unknown()), true, false, "550"},
	} {
		s := mailtest.Start(t, mailtest.Config{})
		s.Refuse(c.refuse)
		err := to(t, s, nil).Deliver(t.Context(), failure("shop-000001"), content.Content{Subject: "a", Text: "b"})
		if said := outcome.Of(err); err == nil || said.Final != c.final || said.Far != c.far || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, %+v", name, err, said)
		}
	}
	s := mailtest.Start(t, mailtest.Config{User: "wright", Password: "another"})
	err := to(t, s, func(c *Config) { c.User = "wright" }).Deliver(t.Context(), failure("shop-000001"), content.Content{})
	if said := outcome.Of(err); err == nil || !said.Far || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), "535") {
		t.Errorf("a wrong password: %v", err)
	}
	err = to(t, s, func(c *Config) {
		c.User, c.Secret = "wright", func(manifests.SecretRef) ([]byte, error) { return nil, errors.New("it is gone") }
	}).Deliver(t.Context(), failure("shop-000001"), content.Content{})
	if said := outcome.Of(err); err == nil || !said.Far {
		t.Errorf("a secret that is gone: %v", err)
	}
}

// mute is a server that greets and says nothing more.
type mute struct {
	*mailtest.Server
	accepted chan struct{} // receives when a client waits
}

// silent takes connections, greets and says nothing more, or hangs up at once.
func silent(t *testing.T, hangUp bool) mute {
	t.Helper()
	accepted := make(chan struct{}, 10)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = conn.Close() })
			if hangUp {
				_ = conn.Close()
				continue
			}
			_, _ = io.WriteString(conn, "220 hello\r\n")
			_, _ = conn.Read(make([]byte, 1)) // now the client waits
			accepted <- struct{}{}
		}
	}()
	return mute{&mailtest.Server{Addr: l.Addr().String()}, accepted}
}

// TestServersThatAreNotWell: one that is silent is waited for no longer than its
// time, or until the master stops.
func TestServersThatAreNotWell(t *testing.T) {
	for name, s := range map[string]*mailtest.Server{"silent": silent(t, false).Server, "hanging up": silent(t, true).Server, "away": {Addr: "127.0.0.1:1"}} {
		err := to(t, s, func(c *Config) { c.Patience = 100 * time.Millisecond }).Deliver(t.Context(), failure("shop-000001"), content.Content{})
		if said := outcome.Of(err); err == nil || !said.Far || said.Final {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	came, mute := make(chan error, 1), silent(t, false)
	go func() {
		came <- to(t, mute.Server, func(c *Config) { c.Patience = time.Hour }).Deliver(ctx, failure("shop-000001"), content.Content{})
	}()
	<-mute.accepted
	cancel()
	if err := <-came; err == nil {
		t.Error("a silent server has taken mail")
	}
}

// TestTakenIsTaken: a server that has taken the message and then misbehaves has
// taken it.
func TestTakenIsTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	served := make(chan struct{})
	go func() {
		defer close(served)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		script(conn)
	}()
	if err := to(t, &mailtest.Server{Addr: l.Addr().String()}, nil).Deliver(t.Context(), failure("shop-000001"), content.Content{Subject: "a", Text: "b"}); err != nil {
		t.Errorf("it was taken, but: %v", err)
	}
	<-served
}

// script plays a server that hangs up right after it has taken a message.
func script(conn net.Conn) {
	say := func(s string) { _, _ = io.WriteString(conn, s+"\r\n") }
	say("220 hello")
	buf := make([]byte, 64<<10)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return
		}
		switch text := string(buf[:n]); {
		case strings.HasPrefix(text, "EHLO"):
			say("250 mail.example.test")
		case strings.HasPrefix(text, "MAIL"), strings.HasPrefix(text, "RCPT"):
			say("250 fine")
		case strings.HasPrefix(text, "DATA"):
			say("354 go on")
		case strings.HasSuffix(text, "\r\n.\r\n"):
			say("250 taken")
			return
		}
	}
}

// TestNothingStaysOpen: no connection outlives its message, whatever became of it.
func TestNothingStaysOpen(t *testing.T) {
	locked := mailtest.Start(t, mailtest.Config{User: "wright", Password: "another"})
	refusing := mailtest.Start(t, mailtest.Config{})
	refusing.Refuse(func(string, string) error { return mailtest.Greylisted() })
	plain := mailtest.Start(t, mailtest.Config{})
	for s, user := range map[*mailtest.Server]string{locked: "wright", refusing: "", plain: ""} {
		from := to(t, s, func(c *Config) { c.User = user })
		for range 3 {
			if err := from.Deliver(t.Context(), failure("shop-000001"), content.Content{Subject: "a", Text: "b"}); (err == nil) != (s == plain) {
				t.Error(err)
			}
		}
		from.Close()
		tick := time.NewTicker(5 * time.Millisecond)
		for late := time.Now().Add(2 * time.Minute); s.Open() > 0 && time.Now().Before(late); <-tick.C {
		}
		if tick.Stop(); s.Open() > 0 {
			t.Errorf("%d connections are open", s.Open())
		}
	}
}

func TestTestMail(t *testing.T) {
	s := mailtest.Start(t, mailtest.Config{})
	from := to(t, s, nil)
	if err := from.Test(t.Context(), "ops@example.test", "https://wright.example.test", time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if err := from.Test(t.Context(), "ops@example.test\r\nRCPT TO:<eve@example.test>", "", time.Unix(2, 0)); err == nil {
		t.Error("an address of two lines is taken")
	}
	if taken := s.Taken(); len(taken) != 1 || !strings.Contains(taken[0].Data, "https://wright.example.test") {
		t.Errorf("taken %+v", taken)
	}
}
