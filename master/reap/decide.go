package reap

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/plugins"
)

// Owners is what the facts own.
type Owners struct {
	IDs   map[string]bool // of AppServers that are not terminated, and of attempts in agents' hands
	Names map[string]bool // domains and routes of those AppServers, in canonical form
	Blind bool            // there are AppServers that cannot be read: nobody knows their names
}

// OwnersOf collects what the facts own.
func OwnersOf(f *state.Facts) Owners {
	o := Owners{IDs: map[string]bool{}, Names: map[string]bool{}, Blind: len(f.Illegible) > 0}
	maps.Copy(o.IDs, f.Illegible)
	for _, b := range f.Builds {
		o.IDs[state.AppServerID(b.ID, b.Attempt)] = true
	}
	for id, a := range f.AppServers {
		o.IDs[id] = true
		if a.DNS != nil {
			o.Names[canonical(a.DNS.Domain)] = true
		}
		if a.Balancer != nil {
			o.Names[canonical(a.Balancer.Name)] = true
		}
	}
	return o
}

func canonical(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// own says whether a thing belongs to somebody, whatever provider holds it.
func (o Owners) own(kind string, h state.Held) bool {
	switch kind {
	case "cloud":
		return o.IDs[h.Token]
	case "database":
		owner, _, _ := strings.Cut(h.Token, "/")
		return o.IDs[owner]
	}
	return o.Blind || o.Names[canonical(h.Token)]
}

// concerns says whether a thing is one that might be reaped at all: what
// carries another installation's tag, is meant to outlive its AppServer, or was
// given no token of ours never is.
func concerns(kind, installation string, h state.Held) bool {
	if installation == "" || h.Tags[plugins.InstallationTag] != installation || h.Token == "" || h.Persistent {
		return false
	}
	owner := h.Token
	switch kind {
	case "dns", "balancer":
		return true
	case "database":
		owner, _, _ = strings.Cut(h.Token, "/")
	case "cloud":
	default:
		return false
	}
	_, _, err := state.ParseAppServerID(owner)
	return err == nil
}

// Situation is all that decides what is reaped at one place.
type Situation struct {
	Kind         string
	Installation string
	Things       []state.Held // as the provider lists them
	Owners       Owners
	Before       map[string]time.Time // what the list before held and nobody owned: since when
	HeldBack     bool
}

// Rules are how it is decided.
type Rules struct {
	After time.Duration // how long nobody must have owned what is ended
	// Force ends what the list before held, however much and for however short a
	// time: a person has seen it.
	Force bool
}

// Unowned is one thing that nobody owns.
type Unowned struct {
	state.Held
	Since time.Time
	Ended time.Time // when its end was reported; zero: not yet. The next list tells whether it is true
	Error string    // why it could not be ended
}

// Verdict is what follows.
type Verdict struct {
	Listed   int       // things that are of this installation and might have been reaped
	Unowned  []Unowned // by token
	End      []string  // tokens
	HoldBack bool      // from now on or still, until a person allows it
}

// mostWithoutAsking is how many things nobody owns are ended although they are
// the greater part of what is listed.
const mostWithoutAsking = 3

// Decide says which of the things at a place end. A thing ends once two lists in
// a row held it and nobody owned it, Rules.After apart. Where that is the
// greater part it may be the facts that are wrong, as after an old backup: then
// nothing ends until a person allows it.
func Decide(s Situation, r Rules, now time.Time) Verdict {
	var v Verdict
	seen := map[string]bool{}
	for _, h := range s.Things {
		if !concerns(s.Kind, s.Installation, h) || seen[h.Token] {
			continue
		}
		seen[h.Token] = true
		v.Listed++
		if s.Owners.own(s.Kind, h) {
			continue
		}
		since, again := s.Before[h.Token]
		if !again {
			since = now
		}
		v.Unowned = append(v.Unowned, Unowned{Held: h, Since: since})
		if again && (r.Force || now.Sub(since) >= r.After) {
			v.End = append(v.End, h.Token)
		}
	}
	slices.SortFunc(v.Unowned, func(a, b Unowned) int { return strings.Compare(a.Token, b.Token) })
	slices.Sort(v.End)
	tooMany := len(v.Unowned) > mostWithoutAsking && 2*len(v.Unowned) > v.Listed
	if v.HoldBack = !r.Force && len(v.Unowned) > 0 && (s.HeldBack || tooMany); v.HoldBack {
		v.End = nil
	}
	return v
}
