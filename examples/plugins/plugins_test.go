// Package plugins_test runs the tests of the example plugins, which are no part
// of Wright's module: each must pass the conformance suite of its kind.
package plugins_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/wright-build/wright/plugins/conformance"
	"github.com/wright-build/wright/plugins/conformance/suite"
)

// The example in Go holds the suite in its own test, a faulty proxy between the
// plugin and the service that it talks to.
func TestGo(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it runs the whole suite")
	}
	run(t, "go", "go", "vet", "./...")
	run(t, "go", "go", "test", "./...")
}

func TestPython(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it runs the whole suite")
	}
	if out, err := exec.Command("/usr/bin/python3", "-c", "import grpc, google.protobuf").CombinedOutput(); err != nil {
		t.Skipf("Debian's python3-grpcio or python3-protobuf is not here: %v %s", err, out)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("python")); err != nil {
		t.Fatal(err)
	}
	run(t, dir, "make", "-s", "build", "test")
	s, err := suite.Read(filepath.Join(dir, "verify.toml"))
	if err != nil {
		t.Fatal(err)
	}
	s.Binary = filepath.Join(dir, "wright-notifier-maildir")
	conformance.Notifier(t, s)
}

// run runs a command as a reader would, without a network to ask.
func run(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOPROXY=off", "GOFLAGS=-buildvcs=false", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v: %v\n%s", dir, args, err, out)
	}
}
