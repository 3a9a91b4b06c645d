package authority

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	mdns "github.com/miekg/dns"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/dns/rrset"
)

const (
	keyName = "wright."
	right   = "cmlnaHQgcmlnaHQgcmlnaHQgcmlnaHQgcmlnaHQgcmk="
	wrong   = "d3Jvbmcgd3Jvbmcgd3Jvbmcgd3Jvbmcgd3Jvbmcgd3I="
)

// serve starts a name server that answers with h.
func serve(t *testing.T, h mdns.HandlerFunc) Server {
	t.Helper()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	udp, err := net.ListenPacket("udp", tcp.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []*mdns.Server{{Listener: tcp}, {PacketConn: udp}} {
		d.Handler, d.TsigSecret = h, map[string]string{keyName: right}
		d.MsgAcceptFunc = func(mdns.Header) mdns.MsgAcceptAction { return mdns.MsgAccept } // updates, too
		done := make(chan error, 1)
		ready := make(chan struct{})
		d.NotifyStartedFunc = func() { close(ready) }
		go func() { done <- d.ActivateAndServe() }()
		<-ready
		t.Cleanup(func() { _ = d.Shutdown(); <-done })
	}
	return Server{Address: tcp.Addr().String()}
}

func (s Server) with(secret string) Server {
	s.Key = &Key{keyName, mdns.HmacSHA256, secret}
	return s
}

func record(t *testing.T, text string) mdns.RR {
	t.Helper()
	rr, err := mdns.NewRR(text)
	if err != nil {
		t.Fatal(err)
	}
	return rr
}

func TestValues(t *testing.T) {
	long := strings.Repeat(`a"\ü`, 100)
	for kind, value := range map[string]string{"A": "192.0.2.1", "AAAA": "2001:db8::1", "CNAME": "x.example.test", "TXT": long} {
		set := rrset.Set{Type: kind, TTL: 60, Values: []string{value}}
		raw := make([]byte, 4096)
		n, err := mdns.PackRR(Record("shop.test", set, value), raw, 0, nil, false)
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		rr, _, err := mdns.UnpackRR(raw[:n], 0)
		if err != nil || Value(rr) != value || rr.Header().Ttl != 60 {
			t.Errorf("%s: %v, %v; want %q", kind, rr, err, value)
		}
	}
}

func TestAddress(t *testing.T) {
	for server, want := range map[string]string{
		"ns1.test": "ns1.test:53", "ns1.test:5353": "ns1.test:5353", "192.0.2.1": "192.0.2.1:53", "2001:db8::1": "[2001:db8::1]:53",
		"[2001:db8::1]:54": "[2001:db8::1]:54", "": "", "a b": "", "x/y:1": "",
	} {
		if got, err := Address(server); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v; want %q", server, got, err, want)
		}
	}
}

// A name server may answer over UDP with nothing but "come by TCP".
func TestAsk(t *testing.T) {
	s := serve(t, func(w mdns.ResponseWriter, q *mdns.Msg) {
		m := new(mdns.Msg).SetReply(q)
		if m.Truncated = w.LocalAddr().Network() == "udp"; !m.Truncated {
			m.Answer = []mdns.RR{record(t, "shop.test. 60 A 192.0.2.1"), record(t, "other.test. 60 A 192.0.2.9"), record(t, "shop.test. 60 TXT x")}
		}
		_ = w.WriteMsg(m)
	})
	got, err := s.Set(t.Context(), "shop.test", "A")
	if err != nil || !slices.Equal(got.Values, []string{"192.0.2.1"}) {
		t.Errorf("%v, %v", got, err)
	}
}

func TestErrors(t *testing.T) {
	for rcode, code := range map[int]plugins.Code{
		mdns.RcodeServerFailure: plugins.Transient, mdns.RcodeRefused: plugins.Denied, mdns.RcodeNotAuth: plugins.Denied, mdns.RcodeYXRrset: plugins.Unknown,
	} {
		s := serve(t, func(w mdns.ResponseWriter, q *mdns.Msg) { _ = w.WriteMsg(new(mdns.Msg).SetRcode(q, rcode)) })
		_, err := s.Exchange(t.Context(), new(mdns.Msg).SetUpdate("shop.test."))
		e, ok := errors.AsType[*CodeError](err)
		if plugins.CodeOf(err) != code || !ok || e.Rcode != rcode || !strings.Contains(err.Error(), s.Address) {
			t.Errorf("%s: %v, want %q", mdns.RcodeToString[rcode], err, code)
		}
	}
	if _, err := (Server{Address: "127.0.0.1:1"}).Ask(t.Context(), "shop.test", mdns.TypeA); plugins.CodeOf(err) != plugins.Transient {
		t.Errorf("nobody there: %v", err)
	}
}

func TestHanging(t *testing.T) {
	s := serve(t, func(mdns.ResponseWriter, *mdns.Msg) {})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := s.Ask(ctx, "shop.test", mdns.TypeA)
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 30*time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
}

// An answer that is not signed, though the question was, is nobody's.
func TestUnsigned(t *testing.T) {
	s := serve(t, func(w mdns.ResponseWriter, q *mdns.Msg) {
		m := new(mdns.Msg).SetReply(q)
		m.Answer = []mdns.RR{record(t, "shop.test. 60 A 192.0.2.1")}
		_ = w.WriteMsg(m)
	}).with(right)
	if got, err := s.Ask(t.Context(), "shop.test", mdns.TypeA); err == nil {
		t.Errorf("believed %v", got)
	}
	if _, err := s.Exchange(t.Context(), new(mdns.Msg).SetUpdate("shop.test.")); plugins.CodeOf(err) != plugins.Transient {
		t.Errorf("update: %v", err)
	}
}

func TestTransfer(t *testing.T) {
	const soa = "shop.test. 60 SOA ns hostmaster 1 1 1 1 1"
	var zone []string
	for i := range 3000 {
		zone = append(zone, fmt.Sprintf("n%d.shop.test. 60 A 192.0.2.1", i))
	}
	tests := []struct {
		name    string
		records []string
		ok      bool
	}{
		{"whole", append(append([]string{soa}, zone...), soa), true},
		{"empty", []string{soa, soa}, true},
		{"cut off", append([]string{soa}, zone...), false},
		{"without a beginning", append(slices.Clone(zone), soa), false},
		{"more behind its end", append([]string{soa, soa}, zone...), false},
	}
	for _, signed := range []bool{true, false} {
		for _, tt := range tests {
			s := serve(t, sends(t, tt.records, signed)).with(right)
			n := 0
			err := s.Transfer(t.Context(), "shop.test", func(mdns.RR) error { n++; return nil })
			if (err == nil) != (tt.ok && signed) || err == nil && n != len(tt.records)-2 {
				t.Errorf("%s, signed %v: %d records, %v", tt.name, signed, n, err)
			}
			if err := s.with(wrong).Transfer(t.Context(), "shop.test", func(mdns.RR) error { return nil }); err == nil {
				t.Errorf("%s: a transfer with the wrong key", tt.name)
			}
		}
	}
	s := serve(t, sends(t, tests[0].records, true)).with(right)
	own := errors.New("enough")
	if err := s.Transfer(t.Context(), "shop.test", func(mdns.RR) error { return own }); !errors.Is(err, own) {
		t.Errorf("the receiver's error came back as %v", err)
	}
}

// sends sends records in messages of 100 and closes the connection.
func sends(t *testing.T, records []string, signed bool) mdns.HandlerFunc {
	return func(w mdns.ResponseWriter, q *mdns.Msg) {
		defer func() { _ = w.Close() }()
		for part := range slices.Chunk(records, 100) {
			m := new(mdns.Msg).SetReply(q)
			for _, r := range part {
				m.Answer = append(m.Answer, record(t, r))
			}
			if signed && w.TsigStatus() == nil {
				m.SetTsig(keyName, mdns.HmacSHA256, fudge, time.Now().Unix())
			}
			if w.WriteMsg(m) != nil {
				return
			}
			w.TsigTimersOnly(true)
		}
	}
}

func TestWait(t *testing.T) {
	var n atomic.Int32
	s := serve(t, func(w mdns.ResponseWriter, q *mdns.Msg) {
		m := new(mdns.Msg).SetReply(q)
		if n.Add(1) > 3 {
			m.Answer = []mdns.RR{record(t, "shop.test. 60 A 192.0.2.1")}
		}
		_ = w.WriteMsg(m)
	})
	want := []Want{{Name: "shop.test", Set: rrset.Set{Type: "A", Values: []string{"192.0.2.1"}}}}
	if err := Wait(t.Context(), []Server{s}, want, 10*time.Second); err != nil || n.Load() < 4 {
		t.Errorf("%v after %d questions", err, n.Load())
	}
	want[0].Set.Values[0] = "192.0.2.2"
	err := Wait(t.Context(), []Server{s}, want, 50*time.Millisecond)
	if plugins.CodeOf(err) != plugins.Transient || !strings.Contains(err.Error(), "192.0.2.1") {
		t.Errorf("a wrong answer: %v", err)
	}
}
