package dnstest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wright-build/wright/plugins/dns"
	"github.com/wright-build/wright/plugins/dns/rrset"
)

// killed sets and deletes names, many at a time, while the provider is killed
// ten times. What nobody deletes is found by the list. At the end the zone is as
// it was.
func (s Subject) killed(t *testing.T) {
	names, kills := 200, 10
	switch {
	case s.Names > 0:
		names = s.Names
	case s.Slow:
		names = 30
	}
	before := s.shape(t)
	work := &work{s: s, left: make(chan job, names)}
	for i := range names {
		work.left <- job{name: fmt.Sprintf("n%d-%d.%s", i, rand.IntN(1e6), s.Zone), abandon: i%4 == 0}
	}
	start := time.Now()
	for range kills {
		work.round(t, 1+rand.IntN(max(1, names/kills)))
	}
	for len(work.left) > 0 {
		work.round(t, 0)
	}
	s.reap(t)
	t.Logf("%d names, %d kills, %d calls that failed meanwhile, %v", names, kills, work.failed.Load(), time.Since(start).Round(time.Millisecond))
	if after := s.shape(t); !maps.Equal(before, after) {
		t.Errorf("the zone had %v, and has %v", before, after)
	}
}

// shape is how many records of which type each name has; serials do not count.
func (s Subject) shape(t testing.TB) map[string]int {
	shape := map[string]int{}
	for name, sets := range s.Content(t) {
		for _, set := range sets {
			shape[name+" "+set.Type] = len(set.Values)
		}
	}
	return shape
}

// job is one name that is set and then deleted, or forgotten by who set it.
type job struct {
	name    string
	abandon bool
	set     bool
}

type work struct {
	s      Subject
	left   chan job
	failed atomic.Int32
}

// round works at what is left with an agent of its own, whose provider is killed
// after so many calls; 0 kills nobody.
func (w *work) round(t *testing.T, until int) {
	a := w.s.agent(t)
	var calls atomic.Int32
	var once sync.Once
	dead := make(chan struct{})
	count := func() {
		if n := int(calls.Add(1)); until > 0 && n >= until {
			once.Do(func() {
				a.kill(t)
				close(dead)
			})
		}
	}
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for {
				select {
				case <-dead:
					return
				default:
				}
				select {
				case j := <-w.left:
					w.step(t, a, j)
					count()
				default:
					return
				}
			}
		})
	}
	all.Wait()
	_ = a.host.Close()
}

// step is one call for a job; what is not done goes back.
func (w *work) step(t *testing.T, a agent, j job) {
	var err error
	if j.set {
		err = a.Delete(limit(t), j.name, tagsOf("tests"))
	} else {
		records := append(record("A", "192.0.2.1"), record("TXT", "for a moment")...)
		err = a.Set(limit(t), dns.Spec{Domain: j.name, Records: records, Tags: tagsOf("tests")})
	}
	if err != nil {
		w.failed.Add(1)
	}
	switch {
	case j.abandon || err == nil && j.set:
	case err == nil:
		w.left <- job{name: j.name, set: true}
	default:
		w.left <- j
	}
}

// reap deletes what is listed, as Wright does with what nobody owns.
func (s Subject) reap(t *testing.T) {
	a := s.agent(t)
	names := a.listed(t, "tests")
	t.Logf("the list finds %d that were forgotten", len(names))
	var all sync.WaitGroup
	for part := range slices.Chunk(names, max(1, len(names)/8)) {
		all.Go(func() {
			for _, name := range part {
				a.delete(t, "tests", name)
			}
		})
	}
	all.Wait()
	if left := a.listed(t, "tests"); len(left) > 0 {
		t.Errorf("still listed: %q", left)
	}
}

// alias replaces a live CNAME over and over; it must always be answered.
func (s Subject) alias(t *testing.T) {
	a, name := s.agent(t), "live."+s.Zone
	times := 100
	if s.Slow {
		times = 8
	}
	a.set(t, "tests", name, "", record("CNAME", "target0.example.test")...)
	end := make(chan struct{})
	var asked, missing int
	var all sync.WaitGroup
	all.Go(func() {
		pace := time.NewTicker(time.Millisecond)
		defer pace.Stop()
		for {
			select {
			case <-end:
				return
			case <-pace.C:
			}
			got, err := s.Server.Set(t.Context(), name, "CNAME")
			if asked++; err != nil || len(got.Values) != 1 {
				missing++
				t.Errorf("asked while it was replaced: %v, %v", got.Values, err)
			}
		}
	})
	start := time.Now()
	for i := 1; i <= times && !t.Failed(); i++ {
		target := fmt.Sprintf("target%d.example.test", i)
		a.set(t, "tests", name, "", record("CNAME", target)...)
		s.want(t, name, "CNAME", target)
	}
	took := time.Since(start)
	close(end)
	all.Wait()
	t.Logf("replaced %d times in %v, asked %d times, missing %d", times, took.Round(time.Millisecond), asked, missing)
	a.delete(t, "tests", name)
	s.want(t, name, "CNAME")
	s.want(t, rrset.MarkerName(name), "TXT")
}
