package livedns

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	mdns "github.com/miekg/dns"
)

// [D] "TTL": from 300 to 2592000 seconds, 10800 where nothing is said.
const (
	defaultTTL = 10800
	minTTL     = 300
	maxTTL     = 2592000
)

// types are those of [L] "rrset_type".
func types() []string {
	return []string{
		"A", "AAAA", "ALIAS", "CAA", "CDS", "CNAME", "DNAME", "DS", "KEY", "LOC", "MX", "NAPTR", "NS", "OPENPGPKEY", "PTR", "RP",
		"SPF", "SRV", "SSHFP", "TLSA", "TXT", "WKS",
	}
}

// [D] "Name": @ for the domain itself, * for a wildcard, else labels.
var nameRule = regexp.MustCompile(`^(@|\*|(\*\.)?[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*)$`)

// refuse says what is wrong with a set beside others of its name.
func (q *request) refuse(s Set, others []Set) string {
	switch {
	case !nameRule.MatchString(s.Name) || len(s.Name)+1+len(q.domain) > 253:
		return fmt.Sprintf("invalid name %q", s.Name)
	case !slices.Contains(types(), s.Type):
		return fmt.Sprintf("invalid type %q", s.Type)
	case s.TTL < minTTL || s.TTL > maxTTL:
		return fmt.Sprintf("%d is not between %d and %d", s.TTL, minTTL, maxTTL)
	case len(s.Values) == 0:
		return "no values"
	case s.Type == "CNAME" && (s.Name == "@" || len(s.Values) > 1):
		return "a CNAME has one value, and is not at @" // [D] "CNAME record"
	}
	for _, o := range others {
		if o.Type != s.Type && (o.Type == "CNAME" || s.Type == "CNAME") {
			return "a CNAME stands alone" // [D] "CNAME record"
		}
	}
	for i, v := range s.Values {
		if slices.Contains(s.Values[:i], v) {
			return fmt.Sprintf("%q is there twice", v)
		}
		if why := refuseValue(s.Type, v); why != "" {
			return why
		}
	}
	return ""
}

func refuseValue(kind, v string) string {
	switch kind {
	case "A", "AAAA":
		if a, err := netip.ParseAddr(v); err != nil || a.Is4() != (kind == "A") || a.Zone() != "" {
			return fmt.Sprintf("%q is no address", v)
		}
	case "TXT":
		// [D] "TXT record": quoted strings, each of at most 255 characters.
		if _, err := mdns.NewRR(". TXT " + v); err != nil || !strings.HasPrefix(v, `"`) || strings.ContainsAny(v, "\n\r\x00") {
			return fmt.Sprintf("%.60q is no text in quotes", v)
		}
	case "CNAME":
		if !strings.HasSuffix(v, ".") {
			return fmt.Sprintf("%q is relative", v) // allowed by [D]; nothing here wants it
		}
	}
	return ""
}

// serveDNS answers for all domains.
func (s *Server) serveDNS() error {
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	udp, err := net.ListenPacket("udp", tcp.Addr().String())
	if err != nil {
		_ = tcp.Close()
		return err
	}
	s.Nameserver = tcp.Addr().String()
	for _, d := range []*mdns.Server{{Listener: tcp}, {PacketConn: udp}} {
		d.Handler = mdns.HandlerFunc(s.resolve)
		ready := make(chan struct{})
		d.NotifyStartedFunc = func() { close(ready) }
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = d.ActivateAndServe()
		}()
		<-ready
		s.stop = append(s.stop, func() { _ = d.Shutdown(); <-done })
	}
	return nil
}

func (s *Server) resolve(w mdns.ResponseWriter, q *mdns.Msg) {
	m := new(mdns.Msg).SetReply(q)
	m.Authoritative = true
	name := strings.TrimSuffix(strings.ToLower(q.Question[0].Name), ".")
	for _, set := range s.sets(name) {
		if kind := mdns.TypeToString[q.Question[0].Qtype]; set.Type != kind && set.Type != "CNAME" {
			continue
		}
		for _, v := range set.Values {
			if rr, err := mdns.NewRR(fmt.Sprintf("%s. %d IN %s %s", name, set.TTL, set.Type, v)); err == nil {
				m.Answer = append(m.Answer, rr)
			}
		}
	}
	if soa, err := mdns.NewRR(fmt.Sprintf("%s SOA ns1. hostmaster. %d 1 1 1 1", q.Question[0].Name, time.Now().UnixNano()%1e9)); err == nil && q.Question[0].Qtype == mdns.TypeSOA {
		m.Answer = append(m.Answer, soa)
	}
	if w.LocalAddr().Network() == "udp" {
		size := 512
		if o := q.IsEdns0(); o != nil {
			size = int(o.UDPSize())
		}
		m.Truncate(size)
	}
	_ = w.WriteMsg(m)
}

// sets gives those of a name, or of the wildcard above it.
func (s *Server) sets(name string) []Set {
	s.mu.Lock()
	defer s.mu.Unlock()
	for domain, names := range s.domains {
		rest, ok := strings.CutSuffix(name, "."+domain)
		if name == domain {
			rest, ok = "@", true
		}
		if ok {
			return closest(names, rest)
		}
	}
	return nil
}

// closest follows RFC 4592: a name that is there, if only because something
// stands below it, has no wildcard.
func closest(names map[string][]Set, name string) []Set {
	there := func(name string) bool {
		for n := range names {
			if n == name || strings.HasSuffix(n, "."+name) {
				return true
			}
		}
		return false
	}
	if there(name) {
		return names[name]
	}
	for {
		_, above, ok := strings.Cut(name, ".")
		if !ok {
			return names["*"]
		}
		if sets := names["*."+above]; sets != nil || there(above) {
			return sets
		}
		name = above
	}
}
