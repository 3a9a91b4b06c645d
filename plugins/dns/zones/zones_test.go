package zones

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/dns"
	"github.com/wright-build/wright/plugins/dns/authority"
	"github.com/wright-build/wright/plugins/dns/rrset"
)

// memory is a zone that takes one change after the other.
type memory struct {
	mu      sync.Mutex // guards all below
	sets    map[string]rrset.Set
	applied int
	fails   func(change int) error // asked before each change
	inside  atomic.Int32
}

func newMemory() *memory {
	return &memory{sets: map[string]rrset.Set{}, fails: func(int) error { return nil }}
}

func (m *memory) Zones(context.Context) ([]string, error) { return []string{"lab.test"}, nil }

func (m *memory) Look(_ context.Context, at Place) (rrset.Found, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var f rrset.Found
	for _, t := range rrset.Types() {
		if s, ok := m.sets[at.Domain+" "+t]; ok {
			f.Sets = append(f.Sets, s)
		}
	}
	f.Marker = m.sets[at.Marker+" TXT"].Values
	return f, nil
}

func (m *memory) Apply(_ context.Context, _ Place, _ rrset.Found, plan rrset.Plan) error {
	if m.inside.Add(1) > 1 {
		return fmt.Errorf("two calls change one domain")
	}
	defer m.inside.Add(-1)
	for _, c := range plan.InTurn() {
		m.mu.Lock()
		m.applied++
		err := m.fails(m.applied)
		if err == nil {
			if m.sets[c.Name+" "+c.Set.Type] = c.Set; len(c.Set.Values) == 0 {
				delete(m.sets, c.Name+" "+c.Set.Type)
			}
		}
		m.mu.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) Each(_ context.Context, _ string, take func(string, rrset.Set) error) error {
	for k, s := range m.sets {
		var name, kind string
		_, _ = fmt.Sscan(k, &name, &kind)
		if err := take(name, s); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) Servers(context.Context, string) ([]authority.Server, error) { return nil, nil }

func (m *memory) provider() *Provider {
	return &Provider{Backend: m, TTL: time.Minute, Within: time.Second}
}

func spec(kind, value string) dns.Spec {
	return dns.Spec{Domain: "shop.lab.test", Records: []dns.Record{{Type: kind, Value: value}}, Tags: map[string]string{plugins.InstallationTag: "me"}}
}

// Wherever a change is interrupted, the list tells of the domain as long as
// anything of it is there, and a repetition ends as if nothing had happened.
func TestInterrupted(t *testing.T) {
	steps := []dns.Spec{spec("A", "192.0.2.1"), spec("CNAME", "x.test"), {Domain: "shop.lab.test", Tags: spec("A", "").Tags}}
	for at := 1; at < 12; at++ {
		m := newMemory()
		p := m.provider()
		m.fails = func(n int) error {
			if n == at {
				return plugins.Errorf(plugins.Transient, "the wire is cut")
			}
			return nil
		}
		for i, s := range steps {
			err := p.Set(t.Context(), s)
			list, listErr := p.List(t.Context(), s.Tags)
			if listErr != nil || len(m.sets) > 0 && len(list) != 1 {
				t.Errorf("cut at %d in step %d: the zone has %v, the list %v", at, i, m.sets, list)
			}
			if err != nil {
				err = p.Set(t.Context(), s)
			}
			if want := []int{2, 2, 0}[i]; err != nil || len(m.sets) != want {
				t.Errorf("cut at %d, step %d repeated: %v, %v", at, i, m.sets, err)
			}
		}
	}
}

func TestRefusedIsTakenBack(t *testing.T) {
	m := newMemory()
	m.fails = func(n int) error {
		if n == 2 {
			return plugins.Errorf(plugins.Quota, "the zone is full")
		}
		return nil
	}
	if err := m.provider().Set(t.Context(), spec("A", "192.0.2.1")); plugins.CodeOf(err) != plugins.Quota || len(m.sets) > 0 {
		t.Errorf("%v, left: %v", err, m.sets)
	}
}

func TestSomebodyIsFaster(t *testing.T) {
	m := newMemory()
	m.fails = func(n int) error {
		if n < 4 {
			return fmt.Errorf("%w: so it is", ErrChanged)
		}
		return nil
	}
	if err := m.provider().Set(t.Context(), spec("A", "192.0.2.1")); err != nil {
		t.Error(err)
	}
	m.fails = func(int) error { return ErrChanged }
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := m.provider().Set(ctx, spec("A", "192.0.2.2")); err == nil {
		t.Error("it went on for ever, and well")
	}
}

func TestOneAtATime(t *testing.T) {
	m := newMemory()
	p := m.provider()
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			if err := p.Set(t.Context(), spec("A", fmt.Sprintf("192.0.2.%d", i))); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if len(p.locks.held) > 0 {
		t.Errorf("%d locks are left", len(p.locks.held))
	}
	release, err := p.locks.hold(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := p.locks.hold(ctx, "x"); err == nil {
		t.Error("held twice")
	}
	release()
	if list, err := p.List(t.Context(), spec("A", "").Tags); err != nil || len(list) != 1 || !slices.Equal(slices.Collect(types(list[0])), []string{"A"}) {
		t.Errorf("%v, %v", list, err)
	}
}

// A zone is written by others, too: whatever stands in it, the list is one that
// the contract allows, with everything good.
func TestOddZone(t *testing.T) {
	m := newMemory()
	if err := m.provider().Set(t.Context(), spec("TXT", "good")); err != nil {
		t.Fatal(err)
	}
	tags := spec("A", "").Tags
	for _, domain := range []string{`a\032b.lab.test`, "UPPER.lab.test", "_wright.x.lab.test", "", ".lab.test", "odd.elsewhere.test"} {
		marker := rrset.Marker{Domain: domain, Types: []string{"A"}, Tags: tags}
		m.sets[rrset.MarkerName(domain)+" TXT"] = rrset.Set{Type: "TXT", Values: []string{marker.String()}}
	}
	own := m.sets["shop.lab.test TXT"]
	own.TTL = 1<<32 - 1
	own.Values = append(own.Values, "a\nb", strings.Repeat("x", 2000), "\xff")
	for i := range 200 {
		own.Values = append(own.Values, fmt.Sprint(i))
	}
	m.sets["shop.lab.test TXT"] = own
	list, err := m.provider().List(t.Context(), tags)
	if err != nil || len(list) != 1 || len(list[0].Records) != dns.MaxRecords {
		t.Fatalf("%v, %v", list, err)
	}
	for _, r := range list[0].Records {
		if plugins.CheckToken("value", r.Value) != nil || r.TTL < 0 || r.TTL > (1<<31-1)*time.Second {
			t.Errorf("%v is listed", r)
		}
	}
}

func types(e dns.Entry) func(func(string) bool) {
	return func(yield func(string) bool) {
		for _, r := range e.Records {
			if !yield(r.Type) {
				return
			}
		}
	}
}

func TestTTLs(t *testing.T) {
	p := newMemory().provider()
	p.MinTTL = 5 * time.Minute
	s := spec("A", "192.0.2.1")
	if err := p.Set(t.Context(), s); plugins.CodeOf(err) != plugins.Invalid {
		t.Errorf("a TTL of a minute: %v", err)
	}
	s.Records[0].TTL = 5 * time.Minute
	if err := p.Set(t.Context(), s); err != nil {
		t.Error(err)
	}
}
