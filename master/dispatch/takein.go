package dispatch

import (
	"context"
	"errors"
	"net"
	"strconv"
	"time"

	"github.com/wright-build/wright/master/logs"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// together is how many updates go into one transaction: an update that ends a
// build takes up to five writes, and the store takes 127.
const together = 24

// moves collects what a batch of updates comes to. A fact that several updates
// touch is written once.
type moves struct {
	facts  *state.Facts
	writes map[state.Key]state.Write
	lasts  map[string]*state.Last
	acks   map[*session][]*agentv1.Ack
	forget map[*session][]attempt
	over   map[*session][]attempt
	ends   []word         // of attempts, to be acknowledged
	lost   []logs.Attempt // get no more output
	retry  []fault        // are taken back
}

// fault is a build whose attempt the agent's host is to blame for, and why.
type fault struct {
	build *state.Build
	why   string
}

func newMoves() *moves {
	return &moves{
		writes: map[state.Key]state.Write{}, lasts: map[string]*state.Last{},
		acks: map[*session][]*agentv1.Ack{}, forget: map[*session][]attempt{}, over: map[*session][]attempt{},
	}
}

// takeIn stores what agents said and acknowledges it.
func (d *Dispatcher) takeIn(ctx context.Context) error {
	words := d.inbox.take(d.batch)
	if len(words) == 0 {
		return nil
	}
	m := newMoves()
	var ended []word
	d.Store.Read(func(f *state.Facts) {
		m.facts = f
		for _, w := range words {
			if f.Builds[w.update.GetBuild()] == nil {
				ended = append(ended, w)
				continue
			}
			m.advance(w, d.Log.Info)
		}
		for _, r := range m.retry {
			b := *r.build
			b.Avoid = b.Agent
			d.lose(m, &b, "its agent's host is to blame: "+r.why, time.Now().UTC())
		}
	})
	for _, w := range ended {
		if err := d.recall(ctx, w, m); err != nil {
			d.putBack(words)
			return err
		}
	}
	// gofail: var wordsUnstored struct{}
	if err := d.Store.CommitSeen(ctx, m.all()...); err != nil {
		d.putBack(words)
		d.batch = max(1, d.batch/2) // what is too much for one transaction must not be tried forever
		return err
	}
	// gofail: var wordsStored struct{}
	d.batch = together
	d.finishLost(m)
	d.settleEnds(m)
	// gofail: var wordsUnanswered struct{}
	m.answer()
	return nil
}

func (d *Dispatcher) putBack(words []word) {
	for _, w := range words {
		d.inbox.put(w.from, []*agentv1.Update{w.update})
	}
}

// recall answers a word about a build that is not live: the end, said again
// after it was taken in, or a word of an attempt that was given up.
func (d *Dispatcher) recall(ctx context.Context, w word, m *moves) error {
	id, err := state.ParseBuildID(w.update.GetBuild())
	if err != nil {
		m.refuse(w)
		return nil
	}
	b, err := d.Store.Build(ctx, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		m.refuse(w)
	case err != nil:
		return err
	case b.Attempt == int(w.update.GetAttempt()) && buildState(w.update.GetState()).Final():
		if !d.reopen(w, b) {
			m.ack(w)
		}
	default:
		m.refuse(w)
	}
	return nil
}

// advance applies one word to its build. The facts are held.
func (m *moves) advance(w word, note func(string, ...any)) {
	b := m.facts.Builds[w.update.GetBuild()]
	next, err := b.Advance(updateOf(w.update))
	if err != nil || b.Agent != w.from.name {
		note("an update was refused", "build", b.ID, "agent", w.from.name, "error", err)
		m.refuse(w)
		return
	}
	m.ack(w)
	if next.Version == b.Version {
		return
	}
	if u := updateOf(w.update); b.Retries(u) {
		m.retry = append(m.retry, fault{b, u.Error})
		return
	}
	server, moved := m.server(b, w.update.GetServer())
	if !next.State.Final() {
		m.put(next.Put())
		if moved {
			m.put(server.Put())
		}
		return
	}
	m.end(&next, server)
	if w.update.GetNoWatches() && next.State == state.Succeeded {
		m.unwatch(&next)
	}
}

// unwatch makes the list of watches empty, as the end of a build says which
// found nothing.
func (m *moves) unwatch(b *state.Build) {
	old := m.facts.Reports[b.Instance]
	if next := merge(old, b, nil, true, b.EndedAt); next != nil && !old.Empty() {
		next.Watches, next.Final = nil, nil
		m.put(next.Put())
	}
	if r := m.facts.Refusals[b.Instance]; r != nil && !newer(r.Build, b) {
		m.put(r.Put().Drop())
	}
}

// server is the build's AppServer as the update leaves it, nil if there is
// none, and whether that is anything new.
func (m *moves) server(b *state.Build, said *agentv1.Server) (now *state.AppServer, moved bool) {
	a := m.facts.AppServers[b.AppServer]
	if a == nil {
		return nil, false
	}
	next := *a
	if said.GetSpawned() || said.GetHealthy() {
		address := ""
		if host := said.GetAddress(); host != "" {
			address = net.JoinHostPort(bounded(host, 255), strconv.Itoa(int(said.GetPort())))
		}
		next = next.Advance(state.Spawned, address)
	}
	if said.GetHealthy() {
		next = next.Advance(state.Healthy, "")
	}
	return &next, next.State != a.State || next.Address != a.Address
}

// end writes all that follows from the end of a build: it leaves the live
// facts, its AppServer stays or is doomed, its last report counts.
func (m *moves) end(b *state.Build, server *state.AppServer) {
	if l := m.facts.Lasts[b.Instance]; l != nil && b.FlakyAfter(&l.Finished) {
		b.Flaky = l.Finished.ID
	}
	for _, w := range b.Finish() {
		m.put(w)
	}
	m.last(b)
	if server != nil {
		m.put(judge(b, server, m.facts.Actives[b.Instance]).Put())
	}
	if r := m.facts.Reports[b.Instance]; b.State == state.Succeeded && r != nil && r.Build == b.ID && r.Attempt == b.Attempt && r.Final != nil {
		final := *r
		final.Watches, final.Final = r.Final, nil
		m.put(final.Put())
	}
}

// judge says what the end of a build means for its AppServer: an active one
// stays whatever happened after; one that never came up goes.
func judge(b *state.Build, a *state.AppServer, act *state.Active) *state.AppServer {
	next := *a
	if b.State == state.Succeeded && a.State == state.Healthy || act != nil && act.AppServer == a.ID {
		next.Good = true
		return &next
	}
	if doomed, err := next.Doom("its build " + string(b.State)); err == nil {
		next = doomed
	}
	return &next
}

// last remembers the newest finished build of an instance.
func (m *moves) last(b *state.Build) {
	l := m.lasts[b.Instance]
	if l == nil {
		l = &state.Last{Instance: b.Instance}
		if old := m.facts.Lasts[b.Instance]; old != nil {
			*l = *old
		}
		m.lasts[b.Instance] = l
	}
	if b.Number >= l.Finished.Number {
		l.Finished = *b
	}
	if id, err := state.ParseBuildID(l.Success); b.State == state.Succeeded && (err != nil || b.Number > id.Number) {
		l.Success = b.ID
	}
}

func (m *moves) put(w state.Write) { m.writes[w.Key] = w }

func (m *moves) all() []state.Write {
	out := make([]state.Write, 0, len(m.writes)+len(m.lasts))
	for _, w := range m.writes {
		out = append(out, w)
	}
	for _, l := range m.lasts {
		out = append(out, l.Put())
	}
	return out
}

func (m *moves) ack(w word) {
	if buildState(w.update.GetState()).Final() {
		m.ends = append(m.ends, w)
		return
	}
	m.acknowledge(w)
}

func (m *moves) refuse(w word) {
	m.forget[w.from] = append(m.forget[w.from], attempt{w.update.GetBuild(), w.update.GetAttempt()})
}

func (m *moves) answer() {
	for s, acks := range m.acks {
		s.send(&agentv1.FromMaster{Message: &agentv1.FromMaster_Acks{Acks: &agentv1.Acks{Acks: acks}}})
	}
	for s, attempts := range m.forget {
		for _, a := range attempts {
			s.cancel(a, "the master has no use for this attempt", true)
		}
	}
	for s, attempts := range m.over {
		for _, a := range attempts {
			s.over(a)
		}
	}
}

func updateOf(u *agentv1.Update) state.Update {
	out := state.Update{
		Attempt: int(u.GetAttempt()), Version: u.GetVersion(), State: buildState(u.GetState()),
		Phase: bounded(u.GetPhase(), 200), Error: bounded(u.GetError(), 4000), Revisions: u.GetRevisions(), Deploying: u.GetDeploying(), HostFault: u.GetHostFault(), Warnings: u.GetWarnings(),
	}
	if len(out.Revisions) > 100 {
		out.Revisions = nil
	}
	for _, size := range u.GetOutput() {
		out.Output += max(0, size)
	}
	if t := u.GetStartedAt(); t != nil {
		out.StartedAt = t.AsTime().UTC()
	}
	if t := u.GetFinishedAt(); t != nil {
		out.EndedAt = t.AsTime().UTC()
	}
	if out.State.Final() && out.EndedAt.IsZero() {
		out.EndedAt = time.Now().UTC()
	}
	return out
}

func buildState(s agentv1.State) state.BuildState {
	switch s {
	case agentv1.State_STATE_ASSIGNED:
		return state.Assigned
	case agentv1.State_STATE_RUNNING:
		return state.Running
	case agentv1.State_STATE_SUCCEEDED:
		return state.Succeeded
	case agentv1.State_STATE_FAILED:
		return state.Failed
	case agentv1.State_STATE_CANCELLED:
		return state.Cancelled
	}
	return state.Errored
}

func bounded(s string, n int) string {
	if len(s) > n {
		return s[:n] + " …"
	}
	return s
}
