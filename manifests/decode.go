package manifests

import (
	"errors"
	"fmt"
	"maps"
	"net/mail"
	"path/filepath"
	"slices"
	"strings"
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
	m.BuildRequires = t.requirements()
	m.Priority = t.integer("priority", 0, -1000, 1000)
	m.AutoWatch = t.autoWatch()
	m.TreeStableTimer = t.duration("tree-stable-timer", 0, 0, day)
	m.Watches = t.watches()
	items, isArray := t.values["watch"].([]any)
	m.WatchNothing = isArray && len(items) == 0
	m.Steps = t.steps()
	m.Databases = t.databases()
	m.readTables(t)
	m.NoEffectYet = t.notes()
	if m.Source == nil && len(m.Steps) == 0 && m.AppServer == nil && len(t.found) == 0 {
		t.fail(0, "", "the manifest has nothing to do", "write a [source], a [[step]] or an [appserver]")
	}
}

// readTables fills what stands in a table of its own.
func (m *Manifest) readTables(t table) {
	if sub, ok := t.sub("source"); ok {
		m.Source = sub.source()
	}
	if sub, ok := t.sub("periodic"); ok {
		m.Periodic = sub.periodic()
	}
	if sub, ok := t.sub("appserver"); ok {
		m.AppServer = sub.appServer()
	}
	if sub, ok := t.sub("dns"); ok {
		m.DNS = sub.dns()
		if !t.has("appserver") {
			t.fail(sub.node.key, "dns", "dns needs an AppServer that the name leads to", "write [appserver] too")
		}
	}
	if sub, ok := t.sub("notify"); ok {
		m.Notify = sub.notify()
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
	ignore, _ := sub.list("ignore", `write ignore = ["https://host/*"]`)
	for i, pattern := range ignore {
		if pattern == "" || len(pattern) > maxURL || strings.IndexFunc(pattern, isHidden) >= 0 {
			sub.badAt(sub.node.child("ignore").item(i), "ignore",
				fmt.Errorf("want a pattern of 1 to %d visible bytes", maxURL))
		}
	}
	return AutoWatch{On: true, Ignore: ignore}
}

func (t table) source() *Source {
	t.closed("")
	s := &Source{VCS: "git", URL: t.url("git"), Submodules: t.boolean("submodules", true)}
	s.Branch, _ = t.shortRef("branch", branchPrefix)
	s.Revision, _ = t.shortRef("revision", tagPrefix) // a commit ID passes these rules too
	return s
}

func (t table) notify() *Notify {
	t.closed("")
	const key, hint = "on-failure", `write on-failure = ["ops@example.test"]`
	all, list := []string(nil), t.node.child("on-failure")
	if s, isString := t.values[key].(string); isString {
		for part := range strings.SplitSeq(s, ",") {
			all = append(all, strings.TrimSpace(part))
		}
	} else {
		all, _ = t.list(key, hint)
	}
	for i, s := range all {
		if a, err := mail.ParseAddress(s); err != nil || a.Address != s || len(s) > 254 || strings.IndexFunc(s, isHidden) >= 0 {
			t.badAt(list.item(i), key, instead(hint, "%s is no mail address", show(s)))
		}
	}
	return &Notify{OnFailure: all}
}

// steps reads the [[step]] tables.
func (t table) steps() []Step {
	first := make(map[string]Place)
	var all []Step
	for i, sub := range t.subs("step", maxSteps) {
		step := sub.step(fmt.Sprintf("step-%d", i+1))
		at := sub.place("name")
		if before, again := first[step.Name]; again {
			sub.bad("name", instead(fmt.Sprintf("the first is in line %d", before.Line), "a second step is called %s", show(step.Name)))
		} else {
			first[step.Name] = at
		}
		all = append(all, step)
	}
	return all
}

func (t table) step(name string) Step {
	t.closed("")
	s := Step{Name: name, Timeout: t.duration("timeout", time.Hour, time.Second, maxTimeout), Env: t.env()}
	if named, ok := t.name("name"); ok {
		s.Name = named
	}
	if !t.has("run") {
		t.missing("run", `write run = "make test"`)
	}
	s.Run, _ = t.text("run")
	if dir, ok := t.text("dir"); ok {
		if err := checkDir(dir); err != nil {
			t.bad("dir", err)
		}
		if dir = filepath.Clean(dir); dir != "." {
			s.Dir = dir
		}
	}
	return s
}

func checkDir(dir string) error {
	const hint = `write a path inside the workspace, such as "web/theme"`
	switch {
	case strings.IndexFunc(dir, isHidden) >= 0:
		return errors.New("holds a control or invisible character")
	case len(dir) > 1000:
		return errors.New("is longer than 1000 bytes")
	case filepath.IsAbs(dir):
		return instead(hint, "%s is absolute", show(dir))
	case !filepath.IsLocal(dir):
		return instead(hint, "%s leaves the workspace", show(dir))
	}
	return nil
}

// env reads the environment of a step.
func (t table) env() map[string]string {
	if !t.has("env") {
		return nil
	}
	sub, ok := t.sub("env")
	if !ok {
		return nil
	}
	if len(sub.values) > maxItems {
		t.bad("env", fmt.Errorf("has %d variables, at most %d are allowed", len(sub.values), maxItems))
		return nil
	}
	env := make(map[string]string, len(sub.values))
	for _, name := range slices.Sorted(maps.Keys(sub.values)) {
		if err := checkEnvName(name); err != nil {
			sub.fail(sub.node.child(name).key, join(sub.path, name), "env: "+err.Error(), "")
			continue
		}
		value, isString := sub.values[name].(string)
		if !isString {
			sub.wrong(name, "a string", fmt.Sprintf("write %s = and the value in quotes", name))
			continue
		}
		env[name] = value
	}
	return env
}

func checkEnvName(name string) error {
	switch {
	case name == "" || len(name) > maxName || name[0] >= '0' && name[0] <= '9' || strings.Contains(name, "-") || !consists(name, ""):
		return fmt.Errorf("%s is no name of a variable", show(name))
	case strings.HasPrefix(name, "WRIGHT_"):
		return fmt.Errorf("%s is reserved: names beginning with WRIGHT_ are Wright's own", show(name))
	}
	return nil
}
