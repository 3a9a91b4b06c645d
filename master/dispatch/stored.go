package dispatch

import (
	"github.com/wright-build/wright/master/logs"
	"github.com/wright-build/wright/master/state"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// settleEnds acknowledges ends. An agent forgets what its build wrote once the end
// is acknowledged, so those whose output is still to be stored wait; the facts do
// not, the build has ended.
func (d *Dispatcher) settleEnds(m *moves) {
	for _, w := range m.ends {
		if d.standing(w) == logs.Coming {
			d.unstored[attempt{w.update.GetBuild(), w.update.GetAttempt()}] = w
			continue
		}
		m.acknowledge(w)
		d.shut(w)
	}
}

// releaseEnds acknowledges the ends that have waited long enough. An agent that is
// gone says its end again when it comes back.
func (d *Dispatcher) releaseEnds() {
	m := newMoves()
	for at, w := range d.unstored {
		now := d.standing(w)
		if now == logs.Coming && !w.from.ended() {
			continue
		}
		delete(d.unstored, at)
		switch {
		case w.from.ended():
		case now == logs.Nowhere:
			d.inbox.put(w.from, []*agentv1.Update{w.update}) // it is recalled
		default:
			m.acknowledge(w)
			d.shut(w)
		}
	}
	m.answer()
}

func (d *Dispatcher) standing(w word) logs.Standing {
	at, ok := attemptOf(w)
	if !ok {
		return logs.Nowhere
	}
	return d.Output.Standing(at)
}

func attemptOf(w word) (logs.Attempt, bool) {
	id, err := state.ParseBuildID(w.update.GetBuild())
	return logs.Attempt{Instance: id.Instance, Build: w.update.GetBuild(), Attempt: int(w.update.GetAttempt())}, err == nil
}

// reopen asks an agent for the output of a build that has ended, if nobody has it:
// the master that took it has died before it could be stored.
func (d *Dispatcher) reopen(w word, b *state.Build) bool {
	at, ok := attemptOf(w)
	if !ok || b.Agent != w.from.name || len(w.update.GetOutput()) == 0 || d.Output.Standing(at) != logs.Nowhere {
		return false
	}
	d.mu.Lock()
	d.reopened[attempt{w.update.GetBuild(), w.update.GetAttempt()}] = at
	d.mu.Unlock()
	w.from.send(&agentv1.FromMaster{Message: &agentv1.FromMaster_Redeliver{
		Redeliver: &agentv1.Redeliver{Build: w.update.GetBuild(), Attempt: w.update.GetAttempt()},
	}})
	return true
}

// wanted says whether output of an attempt is taken: while an agent has it in its
// hands, and again if it was lost after its end.
func (d *Dispatcher) wanted(build string, number int32, agent string) (logs.Attempt, bool) {
	if at, ok := d.current(build, number, agent); ok {
		return at, true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	at, ok := d.reopened[attempt{build, number}]
	return at, ok
}

// shut takes no more output of an attempt.
func (d *Dispatcher) shut(w word) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.reopened, attempt{w.update.GetBuild(), w.update.GetAttempt()})
}

// acknowledge says that a word is taken in.
func (m *moves) acknowledge(w word) {
	m.acks[w.from] = append(m.acks[w.from], &agentv1.Ack{
		Build: w.update.GetBuild(), Attempt: w.update.GetAttempt(), Version: w.update.GetVersion(),
	})
	if buildState(w.update.GetState()).Final() {
		m.over[w.from] = append(m.over[w.from], attempt{w.update.GetBuild(), w.update.GetAttempt()})
	}
}
