package poll_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/poll"
	"github.com/wright-build/wright/master/poll/ask"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
	"github.com/wright-build/wright/master/store/storetest"
)

// world stands in for all remotes: what they answer, and who was asked.
type world struct {
	mu      sync.Mutex // guards all below
	refs    map[string]map[string]string
	fails   map[string]error
	hangs   map[string]bool
	asked   map[string]int
	now     map[string]int // requests under way
	trusted map[string]bool
}

func newWorld() *world {
	return &world{refs: map[string]map[string]string{}, fails: map[string]error{}, hangs: map[string]bool{},
		asked: map[string]int{}, now: map[string]int{}, trusted: map[string]bool{}}
}

func (w *world) set(url, ref, revision string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	next := maps.Clone(w.refs[url])
	if next == nil {
		next = map[string]string{}
	}
	next[ref] = revision
	if revision == "" {
		delete(next, ref)
	}
	w.refs[url] = next
}

func (w *world) fail(url string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fails[url] = err
}

func (w *world) hang(url string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hangs[url] = true
}

func (w *world) count(url string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.asked[url]
}

// List is poll.Lister's.
func (w *world) List(ctx context.Context, r ask.Remote) (ask.Answer, error) {
	url := r.URL
	w.mu.Lock()
	w.asked[url]++
	w.trusted[url] = r.Trusted
	w.now[url]++
	twice := w.now[url] > 1
	refs, err, hang := w.refs[url], w.fails[url], w.hangs[url]
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.now[url]--
	}()
	if hang {
		<-ctx.Done()
		return ask.Answer{}, ctx.Err()
	}
	if twice {
		return ask.Answer{}, errors.New("asked twice at once")
	}
	return ask.Answer{Refs: refs, Head: main}, err
}

type fixture struct {
	*testing.T
	st    *store.Store
	world *world
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	return &fixture{t, storetest.Embedded(t), newWorld()}
}

// poller runs a poller until the test ends or stop is called.
func (f *fixture) poller(interval time.Duration) (p *poll.Poller, stop func()) {
	f.Helper()
	p = poll.New(f.st, poll.Config{Interval: interval, Timeout: 2 * time.Second, Concurrency: 16, Lister: f.world}, slog.New(slog.DiscardHandler))
	return p, f.start(p)
}

func (f *fixture) start(p *poll.Poller) (stop func()) {
	ctx, cancel := context.WithCancel(f.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			f.Errorf("run: %v", err)
		}
	})
	f.Cleanup(stop)
	return stop
}

// inForce puts a manifest in force that watches main of some remotes.
func (f *fixture) inForce(instance string, urls ...string) {
	f.Helper()
	f.inForceSince(instance, time.Now(), urls...)
}

func (f *fixture) inForceSince(instance string, since time.Time, urls ...string) {
	f.Helper()
	var text strings.Builder
	for _, url := range urls {
		fmt.Fprintf(&text, "[[watch]]\ngit = %q\nbranch = \"main\"\n", url)
	}
	text.WriteString("[[step]]\nrun = \"true\"\n")
	next := state.InForce{Instance: instance, File: instance + ".toml", Text: []byte(text.String()), Since: since}
	f.st.Read(func(facts *state.Facts) {
		if m := facts.Manifests[instance]; m != nil {
			next.Meta = m.Meta
		}
	})
	if err := f.st.CommitSeen(f.Context(), next.Put()); err != nil {
		f.Fatal(err)
	}
}

// report stores a report that watches main of some remotes.
func (f *fixture) report(instance string, urls ...string) {
	f.Helper()
	next := state.Report{Instance: instance}
	for _, url := range urls {
		next.Watches = append(next.Watches, state.Reported{VCS: "git", URL: url, Ref: main})
	}
	f.st.Read(func(facts *state.Facts) {
		if r := facts.Reports[instance]; r != nil {
			next.Meta = r.Meta
		}
	})
	if err := f.st.CommitSeen(f.Context(), next.Put()); err != nil {
		f.Fatal(err)
	}
}

func name(url, ref string) string {
	return state.RefName(manifests.Watch{VCS: "git", URL: url, Ref: ref}.Key())
}

// await waits until the fact of main of a remote is as wanted.
func (f *fixture) await(what, url string, holds func(r *state.Ref) bool) *state.Ref {
	f.Helper()
	ctx, cancel := context.WithTimeout(f.Context(), 2*time.Minute)
	defer cancel()
	var ref *state.Ref
	err := f.st.Await(ctx, func(facts *state.Facts) bool {
		ref = facts.Refs[name(url, main)]
		return holds(ref)
	})
	if err != nil {
		f.Fatalf("waited in vain for %s of %s: have %+v", what, url, ref)
	}
	return ref
}

func (f *fixture) awaitRevision(url, revision string) *state.Ref {
	f.Helper()
	return f.await("revision "+revision, url, func(r *state.Ref) bool { return r != nil && r.Revision == revision })
}

func (f *fixture) eventually(what string, holds func() bool) {
	f.Helper()
	deadline := time.After(2 * time.Minute)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			f.Fatalf("waited in vain for %s", what)
		}
	}
}
