package build

import (
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/agent/process"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

func TestVerdictOnACommand(t *testing.T) {
	c := command{name: "test", timeout: time.Minute, silence: 5 * time.Second}
	for _, row := range []struct {
		exit process.Exit
		want string // "" is a success
	}{
		{process.Exit{}, ""},
		{process.Exit{Code: 3}, "step test failed with exit status 3"},
		{process.Exit{Code: 126}, "step test failed with exit status 126: a command in it cannot be executed"},
		{process.Exit{Code: 127}, "step test failed with exit status 127: a command in it was not found"},
		{process.Exit{Code: 139}, "step test failed with exit status 139: a command in it was ended by signal segmentation fault"},
		{process.Exit{Code: 255}, "step test failed with exit status 255"},
		{process.Exit{Code: -1, Signal: "terminated", Killed: true, Silent: true, Reason: "no output for 5s"}, "step test was ended: it had printed nothing for 5s"},
		{process.Exit{Code: -1, Signal: "killed"}, "step test was ended by signal killed"},
		{process.Exit{Code: -1, StartError: "no such file"}, "step test could not be started: no such file"},
		{process.Exit{Code: -1, Signal: "terminated", Killed: true, Reason: "the supervisor was told to stop"}, "step test was ended: the supervisor was told to stop"},
		{process.Exit{Code: -1, Signal: "killed", Killed: true, TimedOut: true, Reason: "deadline passed"}, "step test was ended after its timeout of 1m0s"},
		{process.Exit{Code: 0, Killed: true, Reason: "enough"}, "step test was ended: enough"},
		{process.Exit{Code: 0, Killed: true, TimedOut: true}, "step test was ended after its timeout of 1m0s"},
	} {
		got := ""
		err := verdict(c, row.exit)
		if err != nil {
			got = err.Error()
		}
		if got != row.want {
			t.Errorf("%+v: %q, want %q", row.exit, got, row.want)
		}
		var r record
		r.end(err)
		if want := row.want != ""; (r.Verdict == agentv1.State_STATE_FAILED) != want {
			t.Errorf("%+v: the build is %s", row.exit, r.Verdict)
		}
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("WRIGHT_TOKEN", "secret of the agent")
	t.Setenv("WRIGHT_BUILD", "the agent's own")
	t.Setenv("PLAIN", "a=b")
	t.Setenv("EMPTY", "")
	tools, _ := tools(t)
	w := work()
	w.Attempt, w.Number = 3, 41
	w.Source = &agentv1.Source{Vcs: "git", Url: "https://git.example.test/shop.git", Branch: "main", Revision: "asked"}
	dir := t.TempDir()
	a, err := begin(tools, dir, w)
	if err != nil {
		t.Fatal(err)
	}
	defer a.journal.Close()
	a.record.Revisions = map[string]string{w.Source.Url: "fetched", "https://git.example.test/theme.git": "other"}
	env := a.environment()
	for name, want := range map[string]string{
		"PLAIN": "a=b", "EMPTY": "", "CI": "true", "GIT_TERMINAL_PROMPT": "0", "WRIGHT_BUILD": "shop-000001", "WRIGHT_ATTEMPT": "3",
		"WRIGHT_INSTANCE": "shop", "WRIGHT_NUMBER": "41", "WRIGHT_REVISION": "fetched", "WRIGHT_BRANCH": "main",
		"WRIGHT_WORKSPACE": dir + "/workspace", "WRIGHT_WATCH_FILE": dir + "/watch",
	} {
		if got, ok := env[name]; !ok || got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
		delete(env, name)
	}
	for name := range env {
		if strings.HasPrefix(name, "GIT_TRACE2") {
			t.Errorf("without auto-watch git is to note something: %s", name)
		}
		if strings.HasPrefix(name, "WRIGHT_") {
			t.Errorf("a step sees the agent's %s", name)
		}
	}
	if got := list(map[string]string{"B": "2", "A": "1=1"}); len(got) != 2 || got[0] != "A=1=1" || got[1] != "B=2" {
		t.Errorf("as a list: %q", got)
	}
}
