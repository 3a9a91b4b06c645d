package manifests

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Condition says after what something is done.
type Condition string

// The conditions of steps.
const (
	AfterSuccess Condition = "on-success" // while nothing has failed
	AfterFailure Condition = "on-failure" // once something has failed
	Always       Condition = "always"     // whatever happened, also when the build was cancelled
)

func stepKeys() []KeyDoc {
	return []KeyDoc{
		{"timeout", "duration, up to 720h", "none", "when a build is stopped, counted from its start on an agent"},
		{"step", "array of tables", "", "the commands of a build, in order"},
		{"step.name", "string", "step-N, counted from 1", "name of the step, unique in the manifest"},
		{"step.run", "string", required, "command, given to a shell"},
		{"step.shell", "array of strings", `["/bin/sh", "-ec"]`, "program and arguments that the command is given to, as one more"},
		{"step.when", `"on-success", "on-failure" or "always"`, `"on-success"`, "whether the step runs once one has failed; always also after a build is cancelled"},
		{"step.timeout", "duration, up to 720h", `"1h"`, "when the step is stopped"},
		{"step.silence", "duration, up to 720h", "none", "when the step is stopped because it has printed nothing for so long"},
		{"step.env", "table of strings", "{}", "environment variables; WRIGHT_ names are Wright's own"},
		{"step.dir", "string", "the workspace", "directory inside the workspace where it runs"},
		{"runner", "table", "the agent's own host", "where the steps run"},
		{"runner.provider", "string", required, "runner"},
		{"runner." + provider, "table", "", "the runner's own settings"},
	}
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
	s := Step{
		Name: name, Env: t.env(), When: t.condition(), Shell: t.shell(),
		Timeout: t.duration("timeout", time.Hour, time.Second, maxTimeout), Silence: t.duration("silence", 0, time.Second, maxTimeout),
	}
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

// condition reads when.
func (t table) condition() Condition {
	s, ok := t.text("when")
	if !ok {
		return AfterSuccess
	}
	c := Condition(s)
	if c != AfterSuccess && c != AfterFailure && c != Always {
		t.bad("when", instead(`write "on-success", "on-failure" or "always"`, "%s is no condition", show(s)))
	}
	return c
}

// shell reads what a command is given to, nil for the default.
func (t table) shell() []string {
	const key, hint = "shell", `write shell = ["/bin/bash", "-euo", "pipefail", "-c"]`
	all, ok := t.list(key, hint)
	if !ok {
		return nil
	}
	if len(all) == 0 || strings.TrimSpace(all[0]) == "" {
		t.bad(key, instead(hint, "names no program"))
	}
	for i, s := range all {
		if err := checkName(s); err != nil {
			t.badAt(t.node.child(key).item(i), key, err)
		}
	}
	return all
}
