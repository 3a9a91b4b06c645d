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
	"github.com/wright-build/wright/master/poll/ask"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
	"github.com/wright-build/wright/master/watchlist"
)

// shortInterval is up to which the first requests after a start are not spread
// over the interval, if they are few.
const shortInterval = 10 * time.Second

// fewRemotes is up to how many remotes they are not spread either.
const fewRemotes = 100

// loop is the one goroutine that knows what is watched and whom to ask next.
// Requests run beside it and come back as answers.
type loop struct {
	p       *Poller
	sub     *store.Subscription
	index   watchlist.Index
	agenda  *agenda
	pace    pace
	remotes map[watchlist.RemoteKey]*remote
	looks   map[watchlist.RemoteKey]*look
	answers chan answer
	asked   int // requests under way
}

// remote is what the loop knows of one remote. It exists as long as a ref of
// it is watched or has a fact that must go.
type remote struct {
	refs     []watched           // sorted by ref
	unwanted map[string]bool     // refs whose facts are to be deleted
	tries    int                 // failed ones: chooses among the spellings of the URL
	fails    int                 // in a row
	told     map[string]Movement // by ref: the last of which hooks say
	reliable int                 // movements in a row that hooks told of first
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
		agenda:  newAgenda(p.cfg.Concurrency, p.cfg.PerHost, jitter),
		pace:    pace{p.cfg.Interval, p.cfg.MaxInterval},
		remotes: map[watchlist.RemoteKey]*remote{},
		looks:   map[watchlist.RemoteKey]*look{},
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
		l.start(ctx, time.Now())
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
			l.hear(l.p.takeNews())
			l.arrange(l.p.takeLooks(), time.Now())
		}
	}
	return nil
}

// hear takes in what others know of remotes.
func (l *loop) hear(all map[watchlist.RemoteKey]news) {
	for key, n := range all {
		rem := l.remotes[key]
		if rem == nil {
			continue
		}
		rem.hear(n.told)
		rem.reliable += n.steps
		if n.urgent {
			l.agenda.urge(key)
		}
	}
}

// hear remembers what hooks told.
func (r *remote) hear(told map[string]Movement) {
	maps.Copy(r.told, told)
}

// begin takes up everything in force. What is new is asked at once, the others
// somewhere within the interval, so that a restart is no storm.
func (l *loop) begin(now time.Time) {
	l.sub.Take()
	instances := l.inForce()
	changed := slices.Collect(l.update(instances))
	fresh := l.fresh(instances, now)
	spread := l.p.cfg.Interval > shortInterval || len(changed) > fewRemotes
	for _, r := range changed {
		rem := l.relist(r)
		at := now
		if spread && (!fresh[r.Key] || l.observed(rem)) {
			at = now.Add(time.Duration(rand.Float64() * float64(l.p.cfg.Interval)))
		}
		l.agenda.add(r.Key, l.hostOf(r.Key), at)
	}
	l.strays(now)
}

// fresh is the remotes of lists so young that nobody may have asked them yet.
func (l *loop) fresh(instances map[string]bool, now time.Time) map[watchlist.RemoteKey]bool {
	young := map[string]bool{}
	l.p.st.Read(func(f *state.Facts) {
		for name := range instances {
			m, r := f.Manifests[name], f.Reports[name]
			young[name] = m != nil && now.Sub(m.Since) < l.p.youth() || r != nil && now.Sub(r.At) < l.p.youth()
		}
	})
	keys := map[watchlist.RemoteKey]bool{}
	for name := range instances {
		if young[name] {
			for key := range l.index.RemotesOf(name) {
				keys[key] = true
			}
		}
	}
	return keys
}

// youth is how long a list may wait for its first answers; what has none after
// that has failed.
func (p *Poller) youth() time.Duration { return max(time.Minute, p.cfg.Interval+p.cfg.Timeout) }

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
		l.agenda.add(r.Key, l.hostOf(r.Key), time.Now())
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
	l.p.watch(r.Key, rem.refs)
	return rem
}

func (l *loop) remote(key watchlist.RemoteKey) *remote {
	rem := l.remotes[key]
	if rem == nil {
		rem = &remote{unwanted: map[string]bool{}, told: map[string]Movement{}}
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
			l.agenda.add(key, "", now)
		}
	}
}

// hostOf is the host that a remote is asked at.
func (l *loop) hostOf(key watchlist.RemoteKey) string {
	urls := l.index.Spellings(key)
	if len(urls) == 0 {
		return ""
	}
	asked, _ := rewritten(urls[0], l.p.cfg.Rewrites)
	return ask.Host(asked)
}

// launch begins a request, which ends as an answer.
func (l *loop) launch(ctx context.Context, key watchlist.RemoteKey) {
	rem := l.remotes[key]
	q := question{key: key, refs: rem.refs, unwanted: slices.Collect(maps.Keys(rem.unwanted)), told: rem.told}
	rem.told = map[string]Movement{}
	if urls := l.index.Spellings(key); len(urls) > 0 {
		q.url = urls[rem.tries%len(urls)]
		q.asked, q.trusted = rewritten(q.url, l.p.cfg.Rewrites)
		q.trusted = q.trusted || l.index.Trusted(key)
	}
	l.asked++
	go func() {
		found, err := l.p.ask(ctx, q)
		l.answers <- answer{q, found, err}
	}()
}

// finish takes in an answer; one of which nothing is watched and whose facts
// are gone is forgotten.
func (l *loop) finish(a answer, now time.Time) {
	rem := l.remotes[a.key]
	l.plan(rem, a, now)
	if a.err != nil {
		return
	}
	for _, ref := range a.unwanted {
		delete(rem.unwanted, ref)
	}
	if len(rem.refs) == 0 && len(rem.unwanted) == 0 {
		delete(l.remotes, a.key)
		l.agenda.drop(a.key)
		l.p.watch(a.key, nil)
	}
}

// plan says when a remote is asked again: later if it failed, not if the store
// did.
func (l *loop) plan(rem *remote, a answer, now time.Time) {
	rest := l.pace.interval
	failed := a.err != nil && !errors.Is(a.err, errWrite)
	if failed {
		rem.tries++
		rem.fails++
		rest = l.pace.backOff(rem.fails)
	}
	if a.err != nil {
		rem.hear(a.told) // the next answer may show it
	} else {
		told := maps.Clone(a.told)
		maps.Copy(told, rem.told)
		rem.fails, rem.reliable = 0, reliable(rem.reliable, a.moved, told)
		rest = l.pace.rest(now.Sub(a.last), rem.reliable)
	}
	l.agenda.done(a.key, now, rest, failed)
}
