package dispatch

import (
	"github.com/wright-build/wright/master/state"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// tell sends agents what the changed facts mean for them: builds to end,
// AppServers that are settled, operations. Each is sent once per session and
// again after a reconnect.
func (d *Dispatcher) tell(keys []state.Key, all bool) {
	d.Store.Read(func(f *state.Facts) {
		for _, b := range concerned(f, keys, all) {
			d.tellBuild(f, b)
		}
		for _, a := range concernedServers(f, keys, all) {
			d.tellServer(f, a)
		}
	})
}

// concernedServers lists the AppServers that the changed facts speak of: all of
// an instance when its active one changes, since that settles the others.
func concernedServers(f *state.Facts, keys []state.Key, all bool) map[string]*state.AppServer {
	if all {
		return f.AppServers
	}
	out := map[string]*state.AppServer{}
	for _, k := range keys {
		switch k.Kind {
		case state.KindAppServer:
			if a := f.AppServers[k.Name]; a != nil {
				out[a.ID] = a
			}
		case state.KindActive:
			for id, a := range f.Servers(k.Name) {
				out[id] = a
			}
		case state.KindAgent: // who is gone leaves what waits for it to others
			if f.Agents[k.Name] == nil {
				orphans(f, out)
			}
		}
	}
	return out
}

func (d *Dispatcher) tellBuild(f *state.Facts, b *state.Build) {
	s := d.session(b.Agent)
	if s == nil {
		return
	}
	at := attempt{b.ID, int32(b.Attempt)}
	if b.Cancel != "" {
		s.cancel(at, b.Cancel, false)
	}
	if b.Enough {
		s.hurry(at, b.Cancel)
	}
	if a := f.AppServers[b.AppServer]; a != nil {
		s.settle(at, a, f.Actives[b.Instance])
	}
}

func (d *Dispatcher) tellServer(f *state.Facts, a *state.AppServer) {
	if a.Waiting() {
		if s := d.session(executor(f, a)); s != nil {
			s.operate(a)
		}
	}
	s := d.session(a.Agent)
	if s == nil {
		return
	}
	if b := f.Builds[a.Build]; b != nil && b.AppServer == a.ID && b.Agent == s.name {
		s.settle(attempt{b.ID, int32(b.Attempt)}, a, f.Actives[a.Instance])
	}
}

// catchUp tells an agent that has just connected everything that waits for it,
// and takes from it what it should still hold but does not.
func (d *Dispatcher) catchUp(f *state.Facts, s *session, holds map[attempt]bool) (lost []*state.Build) {
	for _, b := range f.OfAgent(s.name) {
		at := attempt{b.ID, int32(b.Attempt)}
		switch {
		case holds[at]:
		case b.State == state.Assigned && f.Manifests[b.Instance] != nil:
			s.work(workOf(b, f.Manifests[b.Instance].Manifest))
		default:
			lost = append(lost, b)
			continue
		}
		d.tellBuild(f, b)
	}
	for _, a := range f.AppServers {
		if a.Agent == s.name || a.Waiting() && f.Agents[a.Agent] == nil {
			d.tellServer(f, a)
		}
	}
	return lost
}

func outcome(o state.Outcome) agentv1.Outcome {
	switch o {
	case state.Activated:
		return agentv1.Outcome_OUTCOME_ACTIVATED
	case state.Overtaken:
		return agentv1.Outcome_OUTCOME_OVERTAKEN
	case state.Standby:
		return agentv1.Outcome_OUTCOME_STANDBY
	case state.Refused:
		return agentv1.Outcome_OUTCOME_FAILED
	}
	return agentv1.Outcome_OUTCOME_UNSPECIFIED
}
