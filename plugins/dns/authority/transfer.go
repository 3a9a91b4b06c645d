package authority

import (
	"context"
	"errors"
	"time"

	mdns "github.com/miekg/dns"

	"github.com/wright-build/wright/plugins"
)

// maxTransfer is how many records a zone may have.
const maxTransfer = 2_000_000

// Transfer gives each record of a zone (AXFR). An error of each ends it.
func (s Server) Transfer(ctx context.Context, zone string, each func(mdns.RR) error) error {
	m := new(mdns.Msg).SetAxfr(mdns.Fqdn(zone))
	s.sign(m)
	conn, done, err := s.connect(ctx, "tcp", 0)
	if err != nil {
		return s.explain(ctx, m, nil, err)
	}
	defer done()
	t := transfer{conn: conn, key: s.Key, id: m.Id, each: each}
	if err := t.send(m); err != nil {
		return s.explain(ctx, m, nil, err)
	}
	for !t.complete() {
		_ = conn.SetReadDeadline(time.Now().Add(exchangeTime))
		if answer, err := t.next(); err != nil {
			if own, ok := errors.AsType[*eachError](err); ok {
				return own.err
			}
			return s.explain(ctx, m, answer, err)
		}
	}
	return nil
}

// transfer is one that is under way. Each of its messages must be signed: that
// is what servers do, and what can be held against the signature before it.
type transfer struct {
	conn     *mdns.Conn
	key      *Key
	id       uint16
	mac      string // of the message before
	messages int
	records  int
	ends     int // SOA records seen: the zone stands between two
	each     func(mdns.RR) error
}

// send keeps the signature, to which those of the answers refer.
func (t *transfer) send(m *mdns.Msg) error {
	if t.key == nil {
		return t.conn.WriteMsg(m)
	}
	raw, mac, err := mdns.TsigGenerate(m, t.key.Secret, "", false)
	if err != nil {
		return err
	}
	t.mac = mac
	_, err = t.conn.Write(raw)
	return err
}

func (t *transfer) complete() bool { return t.ends > 1 }

// eachError is one of the receiver's own.
type eachError struct{ err error }

// Error implements error.
func (e *eachError) Error() string { return e.err.Error() }

// next reads one message.
func (t *transfer) next() (*mdns.Msg, error) {
	raw, err := t.conn.ReadMsgHeader(nil)
	if err != nil {
		return nil, err
	}
	m := new(mdns.Msg)
	if err := m.Unpack(raw); err != nil {
		return nil, err
	}
	if m.Id != t.id {
		return nil, mdns.ErrId
	}
	if m.Rcode != mdns.RcodeSuccess {
		return m, errRcode
	}
	if err := t.verify(raw, m); err != nil {
		return m, err
	}
	t.messages++
	for _, rr := range m.Answer {
		if err := t.record(rr); err != nil {
			return m, err
		}
	}
	return m, nil
}

var errRcode = errors.New("the transfer was refused")

func (t *transfer) verify(raw []byte, m *mdns.Msg) error {
	if t.key == nil {
		return nil
	}
	sig := m.IsTsig()
	if sig == nil {
		return errUnsigned
	}
	if err := mdns.TsigVerify(raw, t.key.Secret, t.mac, t.messages > 0); err != nil {
		return err
	}
	t.mac = sig.MAC
	return nil
}

func (t *transfer) record(rr mdns.RR) error {
	_, soa := rr.(*mdns.SOA)
	switch {
	case t.complete():
		return errors.New("records follow the end of the zone")
	case t.ends == 0 && !soa:
		return errors.New("the zone does not begin with its SOA record")
	case soa:
		t.ends++
		return nil
	}
	if t.records++; t.records > maxTransfer {
		return &eachError{plugins.Errorf(plugins.Quota, "the zone has more than %d records", maxTransfer)}
	}
	if err := t.each(rr); err != nil {
		return &eachError{err}
	}
	return nil
}
