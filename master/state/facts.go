package state

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/wright-build/wright/manifests"
)

// Facts are the live facts as of one store revision: everything decisions are
// made from. Values are never changed in place, so they may be kept after the
// map they came from has moved on. Finished builds are not among them.
type Facts struct {
	Revision   int64
	Manifests  map[string]*InForce
	Unreadable map[string]int64 // manifests that another release put in force and this one refuses: their revisions
	Faults     map[string]*Fault
	Instances  map[string]*Instance
	Builds     map[string]*Build // by ID; not finished ones
	Lasts      map[string]*Last
	Agents     map[string]*Agent
	Refs       map[string]*Ref // by RefName
	Reports    map[string]*Report
	Refusals   map[string]*Refusal
	AppServers map[string]*AppServer // by ID; not terminated ones
	Actives    map[string]*Active
	Secrets    map[string]*Secret
	HeldBacks  map[string]*HeldBack // by Place
	Standings  map[string]*Standing // by agent
	Illegible  map[string]bool      // AppServers by ID that another release wrote and this one cannot read
	Notices    map[string]*Notice   // by ID; those that are due, and of late given up
	Tallies    map[string]*Tally

	heard      map[string]*Heard
	queued     int                              // how many builds are queued
	byAgent    map[string]map[string]*Build     // builds in an agent's hands
	byInstance map[string]map[string]*Build     // live builds
	handedOut  map[string]map[string]*Build     // those of an instance's live builds that were handed out, now or before
	servers    map[string]map[string]*AppServer // AppServers of an instance
	ids        map[string]string                // build fact name -> ID
}

// NewFacts returns facts with nothing in them.
func NewFacts() *Facts {
	return &Facts{
		Manifests: map[string]*InForce{}, Unreadable: map[string]int64{}, Faults: map[string]*Fault{}, Instances: map[string]*Instance{},
		Builds: map[string]*Build{}, Lasts: map[string]*Last{}, Agents: map[string]*Agent{},
		Refs: map[string]*Ref{}, Reports: map[string]*Report{}, Refusals: map[string]*Refusal{},
		AppServers: map[string]*AppServer{}, Actives: map[string]*Active{}, Secrets: map[string]*Secret{},
		Notices: map[string]*Notice{}, Tallies: map[string]*Tally{}, heard: map[string]*Heard{},
		HeldBacks: map[string]*HeldBack{}, Standings: map[string]*Standing{}, Illegible: map[string]bool{},
		byAgent: map[string]map[string]*Build{}, byInstance: map[string]map[string]*Build{}, handedOut: map[string]map[string]*Build{},
		servers: map[string]map[string]*AppServer{}, ids: map[string]string{},
	}
}

// Queued is how many builds are queued.
func (f *Facts) Queued() int { return f.queued }

// Queue sorts the queued builds, those of high priority and of old age first.
func (f *Facts) Queue() []*Build {
	all := make([]*Build, 0, f.queued)
	for _, b := range f.Builds {
		if b.State == Queued {
			all = append(all, b)
		}
	}
	slices.SortFunc(all, Before)
	return all
}

// ByName returns a live build by the name of its fact, nil if there is none.
func (f *Facts) ByName(name string) *Build { return f.Builds[f.ids[name]] }

// OfAgent returns the builds in an agent's hands.
func (f *Facts) OfAgent(name string) map[string]*Build { return f.byAgent[name] }

// OfInstance returns an instance's live builds.
func (f *Facts) OfInstance(name string) map[string]*Build { return f.byInstance[name] }

// Vouches is what a queued build that is handed out now vouches for.
func (f *Facts) Vouches(b *Build) int64 {
	at := b.Vouches(f.Revision, maps.Values(f.handedOut[b.Instance])) // thousands may wait behind it
	if l := f.Lasts[b.Instance]; l != nil {
		at = b.Vouches(at, slices.Values([]*Build{&l.Finished}))
	}
	return at
}

// Servers returns an instance's AppServers that are not terminated.
func (f *Facts) Servers(instance string) map[string]*AppServer { return f.servers[instance] }

// Known says whether an instance has a manifest in force, be it one that this
// release cannot read.
func (f *Facts) Known(instance string) bool {
	_, unreadable := f.Unreadable[instance]
	return unreadable || f.Manifests[instance] != nil
}

// Put takes in one fact as the store has it.
func (f *Facts) Put(k Key, value []byte, rev int64) error {
	switch k.Kind {
	case KindInForce:
		return f.putManifest(k.Name, value, rev)
	case KindBuild:
		return f.putBuild(k.Name, value, rev)
	case KindAppServer:
		return f.putAppServer(k.Name, value, rev)
	case KindFault:
		return put(f.Faults, k, value, rev)
	case KindInstance:
		return put(f.Instances, k, value, rev)
	case KindLast:
		return put(f.Lasts, k, value, rev)
	case KindAgent:
		return put(f.Agents, k, value, rev)
	case KindRef:
		return put(f.Refs, k, value, rev)
	case KindReport:
		return put(f.Reports, k, value, rev)
	case KindRefusal:
		return put(f.Refusals, k, value, rev)
	case KindActive:
		return put(f.Actives, k, value, rev)
	case KindSecret:
		return put(f.Secrets, k, value, rev)
	case KindNotice:
		return put(f.Notices, k, value, rev)
	case KindTally:
		return put(f.Tallies, k, value, rev)
	case KindHeard:
		return put(f.heard, k, value, rev)
	case KindHeldBack:
		return put(f.HeldBacks, k, value, rev)
	case KindStanding:
		return put(f.Standings, k, value, rev)
	}
	return nil // history, or a kind of a later release
}

// Delete forgets one fact.
func (f *Facts) Delete(k Key) {
	switch k.Kind {
	case KindInForce:
		delete(f.Manifests, k.Name)
		delete(f.Unreadable, k.Name)
	case KindBuild:
		f.dropBuild(k.Name)
	case KindAppServer:
		f.dropAppServer(k.Name)
	case KindFault:
		delete(f.Faults, k.Name)
	case KindInstance:
		delete(f.Instances, k.Name)
	case KindLast:
		delete(f.Lasts, k.Name)
	case KindAgent:
		delete(f.Agents, k.Name)
	case KindRef:
		delete(f.Refs, k.Name)
	case KindReport:
		delete(f.Reports, k.Name)
	case KindRefusal:
		delete(f.Refusals, k.Name)
	case KindActive:
		delete(f.Actives, k.Name)
	case KindSecret:
		delete(f.Secrets, k.Name)
	case KindNotice:
		delete(f.Notices, k.Name)
	case KindTally:
		delete(f.Tallies, k.Name)
	case KindHeard:
		delete(f.heard, k.Name)
	case KindHeldBack:
		delete(f.HeldBacks, k.Name)
	case KindStanding:
		delete(f.Standings, k.Name)
	}
}

type settable[T any] interface {
	*T
	setRev(int64)
}

func decode[T any, P settable[T]](k Key, value []byte, rev int64) (P, error) {
	p := P(new(T))
	if err := Decode(value, p); err != nil {
		return nil, fmt.Errorf("decode fact %s: %w", k, err)
	}
	p.setRev(rev)
	return p, nil
}

func put[T any, P settable[T]](m map[string]P, k Key, value []byte, rev int64) error {
	p, err := decode[T, P](k, value, rev)
	if err == nil {
		m[k.Name] = p
	}
	return err
}

func (f *Facts) putManifest(name string, value []byte, rev int64) error {
	m, err := decode[InForce](Key{KindInForce, name}, value, rev)
	if err == nil {
		m.Manifest, err = manifests.Parse(m.File, m.Text)
	}
	if err != nil {
		delete(f.Manifests, name)
		f.Unreadable[name] = rev
		return fmt.Errorf("manifest in force %s: %w", name, err)
	}
	delete(f.Unreadable, name)
	f.Manifests[name] = m
	return nil
}

func (f *Facts) putBuild(name string, value []byte, rev int64) error {
	b, err := decode[Build](Key{KindBuild, name}, value, rev)
	if err != nil {
		return err
	}
	f.dropBuild(name)
	f.Builds[b.ID], f.ids[name] = b, b.ID
	add(f.byInstance, b.Instance, b.ID, b)
	if b.Agent != "" {
		add(f.byAgent, b.Agent, b.ID, b)
	}
	if b.FactsAt > 0 {
		add(f.handedOut, b.Instance, b.ID, b)
	}
	if b.State == Queued {
		f.queued++
	}
	return nil
}

func (f *Facts) dropBuild(name string) {
	b := f.Builds[f.ids[name]]
	if b == nil {
		return
	}
	delete(f.Builds, b.ID)
	delete(f.ids, name)
	remove(f.byInstance, b.Instance, b.ID)
	remove(f.handedOut, b.Instance, b.ID)
	remove(f.byAgent, b.Agent, b.ID)
	if b.State == Queued {
		f.queued--
	}
}

func (f *Facts) putAppServer(name string, value []byte, rev int64) error {
	a, err := decode[AppServer](Key{KindAppServer, name}, value, rev)
	if err != nil {
		f.Illegible[name] = true // what was known of it stays
		return err
	}
	delete(f.Illegible, name)
	f.AppServers[name] = a
	add(f.servers, a.Instance, name, a)
	return nil
}

func (f *Facts) dropAppServer(name string) {
	delete(f.Illegible, name)
	if a := f.AppServers[name]; a != nil {
		delete(f.AppServers, name)
		remove(f.servers, a.Instance, name)
	}
}

// Before orders queued builds that do not take turns: priority, then age. It is
// a total order.
func Before(a, b *Build) int {
	return cmp.Or(
		cmp.Compare(b.Priority, a.Priority),
		a.QueuedAt.Compare(b.QueuedAt),
		cmp.Compare(a.Instance, b.Instance),
		cmp.Compare(a.Number, b.Number),
	)
}

func add[T any](m map[string]map[string]T, group, name string, v T) {
	if m[group] == nil {
		m[group] = map[string]T{}
	}
	m[group][name] = v
}

func remove[T any](m map[string]map[string]T, group, name string) {
	delete(m[group], name)
	if len(m[group]) == 0 {
		delete(m, group)
	}
}
