package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wright-build/wright/cmd/wright/wrighttest"
	"github.com/wright-build/wright/master/api/view"
)

const keeping = `timeout = "5m"
[[step]]
name = "make"
run = '''
mkdir -p dist/deep reports
printf 'one\n' > dist/a.txt
printf '#!/bin/sh\n' > dist/deep/run
chmod +x dist/deep/run
ln -s /etc/passwd dist/passwd
echo 'main.c:1: warning: unused'
cat > reports/r.xml <<'X'
<testsuite name="s"><testcase name="good"/><testcase name="bad"><failure message="want 1"/></testcase></testsuite>
X
GATE
exit 3
'''
[[step]]
name = "never"
run = "touch dist/never"
[[step]]
name = "collect"
when = "always"
run = "echo \"it has $WRIGHT_STATUS\" > dist/status"
[artifacts]
paths = ["dist/**"]
exclude = ["**/*.tmp"]
junit = ["reports/*.xml"]
when = "always"
`

// TestWhatABuildKeeps: a build that fails still collects, and what it keeps is
// there whole, also when the agent and the master are killed amid it; its tests and
// warnings are shown.
func TestWhatABuildKeeps(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	master, agent := h.Master(), h.Agent("one")
	gate := filepath.Join(h.Dir, "gate")
	h.Manifest("shop", strings.Replace(keeping, "GATE", untilThere(gate), 1))
	id := h.Start("shop").ID
	h.AwaitPhase(id, "step make")
	master.Kill()
	agent.Kill()
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	h.Master()
	h.Agent("one")
	b := h.AwaitEnd(id)
	if b.State != "failed" || b.Error != "step make failed with exit status 3" || b.Warnings != 1 || b.Tests == nil || b.Tests.Passed != 1 || b.Tests.Failed != 1 {
		t.Errorf("the build is %+v, its tests %+v", b, b.Tests)
	}
	var kept []view.Artifact
	h.JSON(&kept, "build", "artifacts", id)
	var paths []string
	for _, f := range kept {
		paths = append(paths, f.Path)
	}
	if got := strings.Join(paths, " "); got != "dist/a.txt dist/deep/run dist/status" {
		t.Errorf("kept are %s", got)
	}
	sum := sha256.Sum256([]byte("one\n"))
	if kept[0].SHA256 != hex.EncodeToString(sum[:]) || kept[0].Size != 4 || !kept[1].Executable {
		t.Errorf("kept are %+v", kept)
	}
	into := filepath.Join(h.Dir, "fetched")
	if r := h.Run("build", "artifacts", id, "dist/**", "--into", into); r.Status != 0 {
		t.Errorf("fetching: %+v", r)
	}
	if text, _ := os.ReadFile(filepath.Join(into, "dist", "status")); string(text) != "it has failed\n" {
		t.Errorf("the last step was told %q", text)
	}
	if info, err := os.Stat(filepath.Join(into, "dist", "deep", "run")); err != nil || info.Mode()&0o100 == 0 {
		t.Errorf("what can be run is fetched as %v, %v", info, err)
	}
	var tests view.Tests
	h.JSON(&tests, "build", "tests", id)
	if len(tests.Cases) != 1 || tests.Cases[0].Name != "bad" || tests.Cases[0].Message != "want 1" {
		t.Errorf("the tests are %+v", tests)
	}
}

// TestTooMuchToKeep: a build whose artifacts are too large fails and says so.
func TestTooMuchToKeep(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	h.Master()
	h.Agent("one")
	h.Manifest("shop", `[[step]]
run = "head -c 1100000 /dev/zero > big"
[artifacts]
paths = ["big"]
max-mib = 1
`)
	if b := h.AwaitEnd(h.Start("shop").ID); b.State != "failed" || !strings.Contains(b.Error, "the artifacts have more than 1 MiB") {
		t.Errorf("the build is %+v", b)
	}
}

// TestWhereBuildsRun: pools, versions, locks, caps and a matrix, with what each
// waiting build says it waits for, and the variables that it gets.
func TestWhereBuildsRun(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	h.Master()
	offers := filepath.Join(h.Dir, "offers")
	if err := os.WriteFile(offers, []byte("postgresql 15.4 port=5433 # the old one\npostgresql 16.2 port=5434\ngpu a100\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.Agent("one", "--slots", "4", "--capabilities", offers)
	h.Agent("big", "--slots", "4", "--pool", "large")
	say := func(name, head string) {
		h.Manifest(name, head+"\n[[step]]\nrun = 'echo pg $WRIGHT_CAP_POSTGRESQL at $WRIGHT_CAP_POSTGRESQL_PORT'\n")
	}
	say("versions", `build-requires = ["linux", "postgresql >= 15 < 16", 'gpu == "a100"']`)
	say("pooled", `pool = "large"`)
	say("matrix", `build-for = ["postgresql"]`)
	say("nowhere", `build-requires = ["postgresql >= 17"]`)
	if b := h.AwaitEnd(h.Start("versions").ID); b.Agent != "one" || !strings.Contains(h.Log(b.ID), "pg 15.4 at 5433") {
		t.Errorf("it ran on %s: %s", b.Agent, h.Log(b.ID))
	}
	if b := h.AwaitEnd(h.Start("pooled").ID); b.Agent != "big" {
		t.Errorf("a build for the pool ran on %s", b.Agent)
	}
	h.Start("matrix")
	for id, want := range map[string]string{"matrix-000001": "pg 15.4 at 5433", "matrix-000002": "pg 16.2 at 5434"} {
		if h.AwaitEnd(id); !strings.Contains(h.Log(id), want) {
			t.Errorf("%s says %s", id, h.Log(id))
		}
	}
	waits := func(id string) (waits string) {
		var w buildWaits
		h.JSON(&w, "build", "why", id)
		return w.Waits
	}
	nowhere := h.Start("nowhere").ID
	if got := waits(nowhere); !strings.HasPrefix(got, "no agent offers what it requires: ") || !strings.Contains(got, "one lacks postgresql >= 17") {
		t.Errorf("it waits because %q", got)
	}
	gate := filepath.Join(h.Dir, "gate")
	locked := "max-parallel = 1\n[[lock]]\nname = \"staging\"\n[[step]]\nrun = '''" + untilThere(gate) + "'''\n"
	h.Manifest("first", locked)
	h.Manifest("second", locked)
	first := h.AwaitState(h.Start("first").ID, "running").ID
	second, third := h.Start("second").ID, h.Start("first").ID
	if got := waits(second); got != first+" holds the lock staging" {
		t.Errorf("it waits because %q", got)
	}
	if got := waits(third); !strings.HasPrefix(got, "first builds at most 1 at a time, and "+first+" is under way") {
		t.Errorf("it waits because %q", got)
	}
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{first, second, third} {
		if b := h.AwaitEnd(id); b.State != "succeeded" {
			t.Errorf("%+v", b)
		}
	}
	if r := h.Run("build", "cancel", nowhere); r.Status != 0 {
		t.Errorf("%+v", r)
	}
	var agents []view.Agent
	h.JSON(&agents, "agent", "list")
	if text, _ := json.Marshal(agents); !strings.Contains(string(text), `"pools":["large"]`) {
		t.Errorf("agents: %s", text)
	}
}
