package lab_test

import (
	"maps"
	"net"
	"strings"
	"testing"

	"github.com/wright-build/wright/plugins/lab"
	"github.com/wright-build/wright/plugins/lab/labtest"
)

// Every lab starts, says how to reach it, starts again on what it kept, and
// leaves nobody listening.
func TestLabs(t *testing.T) {
	for _, l := range lab.All() {
		t.Run(l.Name, func(t *testing.T) {
			r := labtest.Start(t, l.Name)
			r.Stop()
			again, err := l.Start(t.Context(), r.Dir)
			if err != nil {
				t.Fatal("start again:", err)
			}
			env, err := lab.ReadEnv(r.Dir + "/env")
			if err != nil || len(again.Env) == 0 || !maps.Equal(env, again.Env) {
				t.Errorf("it says %v, its file %v, %v", again.Env, env, err)
			}
			again.Stop()
			for name, value := range again.Env {
				if _, _, err := net.SplitHostPort(value); err != nil {
					continue
				}
				if conn, err := net.Dial("tcp", value); err == nil {
					_ = conn.Close()
					t.Errorf("somebody still listens at %s=%s", name, value)
				}
			}
		})
	}
}

func TestNoSuchLab(t *testing.T) {
	if _, err := lab.Find("nothing"); err == nil || !strings.Contains(err.Error(), "bind") {
		t.Errorf("got %v", err)
	}
}
