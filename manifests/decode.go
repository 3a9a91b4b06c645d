package manifests

import (
	"time"
)

const (
	maxSteps   = 1000
	maxTimeout = 720 * time.Hour
	day        = 24 * time.Hour
)

// read fills m from the top table.
func (m *Manifest) read(t table) {
	t.closed("")
	m.BuildRequires, m.Where = t.requirements("build-requires"), t.where()
	m.When = t.when(m.Instance)
	m.Priority = t.integer("priority", 0, -1000, 1000)
	m.AutoWatch = t.autoWatch()
	m.TreeStableTimer = t.duration("tree-stable-timer", 0, 0, day)
	m.Watches = t.watches()
	items, isArray := t.values["watch"].([]any)
	m.WatchNothing = isArray && len(items) == 0
	m.Steps, m.Timeout = t.steps(), t.duration("timeout", 0, time.Second, maxTimeout)
	m.Databases = t.databases()
	m.readTables(t)
	m.Notes = t.notes(m.Periodic)
	if m.Source == nil && len(m.Steps) == 0 && m.AppServer == nil && len(t.found) == 0 {
		t.fail(0, "", "the manifest has nothing to do", "write a [source], a [[step]] or an [appserver]")
	}
}

// readTables fills what stands in a table of its own.
func (m *Manifest) readTables(t table) {
	if sub, ok := t.sub("source"); ok {
		m.Source = sub.source()
	}
	if sub, ok := t.sub("artifacts"); ok {
		m.Artifacts = sub.artifacts()
	}
	if sub, ok := t.sub("retention"); ok {
		m.Retention = sub.retention()
	}
	if sub, ok := t.sub("periodic"); ok {
		m.Periodic = sub.periodic()
	}
	if sub, ok := t.sub("appserver"); ok {
		m.AppServer = sub.appServer()
	}
	if sub, ok := t.sub("dns"); ok {
		m.DNS = sub.dns()
		t.needsAppServer(sub, "dns")
	}
	if sub, ok := t.sub("balancer"); ok {
		m.Balancer = sub.balancer()
		t.needsAppServer(sub, "balancer")
	}
	if sub, ok := t.sub("runner"); ok {
		m.Runner = sub.runner()
	}
	if sub, ok := t.sub("notify"); ok {
		m.Notify = sub.notify(m.Source, m.Instance)
	}
}

func (t table) needsAppServer(sub table, key string) {
	if !t.has("appserver") {
		t.fail(sub.node.key, key, key+" needs an AppServer that the name leads to", "write [appserver] too")
	}
}

func (t table) autoWatch() AutoWatch {
	if _, isBool := t.values["auto-watch"].(bool); isBool || !t.has("auto-watch") {
		return AutoWatch{On: t.boolean("auto-watch", true)}
	}
	if _, isTable := t.values["auto-watch"].(map[string]any); !isTable {
		t.wrong("auto-watch", "a boolean or a table", `write auto-watch = true or auto-watch = { ignore = ["https://host/*"] }`)
		return AutoWatch{}
	}
	sub, _ := t.sub("auto-watch")
	sub.closed("")
	return AutoWatch{On: true, Ignore: sub.urlPatterns("ignore")}
}

func (t table) source() *Source {
	t.closed("")
	s := &Source{Submodules: t.boolean("submodules", true), Place: t.lines.place(t.node.key)}
	s.VCS, s.URL = t.remote()
	s.Branch, _ = t.shortRef("branch", branchPrefix)
	s.Revision, _ = t.shortRef("revision", tagPrefix) // a commit ID passes these rules too
	return s
}
