package poll

import (
	"context"
	"errors"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
	"github.com/wright-build/wright/master/watchlist"
)

// shortInterval is up to which the first requests after a start are not spread
// over the interval.
const shortInterval = 10 * time.Second

// loop is the one goroutine that knows what is watched and whom to ask next.
// Requests run beside it and come back as answers.
type loop struct {
	p       *Poller
	sub     *store.Subscription
	index   watchlist.Index
	agenda  *agenda
	remotes map[watchlist.RemoteKey]*remote
	answers chan answer
	asked   int // requests under way
}

// remote is what the loop knows of one remote. It exists as long as a ref of
// it is watched or has a fact that must go.
type remote struct {
	refs     []watched       // sorted by ref
	unwanted map[string]bool // refs whose facts are to be deleted
	tries    int             // failed ones: chooses among the spellings of the URL
}

// watched is one ref that is asked for.
type watched struct {
	ref  string
	key  string // of its watch
	name string // of its fact
	rev  int64  // of its fact, when the remote was asked
}

func newLoop(p *Poller) *loop {
	return &loop{
		p:       p,
		sub:     p.st.Subscribe(state.KindInForce, state.KindReport),
		agenda:  newAgenda(p.cfg.Interval, p.cfg.Concurrency, jitter),
		remotes: map[watchlist.RemoteKey]*remote{},
		answers: make(chan answer),
	}
}

// close lets go of the subscription and waits for the requests under way.
func (l *loop) close() {
	l.p.st.Unsubscribe(l.sub)
	for ; l.asked > 0; l.asked-- {
		<-l.answers
	}
	if c, ok := l.p.cfg.Lister.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

func (l *loop) run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	l.begin(time.Now())
	for ctx.Err() == nil {
		for _, key := range l.agenda.start(time.Now()) {
			l.launch(ctx, key)
		}
		timer.Stop()
		if at, ok := l.agenda.next(); ok {
			timer.Reset(time.Until(at))
		}
		select {
		case <-ctx.Done():
		case <-timer.C:
		case a := <-l.answers:
			l.asked--
			l.finish(a, time.Now())
		case <-l.sub.Wake():
			l.follow()
		case <-l.p.wake:
			for key := range l.p.takeUrged() {
				if l.remotes[key] != nil {
					l.agenda.urge(key)
				}
			}
		}
	}
	return nil
}

// begin takes up everything in force. A remote all of whose refs were observed
// before is asked somewhere within the interval; the others at once.
func (l *loop) begin(now time.Time) {
	l.sub.Take()
	for r := range l.update(l.inForce()) {
		rem := l.relist(r)
		at := now
		if l.p.cfg.Interval > shortInterval && l.observed(rem) {
			at = now.Add(time.Duration(rand.Float64() * float64(l.p.cfg.Interval)))
		}
		l.agenda.add(r.Key, at)
	}
	l.strays(now)
}

// follow takes up what has changed; remotes with new refs are asked at once.
func (l *loop) follow() {
	keys, all := l.sub.Take()
	instances := map[string]bool{}
	if all {
		instances = l.inForce()
	}
	for _, k := range keys {
		instances[k.Name] = true
	}
	for r := range l.update(instances) {
		l.relist(r)
		l.agenda.urge(r.Key)
	}
	if all {
		l.strays(time.Now())
	}
}

// inForce is every instance that watches something, or did.
func (l *loop) inForce() map[string]bool {
	all := map[string]bool{}
	l.p.st.Read(func(f *state.Facts) {
		for name := range f.Manifests {
			all[name] = true
		}
	})
	for name := range l.index.Known() {
		all[name] = true
	}
	return all
}

// update brings the lists of some instances up to date and returns the remotes
// whose refs changed.
func (l *loop) update(instances map[string]bool) iter.Seq[watchlist.Remote] {
	type list struct {
		manifest *manifests.Manifest
		report   *state.Report
	}
	lists := make(map[string]list, len(instances))
	l.p.st.Read(func(f *state.Facts) {
		for name := range instances {
			in := list{report: f.Reports[name]}
			if m := f.Manifests[name]; m != nil {
				in.manifest = m.Manifest
			}
			lists[name] = in
		}
	})
	changed := map[watchlist.RemoteKey]watchlist.Remote{}
	for name, in := range lists {
		for _, r := range l.index.Set(name, watchlist.Merge(in.manifest, in.report)) {
			changed[r.Key] = r
		}
	}
	return maps.Values(changed)
}

// relist takes over the refs of a remote from the index. Facts of those that
// nobody watches any more are to go.
func (l *loop) relist(r watchlist.Remote) *remote {
	rem := l.remote(r.Key)
	before := make(map[string]watched, len(rem.refs))
	for _, w := range rem.refs {
		before[w.ref] = w
	}
	rem.refs = nil
	for _, ref := range l.index.Refs(r.Key) {
		w, known := before[ref]
		if !known {
			key := r.Key.Watch(ref)
			w = watched{ref: ref, key: key, name: state.RefName(key)}
		}
		rem.refs = append(rem.refs, w)
		delete(before, ref)
		delete(rem.unwanted, ref)
	}
	for ref := range before {
		rem.unwanted[ref] = true
	}
	return rem
}

func (l *loop) remote(key watchlist.RemoteKey) *remote {
	rem := l.remotes[key]
	if rem == nil {
		rem = &remote{unwanted: map[string]bool{}}
		l.remotes[key] = rem
	}
	return rem
}

// observed tells whether every watched ref of a remote has a fact.
func (l *loop) observed(rem *remote) (all bool) {
	l.p.st.Read(func(f *state.Facts) {
		all = !slices.ContainsFunc(rem.refs, func(w watched) bool { return f.Refs[w.name] == nil })
	})
	return all
}

// strays finds facts of refs that nobody watches: watched once, and dropped
// while no poller looked.
func (l *loop) strays(now time.Time) {
	var refs []*state.Ref
	l.p.st.Read(func(f *state.Facts) { refs = slices.Collect(maps.Values(f.Refs)) })
	for _, r := range refs {
		if len(l.index.Instances(r.Key())) == 0 {
			key := watchlist.KeyOf(r.VCS, r.URL)
			l.remote(key).unwanted[r.Ref] = true
			l.agenda.add(key, now)
		}
	}
}

// launch begins a request, which ends as an answer.
func (l *loop) launch(ctx context.Context, key watchlist.RemoteKey) {
	rem := l.remotes[key]
	q := question{key: key, refs: rem.refs, unwanted: slices.Collect(maps.Keys(rem.unwanted))}
	if urls := l.index.Spellings(key); len(urls) > 0 {
		q.url = urls[rem.tries%len(urls)]
	}
	l.asked++
	go func() { l.answers <- answer{q, l.p.ask(ctx, q)} }()
}

// finish takes in an answer. A remote is left alone for longer if it failed, not
// if the store did; one of which nothing is watched and whose facts are gone is
// forgotten.
func (l *loop) finish(a answer, now time.Time) {
	rem := l.remotes[a.key]
	failed := a.err != nil && !errors.Is(a.err, errWrite)
	l.agenda.done(a.key, now, failed)
	if failed {
		rem.tries++
	}
	if a.err != nil {
		return
	}
	for _, ref := range a.unwanted {
		delete(rem.unwanted, ref)
	}
	if len(rem.refs) == 0 && len(rem.unwanted) == 0 {
		delete(l.remotes, a.key)
		l.agenda.drop(a.key)
		l.p.forget(a.key)
	}
}
