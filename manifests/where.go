package manifests

import (
	"fmt"
	"slices"
)

// maxLocks bounds the locks of one manifest, maxMatrix the entries of build-for.
const (
	maxLocks  = 100
	maxMatrix = 10
)

// Where says where builds of an instance may run, besides BuildRequires, and
// what they take turns with.
type Where struct {
	For      []string `json:"for,omitempty"`      // one build for each matching version; entries are requirements without Value
	Pool     string   `json:"pool,omitempty"`     // agents of this pool only; "": of no pool
	Prefer   []string `json:"prefer,omitempty"`   // requirements that count only while an agent that meets them has a free slot
	Parallel int      `json:"parallel,omitempty"` // most builds of the instance at a time; 0: any number
	Locks    []Lock   `json:"locks,omitempty"`    // names are unique
}

// Lock is held by a build from its assignment to its end.
type Lock struct {
	Name  string `json:"name"`
	Limit int    `json:"limit"`           // how many builds may hold it at a time, those of other instances included
	Agent bool   `json:"agent,omitempty"` // counted on each agent by itself
}

func whereKeys() []KeyDoc {
	return []KeyDoc{
		{"build-for", "array of strings", "[]", "one build for each version of these that agents offer and that fits, and for each combination of them"},
		{"pool", "string", "agents of no pool", "builds run on agents of this pool only"},
		{"prefer", "array of strings", "[]", "of the agents that are free, those that offer most of this come first"},
		{"max-parallel", "integer, 1 to 10000", "any number", "how many builds of the instance run at a time"},
		{"lock", "array of tables", "", "what builds take turns with, also those of other instances"},
		{"lock.name", "string", required, "name of the lock"},
		{"lock.limit", "integer, 1 to 10000", "1", "how many builds may hold it at a time"},
		{"lock.scope", `"global" or "agent"`, `"global"`, "whether it is counted everywhere or on each agent"},
	}
}

func (t table) where() Where {
	w := Where{For: t.requirements("build-for"), Prefer: t.requirements("prefer"), Parallel: t.integer("max-parallel", 0, 1, 10000)}
	w.Pool = t.word("pool")
	if len(w.For) > maxMatrix {
		t.bad("build-for", fmt.Errorf("has %d entries, at most %d are allowed", len(w.For), maxMatrix))
	}
	for i, s := range w.For {
		if r, err := ParseRequirement(s); err == nil && r.Value != "" {
			t.badAt(t.node.child("build-for").item(i), "build-for", instead("put it into build-requires", "%s fits one value only", show(s)))
		}
	}
	if len(w.For) > 0 && t.has("appserver") {
		t.bad("build-for", instead("let an instance of its own make the AppServer", "builds for several versions cannot make AppServers that replace each other"))
	}
	for _, sub := range t.subs("lock", maxLocks) {
		l := sub.lock()
		if slices.ContainsFunc(w.Locks, func(o Lock) bool { return o.Name == l.Name }) && l.Name != "" {
			sub.bad("name", fmt.Errorf("a second lock is called %s", show(l.Name)))
		}
		w.Locks = append(w.Locks, l)
	}
	return w
}

func (t table) lock() Lock {
	t.closed("")
	if !t.has("name") {
		t.missing("name", `write name = "staging"`)
	}
	l := Lock{Name: t.word("name"), Limit: t.integer("limit", 1, 1, 10000)}
	switch scope, ok := t.text("scope"); {
	case ok && scope != "agent" && scope != "global":
		t.bad("scope", instead(`write "global" or "agent"`, "%s is no scope", show(scope)))
	case ok:
		l.Agent = scope == "agent"
	}
	return l
}

// word is a name that agents and manifests share, "" if there is none.
func (t table) word(key string) string {
	s, ok := t.text(key)
	if !ok {
		return ""
	}
	if !IsWord(s) {
		t.bad(key, instead("use letters, digits, dots and dashes, at most 63 characters", "%s is no name", show(s)))
	}
	return s
}

// IsWord says whether s may name a pool or a lock.
func IsWord(s string) bool {
	return s != "" && len(s) <= 63 && s[0] != '-' && s[0] != '.' && consists(s, ".")
}
