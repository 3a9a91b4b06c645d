// Package labtest starts labs for tests.
package labtest

import (
	"os"
	"strings"
	"testing"

	"github.com/wright-build/wright/plugins/lab"
)

// Env says how to reach the lab of a name. It is started as Start does, unless the
// variable WRIGHT_LAB_NAME names the env file of one that runs already.
func Env(t testing.TB, name string) map[string]string {
	t.Helper()
	path := os.Getenv("WRIGHT_LAB_" + strings.ToUpper(name))
	if path == "" {
		return Start(t, name).Env
	}
	env, err := lab.ReadEnv(path)
	if err != nil {
		t.Fatal(err)
	}
	return env
}

// Start starts the lab of a name for the time of the test. The test is skipped
// where its programs are not installed (`make packages` installs most), and for a
// heavy lab unless WRIGHT_TEST_HEAVY is set, as `make test-providers` does.
func Start(t testing.TB, name string) *lab.Running {
	t.Helper()
	l, err := lab.Find(name)
	if err != nil {
		t.Fatal(err)
	}
	if l.Heavy && os.Getenv("WRIGHT_TEST_HEAVY") == "" {
		t.Skipf("lab %s takes minutes and gigabytes: set WRIGHT_TEST_HEAVY=1", name)
	}
	if err := l.Missing(); err != nil {
		t.Skip(err)
	}
	r, err := l.Start(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Stop)
	return r
}
