// Package authority speaks DNS with the servers that answer for a zone: it
// asks what they say, waits until they say what they shall, and carries any
// message there and back, signed where there is a key. It knows nothing of whose
// records are whose, and never asks a resolver.
package authority

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	mdns "github.com/miekg/dns"

	"github.com/wright-build/wright/plugins"
)

// Server is a name server.
type Server struct {
	Address string // host:port
	Key     *Key   // signs what is sent; nil signs nothing
}

// Key is a TSIG key.
type Key struct {
	Name      string // with the dot behind
	Algorithm string // likewise
	Secret    string // in base64
}

// Address gives host:port of a server that may be written without a port.
func Address(server string) (string, error) {
	host, port, err := net.SplitHostPort(server)
	if err != nil {
		host, port = strings.Trim(server, "[]"), "53"
	}
	if err := plugins.CheckHost("server", host); err != nil {
		return "", err
	}
	return net.JoinHostPort(host, port), nil
}

const (
	exchangeTime = 10 * time.Second // of one message, there and back
	grace        = 2 * time.Second  // for an answer to a change when the call is given up
	fudge        = 300              // seconds that clocks may differ
)

// connect opens a connection that ends with the context, after what is left of
// the grace. The returned function closes it.
func (s Server) connect(ctx context.Context, network string, grace time.Duration) (*mdns.Conn, func(), error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	dialer := net.Dialer{Timeout: exchangeTime}
	c, err := dialer.DialContext(ctx, network, s.Address)
	if err != nil {
		return nil, nil, err
	}
	conn := &mdns.Conn{Conn: c, UDPSize: udpSize}
	if s.Key != nil {
		conn.TsigSecret = map[string]string{s.Key.Name: s.Key.Secret}
	}
	_ = c.SetDeadline(time.Now().Add(exchangeTime))
	stop := context.AfterFunc(ctx, func() {
		if grace == 0 {
			_ = c.Close() // no later deadline mends that
		}
		_ = c.SetDeadline(time.Now().Add(grace))
	})
	return conn, func() { stop(); _ = c.Close() }, nil
}

const udpSize = 1232

// sign signs a message, if there is a key.
func (s Server) sign(m *mdns.Msg) {
	if s.Key != nil {
		m.SetTsig(s.Key.Name, s.Key.Algorithm, fudge, time.Now().Unix())
	}
}

// Exchange sends a message over TCP and gives the answer, whose code is NOERROR.
func (s Server) Exchange(ctx context.Context, m *mdns.Msg) (*mdns.Msg, error) {
	left := time.Duration(0)
	if m.Opcode == mdns.OpcodeUpdate {
		left = grace // an update that is given up half way could arrive after the next one
	}
	s.sign(m)
	answer, err := s.exchange(ctx, "tcp", m, left)
	if err == nil && answer.Rcode == mdns.RcodeSuccess {
		return answer, nil
	}
	return nil, s.explain(ctx, m, answer, err)
}

func (s Server) exchange(ctx context.Context, network string, m *mdns.Msg, grace time.Duration) (*mdns.Msg, error) {
	conn, done, err := s.connect(ctx, network, grace)
	if err != nil {
		return nil, err
	}
	defer done()
	if err := conn.WriteMsg(m); err != nil {
		return nil, err
	}
	for {
		answer, err := conn.ReadMsg()
		if answer != nil && answer.Id != m.Id && network == "udp" {
			continue // to somebody else, or forged
		}
		if err == nil && answer.Id != m.Id {
			err = mdns.ErrId
		}
		if err == nil && s.Key != nil && answer.Rcode == mdns.RcodeSuccess && answer.IsTsig() == nil {
			err = errUnsigned
		}
		return answer, err
	}
}

var errUnsigned = errors.New("the answer is not signed")

// CodeError is an answer other than NOERROR.
type CodeError struct {
	Rcode int
	said  string
}

// Error says what the server said.
func (e *CodeError) Error() string { return e.said }

// explain makes an error that says who was asked for what, with a code.
func (s Server) explain(ctx context.Context, m, answer *mdns.Msg, err error) error {
	what := fmt.Sprintf("%s of %s at %s", strings.ToLower(mdns.OpcodeToString[m.Opcode]), question(m), s.Address)
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", what, ctx.Err())
	}
	if answer == nil || answer.Rcode == mdns.RcodeSuccess {
		return plugins.Errorf(plugins.Transient, "%s: %w", what, err)
	}
	said := mdns.RcodeToString[answer.Rcode]
	if t := answer.IsTsig(); t != nil && t.Error != mdns.RcodeSuccess {
		said += " (" + mdns.RcodeToString[int(t.Error)] + ")"
	}
	e := &CodeError{answer.Rcode, said}
	switch answer.Rcode {
	case mdns.RcodeServerFailure:
		return plugins.Errorf(plugins.Transient, "%s: the server says %w", what, e)
	case mdns.RcodeRefused, mdns.RcodeNotAuth:
		return plugins.Errorf(plugins.Denied, "%s: the server says %w; see the key, what it may do, the zone, and that the clocks agree", what, e)
	}
	return fmt.Errorf("%s: the server says %w", what, e)
}

func question(m *mdns.Msg) string {
	if len(m.Question) == 0 {
		return "nothing"
	}
	return m.Question[0].Name + " " + mdns.TypeToString[m.Question[0].Qtype]
}

// Ask asks for the records of one type at a name, as the server's own. A name
// that does not exist has none.
func (s Server) Ask(ctx context.Context, name string, kind uint16) ([]mdns.RR, error) {
	m := new(mdns.Msg).SetQuestion(mdns.Fqdn(name), kind)
	m.RecursionDesired = false
	m.SetEdns0(udpSize, false)
	s.sign(m)
	answer, err := s.exchange(ctx, "udp", m, 0)
	if err != nil || answer.Truncated {
		m.Extra = nil
		s.sign(m)
		answer, err = s.exchange(ctx, "tcp", m, 0)
	}
	if err != nil || answer.Rcode != mdns.RcodeSuccess && answer.Rcode != mdns.RcodeNameError {
		return nil, s.explain(ctx, m, answer, err)
	}
	var list []mdns.RR
	for _, rr := range answer.Answer {
		if h := rr.Header(); (kind == mdns.TypeANY || h.Rrtype == kind) && strings.EqualFold(h.Name, mdns.Fqdn(name)) {
			list = append(list, rr)
		}
	}
	return list, nil
}
