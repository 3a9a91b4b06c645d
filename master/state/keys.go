package state

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// Kind is a class of facts; its string is the first part of their keys.
type Kind string

// The kinds of facts.
const (
	KindInForce   Kind = "manifest"
	KindFault     Kind = "fault"
	KindInstance  Kind = "instance"
	KindBuild     Kind = "build" // live ones
	KindDone      Kind = "done"  // finished builds: history, not kept in memory
	KindLast      Kind = "last"
	KindAgent     Kind = "agent"
	KindRef       Kind = "ref"
	KindReport    Kind = "report"
	KindRefusal   Kind = "refusal"
	KindAppServer Kind = "appserver"
	KindGone      Kind = "gone" // terminated AppServers: history
	KindActive    Kind = "active"
	KindSecret    Kind = "secret"
	KindHeldBack  Kind = "heldback"
	KindStanding  Kind = "standing"
)

// Key names a fact within the store.
type Key struct {
	Kind Kind
	Name string
}

func (k Key) String() string { return string(k.Kind) + "/" + k.Name }

// ParseKey reads what String wrote.
func ParseKey(s string) (Key, bool) {
	kind, name, ok := strings.Cut(s, "/")
	return Key{Kind(kind), name}, ok && name != ""
}

// BuildName is the name of a build's fact: sorted by age within its instance.
func BuildName(id BuildID) string { return fmt.Sprintf("%s/%010d", id.Instance, id.Number) }

// BuildNamed is the build whose fact is called name.
func BuildNamed(name string) (BuildID, error) {
	instance, number, _ := strings.Cut(name, "/")
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return BuildID{}, fmt.Errorf("read the build of fact %q: %w", name, err)
	}
	return BuildID{instance, n}, nil
}

// GoneName is the name of a terminated AppServer's fact, below its instance.
func GoneName(id string) string {
	build, _, _ := strings.Cut(id, ".")
	i := max(strings.LastIndexByte(build, '-'), 0)
	return build[:i] + "/" + id
}

// RefName is the name of a ref's fact, from manifests.Watch.Key.
func RefName(watchKey string) string {
	sum := sha256.Sum256([]byte(watchKey))
	return hex.EncodeToString(sum[:16])
}

// Write is one change of one fact. It holds only if the fact is still at the
// revision it was read at; a nil value deletes it.
type Write struct {
	Key   Key
	Value any
	Rev   int64
	Lease int64 // 0: none
}

// Drop deletes the fact that w would write.
func (w Write) Drop() Write { w.Value = nil; return w }

// Under ties the fact to a lease.
func (w Write) Under(lease int64) Write { w.Lease = lease; return w }

// Put writes the manifest in force.
func (m *InForce) Put() Write { return Write{Key: Key{KindInForce, m.Instance}, Value: m, Rev: m.Rev} }

// Put writes the fault.
func (f *Fault) Put() Write { return Write{Key: Key{KindFault, f.Name}, Value: f, Rev: f.Rev} }

// Put writes what schedule remembers.
func (i *Instance) Put() Write { return Write{Key: Key{KindInstance, i.Name}, Value: i, Rev: i.Rev} }

// Put writes a live build.
func (b *Build) Put() Write {
	return Write{Key: Key{KindBuild, BuildName(b.BuildID())}, Value: b, Rev: b.Rev}
}

// Finish moves a build that has ended from the live facts to history.
func (b *Build) Finish() []Write {
	return []Write{b.Put().Drop(), {Key: Key{KindDone, BuildName(b.BuildID())}, Value: b}}
}

// Put writes the outcome of the newest finished build.
func (l *Last) Put() Write { return Write{Key: Key{KindLast, l.Instance}, Value: l, Rev: l.Rev} }

// Put writes the agent; tie it to its lease.
func (a *Agent) Put() Write { return Write{Key: Key{KindAgent, a.Name}, Value: a, Rev: a.Rev} }

// Put writes the observation of a ref known by its watch key.
func (r *Ref) Put(watchKey string) Write {
	return Write{Key: Key{KindRef, RefName(watchKey)}, Value: r, Rev: r.Rev}
}

// Put writes the report.
func (r *Report) Put() Write { return Write{Key: Key{KindReport, r.Instance}, Value: r, Rev: r.Rev} }

// Put writes the refusal.
func (r *Refusal) Put() Write { return Write{Key: Key{KindRefusal, r.Instance}, Value: r, Rev: r.Rev} }

// Put writes the AppServer.
func (a *AppServer) Put() Write {
	return Write{Key: Key{KindAppServer, a.ID}, Value: a, Rev: a.Rev}
}

// Finish moves a terminated AppServer to history.
func (a *AppServer) Finish() []Write {
	return []Write{a.Put().Drop(), {Key: Key{KindGone, GoneName(a.ID)}, Value: a}}
}

// Put writes which AppServer is active.
func (a *Active) Put() Write { return Write{Key: Key{KindActive, a.Instance}, Value: a, Rev: a.Rev} }

// Put writes the secret.
func (s *Secret) Put() Write { return Write{Key: Key{KindSecret, s.Name}, Value: s, Rev: s.Rev} }

// Put writes that reaping is held back somewhere.
func (h *HeldBack) Put() Write {
	return Write{Key: Key{KindHeldBack, h.Place.String()}, Value: h, Rev: h.Rev}
}

// Over says which instance and number a finished build or a terminated AppServer
// is of, by its key, and what it is called among those of its instance.
func (k Key) Over() (instance string, number int64, name string, ok bool) {
	instance, name, ok = strings.Cut(k.Name, "/")
	digits := name
	if k.Kind == KindGone {
		id, _, dot := strings.Cut(name, ".")
		digits, ok = strings.TrimPrefix(id, instance+"-"), ok && dot && strings.HasPrefix(id, instance+"-")
	}
	number, err := strconv.ParseInt(digits, 10, 64)
	if !ok || err != nil || number <= 0 || !instanceName.MatchString(instance) || strings.ContainsAny(name, "/ \n") {
		return "", 0, "", false
	}
	return instance, number, name, k.Kind == KindDone || k.Kind == KindGone
}
