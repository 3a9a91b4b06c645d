package process

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Whatever a step leaves behind is gone when its exit is reported.
func TestNothingIsLeft(t *testing.T) {
	tests := []struct{ name, leave string }{
		{"background", `sleep 60 & echo $! > $F`},
		{"setsid", `setsid sh -c 'echo $$ > $F; exec sleep 60' & while [ ! -s $F ]; do :; done`},
		{"daemon", `(setsid sh -c 'echo $$ > $F; exec sleep 60' &) ; while [ ! -s $F ]; do :; done`},
		{"deaf daemon", `(setsid sh -c 'trap "" TERM HUP; echo $$ > $F; while :; do sleep 1; done' &) ; while [ ! -s $F ]; do :; done`},
		{"child of a daemon", `(setsid sh -c 'sleep 60 & echo $! > $F; wait' &) ; while [ ! -s $F ]; do :; done`},
		{"other environment", `(setsid env -i sh -c 'echo $$ > '$F'; exec sleep 60' &) ; while [ ! -s $F ]; do :; done`},
	}
	c, dir := fresh(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "pid")
			spec := sh(dir, tt.name, tt.leave)
			spec.Env = append(spec.Env, "F="+file)
			e := run(t, c, spec)
			if pid := pidIn(t, file); alive(pid) {
				t.Errorf("process %d is left", pid)
			}
			if !e.Succeeded() {
				t.Errorf("got %+v", e)
			}
		})
	}
}

// A step that is killed takes children with it that left its group while it lives.
func TestKillReachesOtherSessions(t *testing.T) {
	c, dir := fresh(t)
	file := filepath.Join(dir, "pid")
	spec := sh(dir, "tree", `setsid sh -c 'trap "" TERM; echo $$ > pid; while :; do sleep 0.05; done' & wait; sleep 60`)
	spec.Grace = 100 * time.Millisecond
	start(t, c, spec)
	pid := pidIn(t, file)
	if err := c.Kill(t.Context(), "tree", "enough"); err != nil {
		t.Fatal(err)
	}
	if e := wait(t, c, "tree"); !e.Killed {
		t.Errorf("got %+v", e)
	}
	if alive(pid) {
		t.Error("the child in another session is left")
	}
}

// What is left of a killed step has its grace too, after the leader has gone.
func TestGraceOfTheRest(t *testing.T) {
	c, dir := fresh(t)
	start(t, c, sh(dir, "rest", `(setsid sh -c 'trap "sleep 0.1; echo clean; exit" TERM; echo $$ > pid; while :; do sleep 0.01; done' &); sleep 60`))
	pidIn(t, filepath.Join(dir, "pid"))
	c.Kill(t.Context(), "rest", "")
	wait(t, c, "rest")
	if out := read(t, filepath.Join(dir, "rest.out")); !strings.HasSuffix(out, "clean\n") {
		t.Errorf("output %q", out)
	}
}

// The end of one step must not touch what another one that runs has in the background.
func TestOthersAreSpared(t *testing.T) {
	c, dir := fresh(t)
	start(t, c, sh(dir, "host", `(setsid sh -c 'echo $$ > guest; exec sleep 60' &)
		(setsid env -i sh -c 'echo $$ > hidden; exec sleep 60' &)
		sleep 60`))
	guest, hidden := pidIn(t, filepath.Join(dir, "guest")), pidIn(t, filepath.Join(dir, "hidden"))
	for _, id := range []string{"a", "b", "c"} {
		run(t, c, sh(dir, id, "sleep 60 & (setsid sleep 60 &)"))
	}
	if !alive(guest) || !alive(hidden) {
		t.Error("the end of a step killed processes of another")
	}
	c.Kill(t.Context(), "host", "")
	wait(t, c, "host")
	waitFor(t, "the rest to die", func() bool { return !alive(guest) && !alive(hidden) })
}
