// Package wrighttest runs the real programs for end-to-end tests: it builds
// them once per test run, starts them in a directory of the test's own, asks
// them over the API, and sees to it that nothing of them is left. It knows the
// programs from outside only, as a user does.
package wrighttest

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// binDir is the environment variable that names a directory with wright and
// plugins/*, to be used instead of building them.
const binDir = "WRIGHT_TEST_BIN"

// parallel is how many tests run at once: most of the time they wait.
const parallel = "6"

// Main is a TestMain: it carries out what steps and AppServers of a test want of
// the test's own program, or else runs the tests and removes the programs.
func Main(m *testing.M) int {
	if task := os.Getenv(taskVariable); task != "" {
		return perform(task)
	}
	flag.Parse()
	if err := widen(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer removeBuilt()
	return m.Run()
}

// widen raises -parallel where nobody has set it.
func widen() error {
	set := false
	flag.Visit(func(f *flag.Flag) { set = set || f.Name == "test.parallel" })
	if set {
		return nil
	}
	return flag.Set("test.parallel", parallel)
}

// built builds the programs once; tests that need none do not wait for it.
var built = sync.OnceValues(build)

// builtDir holds the programs of this test run: known without building them.
func builtDir() string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("wright-test-bin-%d", os.Getpid()))
}

func removeBuilt() { _ = os.RemoveAll(builtDir()) }

func build() (dir string, err error) {
	if dir := os.Getenv(binDir); dir != "" {
		return filepath.Abs(dir)
	}
	dir = builtDir()
	plugins := filepath.Join(dir, "plugins")
	if err := os.MkdirAll(plugins, 0o700); err != nil {
		return "", err
	}
	return dir, errors.Join(
		goBuild(dir, module+"/cmd/wright"),
		goBuild(plugins, providers(module+"/")...),
	)
}

// providers are the packages of those plugins that tests use.
func providers(root string) (all []string) {
	for _, name := range []string{"cloud-process", "dns-hosts", "database-sqlite", "runner-local", "notifier-file"} {
		all = append(all, root+"plugins/providers/wright-"+name)
	}
	return all
}

const module = "github.com/wright-build/wright"

// balancer builds the plugin once that tests use for a balancer.
var balancer = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(builtDir(), "balancer")
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		err = goBuild(dir, module+"/master/proxy/testdata/wright-balancer-proxy")
	}
	return dir, err
})

// Balancer is a directory with the balancer "proxy", a plugin that listens where
// its setting listen says.
func Balancer(t testing.TB) string {
	t.Helper()
	dir, err := balancer()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func goBuild(dir string, packages ...string) error {
	args := []string{"build", "-o", dir + string(filepath.Separator)}
	env := append(os.Environ(), "CGO_ENABLED=0")
	if Race {
		args, env = append(args, "-race"), append(os.Environ(), "CGO_ENABLED=1")
	}
	cmd := exec.Command("go", append(args, packages...)...)
	cmd.Env = env
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", strings.Join(packages, " "), err, out)
	}
	return nil
}

// Programs is the directory with wright and plugins/*, built if need be.
func Programs(t testing.TB) string {
	t.Helper()
	dir, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
